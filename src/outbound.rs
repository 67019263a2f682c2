//! The one constructor of HTTP clients: no redirects, no proxy, bounded, and no surprise addresses.

pub mod address;
pub mod signing;
pub mod webhook;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use crate::limits::UPSTREAM_CONNECT_TIMEOUT;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("the platform gives no client for HTTP")]
pub struct ClientError(#[source] reqwest::Error);

/// A client that follows no redirect, asks no proxy, and dials the addresses of a name only where
/// they are public, unless `allow_private`.
///
/// # Errors
/// [`ClientError`] where the platform gives no TLS.
pub fn build(allow_private: bool) -> Result<reqwest::Client, ClientError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one constructor of HTTP clients"
    )]
    let builder = reqwest::Client::builder();
    builder
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .connect_timeout(UPSTREAM_CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .dns_resolver(Arc::new(Resolver { allow_private }))
        .build()
        .map_err(ClientError)
}

/// Whether an address belongs to the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Judges the very addresses that are dialled, so that a name cannot change its mind in between.
struct Resolver {
    allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| allow_private || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// No address of a name may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to no public address")]
pub struct Refused;

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        // Shared address space, RFC 6598.
        || (a == 100 && (64..128).contains(&b))
        // Protocol assignments, RFC 6890, and benchmarks, RFC 2544.
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(address) = address.to_ipv4_mapped() {
        return is_public_v4(address);
    }
    let [first, second, third, ..] = address.segments();
    let [.., high, low] = address.segments();
    let embedded = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (first, second, third) {
        // NAT64, RFC 6052: as public as the address inside.
        (0x64, 0xff9b, 0) => is_public_v4(embedded),
        // 6to4, RFC 3056, carries its address in front and is not in use any more.
        (0x2002, ..) | (0x2001, 0x0db8 | 0, _) => false,
        // Global unicast is 2000::/3; the rest is local, multicast or unassigned.
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_dialled_only_where_that_is_allowed() {
        let resolve = |allow_private| {
            let name: Name = "localhost".parse().unwrap();
            Resolver { allow_private }.resolve(name)
        };
        assert!(resolve(false).await.is_err());
        assert!(resolve(true).await.unwrap().next().is_some());
    }

    #[test]
    fn addresses_of_this_machine_and_its_neighbours_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
