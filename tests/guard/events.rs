//! What a log collector sees of a call: one span, and in it the decision and the outcome.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::world::{World, permitted};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_call_is_one_span_with_its_decision_and_its_outcome_and_no_argument() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("countersign::decisions=debug")
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    let heard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let permit = permitted(world.decide("crm/note", json!({"text": "sesame"})).await);
    let call = permit.call().id.to_string();
    world.run(permit).await;
    drop(heard);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let told: Vec<&str> = log.lines().collect();
    assert_eq!(told.len(), 2, "{log}");
    for (line, words) in told.iter().zip([
        [
            "decided",
            "decision=\"permit\"",
            "reason=\"in-scope\"",
            "isolation=\"host\"",
        ],
        ["settled", "outcome=\"done\"", "seq=", "call{"],
    ]) {
        assert!(line.contains(&format!("call={call}")), "{line}");
        assert!(
            line.contains("agent=clerk") && line.contains("target=crm/note"),
            "{line}"
        );
        for word in words {
            assert!(line.contains(word), "{word}: {line}");
        }
    }
    assert!(!log.contains("sesame"));
}
