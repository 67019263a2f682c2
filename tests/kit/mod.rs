//! The kit of real MCP clients and servers that integration tests drive; `tests/kit/install` installs it.
#![allow(
    dead_code,
    unused_imports,
    clippy::expect_used,
    clippy::panic,
    reason = "each test takes what it needs of the kit, and a broken kit should end the test"
)]

mod agent;
mod ledger;
mod server;

pub(crate) use agent::{Agent, Answer, Fault, Session, Step};
pub(crate) use ledger::{Entry, Ledger};
pub(crate) use server::{
    HttpServer, Program, server_everything, server_filesystem, server_git, server_memory,
};

use std::path::{Path, PathBuf};

/// The folder the kit is installed in: what the environment variable `KIT` names, or else `kit` in the target folder.
fn folder() -> PathBuf {
    let beside_the_build = || {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
        build.expect("the folder of a build has a name").join("kit")
    };
    let kit = std::env::var_os("KIT").map_or_else(beside_the_build, PathBuf::from);
    assert!(
        kit.join("stamp").is_file(),
        "the MCP clients and servers are not installed in {}: run `tests/run` once, or `tests/kit/install`",
        kit.display()
    );
    kit
}

/// The Python of the kit, with the libraries that its clients bring.
pub(crate) fn python() -> PathBuf {
    folder().join("mcp2/bin/python")
}

/// A file of the kit's own sources.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/kit")
        .join(name)
}
