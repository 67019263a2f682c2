//! Who gets in: requests for an address of ours, from no foreign page.

use axum::http::{HeaderMap, StatusCode, header};
use url::{Host, Url};

use crate::model::reason::Reason;

/// The names under which agents reach the guard. A page of another name that a browser shows cannot
/// call it, whatever address that name resolves to.
#[derive(Clone, Debug)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The names of this machine for itself, and `others`.
    #[must_use]
    pub fn new(others: impl IntoIterator<Item = String>) -> Self {
        let local = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        Self(local.into_iter().chain(others).collect())
    }

    /// Whether a request is for one of these names, and comes from no page of another.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let is_ours = host.is_some_and(|host| self.has(&format!("http://{host}/")));
        let origins = headers.get_all(header::ORIGIN).iter();
        is_ours
            && origins
                .map(|origin| origin.to_str())
                .all(|origin| origin.is_ok_and(|origin| self.has(origin)))
    }

    fn has(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let name = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => format!("[{address}]"),
            None => return false,
        };
        self.0.contains(&name)
    }
}

/// The HTTP status of a refusal at the door.
#[must_use]
pub(super) fn status(reason: Reason) -> StatusCode {
    StatusCode::from_u16(reason.row().status).unwrap_or(StatusCode::UNAUTHORIZED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        Hosts::new(["guard.example".to_owned()]).admit(&headers)
    }

    #[test]
    fn only_our_own_names_get_in_and_only_our_own_pages() {
        assert!(admits(&[("host", "127.0.0.1:8080")]));
        assert!(admits(&[
            ("host", "localhost"),
            ("origin", "http://localhost:3000")
        ]));
        assert!(admits(&[
            ("host", "[::1]:1"),
            ("origin", "https://guard.example")
        ]));
        assert!(!admits(&[]));
        assert!(!admits(&[("host", "evil.example")]));
        assert!(!admits(&[("host", "localhost.evil.example")]));
        assert!(!admits(&[
            ("host", "localhost"),
            ("origin", "http://evil.example")
        ]));
        assert!(!admits(&[("host", "localhost"), ("origin", "null")]));
        assert!(!admits(&[
            ("host", "localhost"),
            ("origin", "http://localhost"),
            ("origin", "http://evil.example")
        ]));
    }
}
