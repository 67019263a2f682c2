//! A channel that sends plain mail: over TLS, except to this very machine.

use std::net::{IpAddr, SocketAddr};

use data_encoding::BASE64_MIME;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use url::Host;

use super::Answer;
use super::message::Message;
use crate::limits::UPSTREAM_CONNECT_TIMEOUT;
use crate::model::digest::{Digest, Fields};
use crate::model::secret::Secret;
use crate::model::time::Timestamp;
use crate::outbound;

/// How a connection to a mail server is kept private.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailTls {
    /// It begins in plain text and must change over before anything is said.
    StartTls,
    /// It is private from the begin.
    Implicit,
    /// It is not: for a server on this very machine.
    None,
}

/// Where mail goes, and how.
#[derive(Clone)]
pub struct Mail {
    /// The host of the mail server: a name, or an address.
    host: Host,
    port: u16,
    tls: Option<TlsParameters>,
    is_implicit: bool,
    from: Address,
    to: Vec<Address>,
    credentials: Option<Credentials>,
    allow_private: bool,
}

/// Why a mail channel is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server's name is none.
    #[error("not the name or address of a mail server")]
    Server,
    /// The server is not a public one.
    #[error("the mail server is not public; write `allow_private: true` where that is meant")]
    Private,
    /// Mail would cross the network in plain text.
    #[error("`tls: none` is for a mail server on this very machine")]
    Plain,
    /// An address of a person is none.
    #[error("{0:?} is not a mail address such as `ops@example.com`")]
    Address(String),
    /// The certificate that it is to be trusted by cannot be used.
    #[error("TLS cannot be set up with this certificate")]
    Tls(#[source] lettre::transport::smtp::Error),
}

