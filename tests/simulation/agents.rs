//! Agents' errands: prove themselves, call, wait or give up, and run what is permitted on upstreams that
//! answer, lie, hang or die.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use countersign::guard::{Denial, Guard, Hold, Permit, Ruling};
use countersign::model::arguments::Arguments;
use countersign::model::call::{Call, Mode, Principal};
use countersign::model::id::{CallId, SessionId};
use countersign::model::name::ServerName;
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use serde_json::{Map, Value};

use super::cast::{self, AGENTS};
use super::dice::Dice;
use super::errands::hesitate;
use super::ledger::Made;
use super::planted::Fault;
use super::stage::{Key, Stage};

/// One agent's errand, from its proof to its last outcome.
pub(crate) async fn errand(stage: Rc<Stage>, mut dice: Dice) {
    let Some(key) = key(&stage, &mut dice) else {
        return;
    };
    let guard = stage.guard();
    let principal = match guard.principal(Some(&key.secret)).await {
        Ok(principal) => principal,
        Err(denial) => return tell_refused(&stage, key.agent, &denial),
    };
    // A connection may stay open for a while after its key was proved.
    hesitate(dice.below(8)).await;
    let session = match session(&stage, &guard, &key, &principal, &mut dice).await {
        Ok(session) => session,
        Err(denial) => return tell_refused(&stage, key.agent, &denial),
    };
    stage.sessions.borrow_mut().push((key.agent, session));
    let mut wish = cast::wish(&mut dice);
    for _ in 0..=dice.below(4) {
        let (tool, arguments, amount) = &wish;
        let call = made(&stage, &principal, session, tool, arguments, *amount);
        perform(&stage, &guard, call, &mut dice).await;
        // Half of them try the very same again: what was used up may not run once more.
        if dice.falls(500) {
            wish = cast::wish(&mut dice);
        }
    }
}

/// Mostly an agent's newest key, now and then an older one.
fn key(stage: &Stage, dice: &mut Dice) -> Option<Key> {
    let keys = stage.keys.borrow();
    let agent = dice.pick(&AGENTS)?;
    match dice.falls(150) {
        true => dice.pick(&keys).cloned(),
        false => keys.iter().rfind(|key| key.agent == *agent).cloned(),
    }
}

async fn session(
    stage: &Stage,
    guard: &Guard,
    key: &Key,
    principal: &Principal,
    dice: &mut Dice,
) -> Result<SessionId, Denial> {
    match dice.below(6) {
        0 => Ok(guard.open_session(principal, None).await?.id),
        1 => {
            let named = {
                let known = stage.sessions.borrow();
                let own = known.iter().filter(|(agent, _)| *agent == key.agent);
                dice.pick(&own.collect::<Vec<_>>()).map(|(_, id)| *id)
            };
            guard.session(principal, named).await
        }
        _ => guard.session(principal, None).await,
    }
}

/// A call, noted before anybody judges it.
pub(crate) fn made(
    stage: &Stage,
    principal: &Principal,
    session: SessionId,
    tool: &str,
    arguments: &Value,
    amount: u64,
) -> Call {
    let (server, name) = tool.split_once('/').unwrap();
    let id = CallId::random(stage.guard().ambient());
    stage.tell(format_args!(
        "{} makes {id}: {tool} {arguments}",
        principal.agent
    ));
    stage.ledger.borrow_mut().made.insert(
        id.to_string(),
        Made {
            agent: principal.agent.to_string(),
            credential: principal.credential.to_string(),
            session: session.to_string(),
            target: tool.to_owned(),
            arguments: arguments.to_string(),
            amount,
        },
    );
    Call {
        id,
        principal: principal.clone(),
        session,
        mode: Mode::Proxy,
        method: Arc::from("tools/call"),
        target: Target::tool(ServerName::parse(server).unwrap(), name),
        arguments: Arguments::parse(arguments.to_string().as_bytes()).unwrap(),
        extras: Map::new(),
        claims: Map::new(),
        idempotency_key: None,
        attached: None,
    }
}

