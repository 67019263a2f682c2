//! interim
use super::dialect::{Era, meta};
use super::upstream::{Link, Outgoing, Params, UpstreamSpec};
use crate::guard::{Denial, Guard, Presented};
use crate::model::name::ServerName;
use crate::model::reason::Reason;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
pub struct Listings {
    seen: Mutex<HashMap<ServerName, Duration>>,
}
impl Listings {
    pub fn forget(&self, server: &ServerName) {
        self.seen.lock().remove(server);
    }
    pub async fn ensure(
        &self,
        guard: &Arc<Guard>,
        spec: &UpstreamSpec,
        link: &Link,
        era: Era,
        tool: Option<&str>,
    ) -> Result<(), Denial> {
        let _ = tool;
        if self.seen.lock().contains_key(&spec.name) {
            return Ok(());
        }
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..100 {
            let mut params = Map::new();
            if let Some(c) = &cursor {
                params.insert("cursor".into(), json!(c));
            }
            if era == Era::Modern {
                params.insert("_meta".into(), json!({meta::PROTOCOL_VERSION: "2026-07-28", meta::CLIENT_CAPABILITIES: {}, meta::CLIENT_INFO: {"name":"countersign","version":"0.1.0"}}));
            }
            let fail = |e: String| Denial::new(Reason::UpstreamUnavailable, e);
            let exchange = link
                .send(Outgoing::new("tools/list", Params::Plain(params)))
                .await
                .map_err(|e| fail(e.to_string()))?;
            let result = exchange.answer().await.map_err(|e| fail(e.to_string()))?;
            let mut result = match result {
                Ok(r) => r,
                Err(e) if e.code == -32601 => json!({"tools": []}),
                Err(e) => return Err(fail(e.message)),
            };
            if let Some(Value::Array(page)) = result.get_mut("tools").map(Value::take) {
                tools.extend(page);
            }
            cursor = result
                .get("nextCursor")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        guard
            .present(
                &spec.name,
                &Presented {
                    pin: link.pin(),
                    tools,
                },
            )
            .await
            .map_err(|e| Denial::new(Reason::StoreUnavailable, e.to_string()))?;
        self.seen
            .lock()
            .insert(spec.name.clone(), guard.ambient().monotonic());
        Ok(())
    }
}
