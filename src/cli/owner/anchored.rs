//! What became of the heads that went to anchors, in a file for `doctor`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::audit::checkpoint::SignedHead;
use crate::cli::failure::Failure;
use crate::model::json;

/// The file in the guard's directory.
const FILE: &str = "anchors.json";

/// How each anchor stands.
#[derive(Debug)]
pub(super) struct Standings {
    path: PathBuf,
    known: Mutex<BTreeMap<String, Standing>>,
}

/// How one anchor stands.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Standing {
    /// How many entries the newest head counts that it has.
    pub(in crate::cli) count: u64,
    /// Why it does not have the newest of all.
    pub(in crate::cli) fault: Option<String>,
}

impl Standings {
    /// Of the guard that owns this directory.
    pub(super) fn new(data: &Path) -> Self {
        Self {
            path: data.join(FILE),
            known: Mutex::new(read(data).unwrap_or_default()),
        }
    }

    /// Notes how a head fared.
    pub(super) fn note(&self, name: &str, head: &SignedHead, failure: Option<&Failure>) {
        let mut known = self.known.lock();
        let standing = known.entry(name.to_owned()).or_default();
        if failure.is_none() {
            standing.count = head.head.count;
        }
        standing.fault = failure.map(ToString::to_string);
        let text = render(&known).to_string();
        let draft = self.path.with_extension("tmp");
        let written =
            std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &self.path));
        if let Err(error) = written {
            tracing::error!(%error, "how the anchors stand could not be written down");
        }
    }
}

/// How the anchors of a directory stand, if a guard wrote it down.
pub(in crate::cli) fn read(data: &Path) -> Option<BTreeMap<String, Standing>> {
    let text = std::fs::read(data.join(FILE)).ok()?;
    let Ok(Value::Object(known)) = json::parse(&text) else {
        return None;
    };
    let standing = |value: &Value| {
        Some(Standing {
            count: value.get("count")?.as_u64()?,
            fault: value.get("fault")?.as_str().map(str::to_owned),
        })
    };
    known
        .iter()
        .map(|(name, value)| Some((name.clone(), standing(value)?)))
        .collect()
}

fn render(known: &BTreeMap<String, Standing>) -> Value {
    let rows = known.iter().map(|(name, standing)| {
        let row = json!({"count": standing.count, "fault": standing.fault});
        (name.clone(), row)
    });
    Value::Object(rows.collect::<Map<_, _>>())
}
