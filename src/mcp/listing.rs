//! The guard's own snapshot of what upstreams present: whole, bounded, and never fetched in a rush.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::dialect::{Era, method};
use super::jsonrpc::{METHOD_NOT_FOUND, RpcError};
use super::mirror;
use super::upstream::{Introduction, Link, LinkError, Outgoing, Params};
use crate::guard::{Denial, Guard, Presented};
use crate::limits::{
    UPSTREAM_ANSWER_TIMEOUT, UPSTREAM_LISTING_BYTES, UPSTREAM_LISTING_PAGES,
    UPSTREAM_REFETCH_BURST_COUNT, UPSTREAM_REFETCH_INTERVAL, UPSTREAM_TOKEN_BYTES,
    UPSTREAM_TOOLS_COUNT,
};
use crate::model::json;
use crate::model::name::ServerName;
use crate::model::reason::Reason;
use crate::model::target::Target;
use crate::model::text::escape;

/// Keeps the guard's catalog in step with the upstreams; one for a process.
#[derive(Default)]
pub struct Listing {
    servers: Mutex<HashMap<ServerName, Arc<tokio::sync::Mutex<Turn>>>>,
    changed: Mutex<HashSet<ServerName>>,
}

impl Listing {
    /// A listing that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a server says that what it presents changed.
    pub fn note_change(&self, server: &ServerName) {
        self.changed.lock().insert(server.clone());
    }

    /// Fetches what a server presents into the guard's catalog where it was never fetched or changed
    /// since, over an initialised link. `meta` is the `_meta` of requests of the modern era, empty in
    /// the legacy one.
    ///
    /// A server that changes all the time is fetched only so often; in between the last whole snapshot
    /// stands. After a fetch that failed nothing stands until one succeeds: what the server presents
    /// now is not known.
    ///
    /// # Errors
    /// [`Reason::UpstreamUnavailable`] where there is no whole snapshot.
    pub async fn ensure(
        &self,
        guard: &Guard,
        server: &ServerName,
        link: &Link,
        meta: &Map<String, Value>,
    ) -> Result<(), Denial> {
        let turn = Arc::clone(self.servers.lock().entry(server.clone()).or_default());
        // Whoever comes while another fetches waits here, and then finds it done.
        let mut turn = turn.lock().await;
        let has_changed = self.changed.lock().contains(server);
        if turn.is_whole && !has_changed {
            return Ok(());
        }
        if let Err(wait) = turn.begin(guard.ambient().monotonic()) {
            let mut denial = Denial::new(Reason::UpstreamUnavailable, "its listing failed before");
            denial.retry_after = Some(wait);
            return if turn.is_whole { Ok(()) } else { Err(denial) };
        }
        self.changed.lock().remove(server);
        turn.is_whole = false;
        let presented = take(server, link, meta).await.map_err(|fault| {
            tracing::warn!(%server, %fault, "a listing failed");
            let sentence = format!("its listing failed: {fault}");
            Denial::new(Reason::UpstreamUnavailable, sentence)
        })?;
        let stored = guard.present(server, &presented).await;
        stored.map_err(|fault| Denial::new(Reason::StoreUnavailable, fault.to_string()))?;
        turn.is_whole = true;
        Ok(())
    }

    /// As [`Listing::ensure`], and looks again where the snapshot has no such tool or prompt: it may be
    /// new.
    ///
    /// # Errors
    /// As [`Listing::ensure`].
    pub async fn ensure_target(
        &self,
        guard: &Guard,
        target: &Target,
        link: &Link,
        meta: &Map<String, Value>,
    ) -> Result<(), Denial> {
        if !guard.is_presented(target) {
            self.note_change(&target.server);
        }
        self.ensure(guard, &target.server, link, meta).await
    }
}

