//! The device that a visit is bound to, as far as every browser tells of it unasked.
//!
//! It keeps a cookie that was copied elsewhere from working in another kind of browser. Whoever can copy a
//! cookie can often copy this word too: it is a trip wire, not a proof.

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;

/// A family of browsers on a kind of system; versions change while somebody is signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Device {
    family: &'static str,
    system: &'static str,
}

impl Device {
    /// What a request tells.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut told = headers.get_all(USER_AGENT).iter();
        let told = match (told.next(), told.next()) {
            (Some(only), None) => only.to_str().unwrap_or_default(),
            _ => "",
        };
        let first = |known: &[(&str, &'static str)]| {
            let found = known.iter().find(|(mark, _)| told.contains(mark));
            found.map_or("other", |(_, word)| *word)
        };
        Self {
            family: first(&FAMILIES),
            system: first(&SYSTEMS),
        }
    }
}

/// In this order: each calls itself by the names of those after it.
const FAMILIES: [(&str, &str); 7] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrom", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(agents: &[&str]) -> (&'static str, &'static str) {
        let mut headers = HeaderMap::new();
        for agent in agents {
            headers.append(USER_AGENT, agent.parse().unwrap());
        }
        let Device { family, system } = Device::of(&headers);
        (family, system)
    }

    #[test]
    fn a_browser_is_known_by_family_and_system_whatever_its_version() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/140.0.0.0 Safari/537.36";
        let edge = format!("{chrome} Edg/140.0.0.0");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(of(&[firefox]), ("Firefox", "Linux"));
        assert_eq!(of(&[&firefox.replace("140.0", "141.0")]), of(&[firefox]));
        assert_eq!(of(&[chrome]), ("Chrome", "Windows"));
        assert_eq!(of(&[&edge]), ("Edge", "Windows"));
        assert_eq!(of(&[phone]), ("Safari", "iOS"));
        assert_eq!(of(&[]), ("other", "other"));
        assert_eq!(of(&[firefox, chrome]), ("other", "other"));
    }
}
