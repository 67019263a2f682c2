//! Knocking at a running guard's doors, from more than one address.

use std::net::{IpAddr, Ipv4Addr};

use countersign::model::json;
use serde_json::Value;

use super::house::House;

/// Asks without any right to, and gives the status.
fn knock(url: &str, from: Ipv4Addr, path: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        #[expect(
            clippy::disallowed_methods,
            reason = "the guard's own clients bind no address of theirs"
        )]
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(IpAddr::V4(from))
            .build()
            .unwrap();
        // A header does not change whom it is counted for.
        let request = client
            .post(format!("{url}{path}"))
            .bearer_auth("csk_nobodys")
            .header("x-forwarded-for", "198.51.100.7")
            .header("content-type", "application/json")
            .body("{}");
        request.send().await.unwrap().status().as_u16()
    })
}

#[test]
fn those_who_prove_nothing_are_counted_by_the_address_they_come_from() {
    let house = House::new();
    let serving = house.serve();
    let url = house.agents_url();
    let (here, there) = (Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2));
    for _ in 0..3 {
        for from in [here, there] {
            assert_eq!(knock(&url, from, "/v1/calls"), 401);
            assert_eq!(knock(&url, from, "/mcp/till"), 401);
        }
    }
    assert_eq!(serving.stop(), Some(0));
    let (out, _) = house.ends(0, &["audit", "export"]);
    let refusals: Vec<Value> = out
        .lines()
        .map(|line| json::parse(line.as_bytes()).unwrap())
        .filter(|line| line["record"]["body"]["kind"] == "refusal")
        .map(|line| line["record"]["body"].clone())
        .collect();
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    assert_eq!(refusals[0]["source"], "127.0.0.1");
    assert_eq!(refusals[1]["count"], 11);
    assert_eq!(refusals[1]["sources"]["127.0.0.1"], 5);
    assert_eq!(refusals[1]["sources"]["127.0.0.2"], 6);
}
