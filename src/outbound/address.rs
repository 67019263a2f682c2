//! What an address must be before anything is sent to it.

use url::{Host, Url};

use super::is_public;

/// An address that may be dialled, as far as its text tells.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address.
    pub url: Url,
    /// Whether it is one of this very machine.
    pub is_local: bool,
    /// Whether it may lead to the public internet: a name that is not `localhost`, or a public address
    /// written out. Where a name leads is judged when it is dialled.
    pub is_public: bool,
}

/// Judges an address: https, or http on this very machine, without a user, a password or a fragment.
///
/// # Errors
/// What is wrong with it.
pub fn judge(text: &str) -> Result<Address, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no address")?;
    let (is_local, is_public) = match url.host() {
        Some(Host::Domain(name)) => (name == "localhost", name != "localhost"),
        Some(Host::Ipv4(ip)) => (ip.is_loopback(), is_public(ip.into())),
        Some(Host::Ipv6(ip)) => (ip.is_loopback(), is_public(ip.into())),
        None => return Err("it has no host"),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        _ => return Err("it must begin with https"),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("it carries a user, a password or a fragment");
    }
    Ok(Address {
        url,
        is_local,
        is_public,
    })
}
