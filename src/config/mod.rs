//! `countersign.yaml`: where the guard listens, what it keeps where, and which upstreams it stands before.
//!
//! Read strictly, with every fault at once. It names secrets and never holds one.

mod anchor;
mod console;
mod issuer;
mod listen;
mod notify;
mod oidc;
mod secret;
mod upstream;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

pub use anchor::{Anchor, AnchorRef};
pub use console::Console;
pub use listen::Listen;
pub use notify::{Address, Notify, NotifyWay};
pub use oidc::Oidc;
pub use secret::SecretRef;
pub use upstream::{Transport, Upstream};

use crate::authn::jwt::IssuerSpec;
use crate::guard::{PinPolicy, Reload};
use crate::mcp::upstream::UpstreamSpec;
use crate::model::name::ServerName;
use crate::notify::Channel;
use crate::scopes::reading::{Block, Keys};
use crate::scopes::yaml::{self, Node, Shape};
use crate::scopes::{Faults, Source};

/// The configuration of one guard.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory that the guard owns.
    pub data: PathBuf,
    /// The directory of manifests.
    pub scopes: PathBuf,
    /// The two listeners.
    pub listen: Listen,
    /// Where people reach the console, and with what they enter it.
    pub console: Console,
    /// The upstreams, by the guard's name for them.
    pub upstreams: BTreeMap<ServerName, Upstream>,
    /// The issuers whose tokens may prove an agent.
    pub issuers: Vec<IssuerSpec>,
    /// Where heads of the record go, beside the file in the guard's directory.
    pub anchors: Vec<AnchorRef>,
    /// Whether reads are synced before they run, like everything else.
    pub all_synced: bool,
    /// Who puts changed scopes into force.
    pub reload: Reload,
    /// Who accepts what servers present for the first time, where the configuration says it.
    pub pin: Option<PinPolicy>,
    /// The channels by which people are told what waits for them.
    pub notify: Vec<Notify>,
}

impl Config {
    /// Reads a configuration. Relative paths in it are meant from `base`, the file's own directory.
    ///
    /// # Errors
    /// Every fault, with its place and what to write instead.
    pub fn parse(source: &Source, base: &Path) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let config =
            yaml::parse(source, &mut faults).and_then(|tree| read(&tree, base, &mut faults));
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults.sorted()),
        }
    }

    /// The upstreams with their secrets looked up.
    ///
    /// # Errors
    /// Every secret that is not where the configuration says, and every address that is refused.
    pub fn resolve(&self) -> Result<BTreeMap<ServerName, UpstreamSpec>, Faults> {
        let mut faults = Faults::default();
        let mut specs = BTreeMap::new();
        for (name, upstream) in &self.upstreams {
            if let Some(spec) = upstream.resolve(name, &mut faults) {
                specs.insert(name.clone(), spec);
            }
        }
        match faults.is_empty() {
            true => Ok(specs),
            false => Err(faults.sorted()),
        }
    }

    /// The channels with their secrets looked up.
    ///
    /// # Errors
    /// Every secret that is not where the configuration says, and every address that is refused.
    pub fn channels(&self) -> Result<Vec<Channel>, Faults> {
        let mut faults = Faults::default();
        let channels = self.notify.iter();
        let channels = channels
            .filter_map(|one| one.resolve(&mut faults))
            .collect();
        match faults.is_empty() {
            true => Ok(channels),
            false => Err(faults.sorted()),
        }
    }
}

impl Config {
    /// The anchors with their secrets looked up.
    ///
    /// # Errors
    /// Every secret that is not where the configuration says, and every address that is refused.
    pub fn resolve_anchors(&self) -> Result<Vec<Anchor>, Faults> {
        let mut faults = Faults::default();
        let anchors = self
            .anchors
            .iter()
            .filter_map(|anchor| anchor.resolve(&mut faults))
            .collect();
        match faults.is_empty() {
            true => Ok(anchors),
            false => Err(faults.sorted()),
        }
    }
}

