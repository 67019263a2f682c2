//! What a monitor reads.

use reqwest::Method;
use serde_json::json;

use super::world::{World, send};

#[tokio::test]
async fn a_monitor_reads_decisions_holds_latencies_and_the_isolation() {
    let world = World::new().await;
    for _ in 0..2 {
        let found = send(world.ask("shop/find", &json!({"what": "tea"}))).await;
        assert_eq!(found.status, 200);
    }
    let held = send(world.ask("shop/order", &json!({"amount": 500}))).await;
    let page = send(world.operator(Method::GET, "/metrics")).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(
        page.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(
        figure(
            &page.text,
            "countersign_decisions_total{decision=\"permit\",reason=\"in-scope\"}"
        ),
        2.0
    );
    assert_eq!(figure(&page.text, "countersign_open_holds"), 1.0);
    assert_eq!(
        figure(&page.text, "countersign_upstream_seconds_count"),
        2.0
    );
    assert_eq!(figure(&page.text, "countersign_unsigned_entries"), 0.0);
    assert_eq!(
        figure(&page.text, "countersign_isolation{kind=\"host\"}"),
        1.0
    );
    assert_eq!(
        figure(&page.text, "countersign_isolation{kind=\"none\"}"),
        0.0
    );
    assert!(figure(&page.text, "countersign_commit_seconds_count") > 5.0);

    world.approve(&held.text("approval_id")).await;
    let page = send(world.operator(Method::GET, "/metrics")).await;
    assert_eq!(figure(&page.text, "countersign_open_holds"), 0.0);
    assert_eq!(figure(&page.text, "countersign_vote_seconds_count"), 1.0);
}

#[tokio::test]
async fn every_line_of_the_page_is_a_figure_under_its_heading() {
    let world = World::new().await;
    send(world.ask("shop/find", &json!({"what": "tea"}))).await;
    let page = send(world.operator(Method::GET, "/metrics")).await.text;
    assert!(page.ends_with('\n'));
    let mut family = String::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            family = heading.split(' ').nth(1).unwrap().to_owned();
            continue;
        }
        assert!(line.starts_with(&family), "{line} under {family}");
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        if name.ends_with("_bucket{le=\"+Inf\"}") {
            assert_eq!(
                value.parse::<f64>().unwrap(),
                figure(&page, &format!("{family}_count"))
            );
        }
    }
}

#[track_caller]
fn figure(page: &str, name: &str) -> f64 {
    let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
    let found = lines.find(|(found, _)| *found == name);
    found
        .unwrap_or_else(|| panic!("{name} is not in\n{page}"))
        .1
        .parse()
        .unwrap()
}
