//! What the README and the manual show is real: commands, configurations, manifests, links.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign::scopes::{Scopes, Source};
use serde_json::Value;

#[test]
fn every_command_that_is_shown_exists_with_its_options() {
    let mut count = 0;
    for page in pages() {
        for line in blocks(&page, "sh").lines() {
            // What comes before a pipe or after a comment sign is for the shell and the reader.
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(words) = line.strip_prefix("countersign ") {
                assert_accepted(&page, shlex(words));
                count += 1;
            }
        }
    }
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn the_configuration_of_a_client_starts_a_command_that_exists() {
    let page = root().join("README.md");
    let config: Value = serde_json::from_str(&blocks(&page, "json")).unwrap();
    let server = &config["mcpServers"]["files"];
    assert_eq!(server["command"], "countersign");
    let words = server["args"].as_array().unwrap();
    let words = words.iter().map(|word| word.as_str().unwrap().to_owned());
    assert_accepted(&page, words.collect());
}

#[test]
fn the_manifest_that_is_shown_compiles() {
    let text = blocks(&root().join("README.md"), "yaml");
    let name = "README.md".to_owned();
    let scopes = Scopes::compile(&[Source { name, text }]).unwrap();
    assert_eq!(scopes.agents().count(), 1);
}

#[test]
fn every_file_that_is_linked_is_there() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let file = page.parent().unwrap().join(link);
            assert!(file.exists(), "{} links to {link}", page.display());
        }
    }
}

/// The command line is taken as it stands; `--help` keeps it from doing anything.
fn assert_accepted(page: &Path, mut words: Vec<String>) {
    let end = words.iter().position(|word| word == "--");
    words.insert(end.unwrap_or(words.len()), "--help".to_owned());
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(&words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {words:?}\n{told}",
        page.display()
    );
}

/// The words of a line, as far as the pages use a shell's quotes.
fn shlex(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// All blocks of a language in a page, one after another.
fn blocks(page: &Path, language: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    let blocks = text
        .split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    blocks.collect()
}

fn pages() -> Vec<PathBuf> {
    let manual = fs::read_dir(root().join("src/manual")).unwrap();
    let mut pages: Vec<PathBuf> = manual.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|end| end == "md"));
    pages.push(root().join("README.md"));
    pages
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
