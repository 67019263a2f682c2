//! Words of agents, servers and approvers that try to look like something else, on every surface where a
//! person or a model reads them.

use std::collections::BTreeMap;

use countersign::model::json::is_deceptive;
use countersign::outbound;
use serde_json::{Value, json};

use super::house::{House, MANIFEST};
use super::receivers::{Receiver, SECRET};

/// Texts that would deceive a reader who saw them as they are, each with a name that nothing changes.
fn corpus() -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("spoof-ansi", "\u{1b}[2J\u{1b}[32mapproved".to_owned()),
        ("spoof-c1", "\u{9b}31m\u{85}x\u{90}".to_owned()),
        ("spoof-del", "safe\u{7f}\u{8}\u{8}\u{8}evil".to_owned()),
        (
            "spoof-line",
            "ok\u{2028}approved by alice\u{2029}x".to_owned(),
        ),
        ("spoof-bidi", "\u{202e}gpj.exe\u{2066}x\u{200f}".to_owned()),
        (
            "spoof-invisible",
            "pay\u{200b}\u{2060}\u{feff}\u{ad}pal".to_owned(),
        ),
        (
            "spoof-tag",
            "\u{e0049}\u{e0067}\u{e006e}x\u{fe0f}".to_owned(),
        ),
        ("spoof-script", "p\u{430}yp\u{430}l".to_owned()),
        ("spoof-marks", format!("z{}", "\u{336}\u{30d}".repeat(40))),
        ("spoof-break", "x\n2026-01-01 INFO approved\r\ty".to_owned()),
        ("spoof-escape", "\\u{202e} is no escape".to_owned()),
    ])
}

/// One text with everything.
fn all() -> String {
    let words = corpus()
        .into_iter()
        .map(|(name, text)| format!("{name} {text}"));
    words.collect::<Vec<_>>().join(" ")
}

/// Whether nothing in a text deceives: of controls it has only the line ends that its surface needs.
#[track_caller]
fn is_honest(surface: &str, text: &str) {
    for line in text.split('\n') {
        if let Some(found) = line.chars().find(|c| is_deceptive(*c)) {
            panic!("{surface} shows {found:?}: {line:?}");
        }
        let marks = [
            "\u{336}\u{30d}\u{336}\u{30d}\u{336}",
            "\u{30d}\u{336}\u{30d}\u{336}\u{30d}",
        ];
        assert!(
            !marks.iter().any(|flood| line.contains(flood)),
            "{surface}: a flood of marks"
        );
        assert!(
            !line.contains("p\u{430}yp"),
            "{surface}: scripts are mixed: {line:?}"
        );
        assert!(
            !line.starts_with("2026-01-01 INFO approved"),
            "{surface}: a forged line"
        );
    }
}

/// A house in whose record, inbox and log every word is foreign.
struct Stage {
    house: House,
    key: String,
    approval: String,
    serving: super::house::Serving,
    told: Vec<String>,
    /// Whoever is told what waits: by a webhook, in a chat, by mail.
    receivers: [Receiver; 3],
}

impl Stage {
    fn new() -> Self {
        let house = House::new();
        let texts: Vec<String> = corpus()
            .iter()
            .map(|(name, text)| format!("{name} {text}"))
            .collect();
        house.write("corpus.json", &json!(texts).to_string());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/impostor.py");
        let corpus = house.path("corpus.json");
        let command = json!(["python3", script, corpus]);
        let receivers = [
            Receiver::of_webhooks(),
            Receiver::of_webhooks(),
            Receiver::of_mail("none", "", ""),
        ];
        let [hook, chat, post] = receivers.each_ref().map(Receiver::port);
        house.write("secret", SECRET);
        house.write(
            "countersign.yaml",
            &format!(
                "version: 1\nlisten: {{agents: '127.0.0.1:0', operators: '127.0.0.1:0'}}\npin: first_use\n\
                 upstreams:\n  till: {{command: {command}}}\nnotify:\n\
                 - {{name: hook, webhook: {{url: 'http://127.0.0.1:{hook}', secret: {{file: secret}}, allow_private: true}}}}\n\
                 - {{name: chat, webhook: {{url: 'http://127.0.0.1:{chat}', allow_private: true}}, shape: slack}}\n\
                 - {{name: post, mail: {{server: localhost, port: {post}, tls: none, from: 'g@example.com', \
                 to: ['a@example.com'], allow_private: true}}}}\n"
            ),
        );
        let break_too = "  - tool: till/break\n    privilege: read\nundeclared";
        house.write(
            "scopes/clerk.yaml",
            &MANIFEST.replace("undeclared", break_too),
        );
        house.operator();
        let key = house.key();
        let serving = house.serve_logging("debug");
        let mut stage = Self {
            house,
            key,
            approval: String::new(),
            serving,
            told: Vec::new(),
            receivers,
        };
        stage.play();
        stage
    }

