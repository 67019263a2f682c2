//! A name for a server whose command is all that is known of it.

use std::path::Path;

use crate::model::name::ServerName;

/// The program's name; for a launcher, that of what it launches.
pub(super) fn of(command: &[String]) -> Option<ServerName> {
    let program = stem(command.first()?);
    let word = match LAUNCHERS.contains(&program.as_str()) {
        true => command
            .iter()
            .skip(1)
            .find(|word| !word.starts_with('-') && *word != "run")
            .map(|word| stem(word))?,
        false => program,
    };
    ServerName::parse(&word).ok()
}

/// The last part of a path or package, without version and extension, in the letters of a name.
fn stem(word: &str) -> String {
    let last = Path::new(word)
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let last = last.split_once('@').map_or(last.as_str(), |(name, _)| name);
    let last = last.split_once('.').map_or(last, |(name, _)| name);
    let mut name = String::new();
    for c in last.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if c != '-' || !name.ends_with('-') {
            name.push(c);
        }
    }
    name.trim_matches('-').to_owned()
}

const LAUNCHERS: [&str; 11] = [
    "npx", "bunx", "pnpx", "uvx", "uv", "pipx", "node", "deno", "bun", "python", "python3",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(command: &str) -> Option<String> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        of(&words).map(|name| name.to_string())
    }

    #[test]
    fn a_server_is_named_after_what_really_runs() {
        for (command, expected) in [
            (
                "npx -y @modelcontextprotocol/server-filesystem /srv",
                "server-filesystem",
            ),
            ("npx -y server-everything@2026.1.1", "server-everything"),
            ("/usr/bin/python3 ./My_Server.py --port 1", "my-server"),
            ("uv run mcp-server-git", "mcp-server-git"),
            ("/opt/tools/ledger --dir x", "ledger"),
        ] {
            assert_eq!(name(command).as_deref(), Some(expected), "{command}");
        }
        assert_eq!(name("npx -y"), None);
    }
}
