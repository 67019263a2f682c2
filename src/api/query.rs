//! A request's query: each name once, and none left over.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::body::wrong;
use super::problem::Problem;

/// The parameters that nobody has taken yet.
pub(super) struct Asked(BTreeMap<String, String>);

impl Asked {
    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes a whole number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| wrong(name, "a whole number")))
            .transpose()
    }

    /// Refuses parameters that nobody took.
    pub(super) fn done(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::malformed(format!("unknown parameter {name:?}"))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut asked = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if asked.insert(name.to_string(), value.to_string()).is_some() {
                return Err(Problem::malformed(format!("{name:?} stands twice")));
            }
        }
        Ok(Self(asked))
    }
}
