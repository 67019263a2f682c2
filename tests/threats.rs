//! The manual's table of threats: each test that it names is there, so that the table cannot rot.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

/// What the console must answer for, whatever else stands in its table.
const KINDS: [&str; 9] = [
    "authentication",
    "session",
    "CSRF",
    "clickjacking",
    "injection",
    "redirects",
    "enumeration",
    "replay",
    "spoofed text",
];

/// The names of all tests, from their source.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in source.lines().map(str::trim) {
                let name = line
                    .trim_start_matches("async ")
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.split_once('('));
                match name {
                    Some((name, _)) if is_test => drop(found.insert(name.to_owned())),
                    _ => {}
                }
                // Attributes and comments stand between the mark and the name.
                is_test = line.starts_with("#[test]")
                    || line.starts_with("#[tokio::test")
                    || (is_test && (line.starts_with('#') || line.starts_with("//")));
            }
        }
    }
}

#[test]
fn every_test_that_the_threats_name_is_there_and_every_threat_of_the_console_names_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests(&root.join(folder), &mut known);
    }
    assert!(known.len() > 500, "only {} tests were found", known.len());
    let page = std::fs::read_to_string(root.join("src/manual/threats.md")).unwrap();
    let console = page.split("## The console").nth(1).unwrap();
    let console = console.split("\n## ").next().unwrap();
    let mut rows = 0;
    let mut kinds = BTreeSet::new();
    for row in console.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [threat, _, named] = cells[..] else {
            panic!("a row has not three cells: {row}");
        };
        let threat = threat.trim();
        if threat == "threat" || threat.starts_with("---") {
            continue;
        }
        let names: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test meets: {threat}");
        for name in names {
            assert!(
                known.contains(name),
                "there is no test {name}, of: {threat}"
            );
        }
        rows += 1;
        let kind = threat.split_once(": ").map_or("", |(kind, _)| kind);
        kinds.extend(kind.split(", "));
    }
    for kind in KINDS {
        assert!(kinds.contains(kind), "no threat is one of {kind}");
    }
    assert!(rows > 15, "only {rows} rows were read");
}
