//! The floors of the house: a module uses only floors below its own, and files stay small.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each floor's modules; a module may use the floors below, and on its own floor only itself.
const FLOORS: [&[&str]; 8] = [
    &["model", "ambient", "limits"],
    &[
        "scopes",
        "approval",
        "assurance",
        "audit",
        "rate",
        "provenance",
    ],
    &["engine"],
    &["store"],
    &["guard", "outbound"],
    &["authn"],
    &["mcp", "api", "console", "signals", "notify"],
    &["cli", "config", "main", "manual"],
];

/// Floors whose modules may use each other.
const SHARED: [usize; 2] = [0, 7];

/// Who alone may use a library.
const HOMES: [(&str, &[&str]); 10] = [
    ("rusqlite", &["store"]),
    ("jsonschema", &["scopes"]),
    ("saphyr_parser", &["scopes"]),
    ("governor", &["rate"]),
    (
        "axum",
        &["authn", "mcp", "api", "console", "signals", "cli"],
    ),
    (
        "reqwest",
        &["outbound", "authn", "mcp", "signals", "notify", "cli"],
    ),
    ("lettre", &["notify"]),
    ("clap", &["cli", "main"]),
    (
        "tokio",
        &[
            "store", "guard", "outbound", "authn", "mcp", "api", "console", "signals", "notify",
            "cli", "main",
        ],
    ),
    (
        "tracing",
        &[
            "store", "guard", "authn", "mcp", "api", "console", "signals", "notify", "cli", "main",
        ],
    ),
];

/// Longest source file without its tests, in lines.
const FILE_LINES: usize = 600;

#[test]
fn a_module_uses_only_floors_below_it() {
    let floor_of: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor)))
        .collect();
    let mut faults = Vec::new();
    for (path, module, code) in sources() {
        let Some(&floor) = floor_of.get(module.as_str()) else {
            faults.push(format!("{} is on no floor", path.display()));
            continue;
        };
        for used in used_modules(&code) {
            let Some(&below) = floor_of.get(used.as_str()) else {
                continue;
            };
            let allowed =
                used == module || below < floor || (below == floor && SHARED.contains(&floor));
            if !allowed {
                faults.push(format!(
                    "{} (floor {floor}, {module}) uses `{used}` of floor {below}",
                    path.display()
                ));
            }
        }
        if floor == 6 && used_modules(&code).iter().any(|used| used == "store") {
            faults.push(format!("{} is an edge and uses the store", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_library_is_used_only_at_its_home() {
    let mut faults = Vec::new();
    for (path, module, code) in sources() {
        for (library, homes) in HOMES {
            let used = code.lines().any(|line| mentions(line, library));
            if used && !homes.contains(&module.as_str()) {
                faults.push(format!("{} uses {library}", path.display()));
            }
        }
        if module != "store" && code.lines().any(is_sql) {
            faults.push(format!("{} spells SQL", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, _, code)| (code.lines().count(), path))
        .filter(|(lines, _)| *lines > FILE_LINES)
        .map(|(lines, path)| format!("{} has {lines} lines without tests", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_source_file_says_in_its_first_line_what_it_is() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(_, _, code)| !code.starts_with("//! "))
        .map(|(path, _, _)| path.display().to_string())
        .collect();
    assert!(
        silent.is_empty(),
        "without a first sentence: {}",
        silent.join(", ")
    );
}

/// Path, top module and code without tests of every source file.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap();
                let first = inside.iter().next().unwrap().to_str().unwrap();
                let module = first.trim_end_matches(".rs").to_owned();
                if module == "lib" {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let code = text
                    .split("#[cfg(test)]\nmod tests {")
                    .next()
                    .unwrap()
                    .to_owned();
                found.push((inside.to_owned(), module, code));
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// The top modules that `use crate::…` and `crate::…` paths name.
fn used_modules(code: &str) -> Vec<String> {
    let mut used: Vec<String> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| {
            line.split("crate::")
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect();
    used.sort();
    used.dedup();
    used
}

fn mentions(line: &str, library: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//")
        && line.match_indices(library).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let path = line[at + library.len()..].starts_with("::");
            path && !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
}

fn is_sql(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with("//")
        && ["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE"]
            .iter()
            .any(|word| line.contains(word))
}
