//! Operators' errands: decide what waits, stop and lift, change scopes; and servers that present tools.

use std::rc::Rc;
use std::time::Duration;

use countersign::guard::{Guard, OperateError, Resolution, ResolveError, Vote};
use countersign::model::approval::ApprovalState;
use countersign::model::credential::Operator;
use countersign::model::id::{ApprovalId, SessionId};

use super::cast::{self, AGENTS, SERVERS};
use super::dice::Dice;
use super::errands::hesitate;
use super::ledger::Stopped;
use super::stage::Stage;

/// Looks at what waits and decides one of it.
pub(crate) async fn decides(stage: Rc<Stage>, mut dice: Dice) {
    let guard = stage.guard();
    let operator = person(&stage, &mut dice);
    let (Some(operator), Ok(mut open)) = (operator, guard.approvals(false).await) else {
        return;
    };
    if dice.falls(900) {
        open.retain(|approval| approval.state == ApprovalState::Held);
    }
    let Some(shown) = dice.pick(&open) else {
        return;
    };
    hesitate(dice.below(6)).await;
    let decision = match dice.below(10) {
        0..3 => Resolution::Deny { message: None },
        3..8 => Resolution::Approve {
            uses: 1,
            life: None,
        },
        _ => Resolution::Approve {
            uses: 2 + u32::try_from(dice.below(2)).unwrap(),
            life: dice.falls(500).then_some(Duration::from_secs(1_800)),
        },
    };
    let vote = Vote {
        answer: None,
        version: shown.version,
        digest: shown.digest,
        decision,
        client_id: format!("{}", dice.below(u64::MAX)),
    };
    for _ in 0..=dice.below(2) {
        votes(&stage, &guard, &operator, shown.id, &vote).await;
    }
    if dice.falls(50) {
        takes_back(&stage, &guard, &operator, shown.id).await;
    }
}

/// An operator takes their vote back, where it still can be.
pub(crate) async fn takes_back(stage: &Stage, guard: &Guard, operator: &Operator, id: ApprovalId) {
    let Ok(Some(shown)) = guard.approval(id).await else {
        return;
    };
    let (name, version) = (&operator.name, shown.version);
    match guard.withdraw_vote(operator, id, version).await {
        Ok(_) => {
            stage.tell(format_args!("{name} takes their vote on {id} back"));
            let members = vec![
                ("approval", id.to_string()),
                ("state", "vote-withdrawn".to_owned()),
                ("by", name.to_string()),
            ];
            stage.acknowledged(0, "approval", members);
        }
        Err(fault) => stage.tell(format_args!("{name} takes nothing back: {fault}")),
    }
}

/// One of the operators, now and then the one who may decide nothing.
fn person(stage: &Stage, dice: &mut Dice) -> Option<Operator> {
    let operators = stage.operators.borrow();
    match (operators.split_last(), dice.falls(100)) {
        (Some((last, _)), true) => Some(last.clone()),
        (Some((_, others)), false) => dice.pick(others).cloned(),
        (None, _) => None,
    }
}

/// One vote on what was shown.
pub(crate) async fn votes(
    stage: &Stage,
    guard: &Guard,
    operator: &Operator,
    id: ApprovalId,
    vote: &Vote,
) {
    let state = match vote.decision {
        Resolution::Approve { .. } | Resolution::Pattern { .. } => "approved",
        Resolution::Deny { .. } => "denied",
    };
    match guard.resolve(operator, id, vote.clone()).await {
        Ok(_) => {
            stage.tell(format_args!("{} says {state} to {id}", operator.name));
            let members = vec![
                ("approval", id.to_string()),
                ("decision_id", vote.client_id.clone()),
                ("by", operator.name.to_string()),
            ];
            stage.acknowledged(0, "approval", members);
        }
        Err(fault @ ResolveError::Store(_)) => {
            stage.tell(format_args!(
                "{} cannot decide {id}: {fault}",
                operator.name
            ));
        }
        Err(fault) => stage.tell(format_args!("{} decides nothing: {fault}", operator.name)),
    }
}

/// What an operator may do to agents, sessions, keys and grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    PauseSession,
    ResumeSession,
    RevokeSession,
    Reinstate,
    PauseAgent,
    ResumeAgent,
    RevokeAgent,
    RevokeKey,
    RevokeGrant,
    Issue,
}

