//! Links over HTTP, to a server that plays parts.

use std::time::Duration;

use bytes::Bytes;
use countersign::mcp::dialect::{Era, meta};
use countersign::mcp::mirror;
use countersign::mcp::upstream::{
    Event, HttpSpec, Incoming, LinkError, Outgoing, Params, TransportSpec,
};
use countersign::model::outcome::Outcome;
use countersign::model::secret::Secret;
use serde_json::{Map, Value, json};

use crate::play::{Part, Play};
use crate::{address, all, ask, map, open, request, until};

const OK: &str = r#"{"jsonrpc":"2.0","id":$id,"result":{"ok":true}}"#;

fn modern() -> Value {
    json!({"_meta": {meta::PROTOCOL_VERSION: "2026-07-28"}})
}

#[tokio::test]
async fn a_legacy_session_is_kept_repeated_and_deleted() {
    let hello = r#"{"jsonrpc":"2.0","id":$id,"result":{"protocolVersion":"2025-06-18"}}"#;
    let play = Play::of([
        Part::json(200, hello).with("mcp-session-id", "s-1"),
        Part::other(202, "text/plain", ""),
        Part::events(&format!("id: 1\ndata: {OK}\n\n")),
    ])
    .await;
    let (link, _incoming) = open(&address(&play.url), Era::Legacy).await;
    ask(&link, "initialize", json!({})).await.unwrap().unwrap();
    link.notify("notifications/initialized", Map::new())
        .await
        .unwrap();
    ask(&link, "tools/list", json!({})).await.unwrap().unwrap();
    until("it listens", || async { play.heard().len() == 4 }).await;
    link.close().await;
    let heard = play.heard();
    let methods: Vec<&str> = heard.iter().map(|one| one.method.as_str()).collect();
    assert_eq!(methods.iter().filter(|one| **one == "GET").count(), 1);
    assert_eq!(methods.last(), Some(&"DELETE"));
    assert_eq!(heard[0].header("mcp-session-id"), None);
    assert_eq!(heard[0].header("mcp-protocol-version"), None);
    for later in &heard[1..] {
        assert_eq!(later.header("mcp-session-id"), Some("s-1"));
        assert_eq!(later.header("mcp-protocol-version"), Some("2025-06-18"));
        assert_eq!(later.header("mcp-method"), None);
    }
    assert_eq!(
        heard[0].header("accept"),
        Some("application/json, text/event-stream")
    );
}

