//! The cookies of the console: one names a visit, one finds the way back from an identity provider.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::limits::JOURNEY_LIFE;

/// The name of a visit that the request carries; none where it carries two.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    only(headers, NAME)
}

/// What the browser keeps while somebody is at their identity provider.
pub(super) fn read_pass(headers: &HeaderMap) -> Option<&str> {
    only(headers, PASS)
}

fn only<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

/// Gives the browser the name of its visit, for as long as it stays open; over TLS only where the pages
/// come over it.
pub(super) fn give(name: &str, over_tls: bool) -> Option<HeaderValue> {
    let secure = if over_tls { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{NAME}={name}; {ATTRIBUTES}{secure}")).ok()
}

/// Takes it back.
pub(super) fn take() -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{NAME}=; Max-Age=0; {ATTRIBUTES}")).ok()
}

/// Gives the browser what it needs to come back from an identity provider.
pub(super) fn give_pass(pass: &str, over_tls: bool) -> Option<HeaderValue> {
    let secure = if over_tls { "; Secure" } else { "" };
    let life = JOURNEY_LIFE.as_secs();
    let text = format!("{PASS}={pass}; Max-Age={life}; {PASS_ATTRIBUTES}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Takes that back.
pub(super) fn take_pass() -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{PASS}=; Max-Age=0; {PASS_ATTRIBUTES}")).ok()
}

const NAME: &str = "countersign";
const PASS: &str = "countersign-way";
/// Lax: it must come along when the provider sends the browser back. It names no visit.
const PASS_ATTRIBUTES: &str = "Path=/sign-in/account; HttpOnly; SameSite=Lax";
/// Without `Secure`: the listener may speak plain HTTP on loopback, where some browsers would drop it.
const ATTRIBUTES: &str = "Path=/; HttpOnly; SameSite=Strict";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(COOKIE, line.parse().unwrap());
        }
        map
    }

    #[test]
    fn one_cookie_is_read_and_two_are_none() {
        assert_eq!(read(&headers(&["a=b; countersign=x"])), Some("x"));
        assert_eq!(read(&headers(&["countersign=x; countersign=y"])), None);
        assert_eq!(read(&headers(&["countersign=x", "countersign=y"])), None);
        assert_eq!(read(&headers(&["countersignature=x"])), None);
    }
}
