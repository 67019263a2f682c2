//! Manifests from outside: what ships, what is refused, what it means, and what never matters.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod laws;
mod meaning;
mod refused;
mod shipped;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::model::name::ServerName;
use countersign::model::target::{Target, TargetKind};
use countersign::scopes::{Faults, Scope, Scopes, Source};

/// The least that is a manifest.
const SMALL: &str = "version: 1\nagent: a\n";

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn compile(text: &str) -> Result<Scopes, Faults> {
    Scopes::compile(&[source("m.yaml", text)])
}

fn scope(text: &str) -> Arc<Scope> {
    let scopes = compile(text).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
    Arc::clone(scopes.agents().next().expect("one scope"))
}

fn faults(text: &str) -> Vec<String> {
    let faults = compile(text).expect_err("faults");
    faults.iter().map(ToString::to_string).collect()
}

fn target(kind: TargetKind, server: &str, name: &str) -> Target {
    Target {
        kind,
        server: ServerName::parse(server).expect("a server name"),
        name: Arc::from(name),
    }
}

fn tool(server: &str, name: &str) -> Target {
    target(TargetKind::Tool, server, name)
}

fn home(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
