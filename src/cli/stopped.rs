//! What a pause, a resumption or a revocation did, for people.

use serde_json::{Value, json};

use super::failure::Failure;
use super::operator::list;
use super::print;
use crate::model::text::escape;

/// Says what was done to `name`, and which calls were already on their way.
pub(super) fn print(name: &str, verb: &str, body: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let nothing = json!({});
        return Ok(print::json(match body {
            Value::Null => &nothing,
            body => body,
        })?);
    }
    let mut line = format!("{}: {verb}d", escape(name));
    let count = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or(0);
    if !body.is_null() {
        line.push_str(&format!(
            "; {} sessions and {} held calls stopped",
            count("sessions"),
            count("holds")
        ));
    }
    print::say(line)?;
    for call in list(body, "running").iter().filter_map(Value::as_str) {
        print::say(format!("already on its way: {}", escape(call)))?;
    }
    Ok(())
}