/// Why a listing was not taken.
#[derive(Debug, thiserror::Error)]
enum ListingFault {
    #[error("{0}")]
    Link(#[source] LinkError),
    #[error("the upstream answered with error {0}")]
    Refused(i64),
    #[error("a page is not acceptable: {0}")]
    Page(&'static str),
    #[error("the listing is larger than the guard accepts")]
    TooLarge,
}

/// One server's fetches: a whole snapshot or none, and how many more may follow at once.
#[derive(Default)]
struct Turn {
    is_whole: bool,
    /// The time at which all room will be back.
    full_at: Duration,
}

impl Turn {
    /// Takes room for one fetch, or says how long until there is some.
    fn begin(&mut self, now: Duration) -> Result<(), Duration> {
        let room = UPSTREAM_REFETCH_INTERVAL * UPSTREAM_REFETCH_BURST_COUNT;
        let full_at = self.full_at.max(now) + UPSTREAM_REFETCH_INTERVAL;
        let over = full_at.saturating_sub(now + room);
        if over.is_zero() {
            self.full_at = full_at;
            Ok(())
        } else {
            Err(over)
        }
    }
}

/// Everything that is pinned of a server. Prompts and templates that cannot be listed are none, so that
/// nobody can accept or use them; without its tools nothing of the server is known.
async fn take(
    server: &ServerName,
    link: &Link,
    meta: &Map<String, Value>,
) -> Result<Presented, ListingFault> {
    let introduction = match link.introduction() {
        Some(introduction) => introduction,
        None => discover(link, meta).await?,
    };
    let tools = fetch(link, meta, method::TOOLS_LIST, "tools").await?;
    let mut presented = Presented::tools(link.identity().clone(), acceptable(server, &tools));
    presented.instructions = introduction.instructions;
    for (is_told, method, member, list) in [
        (
            introduction.has_prompts,
            method::PROMPTS_LIST,
            "prompts",
            &mut presented.prompts,
        ),
        (
            introduction.has_resources,
            method::RESOURCES_TEMPLATES_LIST,
            "resourceTemplates",
            &mut presented.templates,
        ),
    ] {
        if is_told {
            match fetch(link, meta, method, member).await {
                Ok(listed) => *list = listed,
                Err(fault) => tracing::warn!(%server, %fault, method, "a listing failed"),
            }
        }
    }
    Ok(presented)
}

/// Asks a server of the modern era what it says of itself; in the older era whoever began the relation
/// has asked, and there is no asking again.
async fn discover(link: &Link, meta: &Map<String, Value>) -> Result<Introduction, ListingFault> {
    if link.era() == Era::Legacy {
        return Ok(Introduction::default());
    }
    match ask(link, meta, method::DISCOVER, Map::new()).await? {
        Ok(result) => {
            link.introduce(&result);
            Ok(Introduction::parse(&result))
        }
        // It then has nothing to say of itself, and what it might have stays hidden.
        Err(_) => Ok(Introduction::default()),
    }
}

async fn ask(
    link: &Link,
    meta: &Map<String, Value>,
    method: &str,
    mut params: Map<String, Value>,
) -> Result<Result<Value, RpcError>, ListingFault> {
    if !meta.is_empty() {
        params.insert("_meta".to_owned(), Value::Object(meta.clone()));
    }
    let mut request = Outgoing::new(method, Params::Plain(params));
    request.within = UPSTREAM_ANSWER_TIMEOUT;
    let exchange = link.send(request).await.map_err(ListingFault::Link)?;
    exchange.answer().await.map_err(ListingFault::Link)
}

/// Every page of one list.
async fn fetch(
    link: &Link,
    meta: &Map<String, Value>,
    method: &str,
    member: &str,
) -> Result<Vec<Value>, ListingFault> {
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut seen = HashSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..UPSTREAM_LISTING_PAGES {
        let mut params = Map::new();
        if let Some(cursor) = &cursor {
            params.insert("cursor".to_owned(), Value::from(cursor.as_str()));
        }
        let page = match ask(link, meta, method, params).await? {
            Ok(page) => page,
            // A server that has none need not know the method.
            Err(error) if error.code == METHOD_NOT_FOUND && found.is_empty() => return Ok(found),
            Err(error) => return Err(ListingFault::Refused(error.code)),
        };
        let Value::Object(mut page) = page else {
            return Err(ListingFault::Page("it is not an object"));
        };
        let Some(Value::Array(listed)) = page.shift_remove(member) else {
            return Err(ListingFault::Page("it has no list"));
        };
        for one in listed {
            bytes += json::canonical(&one).len();
            found.push(one);
        }
        if bytes > UPSTREAM_LISTING_BYTES || found.len() > UPSTREAM_TOOLS_COUNT {
            return Err(ListingFault::TooLarge);
        }
        match page.shift_remove("nextCursor") {
            None | Some(Value::Null) => return Ok(found),
            Some(Value::String(next)) if next.len() <= UPSTREAM_TOKEN_BYTES => {
                if !seen.insert(next.clone()) {
                    return Err(ListingFault::Page("its cursor came before"));
                }
                cursor = Some(next);
            }
            Some(_) => return Err(ListingFault::Page("its cursor is not a text")),
        }
    }
    Err(ListingFault::TooLarge)
}

/// The tools without those that share a name, and without those whose headers would be doubtful. What
/// else can be wrong with a tool the catalog finds.
fn acceptable(server: &ServerName, tools: &[Value]) -> Vec<Value> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for tool in tools {
        *counts.entry(name(tool)).or_default() += 1;
    }
    let accepted = tools.iter().filter(|tool| {
        let is_single = counts.get(name(tool)) == Some(&1);
        let schema = tool.get("inputSchema").unwrap_or(&Value::Null);
        let fault = match mirror::marks(schema) {
            Ok(_) if is_single => return true,
            Ok(_) => "another tool has the same name".to_owned(),
            Err(fault) => fault.to_string(),
        };
        let tool = escape(name(tool));
        tracing::warn!(%server, tool, fault, "a tool was left out");
        false
    });
    accepted.cloned().collect()
}

fn name(tool: &Value) -> &str {
    tool.get("name").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flood_of_changes_is_fetched_one_at_a_time_once_the_room_is_used() {
        let mut turn = Turn::default();
        let mut now = Duration::from_secs(100);
        for _ in 0..UPSTREAM_REFETCH_BURST_COUNT {
            assert_eq!(turn.begin(now), Ok(()));
        }
        assert_eq!(turn.begin(now), Err(UPSTREAM_REFETCH_INTERVAL));
        let begun = (0..1_000)
            .filter(|_| {
                now += Duration::from_millis(100);
                turn.begin(now).is_ok()
            })
            .count();
        assert_eq!(begun, 10);
    }

    #[test]
    fn tools_that_share_a_name_or_have_doubtful_headers_are_left_out() {
        let server = ServerName::parse("s").unwrap();
        let marked =
            json!({"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "é"}}});
        let tools = [
            json!({"name": "twice", "inputSchema": {}}),
            json!({"name": "good", "inputSchema": {}}),
            json!({"name": "twice", "inputSchema": {}}),
            json!({"name": "marked", "inputSchema": marked}),
            json!({"name": "twice", "inputSchema": {}}),
        ];
        let accepted = acceptable(&server, &tools);
        assert_eq!(accepted, vec![tools[1].clone()]);
    }
}
