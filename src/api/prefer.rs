//! How long a caller is willing to wait: `Prefer: wait=N` of RFC 7240.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::limits::WAIT_LONGEST;

/// The wait that a request asks for, no longer than [`WAIT_LONGEST`]; none where it asks for none.
///
/// RFC 7240, 2: a preference that is not understood is ignored, and of several the first counts.
pub(super) fn wait(headers: &HeaderMap) -> Duration {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|preference| preference.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().parse().ok())
        .map_or(Duration::ZERO, |seconds| {
            Duration::from_secs(seconds).min(WAIT_LONGEST)
        })
}

/// Says which wait was honoured.
pub(super) fn applied(wait: Duration, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if !wait.is_zero()
        && let Ok(value) = HeaderValue::from_str(&format!("wait={}", wait.as_secs()))
    {
        response.headers_mut().insert(PREFERENCE_APPLIED, value);
    }
    response
}

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&str]) -> u64 {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, value.parse().unwrap());
        }
        wait(&headers).as_secs()
    }

    #[test]
    fn the_first_wait_counts_and_is_bounded() {
        assert_eq!(asked(&["wait=30"]), 30);
        assert_eq!(asked(&["respond-async, Wait = 5"]), 5);
        assert_eq!(asked(&["wait=7", "wait=9"]), 7);
        assert_eq!(asked(&["wait=999999"]), WAIT_LONGEST.as_secs());
    }

    #[test]
    fn what_is_not_understood_asks_for_nothing() {
        for values in [
            &[][..],
            &["wait"],
            &["wait=-1"],
            &["wait=soon"],
            &["waits=3"],
        ] {
            assert_eq!(asked(values), 0, "{values:?}");
        }
    }
}