    /// Has everybody say everything everywhere.
    fn play(&mut self) {
        let hostile = all();
        let held = self.ask(
            "till/pay",
            json!({"amount": 1200, "memo": hostile, "note": "<!channel> https://evil.example", "nested": {"list": [hostile]}}),
        );
        self.approval = held.1["approval_id"].as_str().unwrap().to_owned();
        let refused = self.ask("till/pay", json!({"amount": 1300, "memo": "x"}));
        let id = refused.1["approval_id"].as_str().unwrap().to_owned();
        self.house.ends(
            0,
            &[
                "approvals",
                "deny",
                &id,
                "--message",
                &hostile.replace('\0', ""),
            ],
        );
        self.ask("till/pay", json!({"amount": 1300, "memo": "x"}));
        self.ask("till/break", json!({}));
        // What the tool itself answered passes as it came: the agent asked for it.
        self.told.pop();
        self.ask(&format!("till/{hostile}"), json!({}));
        self.ask(&hostile, json!({}));
        self.post("/v1/sessions", json!({"label": hostile}));
        self.post("/v1/sessions", json!({hostile.as_str(): 1}));
        let call = json!({"name": "pay", "arguments": {"amount": 1300, "memo": "x"}});
        self.mcp("tools/call", call);
        self.mcp("tools/call", json!({"name": hostile, "arguments": {}}));
        self.mcp("resources/read", json!({"uri": hostile}));
        self.mcp("prompts/get", json!({"name": hostile}));
        self.mcp(&corpus()["spoof-bidi"], json!({}));
    }

    fn ask(&mut self, tool: &str, arguments: Value) -> (u16, Value) {
        let context = json!({"task": all()});
        let body =
            json!({"mode": "proxy", "tool": tool, "arguments": arguments, "context": context});
        self.post("/v1/calls", body)
    }

    fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}{path}", self.house.agents_url());
        let (status, text) = send(
            client(),
            reqwest::Method::POST,
            &url,
            &self.key,
            Some(&body),
            &[],
        );
        let answer = serde_json::from_str(&text).unwrap();
        self.told.push(text);
        (status, answer)
    }

    /// Asks in the newer generation; keeps the guard's own words, not those of the tool.
    fn mcp(&mut self, method: &str, mut params: Value) {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let name = ["name", "uri"]
            .iter()
            .find_map(|member| params[member].as_str().map(str::to_owned));
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let url = format!("{}/mcp/till", self.house.agents_url());
        let mut headers = vec![
            ("mcp-protocol-version", "2026-07-28".to_owned()),
            ("mcp-method", wrapped(method)),
        ];
        headers.extend(name.map(|name| ("mcp-name", wrapped(&name))));
        let (_, text) = send(
            client(),
            reqwest::Method::POST,
            &url,
            &self.key,
            Some(&body),
            &headers,
        );
        let data = text
            .lines()
            .find_map(|line| line.strip_prefix("data:"))
            .unwrap_or(&text);
        let answer: Value = serde_json::from_str(data).unwrap();
        for said in [
            &answer["result"]["content"][0]["text"],
            &answer["error"]["message"],
        ] {
            self.told.extend(said.as_str().map(str::to_owned));
        }
    }
}

/// Where foreign words come to be read, by the command that shows them. A new command goes here.
const COMMANDS: &[&[&str]] = &[
    &["approvals", "ls"],
    &["approvals", "ls", "--all"],
    &["approvals", "show", "APPROVAL"],
    &["agents", "ls"],
    &["agents", "show", "clerk"],
    &["doctor"],
    &["sessions", "ls"],
    &["grants", "ls"],
    &["operators", "ls"],
    &["operators", "tokens", "ls"],
    &["operators", "export"],
    &["peps", "ls"],
    &["pin", "ls"],
    &["pin", "diff"],
    &["notify", "ls"],
    &["audit", "tail"],
    &["audit", "verify"],
];

/// The documents of the operators' listener. A new one goes here.
const DOCUMENTS: &[&str] = &[
    "/v1/approvals?state=all",
    "/v1/approvals/APPROVAL",
    "/v1/agents",
    "/v1/sessions",
    "/v1/grants",
    "/v1/operators",
    "/v1/channels",
    "/v1/pins",
    "/v1/pins/diff?server=till&kind=tool&name=look",
    "/v1/scopes",
    "/v1/audit/entries",
    "/v1/agents/clerk",
    "/metrics",
    "/v1/nowhere/%E2%80%AE",
];