impl Mail {
    /// Checks server and addresses. The server must be public, unless `allow_private`; `root` is a
    /// certificate that is trusted besides those of the system, in PEM.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn new(
        server: &str,
        port: u16,
        tls: MailTls,
        root: Option<&[u8]>,
        allow_private: bool,
    ) -> Result<Self, MailError> {
        let host = Host::parse(server).map_err(|_| MailError::Server)?;
        let (is_local, is_public) = match &host {
            Host::Domain(name) => (name == "localhost", name != "localhost"),
            Host::Ipv4(ip) => (ip.is_loopback(), outbound::is_public((*ip).into())),
            Host::Ipv6(ip) => (ip.is_loopback(), outbound::is_public((*ip).into())),
        };
        if !is_public && !allow_private {
            return Err(MailError::Private);
        }
        let parameters = match tls {
            MailTls::None if !is_local => return Err(MailError::Plain),
            MailTls::None => None,
            MailTls::StartTls | MailTls::Implicit => {
                Some(trust(&host, root).map_err(MailError::Tls)?)
            }
        };
        Ok(Self {
            host,
            port,
            tls: parameters,
            is_implicit: tls == MailTls::Implicit,
            from: address("countersign@localhost")?,
            to: Vec::new(),
            credentials: None,
            allow_private,
        })
    }

    /// Whose mail it is, and to whom it goes.
    ///
    /// # Errors
    /// [`MailError::Address`].
    pub fn between(mut self, from: &str, to: &[String]) -> Result<Self, MailError> {
        self.from = address(from)?;
        self.to = to.iter().map(|to| address(to)).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// What the guard proves itself to the server with.
    #[must_use]
    pub fn by(mut self, user: String, password: &Secret<String>) -> Self {
        self.credentials = Some(Credentials::new(user, password.reveal().clone()));
        self
    }

    pub(super) fn address(&self) -> Digest {
        let fields = Fields::new("countersign.mail.v1")
            .field(self.host.to_string().as_bytes())
            .field(&self.port.to_be_bytes());
        let to = self.to.iter().map(ToString::to_string);
        to.fold(fields, |all, to| all.field(to.as_bytes())).digest()
    }

    pub(super) async fn send(&self, message: &Message, now: Timestamp) -> Answer {
        match self.deliver(message, now).await {
            Ok(said) => Answer::Taken(said),
            Err(fault) => Answer::Failed {
                fault: fault.word,
                pause: None,
                said: fault.said,
            },
        }
    }

    async fn deliver(&self, message: &Message, now: Timestamp) -> Result<String, Undelivered> {
        let envelope = Envelope::new(Some(self.from.clone()), self.to.clone());
        let envelope = envelope.map_err(|_| Undelivered::of("nobody is written to"))?;
        let letter = self.letter(message, now);
        let mut connection = self.connect().await?;
        if let Some(credentials) = &self.credentials {
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], credentials)
                .await
                .map_err(|fault| Undelivered::said(&fault, "the mail server refused the guard"))?;
        }
        let taken = connection.send(&envelope, letter.as_bytes()).await;
        let taken =
            taken.map_err(|fault| Undelivered::said(&fault, "the mail server refused the mail"))?;
        let said: Vec<&str> = taken.message().collect();
        let said = format!("{} {}", taken.code(), said.join(" "));
        // It is taken; that the server does not say goodbye changes nothing.
        let _ = connection.quit().await;
        Ok(said)
    }

    /// A connection to an address that was looked at, private before anything is said on it.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Undelivered> {
        let implicit = self.tls.clone().filter(|_| self.is_implicit);
        let hello = ClientId::default();
        let within = Some(UPSTREAM_CONNECT_TIMEOUT);
        let mut last = Undelivered::of("the name resolves to no public address");
        for address in self.addresses().await? {
            let connected = AsyncSmtpConnection::connect_tokio1(
                address,
                within,
                &hello,
                implicit.clone(),
                None,
            );
            let mut connection = match connected.await {
                Ok(connection) => connection,
                Err(fault) => {
                    last = Undelivered::said(&fault, "the mail server could not be reached");
                    continue;
                }
            };
            if let Some(tls) = self.tls.clone().filter(|_| !self.is_implicit) {
                if !connection.can_starttls() {
                    return Err(Undelivered::of("the mail server offers no STARTTLS"));
                }
                connection.starttls(tls, &hello).await.map_err(|fault| {
                    Undelivered::said(&fault, "the connection could not be made private")
                })?;
            }
            return Ok(connection);
        }
        Err(last)
    }

    /// The addresses that may be dialled; looked up once, so that a name cannot change its mind.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, Undelivered> {
        let found: Vec<SocketAddr> = match &self.host {
            Host::Ipv4(ip) => vec![(IpAddr::from(*ip), self.port).into()],
            Host::Ipv6(ip) => vec![(IpAddr::from(*ip), self.port).into()],
            Host::Domain(name) => tokio::net::lookup_host((name.as_str(), self.port))
                .await
                .map_err(|_| Undelivered::of("the mail server has no address"))?
                .collect(),
        };
        let is_allowed =
            |address: &SocketAddr| self.allow_private || outbound::is_public(address.ip());
        Ok(found.into_iter().filter(is_allowed).collect())
    }

    /// The mail as it is sent. Its head has nothing but words of the guard and of the configuration.
    fn letter(&self, message: &Message, now: Timestamp) -> String {
        let to: Vec<String> = self.to.iter().map(|to| format!("<{to}>")).collect();
        let head = [
            ("Date", now.mail()),
            ("From", format!("<{}>", self.from)),
            // One a line, since lines of a head are bounded.
            ("To", to.join(",\r\n ")),
            ("Subject", format!("Countersign: {}", message.title())),
            (
                "Message-ID",
                format!("<{}@{}>", message.id, self.from.domain()),
            ),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ];
        let mut letter = String::new();
        for (name, value) in head {
            letter.push_str(&format!("{name}: {value}\r\n"));
        }
        letter.push_str("\r\n");
        letter.push_str(&BASE64_MIME.encode(text(message).as_bytes()));
        letter
    }
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What was the matter, in the guard's words and in the server's.
struct Undelivered {
    word: String,
    said: String,
}

impl Undelivered {
    fn of(word: &str) -> Self {
        Self {
            word: word.to_owned(),
            said: String::new(),
        }
    }

    fn said(fault: &lettre::transport::smtp::Error, word: &str) -> Self {
        let code = fault.status();
        Self {
            word: code.map_or_else(|| word.to_owned(), |code| format!("{word}: {code}")),
            said: fault.to_string(),
        }
    }
}

fn trust(
    host: &Host,
    root: Option<&[u8]>,
) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let domain = match host {
        // Certificates name addresses without brackets.
        Host::Ipv6(ip) => ip.to_string(),
        other => other.to_string(),
    };
    let parameters = TlsParameters::builder(domain).certificate_store(CertificateStore::Default);
    match root {
        Some(pem) => parameters.add_root_certificate(Certificate::from_pem(pem)?),
        None => parameters,
    }
    .build()
}

/// An address in its plain form, without a name before it.
fn address(text: &str) -> Result<Address, MailError> {
    let refused = || MailError::Address(text.to_owned());
    let address: Address = text.parse().map_err(|_| refused())?;
    match text.is_ascii() {
        true => Ok(address),
        false => Err(refused()),
    }
}

fn text(message: &Message) -> String {
    let mut lines = vec![message.title(), String::new()];
    for request in &message.requests {
        lines.extend([
            request.sentence.clone(),
            request.facts(message.kind),
            request.url.clone(),
            String::new(),
        ]);
    }
    if message.more > 0 {
        lines.extend([format!("and {} more", message.more), String::new()]);
    }
    lines.push("Nothing can be decided by mail: open the request and sign in.".to_owned());
    lines.join("\r\n")
}
