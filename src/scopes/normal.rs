//! Paths and URLs in the one spelling that every reader takes alike.
//!
//! These judge the text, not what a tool reaches with it: symbolic links, redirects and DNS are the
//! tool's.

use std::net::{Ipv4Addr, Ipv6Addr};

use unicode_normalization::is_nfc;
use url::{Host, Url};

use crate::model::json::is_deceptive;

/// What a text says under a rule that reads only normal forms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// In normal form, and what the rule names.
    Inside,
    /// In normal form, and not what the rule names.
    Outside,
    /// Not in normal form: two readers could take it differently.
    Doubtful,
}

/// Whether a path lies at or under one of the roots.
pub(super) fn path_under(path: &str, roots: &[String]) -> Reading {
    if !is_normal_path(path) {
        return Reading::Doubtful;
    }
    let inside = roots.iter().any(|root| {
        root == "/"
            || path
                .strip_prefix(root.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    match inside {
        true => Reading::Inside,
        false => Reading::Outside,
    }
}

/// Whether a URL, or a bare host, is of one of the hosts.
///
/// A host is listed as `example.com`, as `*.example.com` for every name below it, or with a port.
/// An explicit port is inside only where it is listed with its host, an IP address only where it is
/// listed itself.
pub(super) fn host_in(text: &str, hosts: &[String]) -> Reading {
    let Some(host) = normal_host(text) else {
        return Reading::Doubtful;
    };
    let inside = hosts.iter().any(|listed| match listed.strip_prefix('*') {
        Some(below) => host
            .strip_suffix(below)
            .is_some_and(|rest| !rest.is_empty()),
        None => *listed == host,
    });
    match inside {
        true => Reading::Inside,
        false => Reading::Outside,
    }
}

/// Absolute, no dot segment, no empty segment, nothing that some reader unescapes, strips or folds.
pub(super) fn is_normal_path(path: &str) -> bool {
    let Some(relative) = path.strip_prefix('/') else {
        return false;
    };
    is_nfc(path)
        && !path.contains(['\\', '%', '~'])
        && !path.chars().any(is_deceptive)
        // `.` and `..` end in a dot too; some file systems drop a trailing dot or blank.
        && (relative.is_empty()
            || relative
                .split('/')
                .all(|segment| !segment.is_empty() && !segment.ends_with(['.', ' '])))
}

/// Whether an entry of `host_in` is in the form that hosts are compared in.
pub(super) fn is_listed_host(entry: &str) -> bool {
    let host = entry.strip_prefix("*.").unwrap_or(entry);
    let name_below = entry.len() == host.len() || host.contains('.') && !is_address(host);
    name_below && !host.contains('/') && normal_host(host).as_deref() == Some(host)
}

/// The host, with its port where one is written, of a URL or bare host in normal form.
pub(super) fn normal_host(text: &str) -> Option<String> {
    if text.contains(['\\', ' ']) || text.chars().any(is_deceptive) {
        return None;
    }
    let bare = !text.contains("://");
    let spelt = match bare {
        // `https` has a default port, so a bare host's port must not be it: that is one of two spellings.
        true if text.contains(['/', '?', '#', '@']) => return None,
        true => format!("https://{text}/"),
        false => text.to_owned(),
    };
    let url = Url::parse(&spelt).ok()?;
    let with_path = match spelt
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains(['/', '?', '#']))
    {
        true => spelt,
        false => format!("{spelt}/"),
    };
    // The parser repairs what it can; a text it had to repair is not its own normal form.
    if url.as_str() != with_path
        || !["http", "https"].contains(&url.scheme())
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return None;
    }
    let host = match url.host()? {
        Host::Domain(name) if is_host_name(name) => name.to_owned(),
        Host::Domain(_) => return None,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    };
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

fn is_host_name(name: &str) -> bool {
    name.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    })
}

