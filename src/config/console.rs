//! Where people reach the console, and with what they enter it.

use std::path::Path;

use super::oidc::Oidc;
use crate::authn::oidc::Provider;
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
    /// The identity provider that people may sign in over.
    pub oidc: Option<Oidc>,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            origin: None,
            token_sign_in: true,
            require_passkeys: false,
            oidc: None,
        }
    }
}

impl Console {
    pub(super) fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Self> {
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
        let oidc = match block.find("oidc") {
            None => None,
            Some(node) if origin.is_none() => {
                let message =
                    "a provider leads people back to the console, and nobody says where it is";
                faults.add(&node.at, message, "write `origin` beside it");
                return None;
            }
            Some(node) => Some(Oidc::read(node, base, faults)?),
        };
        Some(Self {
            origin,
            token_sign_in,
            require_passkeys,
            oidc,
        })
    }

    /// The identity provider with its secret looked up.
    ///
    /// # Errors
    /// When the secret is not where the configuration says.
    pub fn provider(&self) -> Result<Option<Provider>, Faults> {
        let mut faults = Faults::default();
        let provider = self.oidc.as_ref().map(|oidc| oidc.resolve(&mut faults));
        match provider {
            Some(None) => Err(faults.sorted()),
            provider => Ok(provider.flatten()),
        }
    }
}

const CONSOLE: Keys = Keys {
    what: "`console`",
    known: &["origin", "token_sign_in", "require_passkeys", "oidc"],
    later: &[],
};
