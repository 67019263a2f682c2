//! Permits that somebody else runs: sealed, for one audience, redeemed once, and told of by whoever ran it.

use std::sync::Arc;
use std::time::Duration;

use countersign::guard::{Denial, OperateError, Redeemed, RotateError, SignedPermit};
use countersign::model::arguments::Arguments;
use countersign::model::call::Mode;
use countersign::model::credential::Pep;
use countersign::model::name::{AgentName, ServerName};
use countersign::model::outcome::Outcome;
use countersign::model::reason::Reason;
use countersign::model::target::Target;
use countersign::store::keys::{Keys, Purpose};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::world::{World, denied, permitted};

const MANIFEST: &str = "
version: 1
agent: clerk
credentials: {api_key: true}
tools:
  - tool: bank/pay
    privilege: write
    mode: authorize
    arguments:
      properties:
        amount: {type: number, exclusiveMinimum: 0, maximum: 100}
    budget: {sum: /amount, limit: 100, per: 24h}
undeclared: deny
";

struct Bank {
    world: World,
    pep: Pep,
}

impl Bank {
    async fn new() -> Self {
        let world = World::over(MANIFEST).await;
        let pep = pep(&world, "bank").await;
        Self { world, pep }
    }

    async fn ask(&self, amount: u32) -> Result<SignedPermit, Denial> {
        let mut call = self.world.call("bank/pay", json!({"amount": amount}));
        call.mode = Mode::Authorize;
        let permit = permitted(self.world.guard.decide(call).await);
        self.world.guard.sign(permit).await
    }

    async fn redeem(&self, token: &str, amount: u32) -> Result<Redeemed, Denial> {
        redeem(&self.world, &self.pep, token, json!({"amount": amount})).await
    }

    /// What the record says of how calls ended.
    async fn outcomes(&self) -> Vec<String> {
        let entries = self.world.entries("outcome").await;
        let words = entries.iter().filter(|entry| entry["standing"].is_null());
        words
            .map(|entry| entry["outcome"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Lets the guard's sweep come around, until it has written that many outcomes.
    async fn swept(&self, count: usize) -> Vec<String> {
        for _ in 0..600 {
            let outcomes = self.outcomes().await;
            if outcomes.len() >= count {
                return outcomes;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the sweep did not come");
    }
}

async fn pep(world: &World, server: &str) -> Pep {
    let server = ServerName::parse(server).unwrap();
    let (_, key) = world
        .guard
        .add_pep_key("test", &server, None)
        .await
        .unwrap();
    world.guard.pep(Some(&key)).await.unwrap()
}

async fn redeem(
    world: &World,
    pep: &Pep,
    token: &str,
    arguments: Value,
) -> Result<Redeemed, Denial> {
    let target = Target::tool(ServerName::parse("bank").unwrap(), "pay");
    let arguments = Arguments::parse(arguments.to_string().as_bytes()).unwrap();
    world
        .guard
        .redeem_permit(pep, token, &target, &arguments)
        .await
}

#[tokio::test]
async fn a_permit_is_redeemed_once_and_its_outcome_comes_from_whoever_ran_it() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    assert_eq!(signed.audience.as_str(), "bank");
    let redeemed = bank.redeem(&signed.token, 60).await.unwrap();
    assert_eq!(
        (redeemed.call, redeemed.digest),
        (signed.call, signed.digest)
    );
    let guard = &bank.world.guard;
    guard
        .report(&bank.pep, signed.call, Outcome::Done, Some("p1"))
        .await
        .unwrap();
    assert_eq!(bank.outcomes().await, ["done"]);
    let again = guard
        .report(&bank.pep, signed.call, Outcome::NotSent, None)
        .await;
    assert_eq!(again.unwrap_err().reason(), Reason::AlreadyDecided);
    let written = bank.world.entries("permit").await;
    assert_eq!(written.len(), 1);
    assert_eq!(written[0]["action_digest"], signed.digest.to_string());
}

#[tokio::test]
async fn a_replayed_permit_is_refused() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    bank.redeem(&signed.token, 60).await.unwrap();
    let again = bank.redeem(&signed.token, 60).await.unwrap_err();
    assert_eq!(again.reason(), Reason::PermitUsed);
    let guard = &bank.world.guard;
    guard
        .report(&bank.pep, signed.call, Outcome::Failed, None)
        .await
        .unwrap();
    let after = bank.redeem(&signed.token, 60).await.unwrap_err();
    assert_eq!(after.reason(), Reason::PermitUsed);
}

#[tokio::test]
async fn a_permit_is_nothing_to_another_audience() {
    let bank = Bank::new().await;
    let other = pep(&bank.world, "crm").await;
    let signed = bank.ask(60).await.unwrap();
    let refused = redeem(&bank.world, &other, &signed.token, json!({"amount": 60})).await;
    assert_eq!(refused.unwrap_err().reason(), Reason::PermitInvalid);
    bank.redeem(&signed.token, 60).await.unwrap();
    let foreign = bank
        .world
        .guard
        .report(&other, signed.call, Outcome::NotSent, None)
        .await;
    assert_eq!(foreign.unwrap_err().reason(), Reason::NotFound);
}

#[tokio::test]
async fn an_expired_permit_is_refused_and_gives_its_budget_back() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    bank.world.pass(10);
    let late = bank.redeem(&signed.token, 60).await.unwrap_err();
    assert_eq!(late.reason(), Reason::PermitExpired);
    assert_eq!(bank.swept(1).await, ["not-sent"]);
    bank.ask(60).await.unwrap();
}

#[tokio::test]
async fn a_redeemed_permit_without_an_outcome_is_unknown_and_stays_spent() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    bank.redeem(&signed.token, 60).await.unwrap();
    bank.world.pass(600);
    assert_eq!(bank.swept(1).await, ["unknown"]);
    let mut call = bank.world.call("bank/pay", json!({"amount": 60}));
    call.mode = Mode::Authorize;
    let denial = denied(bank.world.guard.decide(call).await);
    assert_eq!(denial.reason(), Reason::BudgetExhausted);
}

#[tokio::test]
async fn a_stop_between_issue_and_redemption_stops_the_permit() {
    let bank = Bank::new().await;
    let guard = &bank.world.guard;
    let paused = bank.ask(10).await.unwrap();
    let alice = &bank.world.alice.name;
    guard
        .pause_session(alice, bank.world.session)
        .await
        .unwrap();
    let refused = bank.redeem(&paused.token, 10).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::SessionPaused);
    guard
        .resume_session(alice, bank.world.session)
        .await
        .unwrap();
    bank.redeem(&paused.token, 10).await.unwrap();

