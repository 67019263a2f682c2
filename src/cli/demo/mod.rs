//! `countersign demo`: an agent with a task, the guard, real effects, and a person in between.
//!
//! Everything but the start is done from outside: the agent speaks MCP to one listener, the operator
//! HTTP to the other, and the account is what the record says.

mod account;
mod agent;
mod approver;
mod house;
mod pen;
mod proof;
mod record;
mod script;
mod stage;
mod tally;
pub(super) mod tools;

use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use self::account::Account;
use self::agent::{Answer, McpAgent};
use self::approver::{Approver, Vote};
use self::house::House;
use self::pen::Pen;
use self::record::Follower;
use self::script::Deed;
use self::stage::Stage;
use super::failure::Failure;
use super::operator::Operators;
use super::print;
use crate::ambient::Ambient;

/// How the demo's questions are answered.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Answer every question with yes, unattended
    #[arg(long, conflicts_with = "no")]
    yes: bool,
    /// Answer every question with no, unattended
    #[arg(long)]
    no: bool,
}

/// Runs the demo to its end, and leaves nothing behind.
///
/// # Errors
/// Where it cannot run, is interrupted, or its record does not verify.
pub(super) async fn run(args: Args, as_json: bool, no_input: bool) -> Result<(), Failure> {
    let flag = match (args.yes, args.no) {
        (true, _) => Some(Vote::Approve),
        (_, true) => Some(Vote::Deny),
        (false, false) => None,
    };
    let approver = Approver::choose(flag, no_input)?;
    // Before there is anything that would be left behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ambient = Ambient::system();
    let stage = Stage::set(&ambient)?;
    let house = House::open(&stage).await?;
    let account = Account::new(Pen::new(), &stage);
    let mut play = Play {
        operators: house.operator()?,
        command: command(&house, &stage)?,
        follower: Follower::default(),
        approver,
        account,
        ambient,
    };
    let played = tokio::select! {
        played = play.perform(&house, &stage) => played,
        _ = interrupt.recv() => Err(Failure::Refused("interrupted".to_owned())),
        _ = terminate.recv() => Err(Failure::Refused("told to end".to_owned())),
    };
    house.close().await?;
    played?;
    let proof = proof::prove(&stage)?;
    play.account
        .closing(&proof.counts, &proof.verification, &proof.effects)?;
    if as_json {
        print::json(&proof.counts)?;
    }
    match proof.holds {
        true => Ok(()),
        false => Err(Failure::Refused(
            "the record does not prove what happened".to_owned(),
        )),
    }
}

/// The demo under way.
struct Play {
    operators: Operators,
    /// The command to approve with, up to the approval's name.
    command: Command,
    follower: Follower,
    approver: Approver,
    account: Account,
    ambient: Ambient,
}

/// The command that an operator would type elsewhere.
struct Command {
    program: String,
    url: String,
    token: String,
}

impl Command {
    fn approve(&self, approval: &Value) -> String {
        let field = |name| super::operator::field(approval, name);
        format!(
            "{} approvals --url {} --token-file {} approve {} --code {}",
            self.program,
            self.url,
            self.token,
            field("id"),
            field("code"),
        )
    }
}

impl Play {
    async fn perform(&mut self, house: &House, stage: &Stage) -> Result<(), Failure> {
        let agent = McpAgent::connect(&house.agents, &house.key, &self.ambient)
            .await
            .map_err(|error| Failure::because(&error))?;
        let mut visible = Vec::new();
        for kind in tools::Kind::ALL {
            let names = agent
                .tools(kind)
                .await
                .map_err(|error| Failure::because(&error))?;
            visible.extend(names.iter().map(|name| format!("{}/{name}", kind.name())));
        }
        self.account.opening(house, stage, &visible)?;
        // What came before the agent's first call is not part of its story.
        self.follower.read_on(&self.operators).await?;
        for deed in script::task() {
            self.account.deed(&deed)?;
            for time in 1..=deed.times {
                let answer = self.act(&agent, &deed).await?;
                // Of repeated calls the last answer tells enough.
                if time == deed.times {
                    self.account.told(&answer)?;
                }
            }
        }
        Ok(())
    }

    /// One call of the agent, told from the record while it is under way.
    async fn act(&mut self, agent: &McpAgent, deed: &Deed) -> Result<Answer, Failure> {
        let call = agent.call(deed.server, deed.tool, &deed.arguments);
        tokio::pin!(call);
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let Some(approval) = self.tell().await? else {
                continue;
            };
            let shown = self
                .operators
                .get(&format!("/v1/approvals/{approval}"))
                .await?;
            let command = self.command.approve(&shown.body);
            self.account
                .question(&shown.body, &command, self.approver.announces())?;
            tokio::select! {
                answer = &mut call => {
                    self.account.aside("It was decided elsewhere.")?;
                    break answer;
                }
                vote = self.approver.answer(self.account.pen()) => {
                    let decided = approver::decide(&self.operators, &shown, vote?, &self.ambient);
                    // Somebody else may have been faster; the record tells what holds.
                    if let Err(failure) = decided.await {
                        self.account.aside(&format!("Not decided here: {failure}"))?;
                    }
                }
            }
        };
        self.tell().await?;
        answer.map_err(|error| Failure::because(&error))
    }

    /// Tells what the record has to tell since the last time; the approval that waits, if one does.
    async fn tell(&mut self) -> Result<Option<String>, Failure> {
        let mut waits = None;
        for body in self.follower.read_on(&self.operators).await? {
            if let Some(approval) = self.account.entry(&body)? {
                waits = Some(approval);
            }
        }
        Ok(waits)
    }
}

fn command(house: &House, stage: &Stage) -> Result<Command, Failure> {
    Ok(Command {
        program: quoted(&std::env::current_exe()?.display().to_string()),
        url: house.operators.clone(),
        token: quoted(&stage.token().display().to_string()),
    })
}

/// A path as a shell reads it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

const LOOK_INTERVAL: Duration = Duration::from_millis(50);