/// The pages of the console. A new one goes here.
const PAGES: &[&str] = &[
    "/",
    "/?state=all",
    "/requests/APPROVAL",
    "/agents",
    "/sessions/SESSION",
    "/grants",
    "/decisions",
    "/decisions?q=spoof-ansi",
    // As a table; as lines it is the record's own, exact, so that it can be verified.
    "/decisions/export?as=csv",
    "/scopes",
    "/tools",
    "/channels",
    "/tools/diff?server=till&kind=tool&name=look",
    "/people",
    "/me",
];

#[test]
fn every_surface_escapes_the_spoofing_corpus() {
    let stage = Stage::new();
    let sessions = stage.house.json(&["sessions", "ls"]);
    let session = sessions["sessions"][0]["id"].as_str().unwrap();
    let fill = |text: &str| {
        text.replace("APPROVAL", &stage.approval)
            .replace("SESSION", session)
    };
    let mut seen = String::new();
    for words in COMMANDS {
        let words: Vec<String> = words.iter().map(|word| fill(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for json in [&[][..], &["--json"]] {
            // The record's own lines are exact, so that they can be verified.
            if words == ["audit", "tail"] && !json.is_empty() {
                continue;
            }
            let output = stage.house.run(&[&words, json].concat());
            let (out, err) = (
                super::house::text(&output.stdout),
                super::house::text(&output.stderr),
            );
            is_honest(&format!("{words:?} {json:?}"), &format!("{out}{err}"));
            seen.push_str(&out);
        }
    }
    let token = std::fs::read_to_string(stage.house.path("data/operator.token")).unwrap();
    for path in DOCUMENTS {
        let url = format!("{}{}", stage.house.operators_url(), fill(path));
        let (_, text) = send(
            client(),
            reqwest::Method::GET,
            &url,
            token.trim(),
            None,
            &[],
        );
        is_honest(path, &text);
        seen.push_str(&text);
    }
    let mut drawn = 0;
    let cookie = signed_in(&stage.house.operators_url(), token.trim());
    for path in PAGES {
        let url = format!("{}{}", stage.house.operators_url(), fill(path));
        let (status, text) = get_page(&url, &cookie);
        assert_eq!(status, 200, "{path}");
        let text = text.replace("\r\n", "\n");
        is_honest(path, &text);
        drawn += text.matches("<svg").count();
        seen.push_str(&text);
    }
    assert!(drawn > 2, "no page has a picture whose words could deceive");
    for told in &stage.told {
        is_honest("what an agent is told", told);
        seen.push_str(told);
    }
    let [hook, chat, post] = &stage.receivers;
    for (surface, receiver, part) in [
        ("a webhook", hook, "body"),
        ("a chat", chat, "body"),
        ("a mail", post, "text"),
        ("the head of a mail", post, "head"),
    ] {
        for received in receiver.receives(1) {
            let said = match &received[part] {
                Value::String(text) => text.replace("\r\n", "\n"),
                other => other.to_string(),
            };
            is_honest(surface, &said);
            let has_foreign = said.contains("spoof-ansi");
            assert_eq!(has_foreign, part != "head", "{surface}: {said}");
            // Nothing of it leads anywhere, or calls anybody.
            for link in ["https://evil", "evil.example", "<!channel"] {
                let is_left = said.contains(link) && part != "head";
                let is_data =
                    surface == "a webhook" || (surface == "a mail" && link == "<!channel");
                assert_eq!(is_left, is_data, "{surface}: {link}: {said}");
            }
            seen.push_str(&said);
        }
    }
    assert_eq!(stage.serving.stop(), Some(0));
    let log = std::fs::read_to_string(stage.house.path("serve.log")).unwrap();
    is_honest("the log", &log);
    // They were shown, spelt out: no surface is honest because it is silent.
    for name in corpus().keys() {
        assert!(log.contains(name), "the log has no {name}");
        assert!(seen.matches(name).count() > 5, "{name} was hardly shown");
    }
}

fn client() -> reqwest::Client {
    outbound::build(true).unwrap()
}

/// One request, with a body perhaps, and headers; status and body.
fn send(
    client: reqwest::Client,
    method: reqwest::Method,
    url: &str,
    bearer: &str,
    body: Option<&Value>,
    headers: &[(&str, String)],
) -> (u16, String) {
    on_one_thread(async {
        let mut request = client.request(method, url).bearer_auth(bearer);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream")
                .body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

/// The cookie of a visit to the console.
fn signed_in(url: &str, token: &str) -> String {
    on_one_thread(async {
        let form = client()
            .post(format!("{url}/sign-in"))
            .header("origin", url);
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let response = form.body(format!("token={token}")).send().await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    })
}

fn get_page(url: &str, cookie: &str) -> (u16, String) {
    on_one_thread(async {
        let request = client().get(url).header("cookie", cookie);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

fn on_one_thread<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(task)
}

/// A text as a header can carry it.
fn wrapped(text: &str) -> String {
    countersign::mcp::mirror::encode(text)
}
