//! Where people reach the console, which is what their passkeys are made for.

use url::Url;

use crate::model::passkey::Party;

/// The console's own address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doorway {
    origin: String,
    host: String,
    /// Whether a token opens the console too.
    pub takes_tokens: bool,
    /// Whether nothing above `write` is approved without a passkey, also by whoever has none.
    pub is_strict: bool,
}

/// Why an address is none for a console.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}")]
pub struct DoorwayFault {
    /// What is wrong.
    pub what: &'static str,
    /// What to write instead.
    pub remedy: &'static str,
}

impl Doorway {
    /// From an origin such as `https://guard.example.com`; it takes tokens, and is not strict.
    ///
    /// # Errors
    /// When passkeys could not be made for it.
    pub fn parse(origin: &str) -> Result<Self, DoorwayFault> {
        let fault = |what, remedy| DoorwayFault { what, remedy };
        let not_one = || {
            let remedy = "write scheme, name and port, for example `https://guard.example.com`";
            fault("not the origin of a page", remedy)
        };
        let url = Url::parse(origin).map_err(|_| not_one())?;
        if url.origin().ascii_serialization() != origin.trim_end_matches('/') {
            return Err(not_one());
        }
        let Some(host) = url.domain() else {
            return Err(fault(
                "no passkey can be made for an address without a name",
                "write `http://localhost:PORT`, or a name with https",
            ));
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && host == "localhost") {
            return Err(fault(
                "browsers keep passkeys from pages that are not secure",
                "write `https://`, or `http://localhost:PORT` on the guard's own machine",
            ));
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            host: host.to_owned(),
            takes_tokens: true,
            is_strict: false,
        })
    }

    /// The origin of its pages.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether its pages come over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The host that passkeys are made for.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where answers must come from.
    #[must_use]
    pub fn party(&self) -> Party<'_> {
        Party {
            host: &self.host,
            origin: Some(&self.origin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_name_or_security_is_refused_with_its_remedy() {
        for origin in [
            "http://localhost:7441",
            "https://guard.example.com",
            "https://guard.example.com:8443",
        ] {
            assert_eq!(Doorway::parse(origin).unwrap().origin(), origin);
        }
        for (origin, remedy) in [
            ("http://127.0.0.1:7441", "localhost"),
            ("https://[::1]:7441", "localhost"),
            ("http://guard.example.com", "https://"),
            ("https://guard.example.com/console", "scheme, name and port"),
            ("https://user@guard.example.com", "scheme, name and port"),
            ("guard.example.com", "scheme, name and port"),
        ] {
            let fault = Doorway::parse(origin).unwrap_err();
            assert!(fault.remedy.contains(remedy), "{origin}: {fault:?}");
        }
    }
}