/// Takes a call through the door until it has run or its agent has given up.
pub(crate) async fn perform(stage: &Stage, guard: &Arc<Guard>, call: Call, dice: &mut Dice) {
    let hasty = stage.setting.planted == Some(Fault::ForwardBeforeCommit);
    if hasty {
        stage.sent(&call.id.to_string(), 0, String::new());
    }
    let id = call.id.to_string();
    let mut ruling = guard.decide(call).await;
    for _ in 0..4 {
        note(stage, &id, &ruling);
        match ruling {
            Ruling::Permit(_) if hasty => return,
            Ruling::Permit(permit) => return run(stage, guard, permit, dice).await,
            Ruling::Pause(hold) => match held(guard, hold, dice).await {
                Some(again) => ruling = again,
                None => return stage.tell(format_args!("{id} is given up")),
            },
            Ruling::Challenge(_) | Ruling::Deny(_) => return,
        }
    }
}

async fn held(guard: &Arc<Guard>, hold: Hold, dice: &mut Dice) -> Option<Ruling> {
    match dice.below(10) {
        0 => None,
        1 => {
            guard.withdraw(hold).await;
            None
        }
        2 => Some(guard.redeem(hold).await),
        _ => {
            let longest = Duration::from_secs(30 + dice.below(300));
            guard.wait(&hold, longest).await;
            hesitate(dice.below(4)).await;
            Some(guard.redeem(hold).await)
        }
    }
}

/// Sends a permitted call and settles it, as far as its upstream lets the edge know.
async fn run(stage: &Stage, guard: &Arc<Guard>, permit: Permit, dice: &mut Dice) {
    let id = permit.call().id.to_string();
    let (seq, digest) = (permit.seq(), permit.digest().to_string());
    hesitate(dice.below(4)).await;
    let (_, receipt) = match guard.dispatch(permit).await {
        Ok(dispatch) => dispatch.into_parts(),
        Err(denial) => {
            return stage.tell(format_args!("{id} is not sent: {}", denial.reason().code()));
        }
    };
    let fortune = dice.below(100);
    if fortune < 8 {
        let outcome = Outcome::NotSent;
        stage
            .ledger
            .borrow_mut()
            .settled
            .insert(id.clone(), outcome.name());
        stage.tell(format_args!("{id} does not reach its dead upstream"));
        return guard.settle(receipt, outcome, None).await;
    }
    // Nothing may come between the dispatch and the write.
    stage.sent(&id, seq, digest);
    let outcome = match fortune {
        // The answer says that it failed; it did not.
        8..18 => Outcome::Failed,
        18..28 => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Outcome::Unknown
        }
        28..36 => {
            stage.tell(format_args!("the edge of {id} breaks off"));
            return drop(receipt);
        }
        _ => Outcome::Done,
    };
    hesitate(dice.below(12)).await;
    stage
        .ledger
        .borrow_mut()
        .settled
        .insert(id.clone(), outcome.name());
    let told = match stage.setting.planted {
        Some(Fault::DenyAnExecution) => Outcome::NotSent,
        _ => outcome,
    };
    guard.settle(receipt, told, None).await;
    stage.tell(format_args!("{id} ends: {}", outcome.name()));
}

/// Notes what an agent was told. An answer without a record says that the guard is unavailable.
pub(crate) fn note(stage: &Stage, id: &str, ruling: &Ruling) {
    let told = match ruling {
        Ruling::Permit(_) => "permit",
        Ruling::Pause(hold) => {
            stage.tell(format_args!("{id} waits for {}", hold.pending().approval));
            "pause"
        }
        Ruling::Challenge(_) => "challenge",
        Ruling::Deny(denial) => {
            stage.tell(format_args!("{id} is denied: {}", denial.reason().code()));
            let ended = matches!(
                denial.reason(),
                Reason::ApprovalExpired
                    | Reason::ApprovalUnredeemed
                    | Reason::ApprovalCancelled
                    | Reason::ApprovalInvalidated
            );
            if let (true, Some(approval)) = (ended, denial.approval) {
                let since = stage.recorded();
                let told = (approval.to_string(), since);
                stage.ledger.borrow_mut().told_ended.push(told);
            }
            match denial.reason() {
                Reason::StoreUnavailable | Reason::Busy | Reason::ShuttingDown => return,
                _ => "deny",
            }
        }
    };
    let recorded = stage.recorded();
    stage
        .ledger
        .borrow_mut()
        .answers
        .push((id.to_owned(), told, recorded));
}

fn tell_refused(stage: &Stage, agent: &str, denial: &Denial) {
    stage.tell(format_args!(
        "{agent} is refused: {}",
        denial.reason().code()
    ));
}
