//! What the question whether a session still deserves trust costs for one call: at most 2 µs are meant.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use countersign::assurance::{
    Assurance, Call, Credential, Declared, KeyState, Leave, Level, Policy, Profile, Signal, Stream,
    Streams, Tool,
};
use countersign::model::digest::Digest;
use countersign::model::privilege::Privilege;
use countersign::model::time::Timestamp;
use criterion::{Criterion, criterion_group, criterion_main};

fn assurance(bench: &mut Criterion) {
    let policy = Policy::default();
    for (name, signals) in [
        ("a quiet session", &[][..]),
        (
            "a strained session",
            &[Signal::NewAsn, Signal::IpSameAsn, Signal::OffHours],
        ),
    ] {
        let mut session = session(&policy, signals);
        let call = call();
        bench.bench_function(&format!("decide and commit, {name}"), |bench| {
            bench.iter(|| {
                let now = black_box(NOW);
                let answer = session.decide(&policy, black_box(&call), Level::Three, now);
                assert_eq!(answer.leave(), Leave::Allow);
                let admission = answer.admission.unwrap();
                assert!(session.commit(&policy, &admission, Level::Three, now));
            });
        });
    }
}

/// One of a bound key, with a required source.
fn session(policy: &Policy, signals: &[Signal]) -> Assurance {
    let credential = Credential {
        state: KeyState::Active,
        issued: NOW,
        expires: Some(NOW.after(Duration::from_secs(86_400))),
        max_age: Duration::from_secs(86_400),
        bound: true,
        environment: Arc::from("prod"),
        agents: 1,
        human_use: false,
    };
    let streams = Streams::new([Stream {
        issuer: Arc::from("idp"),
        heard: NOW,
    }]);
    let mut session = Assurance::open(Profile::Agent, Level::Two, credential, streams, NOW);
    for signal in signals {
        session.signal(policy, *signal, NOW);
    }
    session
}

/// A write that was used before.
fn call() -> Call<'static> {
    Call {
        tool: Tool::declared("crm/update", Privilege::Write, "prod"),
        digest: Digest::of(b"call"),
        amount: None,
        day: None,
        declared: Declared::Yes,
        used: true,
        highest: 1,
        authentic: true,
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

criterion_group!(benches, assurance);
criterion_main!(benches);
