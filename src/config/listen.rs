//! The two listeners.

use std::net::{Ipv4Addr, SocketAddr};

use crate::scopes::Faults;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::Node;

/// Where agents and operators are heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// Agents: MCP and `/v1/calls`.
    pub agents: SocketAddr,
    /// Operators: approvals, and everything a person may stop.
    pub operators: SocketAddr,
    /// The names, beside those of this machine for itself, under which agents reach the guard.
    pub names: Vec<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            agents: SocketAddr::from((Ipv4Addr::LOCALHOST, AGENTS_PORT)),
            operators: SocketAddr::from((Ipv4Addr::LOCALHOST, OPERATORS_PORT)),
            names: Vec::new(),
        }
    }
}

impl Listen {
    pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &LISTEN, faults)?;
        let accepts_plain = block
            .find("accept_plain")
            .and_then(|node| node.flag(faults))
            .unwrap_or(false);
        let default = Self::default();
        let mut address = |key: &str, default: SocketAddr| match block.find(key) {
            Some(node) => address(node, accepts_plain, faults),
            None => Some(default),
        };
        let agents = address("agents", default.agents);
        let operators = address("operators", default.operators);
        let (agents, operators) = (agents?, operators?);
        // Port 0 asks the system for a free one, which differs each time.
        if agents == operators && agents.port() != 0 {
            faults.add(
                &node.at,
                "both listeners have one address",
                "give each its own: their credentials never meet",
            );
        }
        let names = match block.find("names") {
            Some(node) => names(node, faults)?,
            None => Vec::new(),
        };
        Some(Self {
            agents,
            operators,
            names,
        })
    }
}

fn names(node: &Node, faults: &mut Faults) -> Option<Vec<String>> {
    let items = node.items(faults)?;
    items
        .iter()
        .map(|item| {
            let name = item.line(faults)?;
            if let Ok(host) = url::Host::parse(&name) {
                return Some(host.to_string());
            }
            faults.add(
                &item.at,
                "not a host's name",
                "write a name without scheme and port, for example `guard.example.com`",
            );
            None
        })
        .collect()
}

fn address(node: &Node, accepts_plain: bool, faults: &mut Faults) -> Option<SocketAddr> {
    let Ok(address) = node.text(faults)?.parse::<SocketAddr>() else {
        faults.add(
            &node.at,
            "not an address to listen on",
            "write an IP address with its port, for example `127.0.0.1:7440`",
        );
        return None;
    };
    if !address.ip().is_loopback() && !accepts_plain {
        faults.add(
            &node.at,
            "credentials would cross the network in plain text",
            "listen on a loopback address, or put TLS before the guard and write `accept_plain: true`",
        );
        return None;
    }
    Some(address)
}

const LISTEN: Keys = Keys {
    what: "`listen`",
    known: &["agents", "operators", "names", "accept_plain"],
    later: &["tls"],
};

const AGENTS_PORT: u16 = 7440;
const OPERATORS_PORT: u16 = 7441;
