//! A world from its seed to its end: chance chooses what happens next, and after each step everything
//! that must hold is looked at.

use std::rc::Rc;
use std::time::Duration;

use super::dice::Dice;
use super::errands::Errands;
use super::faulty::Weather;
use super::invariants::{self, Broken, Looked};
use super::stage::{Setting, Stage};
use super::{agents, people};

/// How a world went.
pub(crate) struct Run {
    pub(crate) story: Vec<String>,
    pub(crate) broken: Option<Broken>,
    /// Calls that were sent, crashes, faults: whether anything happened at all.
    pub(crate) sent: usize,
}

struct World {
    stage: Rc<Stage>,
    errands: Errands,
    dice: Dice,
    looked: Looked,
    /// Whether store, guard and clock behave.
    calm: bool,
    /// How far the wall clock is ahead of the time that has passed; behind it where negative.
    ahead_ms: i64,
    /// Whether a crash was not looked at yet.
    crashed: bool,
    /// Whether the guard did not start though nothing failed.
    down: bool,
}

/// Plays a world to its end, or to the first promise it breaks.
pub(crate) fn play(setting: Setting) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let stage = Rc::new(Stage::new(setting));
        let mut dice = Dice::new(setting.seed ^ 0x5eed);
        let mut world = World {
            stage: Rc::clone(&stage),
            errands: Errands::default(),
            calm: dice.falls(300),
            dice,
            looked: Looked::default(),
            ahead_ms: 0,
            crashed: false,
            down: false,
        };
        let broken = world.live().await.err();
        if let Some(broken) = &broken {
            stage.tell(format_args!(
                "BROKEN {}: {}",
                broken.invariant, broken.sentence
            ));
        }
        let sent = stage.ledger.borrow().sent.len();
        Run {
            story: stage.story(),
            broken,
            sent,
        }
    })
}

impl World {
    async fn live(&mut self) -> Result<(), Broken> {
        self.stage.boot().await;
        self.stage.hire().await;
        self.look()?;
        for _ in 0..STEPS_COUNT {
            self.step().await;
            self.look()?;
        }
        self.end().await
    }

    async fn step(&mut self) {
        let stage = &self.stage;
        // Three steps of four take on what is under way.
        if self.dice.falls(750) && self.errands.go_on(&mut self.dice) {
            return self.breathe().await;
        }
        match self.dice.below(1_000) {
            0..400 if self.errands.len() < ERRANDS_COUNT => {
                let errand = agents::errand(Rc::clone(stage), self.dice.fork());
                self.errands.begin(errand);
            }
            400..600 => {
                let errand = people::decides(Rc::clone(stage), self.dice.fork());
                self.errands.begin(errand);
            }
            600..650 => {
                let errand = people::operates(Rc::clone(stage), self.dice.fork());
                self.errands.begin(errand);
            }
            650..660 => self.errands.begin(people::reloads(Rc::clone(stage))),
            660..670 => {
                let server = usize::from(self.dice.falls(500));
                let variant = usize::from(self.dice.falls(500));
                let errand = people::presents(Rc::clone(stage), server, variant);
                self.errands.begin(errand);
            }
            670..930 => {
                let millis = self.dice.below(50);
                stage.pass(Duration::from_millis(millis)).await;
            }
            930..960 => {
                let seconds = self.dice.below(10);
                stage.pass(Duration::from_secs(seconds)).await;
            }
            960..968 => {
                let seconds = self.dice.pick(&[120, 400, 1_000, 4_000, 90_000]).copied();
                stage.pass(Duration::from_secs(seconds.unwrap_or(0))).await;
            }
            968.. if !self.calm => self.disturb().await,
            _ => {}
        }
        self.breathe().await;
    }

    /// Something that no agent, operator or server does.
    async fn disturb(&mut self) {
        let stage = &self.stage;
        match self.dice.below(32) {
            0..2 => {
                // Every other time so little that it may go unnoticed.
                let most = self.dice.pick(&[AHEAD_MS, LITTLE_MS]).copied();
                let most = most.unwrap_or(AHEAD_MS);
                let by = i64::try_from(self.dice.below(2 * most)).unwrap_or(0);
                let by = by - i64::try_from(most).unwrap_or(0);
                let ahead = if most == AHEAD_MS {
                    by
                } else {
                    self.ahead_ms + by
                };
                let millis = ahead - std::mem::replace(&mut self.ahead_ms, ahead);
                stage.clock.jump_ms(millis);
                stage.tell(format_args!("the clock was moved by {millis} ms"));
            }
            2..27 => {
                let weather = match self.dice.below(3) {
                    0 => Weather::Storm(20 + self.dice.below(200)),
                    _ => Weather::Fair,
                };
                stage.set_weather(weather);
            }
            _ => self.crash().await,
        }
    }

    /// Lets the guard's own tasks go on.
    async fn breathe(&self) {
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
    }

    async fn crash(&mut self) {
        self.errands.break_off();
        self.stage.crash();
        if !self.stage.boot().await {
            self.stage.set_weather(Weather::Fair);
            self.down = !self.stage.boot().await;
        }
        self.crashed = true;
    }

    fn look(&mut self) -> Result<(), Broken> {
        if self.down {
            return Err(Broken {
                invariant: "invariant_a_guard_starts_in_fair_weather",
                sentence: "nothing fails, and it does not start".to_owned(),
            });
        }
        self.stage.read().map_err(|sentence| Broken {
            invariant: "invariant_the_chain_links",
            sentence,
        })?;
        let (record, ledger) = (self.stage.record.borrow(), self.stage.ledger.borrow());
        invariants::check(&record, &ledger, &mut self.looked)?;
        match std::mem::take(&mut self.crashed) {
            true => self.stage.whole(),
            false => Ok(()),
        }
    }

    /// Calms down, lets everything come to its end, and opens the record once more.
    async fn end(&mut self) -> Result<(), Broken> {
        self.stage.set_weather(Weather::Fair);
        for _ in 0..END_TURNS_COUNT {
            if self.errands.len() == 0 {
                break;
            }
            if !self.errands.go_on(&mut self.dice) {
                self.stage.pass(Duration::from_secs(60)).await;
            }
            self.breathe().await;
        }
        self.look()?;
        // What edges dropped is settled by tasks of the guard's own.
        for _ in 0..50 {
            self.breathe().await;
        }
        let calm = !self.stage.ledger.borrow().disturbed;
        self.errands.break_off();
        self.stage.crash();
        self.stage.ledger.borrow_mut().disturbed = !calm;
        self.down = !self.stage.boot().await;
        self.look()?;
        self.stage.settled()
    }
}

/// Steps of one world: enough for some fifty errands that meet each other.
const STEPS_COUNT: usize = 1_800;

/// How far the wall clock goes wrong, in either direction: together within what budgets outlast.
const AHEAD_MS: u64 = 100_000_000;

/// And how far when it goes wrong a little.
const LITTLE_MS: u64 = 40_000;

/// Most agents' errands at once.
const ERRANDS_COUNT: usize = 6;

/// Turns that errands have to come to their end.
const END_TURNS_COUNT: usize = 5_000;