fn read(tree: &Node, base: &Path, faults: &mut Faults) -> Option<Config> {
    let block = Block::open(tree, &CONFIG, faults)?;
    version(&block, faults);
    let data = path(&block, "data", "data", base, faults);
    let scopes = path(&block, "scopes", "scopes", base, faults);
    let listen = match block.find("listen") {
        Some(node) => Listen::read(node, faults),
        None => Some(Listen::default()),
    };
    let console = match block.find("console") {
        Some(node) => Console::read(node, base, faults),
        None => Some(Console::default()),
    };
    let upstreams = block
        .find("upstreams")
        .map(|node| upstreams(node, base, faults))
        .unwrap_or_default();
    let issuers = block
        .find("issuers")
        .map(|node| issuer::read(node, base, faults))
        .unwrap_or_default();
    let anchors = block
        .find("anchors")
        .map(|node| anchor::read(node, base, faults))
        .unwrap_or_default();
    let all_synced = block
        .find("durability")
        .and_then(|node| node.choice(&[("privilege", false), ("all", true)], &[], faults));
    let notify = block
        .find("notify")
        .map(|node| notify::read(node, base, faults))
        .unwrap_or_default();
    let reload = block.find("reload").and_then(|node| {
        let words = [("accept", Reload::Accept), ("auto", Reload::Auto)];
        node.choice(&words, &[], faults)
    });
    let pin = block.find("pin").and_then(|node| {
        let words = [
            ("accept", PinPolicy::Accept),
            ("first_use", PinPolicy::FirstUse),
        ];
        node.choice(&words, &[], faults)
    });
    Some(Config {
        data: data?,
        scopes: scopes?,
        listen: listen?,
        console: console?,
        upstreams,
        issuers,
        anchors,
        all_synced: all_synced.unwrap_or(false),
        reload: reload.unwrap_or(Reload::Accept),
        pin,
        notify,
    })
}

fn version(block: &Block<'_>, faults: &mut Faults) {
    let Some(node) = block.need("version", "begin the file with `version: 1`", faults) else {
        return;
    };
    match &node.shape {
        Shape::Number(number) if number.as_str() == "1" => {}
        _ => faults.add(
            &node.at,
            "this version of the format is not known",
            "write `version: 1`",
        ),
    }
}

fn path(
    block: &Block<'_>,
    key: &str,
    default: &str,
    base: &Path,
    faults: &mut Faults,
) -> Option<PathBuf> {
    match block.find(key) {
        Some(node) => node.line(faults).map(|text| under(base, &text)),
        None => Some(under(base, default)),
    }
}

/// The path from the configuration's own directory, without idle parts that only blur it.
fn under(base: &Path, text: &str) -> PathBuf {
    let path: PathBuf = base
        .join(text)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    match path.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => path,
    }
}

fn upstreams(node: &Node, base: &Path, faults: &mut Faults) -> BTreeMap<ServerName, Upstream> {
    let mut upstreams = BTreeMap::new();
    for entry in node.entries("`upstreams`", faults).unwrap_or_default() {
        match ServerName::parse(&entry.key) {
            Ok(name) => {
                if let Some(upstream) = Upstream::read(&entry.value, base, faults) {
                    upstreams.insert(name, upstream);
                }
            }
            Err(fault) => faults.add(
                &entry.at,
                "not a name for a server",
                format!("write {}", fault.expected),
            ),
        }
    }
    upstreams
}