    let revoked = bank.ask(10).await.unwrap();
    guard
        .revoke_agent_key("test", bank.world.principal.credential)
        .await
        .unwrap();
    // A key takes its sessions along.
    let refused = bank.redeem(&revoked.token, 10).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::SessionRevoked);

    let bank = Bank::new().await;
    let ended = bank.ask(10).await.unwrap();
    bank.world
        .guard
        .revoke_session(&bank.world.alice.name, bank.world.session)
        .await
        .unwrap();
    let refused = bank.redeem(&ended.token, 10).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::SessionRevoked);
}

#[tokio::test]
async fn an_altered_permit_or_another_action_is_refused() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    let (said, seal) = signed.token[4..].split_once('.').unwrap();
    let said = BASE64URL_NOPAD.decode(said.as_bytes()).unwrap();
    let altered = String::from_utf8(said).unwrap().replace("\"2", "\"3");
    let altered = BASE64URL_NOPAD.encode(altered.as_bytes());
    for token in [
        format!("csp_{altered}.{seal}"),
        format!("{}A", signed.token),
        signed.token[..signed.token.len() - 1].to_owned(),
        signed.token[4..].to_owned(),
        "csp_".to_owned(),
        String::new(),
    ] {
        let refused = bank.redeem(&token, 60).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::PermitInvalid, "{token}");
    }
    let other = bank.redeem(&signed.token, 61).await.unwrap_err();
    assert_eq!(other.reason(), Reason::PermitInvalid);
    bank.redeem(&signed.token, 60).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_redemptions_of_one_permit_run_it_once() {
    let bank = Arc::new(Bank::new().await);
    let token = bank.ask(60).await.unwrap().token;
    let tries = (0..50).map(|_| {
        let (bank, token) = (Arc::clone(&bank), token.clone());
        tokio::spawn(async move { bank.redeem(&token, 60).await })
    });
    let mut won = 0;
    for tried in tries.collect::<Vec<_>>() {
        match tried.await.unwrap() {
            Ok(_) => won += 1,
            Err(denial) => assert_eq!(denial.reason(), Reason::PermitUsed),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn an_agents_own_report_ends_nothing() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    let guard = &bank.world.guard;
    let clerk = AgentName::parse("clerk").unwrap();
    guard
        .claim(&clerk, signed.call, Outcome::Done, None)
        .await
        .unwrap();
    assert!(bank.outcomes().await.is_empty());
    bank.redeem(&signed.token, 60).await.unwrap();
    guard
        .report(&bank.pep, signed.call, Outcome::NotSent, None)
        .await
        .unwrap();
    bank.ask(60).await.unwrap();
}

#[tokio::test]
async fn without_an_enforcement_point_nothing_is_authorized() {
    let world = World::over(MANIFEST).await;
    let mut call = world.call("bank/pay", json!({"amount": 1}));
    call.mode = Mode::Authorize;
    assert_eq!(
        denied(world.guard.decide(call).await).reason(),
        Reason::NoPep
    );
    let server = ServerName::parse("bank").unwrap();
    let (key, secret) = world
        .guard
        .add_pep_key("test", &server, None)
        .await
        .unwrap();
    let as_agent = world.guard.principal(Some(&secret)).await.unwrap_err();
    assert_eq!(as_agent.reason(), Reason::CredentialUnknown);
    world.guard.revoke_pep_key("test", key.id).await.unwrap();
    let gone = world.guard.pep(Some(&secret)).await.unwrap_err();
    assert_eq!(gone.reason(), Reason::CredentialRevoked);
    let mut call = world.call("bank/pay", json!({"amount": 1}));
    call.mode = Mode::Authorize;
    assert_eq!(
        denied(world.guard.decide(call).await).reason(),
        Reason::NoPep
    );
}

#[tokio::test]
async fn the_guard_itself_never_runs_what_is_for_another_to_run() {
    let bank = Bank::new().await;
    let mut call = bank.world.call("bank/pay", json!({"amount": 60}));
    call.mode = Mode::Authorize;
    let permit = permitted(bank.world.guard.decide(call).await);
    let refused = bank.world.dispatch(permit).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::ModeRefused);
    assert_eq!(bank.outcomes().await, ["not-sent"]);
}

#[tokio::test]
async fn a_permit_for_a_tool_that_was_refused_meanwhile_is_not_redeemed() {
    let bank = Bank::new().await;
    let signed = bank.ask(60).await.unwrap();
    let pins = bank.world.guard.pins();
    let pay = pins.iter().find(|one| &*one.pin.key.name == "pay").unwrap();
    let alice = &bank.world.alice.name;
    let refused = bank.world.guard.refuse_pin(alice, &pay.pin.key).await;
    refused.unwrap();
    let denial = bank.redeem(&signed.token, 60).await.unwrap_err();
    assert_eq!(denial.reason(), Reason::ToolRefused);
}

#[tokio::test]
async fn an_agent_that_bears_a_servers_name_ends_without_the_servers_enforcement_point() {
    let world = World::over(MANIFEST).await;
    let server = ServerName::parse("bank").unwrap();
    let (key, secret) = world
        .guard
        .add_pep_key("test", &server, None)
        .await
        .unwrap();
    let missing = world.guard.revoke_agent_key("test", key.id).await;
    assert!(matches!(missing, Err(OperateError::Missing)), "{missing:?}");

    let namesake = AgentName::parse("bank").unwrap();
    let (_, own) = world
        .guard
        .add_agent_key("test", &namesake, None)
        .await
        .unwrap();
    world
        .guard
        .revoke_agent(&world.alice.name, &namesake)
        .await
        .unwrap();
    let ended = world.guard.principal(Some(&own)).await.unwrap_err();
    assert_eq!(ended.reason(), Reason::CredentialRevoked);
    assert_eq!(world.guard.pep(Some(&secret)).await.unwrap().server, server);
}

#[tokio::test]
async fn a_permit_sealed_with_the_key_of_before_is_redeemed_while_it_lives() {
    let bank = Bank::new().await;
    let data = tempfile::tempdir().unwrap();
    drop(Keys::open(data.path(), bank.world.guard.ambient()).unwrap());
    let old = bank.ask(10).await.unwrap();
    let rotate = || {
        let guard = &bank.world.guard;
        guard.rotate_key("test", data.path(), Purpose::Permit, true)
    };
    let id = rotate().await.unwrap();
    bank.redeem(&old.token, 10).await.unwrap();
    let new = bank.ask(20).await.unwrap();
    bank.redeem(&new.token, 20).await.unwrap();
    assert_ne!(rotate().await.unwrap(), id);
    let entries = bank.world.entries("guard").await;
    let changes = entries
        .iter()
        .filter(|entry| entry["state"] == "key-rotated");
    let named: Vec<_> = changes.map(|entry| entry["purpose"].clone()).collect();
    assert_eq!(named, ["permit", "permit"]);
    let refused = bank
        .world
        .guard
        .rotate_key("test", data.path(), Purpose::Match, true);
    assert!(matches!(refused.await, Err(RotateError::Serving)));
}
