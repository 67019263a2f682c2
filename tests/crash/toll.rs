//! The loop: start, load, SIGKILL at a random moment, compare, again.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::account::Account;
use super::agent::Agent;
use super::bank;
use super::chance::Chance;
use super::client::{Client, Door, Speech};
use super::house::House;
use super::operator::Operator;
use super::told::Told;

/// What the loop counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Toll {
    /// Guards killed.
    pub(crate) kills: usize,
    /// Of those, killed before they listened.
    pub(crate) kills_before_listening: usize,
    /// Directories used.
    pub(crate) directories: usize,
    /// Comparisons made.
    pub(crate) comparisons: usize,
    /// Requests of agents.
    pub(crate) asks: usize,
    /// Requests that ended without a word on whether they were executed.
    pub(crate) unanswered: usize,
    /// Calls in the ledgers of the upstreams.
    pub(crate) executed: usize,
    /// Entries in the records.
    pub(crate) entries: u64,
    /// Decisions of operators that were acknowledged.
    pub(crate) resolved: usize,
    /// Uses of grants.
    pub(crate) grant_uses: usize,
    /// Outcomes that are `unknown`.
    pub(crate) unknown: usize,
    /// Outcomes in all.
    pub(crate) outcomes: usize,
}

impl Toll {
    fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.kills_before_listening += other.kills_before_listening;
        self.directories += other.directories;
        self.comparisons += other.comparisons;
        self.asks += other.asks;
        self.unanswered += other.unanswered;
        self.executed += other.executed;
        self.entries += other.entries;
        self.resolved += other.resolved;
        self.grant_uses += other.grant_uses;
        self.unknown += other.unknown;
        self.outcomes += other.outcomes;
    }
}

/// Kills guards so many times in all; the first thing that does not fit ends it. Most of the time a
/// guard waits for its disk, so a few directories are used at once.
pub(crate) async fn levy(
    program: &Path,
    kills: usize,
    seed: u64,
    tell: impl Fn(&Toll),
) -> Result<Toll, String> {
    let mut chance = Chance::new(seed);
    let mut toll = Toll::default();
    let mut left = kills;
    let mut lives = JoinSet::new();
    loop {
        while left > 0 && lives.len() < DIRECTORIES_AT_ONCE {
            let most = left.min(KILLS_PER_DIRECTORY);
            left -= most;
            lives.spawn(life(House::new(program), most, chance.branch()));
        }
        match lives.join_next().await {
            Some(Ok(Ok(one))) => toll.add(&one),
            Some(Ok(Err(fault))) => return Err(format!("seed {seed}: {fault}")),
            Some(Err(fault)) => return Err(format!("seed {seed}: {fault}")),
            None => return Ok(toll),
        }
        tell(&toll);
    }
}

/// One directory to its end; it is kept where something does not fit.
async fn life(mut house: House, kills: usize, mut chance: Chance) -> Result<Toll, String> {
    let mut toll = Toll::default();
    match live(&mut house, kills, &mut chance, &mut toll).await {
        Ok(()) => Ok(toll),
        Err(fault) => Err(format!(
            "after {} kills: {fault} (in {})",
            toll.kills,
            house.keep().display()
        )),
    }
}

/// So many kills, and a last start that closes what they left.
async fn live(
    house: &mut House,
    kills: usize,
    chance: &mut Chance,
    toll: &mut Toll,
) -> Result<(), String> {
    let ledgers = house.ledgers();
    house.furnish(&bank::open(&ledgers[0]).await);
    let told = Arc::new(Mutex::new(Told::default()));
    let (open, door) = watch::channel(None);
    let mut people = people(house, chance, &told, &door);
    let mut account = Account::default();
    let mut executed = 0;
    for kill in 1..=kills {
        let mut guard = house.start();
        match chance.below(4) {
            0 => tokio::time::sleep(Duration::from_millis(chance.below(STARTING_MILLIS))).await,
            _ => {
                open.send_replace(Some(guard.ready().await?));
                answered(&told, chance.below(ANSWERS_COUNT)).await;
                tokio::time::sleep(Duration::from_millis(chance.below(LOAD_MILLIS))).await;
            }
        }
        guard.kill();
        toll.kills += 1;
        if open.send_replace(None).is_none() {
            toll.kills_before_listening += 1;
        }
        if let Some(fault) = broken(&mut people) {
            return Err(fault);
        }
        if kill % KILLS_PER_COMPARISON == 0 || kill == kills {
            executed = compare(house, &mut account, &told)?;
            toll.comparisons += 1;
        }
    }
    people.shutdown().await;
    let mut guard = house.start();
    guard.ready().await?;
    guard.kill();
    executed = compare(house, &mut account, &told)?.max(executed);
    account.is_closed()?;
    house.verify()?;
    let told = told.lock().unwrap();
    toll.directories += 1;
    toll.comparisons += 1;
    toll.executed += executed;
    toll.entries += account.entries();
    toll.grant_uses += account.uses();
    toll.resolved += told.resolved.len();
    toll.unknown += account.outcomes.get("unknown").copied().unwrap_or(0);
    toll.outcomes += account.outcomes.values().sum::<usize>();
    for asked in told.asked.values() {
        toll.asks += asked.asks;
        toll.unanswered += asked.asks - asked.refusals - asked.ran;
    }
    Ok(())
}

fn people(
    house: &House,
    chance: &mut Chance,
    told: &Arc<Mutex<Told>>,
    door: &watch::Receiver<Option<Door>>,
) -> JoinSet<()> {
    let mut people = JoinSet::new();
    let speeches = [Speech::Api, Speech::Modern, Speech::Legacy].into_iter();
    for ((name, server, key), speech) in house.agents.iter().zip(speeches.cycle()) {
        let agent = Agent {
            name: name.clone(),
            server,
            client: Client::new(key.clone(), speech),
            chance: chance.branch(),
            told: Arc::clone(told),
            door: door.clone(),
        };
        people.spawn(agent.work());
    }
    for (name, token) in &house.operators {
        let operator = Operator {
            name,
            token: token.clone(),
            told: Arc::clone(told),
            door: door.clone(),
        };
        people.spawn(operator.work());
    }
    people
}

/// Waits until agents had so many more answers, however slow the machine is, but not for long.
async fn answered(told: &Mutex<Told>, more: u64) {
    let enough = told.lock().unwrap().answers + more;
    for _ in 0..ANSWERED_LONGEST.as_millis() / LOOK_INTERVAL.as_millis() {
        if told.lock().unwrap().answers >= enough {
            return;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// An agent or operator that ended before its time.
fn broken(people: &mut JoinSet<()>) -> Option<String> {
    let ended = people.try_join_next()?;
    Some(format!("a client ended: {ended:?}"))
}

/// Told is read before the record, so that nothing can be told in between.
fn compare(house: &House, account: &mut Account, told: &Mutex<Told>) -> Result<usize, String> {
    let told = told.lock().unwrap();
    account.read(&house.record())?;
    house.verify()?;
    account.compare(&house.ledgers(), &told)
}

const DIRECTORIES_AT_ONCE: usize = 4;
const KILLS_PER_DIRECTORY: usize = 50;
const KILLS_PER_COMPARISON: usize = 5;
const STARTING_MILLIS: u64 = 100;
const LOAD_MILLIS: u64 = 100;
const ANSWERS_COUNT: u64 = 24;
const ANSWERED_LONGEST: Duration = Duration::from_secs(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(3);
