//! The listener, asked again and again for what has changed, also across a guard that starts anew.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderName, HeaderValue, IF_NONE_MATCH};
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::operator::{OperatorArgs, Operators, list};

/// What an answer brought.
pub(super) enum News {
    /// Nothing has changed.
    Same,
    /// Every approval as it is now, oldest first.
    All(Vec<Value>),
    /// The listener does not answer, and why.
    Lost(String),
}

/// One who follows what waits.
pub(super) struct Follow {
    listener: OperatorArgs,
    /// The listener, while it answers.
    operators: Option<Operators>,
    /// The list that is known.
    known: Option<HeaderValue>,
    has_met: bool,
}

impl Follow {
    pub(super) fn new(listener: OperatorArgs) -> Self {
        Self {
            listener,
            operators: None,
            known: None,
            has_met: false,
        }
    }

    /// Waits for what comes next. Whoever was never reached, and whoever refuses, is no loss but an end.
    pub(super) async fn next(&mut self) -> Result<News, Failure> {
        if self.has_met && self.operators.is_none() {
            tokio::time::sleep(AGAIN).await;
        }
        let asked = match self.reach() {
            Ok(()) => self.ask().await,
            // A guard that starts anew has no address yet.
            Err(failure) if self.has_met => Err(Failure::Unreached(failure.to_string())),
            Err(failure) => Err(failure),
        };
        match asked {
            Ok(news) => {
                self.has_met = true;
                Ok(news)
            }
            Err(Failure::Unreached(why)) if self.has_met => {
                (self.operators, self.known) = (None, None);
                Ok(News::Lost(why))
            }
            Err(failure) => Err(failure),
        }
    }

    fn reach(&mut self) -> Result<(), Failure> {
        if self.operators.is_none() {
            self.operators = Some(self.listener.open()?);
        }
        Ok(())
    }

    async fn ask(&mut self) -> Result<News, Failure> {
        let Some(operators) = &self.operators else {
            return Err(Failure::Unreached("there is no listener".to_owned()));
        };
        let mut headers = vec![(PREFER, HeaderValue::from_static("wait=20"))];
        headers.extend(self.known.clone().map(|tag| (IF_NONE_MATCH, tag)));
        let asked = operators.get_with("/v1/approvals?state=all", &headers);
        let reply = tokio::time::timeout(SILENCE_LONGEST, asked).await;
        let reply = reply.map_err(|_| Failure::Unreached("nothing answers".to_owned()))??;
        if let Some(etag) = reply.etag {
            self.known = Some(etag);
        }
        if reply.status == StatusCode::NOT_MODIFIED {
            return Ok(News::Same);
        }
        let approvals = list(&reply.body, "approvals").iter().rev();
        Ok(News::All(approvals.cloned().collect()))
    }
}

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Longer than the wait that is asked for.
const SILENCE_LONGEST: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_secs(2);
