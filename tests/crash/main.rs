//! The guard, killed again and again under load, keeps its word.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod account;
mod agent;
mod bank;
mod chance;
mod client;
mod house;
mod operator;
mod told;
mod toll;

use std::path::Path;

use account::Account;
use told::{Asked, Told};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_kills_lose_no_decision_and_run_nothing_twice() {
    let seed = match std::env::var("SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => 1,
    };
    let program = Path::new(env!("CARGO_BIN_EXE_countersign"));
    match toll::levy(program, 200, seed, |_| ()).await {
        Ok(toll) => assert!(
            toll.executed > 0 && toll.grant_uses > 0 && toll.unknown > 0 && toll.resolved > 0,
            "seed {seed}: {toll:?} shows too little"
        ),
        Err(fault) => panic!("{fault}"),
    }
}

#[test]
fn what_does_not_fit_is_noticed() {
    let ledger = tempfile::NamedTempFile::new().unwrap();
    let line = "{\"name\": \"look\", \"arguments\": {\"nonce\": \"nonce:a:1\"}}\n";
    let fault = |lines: &str, told: &Told| {
        std::fs::write(ledger.path(), lines).unwrap();
        let compared = Account::default().compare(&[ledger.path()], told);
        compared.err().unwrap_or_default()
    };
    let mut told = Told::default();
    assert_eq!(fault("", &told), "");
    assert!(fault(line, &told).contains("nobody asked for it"));
    let asked = Asked {
        in_scope: true,
        asks: 1,
        ..Asked::default()
    };
    told.asked.insert("nonce:a:1".to_owned(), asked);
    assert_eq!(fault("", &told), "");
    assert!(fault(line, &told).contains("not each execution has its permit"));
    assert!(fault(&line.repeat(2), &told).contains("more often than it may"));
    told.asked.entry("nonce:a:1".to_owned()).or_default().ran = 1;
    assert!(fault("", &told).contains("its client was told of one too many"));
    told.asked.clear();
    told.calls.insert("call_1".to_owned());
    assert!(fault("", &told).contains("call_1 was told"));
    told.calls.clear();
    told.holds.insert("ap_1".to_owned());
    assert!(fault("", &told).contains("ap_1 was told"));
    told.holds.clear();
    told.resolved.insert(("ap_1".to_owned(), "approved"));
    assert!(fault("", &told).contains("ap_1 was approved"));
    told.resolved.clear();
    let dear = r#"{"arguments": {"nonce": "nonce:a:1", "amount": 401}}"#;
    assert!(fault(dear, &told).contains("a spent 401"));
}
