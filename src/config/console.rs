//! Where people reach the console, and with what they enter it.

use crate::guard::Doorway;
use crate::scopes::Faults;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::Node;

/// The console, as far as the configuration speaks of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Console {
    /// The origin of its pages; else that of the listener on this machine.
    pub origin: Option<String>,
    /// Whether a token opens it too.
    pub token_sign_in: bool,
    /// Whether nothing above `write` is approved without a passkey.
    pub require_passkeys: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            origin: None,
            token_sign_in: true,
            require_passkeys: false,
        }
    }
}

impl Console {
    pub(super) fn read(node: &Node, faults: &mut Faults) -> Option<Self> {
        let block = Block::open(node, &CONSOLE, faults)?;
        let token_sign_in = match block.find("token_sign_in") {
            Some(node) => node.flag(faults)?,
            None => true,
        };
        let require_passkeys = match block.find("require_passkeys") {
            Some(node) => node.flag(faults)?,
            None => false,
        };
        let origin = match block.find("origin") {
            None => None,
            Some(node) => {
                let text = node.line(faults)?;
                match Doorway::parse(&text) {
                    Ok(doorway) => Some(doorway.origin().to_owned()),
                    Err(fault) => {
                        faults.add(&node.at, fault.what, fault.remedy);
                        return None;
                    }
                }
            }
        };
        Some(Self {
            origin,
            token_sign_in,
            require_passkeys,
        })
    }
}

const CONSOLE: Keys = Keys {
    what: "`console`",
    known: &["origin", "token_sign_in", "require_passkeys"],
    later: &[],
};
