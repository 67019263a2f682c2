//! `countersign audit`: verify, read and export the record; works beside a running guard.

mod backup;
mod pages;
mod prune;
mod segments;
mod tail;
mod verify;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) use self::pages::Pages;
pub(super) use self::verify::{Outside, verify_record};
use super::failure::Failure;
use super::head::InDirectory;
use crate::audit::line::Line;
use crate::store::sqlite::{FILE, Reader};

/// What to do with the record.
pub(super) type Args = InDirectory<Deed>;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Deed {
    /// Prove the record, or list every place where it was changed (exit code 1)
    Verify {
        /// An export instead of the record in the guard's directory
        #[arg(long, value_name = "EXPORT")]
        file: Option<PathBuf>,
        /// The directory of sealed segments, to verify the whole record from its first entry
        #[arg(long, value_name = "DIR")]
        segments: Option<PathBuf>,
        /// Signed heads that were kept outside, one a line
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
        /// A public key that signed heads, in hexadecimal, kept outside; changes of it are followed
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Several of them, one a line, where no change in the record links them
        #[arg(long, value_name = "FILE", conflicts_with = "key")]
        keys: Option<PathBuf>,
        /// The passkeys that sign decisions, as `operators export` printed them, kept outside
        #[arg(long, value_name = "FILE")]
        operators: Option<PathBuf>,
    },
    /// Seal old entries in files of their own and take them out of the record
    Prune(prune::Args),
    /// Copy the record, as it stands now, into a new file
    Backup {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Print the newest entries
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
    },
    /// Print the whole record as JSON lines, with its heads and keys
    Export {
        /// First entry
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

pub(super) async fn run(args: Args, as_json: bool) -> Result<(), Failure> {
    let (place, deed) = args.parts();
    match deed {
        Deed::Verify {
            file,
            segments,
            anchors,
            key,
            keys,
            operators,
        } => {
            let asked = verify::Asked {
                export: file.as_deref(),
                segments: segments.as_deref(),
                anchors: anchors.as_deref(),
                keys: keys.as_deref().or(key.as_deref()),
                operators: operators.as_deref(),
            };
            verify::run(&place, asked, as_json)
        }
        Deed::Prune(asked) => prune::run(&place, asked, as_json).await,
        Deed::Backup { file } => backup::run(&place, &file, as_json),
        Deed::Tail { lines } => tail::run(&open(&place.data()?)?, lines, as_json),
        Deed::Export { from } => export(&open(&place.data()?)?, from),
    }
}

/// The record of a directory, as it stands at this moment.
pub(super) fn open(data: &Path) -> Result<Reader, Failure> {
    let path = data.join(FILE);
    if !path.is_file() {
        return Err(Failure::Missing(format!(
            "there is no record in {}",
            data.display()
        )));
    }
    let reader = Reader::open(&path).map_err(|error| Failure::because(&error))?;
    reader.freeze().map_err(|error| Failure::because(&error))?;
    Ok(reader)
}

fn export(reader: &Reader, from: u64) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut put = |line: &Line| {
        out.write_all(&line.render())?;
        out.write_all(b"\n")
    };
    for key in reader.keys().map_err(|error| Failure::because(&error))? {
        put(&Line::Key(key))?;
    }
    let segments = reader.segments();
    for segment in segments.map_err(|error| Failure::because(&error))? {
        put(&Line::Segment(segment))?;
    }
    for entry in verify::sealed_rotations(reader)? {
        put(&Line::Rotation(entry))?;
    }
    for entry in Pages::new(reader, from) {
        put(&Line::Record(entry?))?;
    }
    for head in reader.heads().map_err(|error| Failure::because(&error))? {
        put(&Line::Head(head))?;
    }
    Ok(out.flush()?)
}