impl Deed {
    /// Stops are rarer than what lifts them, or nobody would be left to play.
    const DRAWN: [Self; 23] = [
        Self::PauseSession,
        Self::PauseSession,
        Self::ResumeSession,
        Self::ResumeSession,
        Self::ResumeSession,
        Self::ResumeSession,
        Self::RevokeSession,
        Self::Reinstate,
        Self::Reinstate,
        Self::Reinstate,
        Self::PauseAgent,
        Self::ResumeAgent,
        Self::ResumeAgent,
        Self::ResumeAgent,
        Self::ResumeAgent,
        Self::RevokeAgent,
        Self::RevokeKey,
        Self::RevokeGrant,
        Self::RevokeGrant,
        Self::Issue,
        Self::Issue,
        Self::Issue,
        Self::Issue,
    ];
}

/// Does one of it, again where the store failed.
pub(crate) async fn operates(stage: Rc<Stage>, mut dice: Dice) {
    let operator = person(&stage, &mut dice);
    let (Some(operator), Some(deed)) = (operator, dice.pick(&Deed::DRAWN).copied()) else {
        return;
    };
    for _ in 0..=dice.below(3) {
        // The same again, not another.
        let mut dice = dice.clone();
        let choice = Choice::ByChance(&mut dice);
        if does(&stage, &operator, deed, choice).await.is_ok() {
            return;
        }
        hesitate(dice.below(4)).await;
    }
}

/// How one of several is chosen.
pub(crate) enum Choice<'a> {
    ByChance(&'a mut Dice),
    /// The last of them.
    Newest,
}

impl Choice<'_> {
    fn of<T: Clone>(&mut self, several: &[T]) -> Option<T> {
        match self {
            Self::ByChance(dice) => dice.pick(several).cloned(),
            Self::Newest => several.last().cloned(),
        }
    }
}

/// Does one of it to whom or what is chosen; an error only where the store failed.
pub(crate) async fn does(
    stage: &Stage,
    operator: &Operator,
    deed: Deed,
    mut choice: Choice<'_>,
) -> Result<(), OperateError> {
    let guard = stage.guard();
    let session = choice.of(&stage.sessions.borrow());
    let agent = match (&choice, session) {
        (Choice::Newest, Some((agent, _))) => agent,
        _ => choice.of(&AGENTS).unwrap_or(AGENTS[0]),
    };
    let done = match deed {
        Deed::PauseAgent | Deed::ResumeAgent | Deed::RevokeAgent => {
            with_agent(stage, &guard, operator, deed, agent).await
        }
        Deed::RevokeKey => revoke_key(stage, &guard, operator, choice).await,
        Deed::RevokeGrant => revoke_grant(stage, &guard, operator, choice).await,
        Deed::Issue => {
            stage.issue(agent).await;
            Ok(())
        }
        _ => match session {
            Some((_, session)) => with_session(stage, &guard, operator, deed, session).await,
            None => Ok(()),
        },
    };
    match &done {
        Ok(()) => stage.tell(format_args!("{} is done with {deed:?}", operator.name)),
        Err(fault) => stage.tell(format_args!("{} fails at {deed:?}: {fault}", operator.name)),
    }
    match done {
        Err(fault @ OperateError::Store(_)) => Err(fault),
        _ => Ok(()),
    }
}

async fn with_session(
    stage: &Stage,
    guard: &Guard,
    operator: &Operator,
    deed: Deed,
    session: SessionId,
) -> Result<(), OperateError> {
    let (name, id) = (&operator.name, session.to_string());
    let began = stage.ledger.borrow_mut().tick();
    let state = match deed {
        Deed::PauseSession => {
            guard.pause_session(name, session).await?;
            let what = Stopped::Session(id.clone());
            stage.ledger.borrow_mut().stop(what, began);
            "paused"
        }
        Deed::ResumeSession => {
            let what = Stopped::Session(id.clone());
            stage.ledger.borrow_mut().lift(&what);
            let resumed = guard.resume_session(name, session).await;
            stage.ledger.borrow_mut().lifted(&what);
            resumed?;
            "active"
        }
        Deed::RevokeSession => {
            guard.revoke_session(name, session).await?;
            let what = Stopped::RevokedSession(id.clone());
            stage.ledger.borrow_mut().stop(what, began);
            "revoked"
        }
        _ => {
            guard.reinstate_session(name, session).await?;
            "reinstated"
        }
    };
    let members = vec![("session", id), ("state", state.to_owned())];
    stage.acknowledged(0, "session", members);
    Ok(())
}

