//! `countersign approvals reauth`: the owner of the token confirms in the console that it is them.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cli::failure::Failure;
use crate::cli::operator::{Operators, field};
use crate::cli::print;
use crate::model::text::escape;

/// Asks, says where to confirm it, and waits until somebody did.
pub(super) async fn run(
    operators: &Operators,
    no_wait: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let asked = operators.post(PATH, None, &[]).await?.body;
    let page = field(&asked, "console");
    if page.is_empty() {
        return Err(Failure::Refused(
            "this guard has no console in which you could confirm it".to_owned(),
        ));
    }
    if as_json {
        print::json(&asked)?;
    } else {
        print::say(format!(
            "Open {} and confirm the code {}",
            escape(page),
            escape(field(&asked, "code"))
        ))?;
    }
    if no_wait {
        return Ok(());
    }
    let seconds = asked.get("seconds").and_then(Value::as_u64).unwrap_or(0);
    let ends = Instant::now() + Duration::from_secs(seconds.min(LONGEST_SECONDS));
    while Instant::now() < ends {
        sleep(LOOK_INTERVAL).await;
        let state = operators.get(PATH).await?.body;
        if state.get("confirmed").and_then(Value::as_bool) == Some(true) {
            print::tell("Confirmed: this token approves for five minutes.");
            return Ok(());
        }
    }
    Err(Failure::NeedsInput(
        "nobody confirmed it in time; run: countersign approvals reauth".to_owned(),
    ))
}

const PATH: &str = "/v1/confirmations";
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_SECONDS: u64 = 3_600;