#[tokio::test]
async fn a_session_the_server_forgot_is_over() {
    let hello = r#"{"jsonrpc":"2.0","id":$id,"result":{"protocolVersion":"2025-06-18"}}"#;
    let gone =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let play = Play::of([
        Part::json(200, hello).with("mcp-session-id", "s-1"),
        Part::json(404, gone),
    ])
    .await;
    let (link, _incoming) = open(&address(&play.url), Era::Legacy).await;
    ask(&link, "initialize", json!({})).await.unwrap().unwrap();
    let exchange = link.send(request("tools/list", json!({}))).await.unwrap();
    let events = all(exchange).await;
    assert!(
        matches!(&events[..], [Event::Response { status: Some(404), result: Err(error) }] if error.code == -32_001),
        "{events:?}"
    );
    assert!(!link.is_open());
    let fault = ask(&link, "tools/list", json!({})).await.unwrap_err();
    assert_eq!(fault.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn modern_headers_repeat_the_body_and_no_session_is_taken() {
    let play = Play::of([
        Part::json(200, OK).with("mcp-session-id", "s-1"),
        Part::json(200, OK),
    ])
    .await;
    let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
    let schema = json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
    let mut call = Outgoing::new(
        "tools/call",
        Params::Guarded {
            name: "größe".to_owned(),
            arguments: Bytes::from_static(br#"{"n":1.0,"region":"eu"}"#),
            rest: map(modern()),
        },
    );
    call.headers = mirror::headers(&schema, &json!({"region": "eu"})).unwrap();
    link.send(call)
        .await
        .unwrap()
        .answer()
        .await
        .unwrap()
        .unwrap();
    let mut read = modern();
    read["uri"] = json!("test://x");
    ask(&link, "resources/read", read).await.unwrap().unwrap();
    let heard = play.heard();
    assert_eq!(heard[0].header("mcp-method"), Some("tools/call"));
    assert_eq!(heard[0].header("mcp-name"), Some(&*mirror::encode("größe")));
    assert_eq!(heard[0].header("mcp-param-region"), Some("eu"));
    assert_eq!(heard[0].header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(
        heard[0].body["params"]["arguments"].to_string(),
        r#"{"n":1.0,"region":"eu"}"#
    );
    assert_eq!(heard[1].header("mcp-name"), Some("test://x"));
    assert_eq!(heard[1].header("mcp-session-id"), None);
    link.close().await;
    assert_eq!(play.heard().len(), 2);
}

#[tokio::test]
async fn a_status_goes_with_its_message() {
    for (status, code) in [
        (404, -32_601),
        (400, -32_022),
        (200, -32_602),
        (500, -32_603),
    ] {
        let error = format!(
            r#"{{"jsonrpc":"2.0","id":$id,"error":{{"code":{code},"message":"m","data":{{"x":1}}}}}}"#
        );
        let play = Play::of([Part::json(status, &error)]).await;
        let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
        let events = all(link.send(request("x", modern())).await.unwrap()).await;
        let [
            Event::Response {
                status: Some(came),
                result: Err(error),
            },
        ] = &events[..]
        else {
            panic!("{events:?}");
        };
        assert_eq!((*came, error.code), (status, code));
        assert_eq!(error.data, Some(json!({"x": 1})));
    }
}

#[tokio::test]
async fn what_is_no_answer_fails_its_own_call_only_and_says_whether_it_ran() {
    let cases = [
        (Part::other(401, "text/html", "<p>"), Outcome::Failed),
        (Part::json(403, r#"{"error":"no"}"#), Outcome::Failed),
        (Part::other(502, "text/html", "<p>"), Outcome::Unknown),
        (Part::other(202, "text/plain", ""), Outcome::Failed),
        (Part::json(200, "{"), Outcome::Failed),
        (Part::json(200, &format!("[{OK}]")), Outcome::Failed),
        (
            Part::json(200, r#"{"jsonrpc":"2.0","id":"other","result":{}}"#),
            Outcome::Failed,
        ),
        (
            Part::json(200, r#"{"jsonrpc":"2.0","id":$id,"result":{"a":1,"a":2}}"#),
            Outcome::Failed,
        ),
        (
            Part::json(200, r#"{"jsonrpc":"2.0","id":$id,"result":1e999}"#),
            Outcome::Failed,
        ),
        (Part::events("data: x"), Outcome::Unknown),
        (Part::events("data: {\n\n"), Outcome::Unknown),
        (
            Part::events("data: {\"jsonrpc\":\"2.0\",\"id\":\"other\",\"result\":{}}\n\n"),
            Outcome::Unknown,
        ),
        (
            Part::events("data: {\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"a\":1,\"a\":2}}\n\n"),
            Outcome::Failed,
        ),
    ];
    let (parts, outcomes): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let play = Play::of(parts.into_iter().chain([Part::json(200, OK)])).await;
    let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
    for (at, outcome) in outcomes.into_iter().enumerate() {
        let fault = ask(&link, "x", modern()).await.unwrap_err();
        assert_eq!(fault.outcome(), outcome, "case {at}: {fault:?}");
    }
    assert!(ask(&link, "x", modern()).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_credential_along() {
    let thief = Play::of([Part::json(200, OK)]).await;
    let play = Play::of([
        Part::other(307, "text/plain", "").with("location", &thief.url),
        Part::json(200, OK),
    ])
    .await;
    let mut spec = address(&play.url);
    let secret = Secret::new("hush".to_owned());
    spec.transport = TransportSpec::Http(HttpSpec::new(&play.url, Some(secret), false).unwrap());
    let (link, _incoming) = open(&spec, Era::Modern).await;
    let fault = ask(&link, "x", modern()).await.unwrap_err();
    assert!(matches!(fault, LinkError::Status(307)), "{fault:?}");
    ask(&link, "x", modern()).await.unwrap().unwrap();
    assert!(thief.heard().is_empty());
    assert_eq!(play.heard()[1].header("authorization"), Some("Bearer hush"));
    assert!(!format!("{spec:?}").contains("hush"));
}

#[tokio::test]
async fn a_stream_that_ended_early_is_taken_up_where_it_ended() {
    let play = Play::with_gets(
        [Part::events("data:\nid: 0/0\nretry: 10\n\n")],
        [
            Part::other(503, "text/plain", "").with("x", "not yet"),
            Part::events(&format!(
                "id: 0/1\ndata: {}\n\n",
                r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#
            )),
        ],
    )
    .await;
    let (link, _incoming) = open(&address(&play.url), Era::Legacy).await;
    let fault = ask(&link, "x", json!({})).await.unwrap_err();
    // A plain refusal to take it up ends the call, whose outcome nobody knows.
    assert_eq!(fault.outcome(), Outcome::Unknown);

    let play = Play::with_gets(
        [Part::events("data:\nid: 0/0\nretry: 10\n\n")],
        [
            Part::events("id: 0/1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n"),
            Part::events("data: {\"jsonrpc\":\"2.0\",\"id\":\"not-this\",\"result\":{}}\n\n"),
        ],
    )
    .await;
    let (link, _incoming) = open(&address(&play.url), Era::Legacy).await;
    let events = all(link.send(request("x", json!({}))).await.unwrap()).await;
    assert!(
        matches!(
            &events[..],
            [
                Event::Resumable { retry_ms: Some(10) },
                Event::Parted,
                Event::Notification(_),
                Event::Parted,
                Event::Parted,
                Event::Failed(LinkError::Closed),
            ]
        ),
        "{events:?}"
    );
    let places: Vec<_> = play.heard()[1..]
        .iter()
        .map(|one| one.header("last-event-id").unwrap().to_owned())
        .collect();
    assert_eq!(places, ["0/0", "0/1", "0/1"]);
}

#[tokio::test]
async fn questions_and_news_come_on_the_stream_of_their_request_and_on_their_own() {
    let hello = r#"{"jsonrpc":"2.0","id":$id,"result":{"protocolVersion":"2025-11-25"}}"#;
    let news = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let question = r#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}"#;
    let play = Play::with_gets(
        [
            Part::json(200, hello).with("mcp-session-id", "s"),
            Part::other(202, "text/plain", ""),
            Part::events(&format!(
                ": hi\r\rdata: {question}\r\n\r\nevent: other\ndata: {question}\n\ndata: {OK}\n\n"
            )),
        ],
        [Part::events(&format!(
            "id: 1\ndata: {news}\n\nevent: message\ndata: {question}\n\n"
        ))
        .staying()],
    )
    .await;
    let (link, mut incoming) = open(&address(&play.url), Era::Legacy).await;
    ask(&link, "initialize", json!({})).await.unwrap().unwrap();
    link.notify("notifications/initialized", Map::new())
        .await
        .unwrap();
    let Some(Incoming::Notification(told)) = incoming.recv().await else {
        panic!("no news");
    };
    assert_eq!(told.method, "notifications/tools/list_changed");
    assert!(matches!(incoming.recv().await, Some(Incoming::Request(_))));
    let events = all(link.send(request("x", json!({}))).await.unwrap()).await;
    let [Event::Request(asked), Event::Response { .. }] = &events[..] else {
        panic!("{events:?}");
    };
    link.respond(asked.id.clone(), Ok(json!({"action": "decline"})))
        .await
        .unwrap();
    let heard = play.heard();
    assert_eq!(
        heard.last().unwrap().body,
        json!({"jsonrpc": "2.0", "id": 0, "result": {"action": "decline"}})
    );
    drop(link);
    until("the stream of its own is closed", || async {
        play.left() == 1
    })
    .await;
}

#[tokio::test]
async fn cancelling_is_told_in_the_legacy_era_and_closes_the_stream_in_the_modern_one() {
    let play = Play::of([Part::events(": open\n\n").staying()]).await;
    let (link, _incoming) = open(&address(&play.url), Era::Legacy).await;
    let exchange = link.send(request("x", json!({}))).await.unwrap();
    until("it was asked", || async { play.heard().len() == 1 }).await;
    exchange.cancel("enough");
    until("it was told", || async { play.heard().len() == 2 }).await;
    let heard = play.heard();
    assert_eq!(heard[1].body["method"], "notifications/cancelled");
    assert_eq!(heard[1].body["params"]["requestId"], heard[0].body["id"]);

    let play = Play::of([Part::events(": open\n\n").staying()]).await;
    let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
    let mut slow = request("x", modern());
    slow.within = Duration::from_millis(200);
    let fault = link.send(slow).await.unwrap().answer().await.unwrap_err();
    assert!(matches!(fault, LinkError::TimedOut), "{fault:?}");
    until("the stream is closed", || async { play.left() == 1 }).await;
    assert_eq!(play.heard().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_got_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (link, _incoming) = open(&address(&url), Era::Modern).await;
    let fault = ask(&link, "x", modern()).await.unwrap_err();
    assert!(matches!(fault, LinkError::Unreachable(_)), "{fault:?}");
    assert_eq!(fault.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
        ] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4_096];
            let _ = socket.read(&mut buffer).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let (link, _incoming) = open(&address(&url), Era::Modern).await;
    for _ in 0..2 {
        let fault = ask(&link, "x", modern()).await.unwrap_err();
        assert!(matches!(fault, LinkError::Broken(_)), "{fault:?}");
        assert_eq!(fault.outcome(), Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let large = Part::json(200, "").with("content-length", "99999999");
    let play = Play::of([large]).await;
    let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
    // The server cannot keep its word, so that the connection may break first; either way it ends.
    assert!(ask(&link, "x", modern()).await.is_err());
    let play = Play::of([Part::json(200, &"x".repeat(65 << 20))]).await;
    let (link, _incoming) = open(&address(&play.url), Era::Modern).await;
    let fault = ask(&link, "x", modern()).await.unwrap_err();
    assert!(matches!(fault, LinkError::TooLarge), "{fault:?}");
}

#[test]
fn an_address_that_could_lead_elsewhere_is_refused() {
    for url in [
        "http://example.com/mcp",
        "ftp://127.0.0.1/",
        "https://user@example.com/",
        "https://example.com/#x",
        "file:///etc/passwd",
        "https:",
        "",
    ] {
        assert!(HttpSpec::new(url, None, false).is_err(), "{url}");
    }
    for url in [
        "https://example.com/mcp",
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
    ] {
        assert!(HttpSpec::new(url, None, false).is_ok(), "{url}");
    }
    assert!(HttpSpec::new("http://tools.internal/", None, true).is_ok());
}
