//! A revocation that was acknowledged: nothing that it stopped reaches an upstream any more.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign::model::json;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::guarded::{http, stdio};
use super::house::House;

/// What an operator may revoke, each of which stops the clerk's calls.
const KINDS: [Kind; 4] = [Kind::Session, Kind::Agent, Kind::Credential, Kind::Grant];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Session,
    Agent,
    Credential,
    Grant,
}

impl Kind {
    /// Revokes it, and gives the calls that the answer lists; some kinds list none.
    async fn revoke(self, house: &House) -> HashSet<String> {
        let (method, path) = match self {
            Self::Session => {
                let session = house.sessions().await.remove(0);
                (Method::POST, format!("/v1/sessions/{session}/revoke"))
            }
            Self::Agent => (Method::POST, "/v1/agents/clerk/revoke".to_owned()),
            Self::Credential => {
                let path = "/v1/agents/clerk/keys";
                let keys = house.operate(&house.alice, Method::GET, path, None).await.1;
                // Keys are listed in no order that says whose they are: both go.
                let keys = keys["keys"].as_array().unwrap().clone();
                let path = |key: &Value| format!("{path}/{}", key["id"].as_str().unwrap());
                let first = path(&keys[0]);
                house
                    .operate(&house.alice, Method::DELETE, &first, None)
                    .await;
                (Method::DELETE, path(&keys[1]))
            }
            Self::Grant => {
                let grants = house
                    .operate(&house.alice, Method::GET, "/v1/grants", None)
                    .await
                    .1;
                let grant = grants["grants"][0]["id"].as_str().unwrap().to_owned();
                (Method::POST, format!("/v1/grants/{grant}/revoke"))
            }
        };
        let (status, answer, _) = house.operate(&house.alice, method, &path, None).await;
        assert!(matches!(status, 200 | 204), "{self:?}: {status} {answer}");
        let running = answer["running"].as_array().cloned().unwrap_or_default();
        running
            .iter()
            .map(|call| call.as_str().unwrap().to_owned())
            .collect()
    }

    /// Has a person approve twenty of the same large payments, and gives its arguments.
    async fn granted(self, house: &House) -> Value {
        let large = json!({"amount": 500});
        assert_eq!(pay(house, &large).await.0, 202);
        let approval = house.open().await;
        let decided = house.decide_with(
            &house.alice,
            &approval,
            json!({"decision": "approve", "uses": 20}),
        );
        assert_eq!(decided.await, 200);
        large
    }
}

async fn pay(house: &House, arguments: &Value) -> (u16, Value) {
    call(house, "pay", arguments).await
}

async fn call(house: &House, tool: &str, arguments: &Value) -> (u16, Value) {
    let body = json!({"mode": "proxy", "tool": format!("bank/{tool}"), "arguments": arguments});
    house
        .ask(&house.clerk, Method::POST, "/v1/calls", &body)
        .await
}

mod over_http {
    use super::*;

    /// A server that answers each request over a connection of its own, until it accepts none.
    struct Door {
        listener: TcpListener,
        url: String,
    }

    impl Door {
        /// With room for hardly any connection that is not accepted yet.
        fn narrow() -> Self {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let listener = socket.listen(1).unwrap();
            let url = format!("http://{}/mcp", listener.local_addr().unwrap());
            Self { listener, url }
        }

        /// Answers so many requests.
        async fn serve(&self, count: &AtomicU64, shut: &AtomicBool) {
            while !shut.load(Ordering::SeqCst) {
                let accepted =
                    tokio::time::timeout(Duration::from_millis(20), self.listener.accept());
                if let Ok(Ok((stream, _))) = accepted.await {
                    count.fetch_add(1, Ordering::SeqCst);
                    answer(stream).await;
                }
            }
        }

        /// Fills what room there is, so that a further connection cannot come about.
        async fn crowd(&self) -> Vec<TcpStream> {
            let address = self.listener.local_addr().unwrap();
            let mut crowd = Vec::new();
            loop {
                let connect = TcpStream::connect(address);
                match tokio::time::timeout(Duration::from_millis(200), connect).await {
                    Ok(stream) => crowd.push(stream.unwrap()),
                    Err(_) => return crowd,
                }
            }
        }

        /// Accepts whoever still comes, and gives every byte that they bring.
        async fn drain(&self, longest: Duration) -> Vec<u8> {
            let end = tokio::time::Instant::now() + longest;
            let mut bytes = Vec::new();
            while let Ok(Ok((mut stream, _))) =
                tokio::time::timeout_at(end, self.listener.accept()).await
            {
                let read = stream.read_to_end(&mut bytes);
                let _ = tokio::time::timeout(Duration::from_millis(300), read).await;
            }
            bytes
        }
    }