fn is_address(host: &str) -> bool {
    let bare = host
        .trim_start_matches('[')
        .split(']')
        .next()
        .unwrap_or(host);
    bare.parse::<Ipv4Addr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(path: &str) -> Reading {
        path_under(path, &["/docs".to_owned()])
    }

    #[test]
    fn a_path_under_a_root_is_the_root_or_below_it() {
        for path in [
            "/docs",
            "/docs/a",
            "/docs/a/b.md",
            "/docs/.hidden",
            "/docs/é",
        ] {
            assert_eq!(under(path), Reading::Inside, "{path}");
        }
        for path in ["/", "/doc", "/docs2", "/etc/docs", "/Docs/a"] {
            assert_eq!(under(path), Reading::Outside, "{path}");
        }
        assert_eq!(path_under("/any/thing", &["/".to_owned()]), Reading::Inside);
    }

    #[test]
    fn a_path_not_in_normal_form_is_in_doubt() {
        for path in [
            "",
            "docs/a",
            "./docs",
            "/docs/../etc",
            "/docs/./a",
            "/docs//a",
            "/docs/",
            "/docs/a.",
            "/docs/...",
            "/docs/a ",
            "/docs\\a",
            "/docs/%2e%2e",
            "/docs/~",
            "~/docs",
            "/docs/\0",
            "/docs/\u{202e}a",
            "/docs/e\u{301}",
            "file:///docs/a",
            "//docs/a",
        ] {
            assert_eq!(under(path), Reading::Doubtful, "{path:?}");
        }
    }

    fn hosted(text: &str) -> Reading {
        let hosts =
            ["example.com", "*.example.org", "10.0.0.1", "api.test:8443"].map(str::to_owned);
        host_in(text, &hosts)
    }

    #[test]
    fn a_url_is_of_a_listed_host() {
        for text in [
            "https://example.com",
            "https://example.com/",
            "http://example.com/a?b=c#d",
            "example.com",
            "https://a.example.org/",
            "https://a.b.example.org/~user/%20",
            "https://10.0.0.1/x",
            "https://api.test:8443/x",
            "api.test:8443",
        ] {
            assert_eq!(hosted(text), Reading::Inside, "{text}");
        }
        for text in [
            "https://example.com.evil.test/",
            "https://example.org/",
            "https://notexample.com/",
            "https://10.0.0.2/",
            "https://example.com:8443/",
            "https://api.test/",
            "https://[::1]/",
            "https://evilexample.org/",
        ] {
            assert_eq!(hosted(text), Reading::Outside, "{text}");
        }
    }

    #[test]
    fn a_url_with_two_readings_is_in_doubt() {
        for text in [
            "",
            "https://",
            "HTTPS://example.com/",
            "https://EXAMPLE.com/",
            "https://example.com./",
            "https://user@example.com/",
            "https://example.com@evil.test/",
            "https://example.com\\@evil.test/",
            "https:example.com",
            "https:///example.com/",
            "ftp://example.com/",
            "//example.com/",
            "https://example.com:443/",
            "https://example.com/../x",
            "https://example.com/%2e%2e/x",
            "https://ex%61mple.com/",
            "https://example.com#@evil.test",
            "https://exämple.com/",
            "https://0x0a000001/",
            "https://167772161/",
            "https://10.1/",
            "javascript://example.com/",
            "https://example.com/ x",
            "https://\u{ff45}xample.com/",
            "user@example.com",
            "example.com/x",
        ] {
            assert_eq!(hosted(text), Reading::Doubtful, "{text:?}");
        }
    }

    #[test]
    fn a_listed_host_is_in_the_form_it_is_compared_in() {
        for entry in [
            "example.com",
            "*.example.com",
            "10.0.0.1",
            "[::1]",
            "a.test:8443",
        ] {
            assert!(is_listed_host(entry), "{entry}");
        }
        for entry in [
            "",
            "*",
            "*.com",
            "Example.com",
            "https://a.test",
            "a.test/x",
            "*.10.0.0.1",
            "a.test:443",
            "a.*.test",
        ] {
            assert!(!is_listed_host(entry), "{entry}");
        }
    }
}