const CONFIG: Keys = Keys {
    what: "the configuration",
    known: &[
        "version",
        "data",
        "scopes",
        "listen",
        "console",
        "upstreams",
        "issuers",
        "anchors",
        "durability",
        "reload",
        "pin",
        "notify",
    ],
    later: &[],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::jwt::TokenType;

    fn parse(text: &str) -> Result<Config, Vec<String>> {
        let source = Source {
            name: "countersign.yaml".to_owned(),
            text: text.to_owned(),
        };
        Config::parse(&source, Path::new("/srv/guard"))
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_short_configuration_has_safe_defaults() {
        let config = parse("version: 1\n").unwrap();
        assert_eq!(config.data, Path::new("/srv/guard/data"));
        assert!(config.listen.agents.ip().is_loopback());
        assert!(config.listen.operators.ip().is_loopback());
        assert_eq!(config.reload, Reload::Accept);
        assert_eq!(config.pin, None);
        assert!(!config.all_synced);
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            "version: 1\n\
             data: /var/lib/guard\n\
             scopes: manifests\n\
             listen: {agents: '127.0.0.1:1', operators: '[::1]:2'}\n\
             console: {origin: 'https://guard.example.com', token_sign_in: false, \
             require_passkeys: true, oidc: {issuer: 'https://idp.example.com', client_id: guard, \
             client_secret: {env: OIDC}, scopes: [groups], groups_claim: memberOf, \
             groups: {fin: finance}, roles: {fin: approver, sec: [admin, viewer]}}}\n\
             upstreams:\n  files: {command: [server, --root, /srv], env: {LANG: C}}\n  \
             crm: {url: 'https://crm.example.com/mcp', credential: {env: CRM_TOKEN}}\n\
             issuers:\n  https://idp.example.com: {jwks: 'https://idp.example.com/keys'}\n  \
             https://other.example.com: {jwks_file: other.json, typ: jwt}\n\
             anchors: [{file: /mnt/heads.jsonl}, {webhook: {url: 'https://h.example.com', secret: {env: X}}}]\n\
             durability: all\n\
             reload: auto\n\
             pin: first_use\n",
        )
        .unwrap();
        assert_eq!(config.upstreams.len(), 2);
        let origin = config.console.origin.as_deref();
        assert_eq!(origin, Some("https://guard.example.com"));
        assert!(!config.console.token_sign_in && config.console.require_passkeys);
        assert!(!config.console.oidc.as_ref().unwrap().is_plain());
        let [one, other] = config.issuers.as_slice() else {
            panic!("{:?}", config.issuers);
        };
        assert_eq!(
            (one.name.as_str(), one.typ),
            ("https://idp.example.com", TokenType::Access)
        );
        assert_eq!(other.typ, TokenType::Any);
        assert!(!one.keys.is_plain());
        let places: Vec<_> = config.anchors.iter().map(AnchorRef::place).collect();
        assert_eq!(places, ["/mnt/heads.jsonl", "https://h.example.com"]);
        assert!(config.all_synced);
        assert_eq!(config.reload, Reload::Auto);
        assert_eq!(config.pin, Some(PinPolicy::FirstUse));
        assert_eq!(config.scopes, Path::new("/srv/guard/manifests"));
    }

    #[test]
    fn what_is_wrong_with_an_identity_provider_is_said() {
        let oidc = |more: &str| {
            parse(&format!(
                "version: 1\nconsole:\n  origin: https://guard.example.com\n  oidc:\n    client_id: guard\n{more}"
            ))
        };
        let good = "    issuer: https://idp.example.com\n";
        assert!(oidc(good).is_ok());
        let local = "    issuer: http://127.0.0.1:1\n";
        assert!(oidc(&format!("{local}    allow_loopback_http: true\n")).is_ok());
        for (more, word) in [
            ("", "`issuer` is missing"),
            (local, "plain http"),
            ("    issuer: idp.example.com\n", "not a name for an issuer"),
            (
                "    issuer: https://idp.example.com\n    roles: {a: king}\n",
                "roles",
            ),
            (
                "    issuer: https://idp.example.com\n    groups: {a: 'x y'}\n",
                "groups",
            ),
            (
                "    issuer: https://idp.example.com\n    scopes: [a b]\n",
                "scope",
            ),
            (
                "    issuer: https://idp.example.com\n    client_secret: hush\n",
                "secret",
            ),
            (
                "    issuer: https://idp.example.com\n    secret: hush\n",
                "`secret` is not a key",
            ),
        ] {
            let faults = oidc(more).unwrap_err().join("\n");
            assert!(faults.contains(word), "{more}: {faults}");
        }
        let nowhere =
            "version: 1\nconsole: {oidc: {issuer: 'https://idp.example.com', client_id: a}}\n";
        let faults = parse(nowhere).unwrap_err().join("\n");
        assert!(faults.contains("nobody says where it is"), "{faults}");
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_places() {
        let faults = parse(
            "version: 2\n\
             dat: x\n\
             issuers: {'https://idp.example.com': {jwks: 'http://idp.example.com/keys'}}\n\
             listen: {agents: '0.0.0.0:80', operators: nowhere}\n\
             upstreams:\n  CRM: {url: 'https://x'}\n  \
             both: {command: [a], url: 'https://x'}\n  \
             secret: {url: 'https://x', credential: hunter2}\n\
             reload: sometimes\n",
        )
        .unwrap_err();
        let expected = [
            "countersign.yaml:1:10: this version",
            "countersign.yaml:2:1: `dat` is not a key",
            "countersign.yaml:3:45: the address of keys is not acceptable: it must begin with https",
            "countersign.yaml:4:",
            "countersign.yaml:4:",
            "countersign.yaml:6:3: not a name for a server",
            "countersign.yaml:7:",
            "countersign.yaml:8:",
            "countersign.yaml:9:9: `sometimes`",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, start) in faults.iter().zip(expected) {
            assert!(fault.starts_with(start), "{fault} | {start}");
        }
    }

    #[test]
    fn an_anchor_is_one_place_and_its_secret_is_named_and_not_written() {
        let fault = |text: &str| {
            let faults = parse(&format!("version: 1\nanchors: [{text}]\n")).unwrap_err();
            faults.first().cloned().unwrap()
        };
        assert!(fault("{}").contains("an anchor is one place"));
        assert!(fault("{file: a, webhook: {url: b}}").contains("an anchor is one place"));
        assert!(fault("{webhook: {url: 'https://h'}}").contains("secret"));
        assert!(fault("{webhook: {url: 'https://h', secret: whsec_x}}").contains("secret"));
        let config = parse(
            "version: 1\nanchors: [{webhook: {url: 'http://h.example.com', secret: {file: absent}}}]\n",
        );
        let faults = config.unwrap().resolve_anchors().unwrap_err();
        assert_eq!(faults.iter().count(), 1);
    }

    #[test]
    fn a_console_without_a_name_is_refused_with_what_to_write() {
        for (origin, remedy) in [
            ("http://127.0.0.1:7441", "http://localhost:PORT"),
            ("http://guard.example.com", "https://"),
        ] {
            let text = format!("version: 1\nconsole: {{origin: '{origin}'}}\n");
            let fault = parse(&text).unwrap_err().remove(0);
            assert!(fault.starts_with("countersign.yaml:2:19:"), "{fault}");
            assert!(fault.contains(remedy), "{fault}");
        }
        assert!(parse("version: 1\n").unwrap().console.token_sign_in);
    }

    #[test]
    fn an_issuer_is_reached_by_https_or_by_an_open_word_on_this_machine() {
        let issuer = |text: &str| parse(&format!("version: 1\nissuers:\n  {text}\n"));
        let fault = |text: &str| issuer(text).unwrap_err().remove(0);
        let local = "http://localhost:1: {jwks: 'http://localhost:1/keys'";
        assert!(fault(&format!("{local}}}")).contains("allow_loopback_http"));
        let config = issuer(&format!("{local}, allow_loopback_http: true}}")).unwrap();
        assert!(config.issuers.iter().all(|issuer| issuer.keys.is_plain()));
        for (text, told) in [
            (
                "idp: {jwks: 'https://idp.example.com'}",
                "3:3: not a name for an issuer",
            ),
            (
                "http://idp.example.com: {jwks_file: a}",
                "3:3: not a name for an issuer",
            ),
            (
                "https://a.b/?x: {jwks_file: a}",
                "3:3: not a name for an issuer",
            ),
            ("https://a.b: {}", "3:16: an issuer's keys are in one place"),
            (
                "https://a.b: {jwks: 'https://c', jwks_file: d}",
                "3:16: an issuer's keys are in one place",
            ),
            (
                "https://a.b: {jwks: 'https://u:p@c'}",
                "3:23: the address of keys is not acceptable",
            ),
            (
                "https://a.b: {jwks: 'http://c', allow_loopback_http: true}",
                "3:23: the address of keys",
            ),
            (
                "https://a.b: {jwks_file: d, allow_private: true}",
                "3:46: `allow_private` goes with `jwks`",
            ),
            ("https://a.b: {jwks_file: d, typ: id}", "3:36: `id`"),
        ] {
            let fault = fault(text);
            assert!(
                fault.starts_with(&format!("countersign.yaml:{told}")),
                "{fault} | {told}"
            );
        }
    }

    #[test]
    fn a_channel_is_read_whole() {
        let config = parse(
            "version: 1\n\
             notify:\n\
             - name: ops\n  webhook: {url: 'https://hooks.example.com', secret: {env: OPS}}\n  \
             tiers: [critical, high]\n  groups: [finance]\n  remind: 5m\n  \
             escalate: [{before: 5m, to: chief}, {before: 1m, to: ops}]\n\
             - {name: chat, webhook: {url: {env: CHAT}}, shape: slack}\n\
             - name: chief\n  tiers: []\n  \
             mail: {server: smtp.example.com, from: g@example.com, to: [a@example.com]}\n",
        )
        .unwrap();
        let [ops, chat, chief] = config.notify.as_slice() else {
            panic!("{:?}", config.notify);
        };
        assert_eq!(ops.route.tiers.len(), 2);
        assert_eq!(ops.route.groups.len(), 1);
        assert_eq!(ops.remind, Some(std::time::Duration::from_secs(300)));
        assert_eq!(ops.escalate.len(), 2);
        assert_eq!(chat.route.tiers.len(), 4);
        assert!(chief.route.tiers.is_empty());
        assert!(matches!(chief.way, NotifyWay::Mail { port: 587, .. }));
    }

    #[test]
    fn all_faults_of_channels_are_told_at_once() {
        let hook = "webhook: {url: 'https://h.example.com', secret: {env: S}}";
        let faults = parse(&format!(
            "version: 1\nnotify:\n\
             - {{name: a, {hook}, escalate: [{{before: 5m, to: nobody}}]}}\n\
             - {{name: a, {hook}}}\n\
             - {{name: B, {hook}}}\n\
             - {{name: c}}\n\
             - {{name: d, webhook: {{url: 'https://h.example.com'}}}}\n\
             - {{name: e, webhook: {{url: 'https://127.0.0.1', secret: {{env: S}}}}}}\n\
             - {{name: f, webhook: {{url: 'https://h.example.com', secret: hunter2}}}}\n\
             - {{name: g, {hook}, tiers: [urgent], remind: 1s}}\n\
             - {{name: h, shape: slack, mail: {{server: s.example.com, from: x, to: []}}}}\n\
             - {{name: i, mail: {{server: s.example.com, from: x, to: [z], user: u}}}}\n\
             - {{name: j, mail: {{server: s.example.com, from: x, to: ['a@b.example'], tls: none}}}}\n\
             - {{name: k, mail: {{server: s.example.com, from: x, to: ['a@b.example']}}}}\n\
             - {{name: l, web_push: {{}}, {hook}}}\n"
        ))
        .unwrap_err();
        let expected = [
            ":3:3: there is no channel nobody to escalate to",
            ":4:3: two channels are called a",
            ":5:10: not a name for a channel",
            ":6:3: a channel reaches people in one way",
            ":7:22: `secret` is missing",
            ":8:3: e: the address is not acceptable: it is not public",
            ":9:",
            ":10:",
            ":10:",
            ":11:20: `shape` goes with `webhook`",
            ":11:",
            ":12:",
            ":13:3: j: `tls: none` is for a mail server on this very machine",
            ":14:3: k: \"x\" is not a mail address such as",
            ":15:13: `web_push` is not yet supported",
        ];
        for (at, start) in expected.iter().enumerate() {
            let fault = faults.get(at).map(String::as_str).unwrap_or_default();
            let start = format!("countersign.yaml{start}");
            assert!(fault.starts_with(&start), "{fault} | {start} | {faults:#?}");
        }
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    }

    #[test]
    fn a_secret_that_is_not_there_is_a_fault_with_its_place() {
        let config = parse(
            "version: 1\nupstreams:\n  crm:\n    url: https://crm.example.com/mcp\n    \
             credential: {file: not-there}\n",
        )
        .unwrap();
        let faults = config.resolve().unwrap_err();
        assert!(
            faults
                .iter()
                .next()
                .unwrap()
                .to_string()
                .starts_with("countersign.yaml:5:")
        );
    }
}
