//! Agents over streamable HTTP, from outside.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod guarded;
#[path = "conformance/process.rs"]
#[expect(dead_code, reason = "these tests need only the fixture over HTTP")]
mod process;

use guarded::wire::Wire;
use guarded::{Guarded, PERMIT_ALL, http};
use process::Fixture;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_upstream_closed_goes_on_when_the_agent_comes_back() {
    let fixture = Fixture::over_http();
    let guarded = Guarded::start(PERMIT_ALL, &[("fixture", http(&fixture.url))], false).await;
    let wire = Wire::new(&guarded.url(Some("fixture")), &guarded.key)
        .begin("2025-11-25")
        .await;
    let broken = wire.call("test_reconnection", json!({})).await;
    assert!(broken.messages().is_empty(), "{broken:?}");
    let wire = wire.with("last-event-id", &broken.event_id());
    let came = wire.get().await;
    assert_eq!(came.text(), "Answered after the reconnection.", "{came:?}");
}