async fn with_agent(
    stage: &Stage,
    guard: &Guard,
    operator: &Operator,
    deed: Deed,
    agent: &'static str,
) -> Result<(), OperateError> {
    let (name, it) = (&operator.name, cast::agent(agent));
    let began = stage.ledger.borrow_mut().tick();
    let state = match deed {
        Deed::PauseAgent => {
            guard.pause_agent(name, &it).await?;
            let what = Stopped::Agent(agent.to_owned());
            stage.ledger.borrow_mut().stop(what, began);
            "paused"
        }
        Deed::ResumeAgent => {
            let what = Stopped::Agent(agent.to_owned());
            stage.ledger.borrow_mut().lift(&what);
            let resumed = guard.resume_agent(name, &it).await;
            stage.ledger.borrow_mut().lifted(&what);
            resumed?;
            "running"
        }
        _ => {
            let ended = everything_of(stage, agent);
            guard.revoke_agent(name, &it).await?;
            for what in ended {
                stage.ledger.borrow_mut().stop(what, began);
            }
            "revoked"
        }
    };
    let members = vec![("agent", agent.to_owned()), ("state", state.to_owned())];
    stage.acknowledged(0, "agent", members);
    Ok(())
}

/// What a revocation of an agent ends: the agent until it gets a new key, its keys and sessions for good.
fn everything_of(stage: &Stage, agent: &str) -> Vec<Stopped> {
    let mut ended = vec![Stopped::RevokedAgent(agent.to_owned())];
    let keys = stage.keys.borrow();
    let own = keys.iter().filter(|key| key.agent == agent);
    ended.extend(own.map(|key| Stopped::Credential(key.credential.to_string())));
    let sessions = stage.sessions.borrow();
    let own = sessions.iter().filter(|(of, _)| *of == agent);
    ended.extend(own.map(|(_, id)| Stopped::RevokedSession(id.to_string())));
    ended
}

async fn revoke_key(
    stage: &Stage,
    guard: &Guard,
    operator: &Operator,
    mut choice: Choice<'_>,
) -> Result<(), OperateError> {
    let key = choice.of(&stage.keys.borrow());
    let Some(key) = key else { return Ok(()) };
    let began = stage.ledger.borrow_mut().tick();
    guard
        .revoke_agent_key(operator.name.as_str(), key.credential)
        .await?;
    let id = key.credential.to_string();
    stage
        .ledger
        .borrow_mut()
        .stop(Stopped::Credential(id.clone()), began);
    let members = vec![("credential", id), ("state", "revoked".to_owned())];
    stage.acknowledged(0, "agent", members);
    Ok(())
}

async fn revoke_grant(
    stage: &Stage,
    guard: &Guard,
    operator: &Operator,
    mut choice: Choice<'_>,
) -> Result<(), OperateError> {
    let mut grants = guard.grants().await?;
    grants.reverse();
    let Some(grant) = choice.of(&grants).map(|grant| grant.id) else {
        return Ok(());
    };
    let began = stage.ledger.borrow_mut().tick();
    guard.revoke_grant(&operator.name, grant).await?;
    let id = grant.to_string();
    stage
        .ledger
        .borrow_mut()
        .stop(Stopped::Grant(id.clone()), began);
    let members = vec![("grant", id), ("state", "revoked".to_owned())];
    stage.acknowledged(0, "grant", members);
    Ok(())
}

/// Offers the other scopes; they are in force at once.
pub(crate) async fn reloads(stage: Rc<Stage>) {
    if stage.changing.replace(true) {
        return;
    }
    stage.scopes.set(1 - stage.scopes.get());
    let began = stage.changes_scopes();
    let offered = stage
        .guard()
        .offer(cast::scopes(stage.scopes.get()).clone())
        .await;
    match offered {
        Ok(_) => {
            stage.tell(format_args!("scopes {} are in force", stage.scopes.get()));
            stage.scopes_in_force(began);
        }
        Err(fault) => stage.tell(format_args!("scopes were not put in force: {fault}")),
    }
    stage.changing.set(false);
}

/// A server presents its tools in one of their variants, which may be the one it presented before.
pub(crate) async fn presents(stage: Rc<Stage>, server: usize, variant: usize) {
    if stage.changing.replace(true) {
        return;
    }
    let mut tools = stage.tools.get();
    tools[server] = variant;
    stage.tools.set(tools);
    let (guard, name) = (stage.guard(), SERVERS[server].0);
    let began = stage.changes_tools(server);
    let presented = cast::presented(server, variant);
    match guard.present(&cast::server(server), &presented).await {
        Ok(()) => {
            stage.tell(format_args!("{name} presents {variant}"));
            stage.tools_in_force(&guard, server, began);
        }
        Err(fault) => stage.tell(format_args!("{name} presents in vain: {fault}")),
    }
    stage.changing.set(false);
}
