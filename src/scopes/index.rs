//! Finds the patterns that speak of a target without trying them all.

use std::collections::HashMap;
use std::sync::Arc;

use super::pattern::{Half, Pattern};
use crate::model::target::{Target, TargetKind};

/// Positions of patterns, found by server and name where those are written out.
#[derive(Debug, Default)]
pub(super) struct Index {
    kinds: HashMap<TargetKind, Kind>,
}

#[derive(Debug, Default)]
struct Kind {
    servers: HashMap<Arc<str>, Names>,
    any_server: Names,
    /// Patterns with a star inside the server's name: few, and tried one by one.
    globs: Vec<usize>,
}

#[derive(Debug, Default)]
struct Names {
    exact: HashMap<Arc<str>, Vec<usize>>,
    globs: Vec<usize>,
}

impl Index {
    /// Indexes patterns by their position.
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Self {
        let mut index = Self::default();
        for (at, pattern) in patterns.enumerate() {
            let kind = index.kinds.entry(pattern.kind()).or_default();
            let names = match &pattern.server {
                Half::Exact(server) => kind.servers.entry(Arc::clone(server)).or_default(),
                Half::Any => &mut kind.any_server,
                Half::Glob(_) => {
                    kind.globs.push(at);
                    continue;
                }
            };
            match &pattern.name {
                Half::Exact(name) => names.exact.entry(Arc::clone(name)).or_default().push(at),
                Half::Any | Half::Glob(_) => names.globs.push(at),
            }
        }
        index
    }

    /// Positions that may speak of the target, each once; the caller still asks the pattern.
    pub(super) fn candidates(&self, target: &Target) -> impl Iterator<Item = usize> {
        let kind = self.kinds.get(&target.kind);
        let server = kind.and_then(|kind| kind.servers.get(target.server.as_str()));
        let any = kind.map(|kind| &kind.any_server);
        let globs = kind.map(|kind| kind.globs.as_slice()).unwrap_or_default();
        let names = server.into_iter().chain(any);
        names
            .flat_map(|names| {
                let exact = names.exact.get(&*target.name);
                exact.into_iter().flatten().chain(&names.globs)
            })
            .chain(globs)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::ServerName;

    #[test]
    fn a_name_that_is_written_out_is_looked_up_and_not_searched_for() {
        let mut patterns: Vec<Pattern> = (0..10_000)
            .map(|n| Pattern::tool(&format!("s{}/t{n}", n % 7)).unwrap())
            .collect();
        patterns.push(Pattern::tool("*/delete_*").unwrap());
        patterns.push(Pattern::tool("s1/t*").unwrap());
        patterns.push(Pattern::tool("s*/t8").unwrap());
        let index = Index::new(patterns.iter());
        let target = Target::tool(ServerName::parse("s1").unwrap(), "t8");
        let tried: Vec<usize> = index.candidates(&target).collect();
        assert_eq!(tried, [8, 10_001, 10_000, 10_002]);
    }
}
