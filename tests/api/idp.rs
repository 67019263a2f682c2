//! Identity providers on this machine: one of another implementation, and one that lies as it is told.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign::authn::oidc::{Mapping, Provider, ProviderSpec};
use countersign::model::name::GroupName;
use countersign::model::role::Role;
use countersign::model::secret::Secret;
use countersign::outbound;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::issuer::Signer;

/// What the guard is told of a provider: its groups `fin` and `sec` are mapped, others are not.
pub(crate) fn spec(issuer: &str) -> ProviderSpec {
    let group = |name: &str| GroupName::parse(name).unwrap();
    ProviderSpec {
        issuer: issuer.to_owned(),
        client: "guard".to_owned(),
        secret: Some(Secret::new("a secret: with + and %".to_owned())),
        scopes: vec!["groups".to_owned()],
        mapping: Mapping {
            claim: "groups".to_owned(),
            groups: vec![("fin".to_owned(), group("oncall"))],
            roles: vec![
                ("fin".to_owned(), Role::Approver),
                ("sec".to_owned(), Role::Admin),
            ],
        },
        allow_private: false,
        allow_loopback_http: true,
    }
}

/// The provider that `tests/provider/install` installed; it ends with the test.
pub(crate) struct RealProvider {
    pub(crate) issuer: String,
    client: reqwest::Client,
    _running: Child,
}

impl RealProvider {
    pub(crate) async fn start() -> Self {
        let kit = kit();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provider/provider.mjs");
        let mut running = Command::new(kit.join("node"))
            .arg(script)
            .arg(&kit)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        let port = tokio::time::timeout(Duration::from_secs(60), lines.next_line());
        let port = port.await.unwrap().unwrap().unwrap();
        Self {
            issuer: format!("http://127.0.0.1:{port}"),
            client: outbound::build(true).unwrap(),
            _running: running,
        }
    }

    pub(crate) async fn leads_back_to(&self, redirect: &str) {
        self.control("redirect", redirect.to_owned()).await;
    }

    pub(crate) async fn knows(&self, account: &str, groups: &[&str]) {
        let text = json!({ account: groups }).to_string();
        self.control("groups", text).await;
    }

    async fn control(&self, what: &str, text: String) {
        let request = self.client.post(format!("{}/control/{what}", self.issuer));
        let answer = request.body(text).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

fn kit() -> PathBuf {
    let beside_the_build = || {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
        build.unwrap().join("kit")
    };
    let kit = std::env::var_os("KIT").map_or_else(beside_the_build, PathBuf::from);
    let kit = kit.join("provider");
    assert!(
        kit.join("finished.json").is_file(),
        "there is no identity provider in {}: run `tests/run` once, or `tests/provider/install`",
        kit.display()
    );
    kit
}

/// A provider that answers what a test puts into its mouth.
#[derive(Clone)]
pub(crate) struct Liar {
    pub(crate) issuer: String,
    pub(crate) signer: Arc<Signer>,
    said: Arc<Mutex<Said>>,
}

#[derive(Default)]
struct Said {
    document: Value,
    token: (u16, Value),
    person: Value,
    asked: Vec<String>,
}

impl Liar {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let liar = Self {
            signer: Arc::new(Signer::new("one", "ES256")),
            said: Arc::default(),
            issuer: issuer.clone(),
        };
        liar.publishes(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/person"),
            "jwks_uri": format!("{issuer}/keys"),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/person", get(person))
            .with_state(liar.clone());
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        liar
    }

    pub(crate) fn provider(&self) -> Provider {
        Provider::new(spec(&self.issuer)).unwrap()
    }

    pub(crate) fn publishes(&self, document: Value) {
        self.said.lock().unwrap().document = document;
    }

    /// Answers codes so.
    pub(crate) fn gives(&self, status: u16, answer: Value) {
        self.said.lock().unwrap().token = (status, answer);
    }

    /// Says this of whoever has an access token.
    pub(crate) fn says(&self, person: Value) {
        self.said.lock().unwrap().person = person;
    }

    /// The forms that codes came with.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.said.lock().unwrap().asked.clone()
    }
}

async fn document(State(liar): State<Liar>) -> Json<Value> {
    Json(liar.said.lock().unwrap().document.clone())
}

async fn keys(State(liar): State<Liar>) -> Json<Value> {
    Json(json!({"keys": [liar.signer.jwk()]}))
}

async fn token(State(liar): State<Liar>, form: String) -> (axum::http::StatusCode, Json<Value>) {
    let mut said = liar.said.lock().unwrap();
    said.asked.push(form);
    let (status, answer) = said.token.clone();
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, Json(answer))
}

async fn person(State(liar): State<Liar>) -> Json<Value> {
    Json(liar.said.lock().unwrap().person.clone())
}
