//! People are told what waits: once, through every failure and restart, and never at the cost of a decision.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign::ambient::Ambient;
use countersign::guard::{Guard, Hold, Resolution};
use countersign::model::name::{ChannelName, GroupName};
use countersign::model::tier::Tier;
use countersign::notify::{
    self, Answer, Channel, Desk, Escalation, Mail, MailTls, NoticeSigner, Route, Shape, Way,
    Webhook,
};
use countersign::outbound;
use countersign::outbound::signing::DeliveryKey;
use serde_json::json;

use super::receiver::Receiver;
use super::restarts::boot_over;
use super::world::{MANIFEST, World, held};

fn manifest() -> String {
    format!("{MANIFEST}pause_covers: call\n")
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).unwrap()
}

fn desk() -> Desk {
    Desk {
        console: "https://guard.example/console".parse().unwrap(),
        signer: NoticeSigner::from_seed(&[5; 32]).unwrap(),
    }
}

/// A channel that tells a receiver everything.
fn channel(text: &str, receiver: &Receiver) -> Channel {
    let secret = DeliveryKey::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
    let webhook = Webhook::new(&receiver.url, Some(secret), Shape::Generic, true).unwrap();
    Channel {
        name: name(text),
        way: Way::Webhook(Box::new(webhook)),
        route: Route {
            groups: BTreeSet::new(),
            tiers: Tier::ALL.into_iter().collect(),
        },
        remind: None,
        escalate: Vec::new(),
    }
}

async fn tell(guard: &Arc<Guard>, channels: Vec<Channel>) {
    notify::start(guard, channels, desk()).await.unwrap();
}

async fn pay(world: &World, amount: u32) -> Hold {
    held(
        world
            .decide("bank/pay", json!({"amount": amount, "to": "x"}))
            .await,
    )
}

fn id(hold: &Hold) -> String {
    hold.pending().approval.to_string()
}

#[tokio::test]
async fn a_message_says_what_waits_in_the_guards_own_words_and_where_to_decide() {
    let world = World::over(&manifest()).await;
    let receiver = Receiver::begin().await;
    tell(&world.guard, vec![channel("ops", &receiver)]).await;
    let hold = pay(&world, 500).await;
    world.pass(2);
    let messages = receiver.receives(1).await;
    let body = &messages[0].body;
    assert_eq!(body["type"], "approval.waiting");
    assert_eq!(
        body["data"]["title"],
        "1 request waits for a decision (critical)"
    );
    let request = &body["data"]["requests"][0];
    assert_eq!(
        request["sentence"],
        "clerk wants to call bank/pay (money) with amount 500, to \"x\""
    );
    assert_eq!(request["tier"], "critical");
    assert_eq!(request["groups"], json!(["finance", "oncall"]));
    assert_eq!(request["code"], hold.pending().code.as_str());
    assert_eq!(request["decide_by"], hold.pending().decide_by.to_string());
    assert_eq!(
        request["url"],
        format!("https://guard.example/console/requests/{}", id(&hold))
    );
    let told = |entry: &serde_json::Value| {
        entry["state"] == "sent"
            && entry["channel"] == "ops"
            && entry["about"] == "waiting"
            && entry["approvals"] == json!([id(&hold)])
            && entry["tries"] == 1
            && entry["notice"] == messages[0].id.as_str()
    };
    world.until_entry("notice", told).await;
}

