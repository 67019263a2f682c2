//! Forging does not compile: the proofs of the house have one birthplace each.
//!
//! What the compiler says to each file of `tests/forging` stands beside it; `COUNTERSIGN_WRITE_GOLDEN=1`
//! writes it anew. One of them asks for nothing forbidden and compiles, so that a refusal means something.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and reads what the compiler said"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn a_permit_a_second_use_and_a_recorded_cannot_be_forged() {
    let house = built_house();
    let mut files: Vec<PathBuf> = fs::read_dir("tests/forging")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .collect();
    files.sort();
    assert!(files.len() > 5, "the files are gone: {files:?}");
    for file in files {
        let said = refusals(&file, &house);
        let golden = file.with_extension("stderr");
        if std::env::var_os("COUNTERSIGN_WRITE_GOLDEN").is_some() && !said.is_empty() {
            fs::write(&golden, &said).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(said, expected, "{}", file.display());
        assert_eq!(said.is_empty(), file.ends_with(FAIR), "{}", file.display());
    }
}

/// The library this very test was built with.
fn built_house() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--locked", "--no-run"])
        .args(["--test", "forging", "--message-format=json"])
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let houses: Vec<PathBuf> = lines(&built.stdout)
        .filter(|line| line["reason"] == "compiler-artifact")
        .filter(|line| {
            line["target"]["name"] == "countersign" && line["target"]["kind"][0] == "lib"
        })
        .filter_map(|line| line["filenames"][0].as_str().map(PathBuf::from))
        .collect();
    assert_eq!(houses.len(), 1, "{houses:?}");
    houses.into_iter().next().unwrap()
}

/// Every error that stops a file from compiling, one a line; nothing where it compiles.
fn refusals(file: &Path, house: &Path) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let mut extern_house = OsStr::new("countersign=").to_owned();
    extern_house.push(house);
    let mut beside = OsStr::new("dependency=").to_owned();
    beside.push(house.parent().unwrap());
    let compiled = Command::new("rustc")
        .args(["--edition=2024", "--emit=metadata", "--error-format=json"])
        .arg("--out-dir")
        .arg(scratch.path())
        .arg("--extern")
        .arg(extern_house)
        .arg("-L")
        .arg(beside)
        .arg(file)
        .output()
        .unwrap();
    let said: String = lines(&compiled.stderr)
        .filter(|line| line["level"] == "error" && line["spans"][0].is_object())
        .map(|line| {
            let code = line["code"]["code"].as_str();
            let code = code.map_or(String::new(), |code| format!("[{code}]"));
            let span = &line["spans"][0];
            format!(
                "error{code}: {}\n  at {}:{}\n",
                line["message"].as_str().unwrap(),
                span["line_start"],
                span["column_start"]
            )
        })
        .collect();
    assert_eq!(
        compiled.status.success(),
        said.is_empty(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&compiled.stderr)
    );
    said
}

fn lines(output: &[u8]) -> impl Iterator<Item = Value> {
    output
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

const FAIR: &str = "ask_for_a_permit.rs";
