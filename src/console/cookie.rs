//! The one cookie of the console.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// The name of a visit that the request carries; none where it carries two.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
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

const NAME: &str = "countersign";
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