#[tokio::test]
async fn what_was_told_is_not_told_again_after_a_restart_and_what_was_not_told_is() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = manifest();
    let boot = |seed, lived| {
        boot_over(
            directory.path(),
            seed,
            Duration::from_secs(lived),
            &manifest,
        )
    };
    let (steady, failing) = (Receiver::begin().await, Receiver::begin().await);
    let channels = || vec![channel("steady", &steady), channel("failing", &failing)];
    failing.answer([500; 100]);

    let (before, _) = boot(1, 0).await;
    tell(&before.guard, channels()).await;
    let first = id(&pay(&before, 500).await);
    before.pass(2);
    assert_eq!(steady.receives(1).await[0].approvals(), [first.as_str()]);
    failing.receives(1).await;
    before
        .until_entry("notice", |entry| entry["channel"] == "steady")
        .await;
    before.guard.stop().await.unwrap();
    drop(before);
    let tried = failing.messages().len();

    failing.answer([]);
    let (after, _) = boot(2, 60).await;
    tell(&after.guard, channels()).await;
    let told = failing.receives(tried + 1).await;
    assert_eq!(told[tried].approvals(), [first.as_str()]);
    assert_eq!(told[tried].id, told[0].id);
    let second = id(&pay(&after, 600).await);
    after.pass(20);
    let told = steady.receives(2).await;
    assert_eq!(told[1].approvals(), [second.as_str()]);
    assert_ne!(told[1].id, told[0].id);
    assert_eq!(steady.messages().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_under_the_same_name_until_it_takes_the_message() {
    let world = World::over(&manifest()).await;
    let receiver = Receiver::begin().await;
    receiver.answer([500, 302]);
    tell(&world.guard, vec![channel("ops", &receiver)]).await;
    pay(&world, 500).await;
    world.pass(2);
    let messages = receiver.receives(3).await;
    assert!(messages.iter().all(|one| one.id == messages[0].id));
    assert!(messages.iter().all(|one| one.body == messages[0].body));
    world
        .until_entry("notice", |entry| {
            entry["tries"] == 3 && entry["state"] == "sent"
        })
        .await;
    let view = world.guard.channels().remove(0);
    assert_eq!(view.counts, [("failed", 2), ("sent", 1)]);
    let (_, fault) = view.fault.unwrap();
    assert_eq!(fault, "the receiver answered with HTTP status 302");
}

#[tokio::test]
async fn nobody_is_told_of_what_was_decided_while_a_receiver_failed_and_the_record_says_so() {
    let world = World::over(&manifest()).await;
    let receiver = Receiver::begin().await;
    receiver.answer([500]);
    tell(&world.guard, vec![channel("ops", &receiver)]).await;
    let hold = pay(&world, 500).await;
    world.pass(2);
    receiver.receives(1).await;
    world.approve(&hold).await;
    world
        .until_entry("notice", |entry| {
            entry["state"] == "undelivered" && entry["approvals"] == json!([id(&hold)])
        })
        .await;
    assert_eq!(receiver.messages().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_an_operator_switches_it_on() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = manifest();
    let boot = |seed, lived| {
        boot_over(
            directory.path(),
            seed,
            Duration::from_secs(lived),
            &manifest,
        )
    };
    let receiver = Receiver::begin().await;
    receiver.answer([410]);
    let (before, _) = boot(1, 0).await;
    tell(&before.guard, vec![channel("ops", &receiver)]).await;
    let hold = id(&pay(&before, 500).await);
    before.pass(2);
    before
        .until_entry("notice", |entry| entry["state"] == "disabled")
        .await;
    let since = before.guard.channels()[0].disabled;
    assert!(since.is_some());
    before.guard.stop().await.unwrap();
    drop(before);

    let (after, _) = boot(2, 60).await;
    tell(&after.guard, vec![channel("ops", &receiver)]).await;
    assert_eq!(after.guard.channels()[0].disabled, since);
    pay(&after, 600).await;
    after.pass(20);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.messages().len(), 1);
    let (ops, other) = (name("ops"), name("other"));
    let by = &after.alice.name;
    assert!(after.guard.enable_channel(by, &other).await.is_err());
    after.guard.enable_channel(by, &ops).await.unwrap();
    let told = receiver.receives(2).await;
    assert!(told[1].approvals().contains(&hold), "{told:?}");
    after
        .until_entry("notice", |entry| {
            entry["state"] == "enabled" && entry["by"] == "alice"
        })
        .await;
}

#[tokio::test]
async fn a_burst_of_one_agent_is_one_message() {
    let world = World::over(&manifest()).await;
    let receiver = Receiver::begin().await;
    tell(&world.guard, vec![channel("ops", &receiver)]).await;
    let mut holds = Vec::new();
    for amount in [500, 600, 700] {
        holds.push(id(&pay(&world, amount).await));
    }
    world.pass(2);
    assert_eq!(receiver.receives(1).await[0].approvals(), holds);
    world
        .until_entry("notice", |entry| entry["state"] == "sent")
        .await;
    // These gather, since their agent was told of a moment ago.
    let later = [pay(&world, 800).await, pay(&world, 900).await];
    world.pass(5);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(receiver.messages().len(), 1);
    world.pass(15);
    // It sleeps until the moment at which they are due, by a clock that this test moved; a change wakes it.
    world.approve(&later[1]).await;
    let told = receiver.receives(2).await;
    assert_eq!(told[1].approvals(), [id(&later[0])]);
}

#[tokio::test]
async fn what_nobody_decides_is_escalated_before_its_time_is_over_and_only_then() {
    let world = World::over(&manifest()).await;
    let (ops, chief) = (Receiver::begin().await, Receiver::begin().await);
    let mut first = channel("ops", &ops);
    first.escalate = vec![Escalation {
        before: Duration::from_secs(300),
        to: name("chief"),
    }];
    let mut last = channel("chief", &chief);
    last.route.tiers.clear();
    tell(&world.guard, vec![first, last]).await;
    let (decided, open) = (pay(&world, 500).await, pay(&world, 600).await);
    world.pass(2);
    ops.receives(1).await;
    world.approve(&decided).await;
    world.pass(590);
    let fresh = pay(&world, 700).await;
    world.pass(4);
    ops.receives(2).await;
    assert!(chief.messages().is_empty());
    world.pass(10);
    let deny = Resolution::Deny { message: None };
    world
        .vote(&world.alice, fresh.pending().approval, deny)
        .await
        .unwrap();
    let told = chief.receives(1).await;
    assert_eq!(told[0].kind(), "approval.escalated");
    assert_eq!(told[0].approvals(), [id(&open)]);
    assert_eq!(
        told[0].body["data"]["title"],
        "nobody has decided yet: 1 request waits (critical)"
    );
}

#[tokio::test]
async fn reminders_come_at_their_interval_and_end_after_a_few() {
    let world = World::over(&manifest()).await;
    let receiver = Receiver::begin().await;
    let mut ops = channel("ops", &receiver);
    ops.remind = Some(Duration::from_secs(120));
    tell(&world.guard, vec![ops]).await;
    let old = pay(&world, 500).await;
    world.pass(2);
    assert_eq!(receiver.receives(1).await[0].kind(), "approval.waiting");
    world
        .until_entry("notice", |entry| entry["about"] == "waiting")
        .await;
    // Two intervals are over when it looks again: there is one reminder, not two.
    world.pass(260);
    let other = pay(&world, 600).await;
    let told = receiver.receives(2).await;
    assert_eq!(
        (told[1].kind(), told[1].approvals()),
        ("approval.reminder", vec![id(&old)])
    );
    world.approve(&other).await;
    world.pass(600);
    world
        .until_entry("notice", |entry| entry["about"] == "reminder")
        .await;
    // By now the last of those there are; nothing else comes, however often it looks.
    for amount in [700, 800] {
        let hold = pay(&world, amount).await;
        world.approve(&hold).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let reminders = receiver.messages();
    let reminders: Vec<_> = reminders
        .iter()
        .filter(|one| one.kind() == "approval.reminder")
        .collect();
    assert_eq!(reminders.len(), 2);
}

#[tokio::test]
async fn a_channel_is_told_only_of_its_tiers_and_groups() {
    let note = "crm/note\n    privilege: write\n";
    let bounded =
        format!("{note}    arguments: {{properties: {{count: {{type: integer, maximum: 1}}}}}}\n");
    let world = World::over(&manifest().replace(note, &bounded)).await;
    let [critical, medium, finance, kitchen] = [
        Receiver::begin().await,
        Receiver::begin().await,
        Receiver::begin().await,
        Receiver::begin().await,
    ];
    let of_tier = |text, receiver, tier| {
        let mut channel = channel(text, receiver);
        channel.route.tiers = BTreeSet::from([tier]);
        channel
    };
    let of_group = |text, receiver| {
        let mut channel = channel(text, receiver);
        channel.route.groups = BTreeSet::from([GroupName::parse(text).unwrap()]);
        channel
    };
    let channels = vec![
        of_tier("critical", &critical, Tier::Critical),
        of_tier("medium", &medium, Tier::Medium),
        of_group("finance", &finance),
        of_group("kitchen", &kitchen),
    ];
    tell(&world.guard, channels).await;
    let money = id(&pay(&world, 500).await);
    let post = id(&held(world.decide("crm/note", json!({"count": 2})).await));
    world.pass(2);
    assert_eq!(critical.receives(1).await[0].approvals(), [money.as_str()]);
    assert_eq!(medium.receives(1).await[0].approvals(), [post.as_str()]);
    assert_eq!(finance.receives(1).await[0].approvals(), [money.as_str()]);
    assert!(kitchen.messages().is_empty());
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_nothing_up() {
    let world = World::over(&manifest()).await;
    let (mute, other) = (Receiver::begin().await, Receiver::begin().await);
    mute.answer([0]);
    tell(
        &world.guard,
        vec![channel("mute", &mute), channel("other", &other)],
    )
    .await;
    let hold = pay(&world, 500).await;
    world.pass(2);
    mute.receives(1).await;
    other.receives(1).await;
    let began = world.guard.ambient().monotonic();
    let decided = tokio::time::timeout(Duration::from_secs(5), world.approve(&hold));
    decided.await.unwrap();
    assert_eq!(began, world.guard.ambient().monotonic());
    let stopped = tokio::time::timeout(Duration::from_secs(9), world.guard.stop());
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_dialled() {
    let own = own_name();
    let address = format!("https://{own}:1/");
    let webhook = Webhook::new(&address, None, Shape::Slack, false).unwrap();
    let mail = Mail::new(&own, 587, MailTls::StartTls, None, false).unwrap();
    let mail = mail
        .between("a@b.example", &["c@d.example".to_owned()])
        .unwrap();
    for way in [Way::Webhook(Box::new(webhook)), Way::Mail(Box::new(mail))] {
        let receiver = Receiver::begin().await;
        let channel = Channel {
            way,
            ..channel("ops", &receiver)
        };
        match notify::test(&channel, &desk(), &Ambient::system()).await {
            Answer::Failed { fault, .. } => {
                assert_eq!(fault, "the name resolves to no public address");
            }
            other => panic!("{other:?}"),
        }
    }
    for server in [
        "localhost",
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "169.254.169.254",
    ] {
        assert!(
            Mail::new(server, 25, MailTls::StartTls, None, false).is_err(),
            "{server}"
        );
    }
    assert!(Mail::new("10.0.0.1", 25, MailTls::None, None, true).is_err());
    assert!(Mail::new("mail.example.com", 25, MailTls::None, None, true).is_err());
}

/// A name by which this machine knows itself, other than the one that everybody knows.
fn own_name() -> String {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap());
    let mut found = lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        let name = words.find(|name| *name != "localhost")?;
        (!outbound::is_public(address)).then(|| name.to_owned())
    });
    found.next_back().unwrap()
}
