//! A guard with a till, an agent that asks for too much, and channels.

use serde_json::{Value, json};

use super::agent::call;
use super::house::{House, Serving, till};

/// A house whose configuration ends with these channels.
pub(crate) fn house(notify: &str) -> House {
    let house = House::new();
    configure(&house, notify);
    house.operator();
    house
}

/// Writes the configuration anew.
pub(crate) fn configure(house: &House, notify: &str) {
    let till = till(&house.path("till.jsonl"));
    house.write(
        "countersign.yaml",
        &format!(
            "version: 1\nlisten: {{agents: '127.0.0.1:0', operators: '127.0.0.1:0'}}\n\
             console: {{origin: 'https://guard.example'}}\n\
             pin: first_use\nupstreams:\n  till: {{command: {}}}\nnotify:\n{notify}",
            json!(till)
        ),
    );
}

/// Has the agent ask for something that a person must decide.
pub(crate) fn hold(house: &House, key: &str, amount: u32) -> Value {
    let url = house.agents_url();
    let (status, held) = call(&url, key, "till/pay", json!({"amount": amount}));
    assert_eq!(status, 202, "{held}");
    held
}

/// Denies it, so that another call can be asked about.
pub(crate) fn deny(house: &House, held: &Value) {
    let id = held["approval_id"].as_str().unwrap();
    house.ends(0, &["approvals", "deny", id]);
}

/// Stops a guard and starts it again.
pub(crate) fn restart(house: &House, serving: Serving) -> Serving {
    assert_eq!(serving.stop(), Some(0));
    house.serve()
}

/// Waits until the record has such a notice.
pub(crate) fn recorded(house: &House, channel: &str, state: &str) -> Value {
    super::house::until(std::time::Duration::from_secs(20), || {
        let (out, _) = house.ends(0, &["audit", "tail", "--json"]);
        out.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .map(|line| line["record"]["body"].clone())
            .rfind(|body| {
                body["kind"] == "notice" && body["channel"] == channel && body["state"] == state
            })
    })
}
