//! Where a request comes from, for refusals of whoever proves nothing else.
//!
//! An edge runs what it does for a request inside [`from`]; the guard asks only where it counts.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};

/// An address, as coarse as whoever holds it can change it at will: of IPv6 its network of 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let network = address.to_bits() & NETWORK;
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// Does something on behalf of a source: what is refused meanwhile is counted as its own.
pub async fn from<F: Future>(source: Source, what: F) -> F::Output {
    SOURCE.scope(source, what).await
}

/// The source of what is done now, where its edge told it.
pub(super) fn current() -> Option<Source> {
    SOURCE.try_with(|source| *source).ok()
}

tokio::task_local! {
    static SOURCE: Source;
}

const NETWORK: u128 = !0 << 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_network_that_one_host_may_have_whole() {
        let of = |text: &str| Source::of(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }

    #[tokio::test]
    async fn a_source_is_known_only_within_what_is_done_for_it() {
        let source = Source::of("192.0.2.7".parse().unwrap());
        assert_eq!(from(source, async { current() }).await, Some(source));
        assert_eq!(current(), None);
    }
}
