//! The operators' listener as commands see it: one address, one token, JSON both ways.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::failure::Failure;
use super::owner::notice::Notice;
use super::place::{Place, read_text};
use crate::limits::{SECRET_FILE_BYTES, UPSTREAM_MESSAGE_BYTES};
use crate::model::json;
use crate::model::secret::Secret;
use crate::model::text::escape;
use crate::outbound;

/// How the operators' listener is reached.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct OperatorArgs {
    /// The operators' listener [default: $COUNTERSIGN_URL, else the one that owns the directory]
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// A file with the operator's token [default: $COUNTERSIGN_TOKEN, else operator.token in the
    /// guard's directory]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// The file in the guard's directory that `operators add --save` writes.
pub(super) const TOKEN_FILE: &str = "operator.token";

/// A connection to the operators' listener.
pub(super) struct Operators {
    client: reqwest::Client,
    url: String,
    token: Secret<String>,
}

/// An answer that is not a refusal.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) etag: Option<HeaderValue>,
    pub(super) body: Value,
}

impl OperatorArgs {
    /// Finds address and token; says nothing to the listener yet.
    pub(super) fn open(&self) -> Result<Operators, Failure> {
        Operators::at(&self.url()?, self.token()?)
    }

    fn url(&self) -> Result<String, Failure> {
        if let Some(url) = self.url.clone().or_else(|| variable("COUNTERSIGN_URL")) {
            return Ok(url);
        }
        let data = self.place.data()?;
        match Notice::read(&data) {
            Some(notice) => Ok(format!("http://{}", notice.operators)),
            None => Err(Failure::Refused(format!(
                "no guard owns {}; start one with `countersign serve`, or name its listener with --url",
                data.display()
            ))),
        }
    }

    fn token(&self) -> Result<Secret<String>, Failure> {
        let text = match (&self.token_file, variable("COUNTERSIGN_TOKEN")) {
            (Some(path), _) => read_text(path, SECRET_FILE_BYTES as usize)?,
            (None, Some(token)) => token,
            (None, None) => {
                let path = self.place.data()?.join(TOKEN_FILE);
                read_text(&path, SECRET_FILE_BYTES as usize).map_err(|_| {
                    Failure::NeedsInput(
                        "no operator's token; name one with --token-file or COUNTERSIGN_TOKEN, or make one: \
                         countersign operators add NAME --group GROUP --save"
                            .to_owned(),
                    )
                })?
            }
        };
        Ok(Secret::new(text.trim().to_owned()))
    }
}

impl Operators {
    /// A listener at `url`, with one operator's token; says nothing to it yet.
    pub(super) fn at(url: &str, token: Secret<String>) -> Result<Self, Failure> {
        Ok(Self {
            client: outbound::build(true).map_err(|error| Failure::because(&error))?,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Reads.
    pub(super) async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Reads, with more headers.
    pub(super) async fn get_with(
        &self,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Reply, Failure> {
        self.send(Method::GET, path, None, headers).await
    }

    /// Changes something.
    pub(super) async fn post(
        &self,
        path: &str,
        body: Option<&Value>,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Reply, Failure> {
        self.send(Method::POST, path, body, headers).await
    }

    /// Takes something back.
    pub(super) async fn delete(
        &self,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Reply, Failure> {
        self.send(Method::DELETE, path, None, headers).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Reply, Failure> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .timeout(ANSWER_LONGEST)
            .header(AUTHORIZATION, format!("Bearer {}", self.token.reveal()));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let unreached = |error: reqwest::Error| {
            Failure::Unreached(format!("{} cannot be reached: {}", self.url, root(&error)))
        };
        let mut response = request.send().await.map_err(unreached)?;
        let status = response.status();
        let etag = response.headers().get(ETAG).cloned();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreached)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > UPSTREAM_MESSAGE_BYTES {
                return Err(Failure::Refused("the answer is too large".to_owned()));
            }
        }
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => json::parse(&bytes)
                .map_err(|fault| Failure::Refused(format!("the answer is not JSON: {fault}")))?,
        };
        match status.is_success() || status == StatusCode::NOT_MODIFIED {
            true => Ok(Reply { status, etag, body }),
            false => Err(refusal(status, &body)),
        }
    }
}

/// A field of a document as text; empty where it is absent or null.
pub(super) fn field<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list of a document; empty where it is absent.
pub(super) fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body.get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn refusal(status: StatusCode, problem: &Value) -> Failure {
    let mut text = match field(problem, "title") {
        "" => format!("the guard answered {status}"),
        title => escape(title),
    };
    for name in ["detail", "remedy"] {
        let words = field(problem, name);
        if !words.is_empty() {
            text.push(' ');
            text.push_str(&escape(words));
        }
    }
    let code = field(problem, "code");
    if !code.is_empty() {
        text.push_str(&format!(" ({})", escape(code)));
    }
    match status {
        StatusCode::NOT_FOUND => Failure::Missing(text),
        // A passkey is no matter for a terminal.
        StatusCode::UNAUTHORIZED if code == "user-unverified" => {
            let page = field(problem, "console");
            Failure::NeedsInput(match page.is_empty() {
                true => text,
                false => format!("{text} Decide it here: {}", escape(page)),
            })
        }
        // A guard that stops, or whose store does not answer, may be there again.
        _ if status.is_server_error() => Failure::Unreached(text),
        // What it says to do is done by a person.
        StatusCode::UNAUTHORIZED if matches!(code, "token-unconfirmed" | "rights-unread") => {
            Failure::NeedsInput(text)
        }
        _ => Failure::Refused(text),
    }
}

fn root(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Longer than the longest wait that the listener grants.
const ANSWER_LONGEST: Duration = Duration::from_secs(330);
