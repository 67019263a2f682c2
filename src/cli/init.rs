//! `countersign init`: a configuration, a starter manifest and a data directory that work at once.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::Failure;
use super::place::CONFIG_FILE;
use super::print;

/// Where to begin.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The directory to begin in
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let config = args.dir.join(CONFIG_FILE);
    if config.exists() {
        return Err(Failure::Refused(format!(
            "{} is already there; nothing was changed",
            config.display()
        )));
    }
    directory(&args.dir, 0o755)?;
    let data = args.dir.join("data");
    directory(&data, 0o700)?;
    let scopes = args.dir.join("scopes");
    directory(&scopes, 0o755)?;
    let manifest = scopes.join("my-agent.yaml");
    if !manifest.exists() {
        file(&manifest, MANIFEST)?;
    }
    // Last, so that a directory with a configuration is a whole one.
    file(&config, CONFIG)?;
    if as_json {
        return Ok(print::json(&json!({
            "config": config.display().to_string(),
            "data": data.display().to_string(),
            "scopes": scopes.display().to_string(),
        }))?);
    }
    let dir = match args.dir == Path::new(".") {
        true => String::new(),
        false => format!("cd {}\n", args.dir.display()),
    };
    print::say(format!(
        "{} is written. Next:\n{dir}\
         countersign operators add me --group operators --save   # who may approve\n\
         countersign agents add my-agent                          # the agent's key, shown once\n\
         countersign serve                                        # agents on {AGENTS}, operators on {OPERATORS}",
        config.display()
    ))?;
    Ok(())
}

fn directory(path: &Path, mode: u32) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| Failure::Refused(format!("{} cannot be made: {error}", path.display())))
}

fn file(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .map_err(|error| Failure::Refused(format!("{} cannot be written: {error}", path.display())))
}

const AGENTS: &str = "127.0.0.1:7440";
const OPERATORS: &str = "127.0.0.1:7441";

const CONFIG: &str = include_str!("init/countersign.yaml");
const MANIFEST: &str = include_str!("init/my-agent.yaml");
