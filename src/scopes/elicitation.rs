//! Where servers may send people: the hosts whose addresses a server's question may name.

use url::Url;

use super::fault::Faults;
use super::normal::{self, Reading};
use super::reading::{Block, Keys, list};
use super::yaml::Node;

/// The hosts to which servers may send people; by default none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Elicitation {
    hosts: Vec<String>,
}

impl Elicitation {
    /// Whether a server may name this address: of a listed host, over https or to this very machine, in
    /// its own normal form, with no user, and no address in numbers in place of a name.
    #[must_use]
    pub fn admits(&self, address: &str) -> bool {
        let Ok(url) = Url::parse(address) else {
            return false;
        };
        let is_named = matches!(url.host(), Some(url::Host::Domain(_)));
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_safe = match url.scheme() {
            "https" => is_named || is_here,
            "http" => is_here,
            _ => false,
        };
        is_safe && normal::host_in(address, &self.hosts) == Reading::Inside
    }

    pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &KEYS, faults)?;
        let hosts = block.need("hosts", "list the hosts", faults)?;
        Some(Self {
            hosts: list(Some(hosts), host, faults),
        })
    }
}

fn host(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = node.text(faults)?;
    if normal::is_listed_host(text) {
        return Some(text.to_owned());
    }
    faults.add(
        &node.at,
        "not a host in normal form",
        "write `login.example.com`, `*.example.com`, or either with its port",
    );
    None
}

const KEYS: Keys = Keys {
    what: "elicitation",
    known: &["hosts"],
    later: &["forms"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_https_address_of_a_listed_host_is_admitted() {
        let hosts = [
            "login.test",
            "*.sso.test",
            "localhost:8080",
            "127.0.0.1",
            "192.0.2.1",
        ];
        let elicitation = Elicitation {
            hosts: hosts.map(str::to_owned).to_vec(),
        };
        for address in [
            "https://login.test/sign?state=1#top",
            "https://a.sso.test/",
            "http://localhost:8080/x",
            "http://127.0.0.1/x",
        ] {
            assert!(elicitation.admits(address), "{address}");
        }
        for address in [
            "http://login.test/",
            "https://login.test:8443/",
            "https://login.test./",
            "https://ann@login.test/",
            "https://ann:x@login.test/",
            "https://login.test@evil.test/",
            "https://192.0.2.1/",
            "https://LOGIN.test/",
            "https://l\u{f6}gin.test/",
            "https://xn--lgin-5qa.test/",
            "https://login.test\\@evil.test/",
            "https://login.test/\u{202e}",
            "https://sso.test/",
            "http://localhost/",
            "javascript:alert(1)",
            "login.test",
            "",
        ] {
            assert!(!elicitation.admits(address), "{address}");
        }
        assert!(!Elicitation::default().admits("https://login.test/"));
    }
}
