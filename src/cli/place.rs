//! Where the guard's directory is, and the configuration that may stand in it.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::config::Config;
use crate::limits::MANIFEST_BYTES;
use crate::scopes::Source;

/// The file that `init` writes and `serve` reads.
pub(super) const CONFIG_FILE: &str = "countersign.yaml";

/// Which directory the guard owns.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Place {
    /// The guard's directory [default: $COUNTERSIGN_DATA, else that of ./countersign.yaml, else the
    /// user's own data directory]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    /// The directory.
    pub(super) fn data(&self) -> Result<PathBuf, Failure> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        if let Some(data) = variable("COUNTERSIGN_DATA") {
            return Ok(data);
        }
        if let Some(config) = read_config(None, None)? {
            return Ok(config.data);
        }
        user_data().ok_or_else(|| {
            Failure::Input("there is no home directory; name one with --data".to_owned())
        })
    }

    /// The directory as it was named outright, if it was.
    pub(super) fn named(&self) -> Option<PathBuf> {
        self.data.clone().or_else(|| variable("COUNTERSIGN_DATA"))
    }
}

/// The configuration: the named one, else the one here, else the one in the guard's directory.
pub(super) fn read_config(
    named: Option<&Path>,
    data: Option<&Path>,
) -> Result<Option<Config>, Failure> {
    if let Some(path) = named {
        return read(path).map(Some);
    }
    let here = Path::new(CONFIG_FILE);
    if here.is_file() {
        return read(here).map(Some);
    }
    match data.map(|data| data.join(CONFIG_FILE)) {
        Some(path) if path.is_file() => read(&path).map(Some),
        _ => Ok(None),
    }
}

/// A file's text, bounded.
pub(super) fn read_text(path: &Path, most_bytes: usize) -> Result<String, Failure> {
    use std::io::Read;
    let unreadable = |error: std::io::Error| {
        Failure::Input(format!("{} cannot be read: {error}", path.display()))
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .map_err(unreadable)?
        // One byte more than is accepted, so that too long a file is told from one just long enough.
        .take(most_bytes as u64 + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    match text.len() > most_bytes {
        true => Err(Failure::Input(format!(
            "{} is larger than {most_bytes} bytes",
            path.display()
        ))),
        false => Ok(text),
    }
}

fn read(path: &Path) -> Result<Config, Failure> {
    let source = Source {
        name: path.display().to_string(),
        text: read_text(path, MANIFEST_BYTES)?,
    };
    let base = path.parent().unwrap_or(Path::new(""));
    Ok(Config::parse(&source, base)?)
}

fn user_data() -> Option<PathBuf> {
    let data = variable("XDG_DATA_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("countersign"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
