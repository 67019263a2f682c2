//! Anchors elsewhere: a receiver keeps what the guard signs, and a tail rewritten with the guard's own key
//! does not match it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign::audit::chain::{Chain, GENESIS};
use countersign::audit::checkpoint::Signer;
use countersign::model::digest::Digest;
use countersign::model::id::BootId;
use countersign::model::time::Timestamp;
use countersign::outbound;
use countersign::store::sqlite::{FILE, Reader};
use rusqlite::{Connection, params};
use serde_json::json;

use super::agent::call;
use super::house::{House, text, until};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver, ended with the test.
struct Receiver {
    child: Child,
    port: u16,
}

impl Receiver {
    fn open(kept: &House, secret: &str, failures: u32) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/receiver.py");
        let mut child = Command::new("python3")
            .arg(script)
            .arg(kept.path("received.jsonl"))
            .args([secret, &failures.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A house whose guard sends heads to that port.
fn anchored(port: u16) -> House {
    let house = House::new();
    let file = house.path("countersign.yaml");
    let written = std::fs::read_to_string(&file).unwrap();
    let anchors = format!(
        "anchors:\n  - webhook: {{url: 'http://127.0.0.1:{port}/heads', secret: {{file: hook.secret}}}}\n  \
         - file: elsewhere.jsonl\n"
    );
    house.write("countersign.yaml", &(written + &anchors));
    house.write("hook.secret", &format!("{SECRET}\n"));
    house.operator();
    house
}

fn received(house: &House) -> usize {
    let text = std::fs::read_to_string(house.path("received.jsonl")).unwrap_or_default();
    text.lines().count()
}

/// What monitors read.
fn metrics(house: &House) -> String {
    let token = std::fs::read_to_string(house.path("data/operator.token")).unwrap();
    let url = format!("{}/metrics", house.operators_url());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let request = outbound::build(true).unwrap().get(url);
        let answer = request.bearer_auth(token.trim()).send().await.unwrap();
        answer.text().await.unwrap()
    })
}

/// Changes the last entries and signs the record anew, with the guard's own key.
fn rewrite_tail(house: &House) {
    let path = house.path("data").join(FILE);
    let reader = Reader::open(&path).unwrap();
    let entries = reader.entries(1, usize::MAX).unwrap();
    drop(reader);
    let seed = std::fs::read_to_string(house.path("data/keys/checkpoint")).unwrap();
    let seed = Digest::from_hex(seed.trim()).unwrap();
    let signer = Signer::from_seed(seed.as_bytes()).unwrap();
    let db = Connection::open(&path).unwrap();
    let kept = entries.len() - 4;
    let mut chain = Chain::resume(0, GENESIS);
    for (at, entry) in entries.into_iter().enumerate() {
        let mut body = entry.body;
        if at >= kept {
            let text = String::from_utf8(body).unwrap();
            body = text.replace("\"v\":1", "\"v\":2").into_bytes();
        }
        let made = chain.append(body, None);
        db.execute(
            "UPDATE entries SET previous = ?2, hash = ?3, body = ?4 WHERE seq = ?1",
            params![
                i64::try_from(made.seq).unwrap(),
                made.previous.as_bytes(),
                made.hash.as_bytes(),
                std::str::from_utf8(&made.body).unwrap()
            ],
        )
        .unwrap();
    }
    let ambient = countersign::ambient::Ambient::system();
    let head = signer.sign(&chain, Timestamp::default(), BootId::random(&ambient));
    db.execute(
        "DELETE FROM heads WHERE count > ?1",
        [i64::try_from(kept).unwrap()],
    )
    .unwrap();
    db.execute(
        "INSERT INTO heads (boot, count, hash, at, key, signature) VALUES (?1, ?2, ?3, 0, ?4, ?5)",
        params![
            head.head.boot.to_string(),
            i64::try_from(head.head.count).unwrap(),
            head.head.hash.as_bytes(),
            head.key,
            head.signature
        ],
    )
    .unwrap();
}

#[test]
fn a_receiver_keeps_signed_heads_and_rewriting_the_tail_fails_against_them() {
    let elsewhere = House::bare();
    let receiver = Receiver::open(&elsewhere, SECRET, 2);
    let house = anchored(receiver.port);
    let agent = house.key();
    let serving = house.serve();
    until(Duration::from_secs(20), || {
        (received(&elsewhere) > 0).then_some(())
    });
    let url = house.agents_url();
    for _ in 0..3 {
        assert_eq!(call(&url, &agent, "till/look", json!({})).0, 200);
    }
    let page = metrics(&house);
    assert!(
        page.contains("countersign_anchored_entries{anchor=\"1\"} "),
        "{page}"
    );
    assert!(
        page.contains("countersign_anchored_entries{anchor=\"2\"} "),
        "{page}"
    );
    assert!(
        page.contains("countersign_anchor_failures_total{anchor=\"1\"} 0"),
        "{page}"
    );
    assert_eq!(serving.stop(), Some(0));
    assert!(received(&elsewhere) >= 2, "one more at the end");

    let log = std::fs::read_to_string(elsewhere.path("received.jsonl.log")).unwrap();
    assert!(
        log.starts_with("repeated "),
        "with the id of the first try: {log}"
    );

    let kept = elsewhere.path("received.jsonl").display().to_string();
    let files = [kept.as_str(), "elsewhere.jsonl"];
    for file in files {
        let report = house.json(&["audit", "verify", "--anchors", file]);
        assert_eq!(report["anchored_through"], report["entries"], "{report}");
    }
    let told = text(&house.run(&["doctor"]).stdout);
    assert!(told.contains("the anchor http://127.0.0.1"), "{told}");

    rewrite_tail(&house);
    house.ends(0, &["audit", "verify"]);
    for file in files {
        let (out, _) = house.ends(1, &["audit", "verify", "--anchors", file]);
        assert!(out.contains("is not the one that was signed"), "{out}");
    }
}

#[test]
fn a_receiver_that_is_gone_or_has_another_secret_is_told_of_and_holds_nothing_up() {
    for secret in [
        None,
        Some("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ] {
        let elsewhere = House::bare();
        let receiver = Receiver::open(&elsewhere, secret.unwrap_or(SECRET), 0);
        let house = anchored(receiver.port);
        if secret.is_none() {
            drop(receiver);
        }
        let agent = house.key();
        let serving = house.serve();
        let url = house.agents_url();
        assert_eq!(call(&url, &agent, "till/look", json!({})).0, 200);
        until(Duration::from_secs(30), || {
            metrics(&house)
                .contains("countersign_anchor_failures_total{anchor=\"1\"} 1")
                .then_some(())
        });
        assert_eq!(call(&url, &agent, "till/look", json!({})).0, 200);
        let log = std::fs::read_to_string(house.path("serve.log")).unwrap();
        assert!(log.contains("the head could not be anchored"), "{log}");
        let (out, _) = house.ends(1, &["doctor"]);
        assert!(out.contains("has 0 of"), "{out}");
        assert_eq!(serving.stop(), Some(0), "it ends all the same");
        assert_eq!(received(&elsewhere), 0);
        house.ends(0, &["audit", "verify", "--anchors", "elsewhere.jsonl"]);
    }
}
