//! The bearer token of a request.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// The bearer token, if the request has exactly one `Authorization` header of that scheme.
///
/// Two such headers are none: which of them counts would depend on the reader.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(AUTHORIZATION, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn one_bearer_header_gives_its_token() {
        assert_eq!(bearer(&headers(&["Bearer csk_1"])), Some("csk_1"));
        assert_eq!(bearer(&headers(&["bearer  csk_1 "])), Some("csk_1"));
    }

    #[test]
    fn anything_else_gives_none() {
        for values in [
            &[][..],
            &["Basic csk_1"],
            &["Bearer"],
            &["Bearer "],
            &["csk_1"],
            &["Bearer csk_1", "Bearer csk_2"],
        ] {
            assert_eq!(bearer(&headers(values)), None, "{values:?}");
        }
    }
}
