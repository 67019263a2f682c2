//! A router that remembers its routes, so that documents and tests are held against what is served.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post};

/// One route as served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Route {
    /// The method, in upper case.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// Whether it answers without a credential.
    pub open: bool,
}

/// Routes on their way to becoming a router.
pub(super) struct Routes<S> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(super) fn new() -> Self {
        Self {
            router: Router::new(),
            list: Vec::new(),
        }
    }

    /// Reads; decides nothing.
    pub(super) fn get<T: 'static>(self, path: &'static str, reader: impl Handler<T, S>) -> Self {
        self.add("GET", path, false, get(reader))
    }

    /// Changes something.
    pub(super) fn post<T: 'static>(self, path: &'static str, writer: impl Handler<T, S>) -> Self {
        self.add("POST", path, false, post(writer))
    }

    /// Ends something.
    pub(super) fn delete<T: 'static>(self, path: &'static str, ender: impl Handler<T, S>) -> Self {
        self.add("DELETE", path, false, delete(ender))
    }

    /// Reads what anybody may, without a credential.
    pub(super) fn open<T: 'static>(self, path: &'static str, reader: impl Handler<T, S>) -> Self {
        self.add("GET", path, true, get(reader))
    }

    pub(super) fn into_router(self) -> Router<S> {
        self.router
    }

    pub(super) fn into_list(self) -> Vec<Route> {
        self.list
    }

    fn add(
        mut self,
        method: &'static str,
        path: &'static str,
        open: bool,
        answer: MethodRouter<S>,
    ) -> Self {
        self.list.push(Route { method, path, open });
        self.router = self.router.route(path, answer);
        self
    }
}