    async fn answer(mut stream: TcpStream) {
        let mut request = Vec::new();
        let body = loop {
            let mut chunk = [0; 4_096];
            let count = stream.read(&mut chunk).await.unwrap();
            request.extend_from_slice(&chunk[..count]);
            let text = String::from_utf8_lossy(&request).to_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert!(count > 0, "a request without its end");
                continue;
            };
            let length = head.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            assert!(!head.contains("transfer-encoding"), "{head}");
            if body.len() >= length {
                break request[request.len() - length..].to_vec();
            }
        };
        let message = json::parse(&body).unwrap_or(Value::Null);
        let result = match message["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "door", "version": "1"},
            }),
            Some("tools/list") => {
                json!({"tools": [{"name": "pay", "inputSchema": {"type": "object"}}]})
            }
            Some("tools/call") => json!({"content": [{"type": "text", "text": "done"}]}),
            _ => Value::Null,
        };
        let (status, body) = match message.get("id") {
            Some(id) if result.is_null() => {
                let error = json!({"code": -32_601, "message": "Method not found"});
                (
                    "200 OK",
                    json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string(),
                )
            }
            Some(id) => (
                "200 OK",
                json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string(),
            ),
            None => ("202 Accepted", String::new()),
        };
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes()).await.unwrap();
    }

    /// A call whose connection cannot come about yet was let through and has not begun: the revocation
    /// takes that leave back before it is acknowledged.
    #[tokio::test(flavor = "multi_thread")]
    async fn no_byte_is_written_upstream_after_a_revocation_was_acknowledged() {
        join_all(KINDS.map(|kind| async move {
            let door = Door::narrow();
            let (count, shut) = (AtomicU64::new(0), AtomicBool::new(false));
            let (house, arguments) = {
                let ready = async {
                    let house = House::over(http(&door.url)).await;
                    let arguments = kind.granted(&house).await;
                    // Once, so that nothing but the call itself is left to be said.
                    assert_eq!(pay(&house, &arguments).await.0, 200);
                    shut.store(true, Ordering::SeqCst);
                    (house, arguments)
                };
                tokio::join!(ready, door.serve(&count, &shut)).0
            };
            let crowd = door.crowd().await;
            let (late, bytes) = tokio::join!(pay(&house, &arguments), async {
                until(|| async { house.running("pay").await == 1 }).await;
                let listed = kind.revoke(&house).await;
                if matches!(kind, Kind::Session | Kind::Agent) {
                    assert_eq!(
                        listed.len(),
                        1,
                        "{kind:?}: the answer names what was let through"
                    );
                }
                let quiet = crowd.len();
                drop(crowd);
                (door.drain(Duration::from_secs(4)).await, quiet)
            });
            assert!(bytes.1 > 0, "the door was not narrow");
            assert_eq!(String::from_utf8_lossy(&bytes.0), "", "{kind:?}");
            assert_ne!(late.0, 200, "{kind:?}: {late:?}");
            house.verify().await;
        }))
        .await;
    }
}

mod over_stdio {
    use super::*;

    /// A call that waits behind another one which the server does not read: the same.
    #[tokio::test(flavor = "multi_thread")]
    async fn no_byte_is_written_upstream_after_a_revocation_was_acknowledged() {
        join_all(KINDS.map(|kind| async move {
            let folder = tempfile::tempdir().unwrap();
            let (ledger, go) = (folder.path().join("ledger"), folder.path().join("go"));
            let house = House::over(stdio(&server(&ledger, &go))).await;
            let arguments = kind.granted(&house).await;
            assert_eq!(pay(&house, &arguments).await.0, 200);
            // The server stops at the first; the second fills the pipe and is under way for good.
            let nothing = json!({});
            let filling = json!({"amount": 1, "memo": "m".repeat(300_000)});
            let (_, _, late, ()) = tokio::join!(
                call(&house, "stall", &nothing),
                async {
                    until(|| async { text(&ledger).contains("stall") }).await;
                    pay(&house, &filling).await
                },
                async {
                    until(|| async { house.running("pay").await == 1 }).await;
                    // It has begun when the queue moved on to it, which takes it no time.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    pay(&house, &arguments).await
                },
                async {
                    until(|| async { house.running("pay").await == 2 }).await;
                    kind.revoke(&house).await;
                    std::fs::write(&go, "").unwrap();
                }
            );
            assert_ne!(late.0, 200, "{kind:?}: {late:?}");
            until(|| async { text(&ledger).contains("mmm\"") }).await;
            let paid = text(&ledger).matches("\"amount\":500").count();
            assert_eq!(paid, 1, "{kind:?}: {}", text(&ledger).len());
            house.verify().await;
        }))
        .await;
    }

    fn server(ledger: &Path, go: &Path) -> Vec<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/binding/byte_ledger.py");
        let words = [
            "python3",
            script,
            ledger.to_str().unwrap(),
            go.to_str().unwrap(),
        ];
        words.map(str::to_owned).into()
    }

    fn text(ledger: &Path) -> String {
        std::fs::read_to_string(ledger).unwrap_or_default()
    }
}

/// Many agents at once, in the middle of which somebody is revoked: what reached the upstream ended
/// before that, or the answer lists it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_revocation_came_too_late_for_is_listed_in_its_answer() {
    join_all([Kind::Session, Kind::Agent].map(|kind| async move {
        let house = House::new().await;
        let next = AtomicU64::new(0);
        let worker = || async {
            let mut told = Vec::new();
            for _ in 0..400 {
                let nonce = next.fetch_add(1, Ordering::SeqCst);
                let (status, answer) = pay(&house, &json!({"amount": 1, "nonce": nonce})).await;
                if status != 200 {
                    break;
                }
                told.push((nonce, answer["call_id"].as_str().unwrap().to_owned()));
            }
            told
        };
        let workers = join_all((0..8).map(|_| worker()));
        let (told, (listed, settled)) = tokio::join!(workers, async {
            until(|| async { house.ledger("pay").len() > 40 }).await;
            let listed = kind.revoke(&house).await;
            (listed, house.outcomes().await)
        });
        let calls: HashMap<u64, String> = told.into_iter().flatten().collect();
        let ledger = house.ledger("pay");
        assert!(ledger.len() > 40);
        for paid in &ledger {
            let call = &calls[&paid["nonce"].as_u64().unwrap()];
            let is_known = settled.contains(call) || listed.contains(call);
            assert!(is_known, "{kind:?}: {call} was neither over nor listed");
        }
        house.verify().await;
    }))
    .await;
}

/// Waits until it is so.
async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    for _ in 0..2_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came about");
}
