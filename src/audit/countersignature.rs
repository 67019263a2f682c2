//! The countersignature: what exactly a person signed when they decided, and how it stands in the record.

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

use crate::model::digest::{Digest, Fields};
use crate::model::id::ApprovalId;
use crate::model::name::OperatorName;
use crate::model::passkey::Assertion;
use crate::model::pattern::Pins;
use crate::model::time::Timestamp;

/// Everything that a decision says, and nothing else: its digest is the challenge that is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Which approval.
    pub approval: ApprovalId,
    /// The version that was shown.
    pub version: u32,
    /// The action that was shown.
    pub digest: Digest,
    /// What is granted; nothing where the call is refused.
    pub grant: Option<Granted>,
    /// In which stage.
    pub stage: u32,
    /// Who decides.
    pub approver: OperatorName,
    /// The action it was edited from, where it was.
    pub previous: Option<Digest>,
    /// When the challenge was asked.
    pub issued: Timestamp,
    /// Makes it one of its own.
    pub nonce: [u8; 16],
}

/// The leave that an approval gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Granted {
    /// For which calls.
    pub kind: GrantKind,
    /// How often.
    pub uses: u32,
    /// Until when.
    pub until: Timestamp,
}

/// For which calls leave is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GrantKind {
    /// Exactly the one that was shown.
    Exact,
    /// Calls like the one that was shown, which keep what stands at these places of its arguments.
    Pattern(Pins),
    /// Exactly the one that was shown, by one person alone in an emergency.
    BreakGlass {
        /// Digest of the reason that they gave.
        reason: Digest,
    },
}

impl GrantKind {
    /// The word in challenges and records.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Pattern(_) => "pattern",
            Self::BreakGlass { .. } => "break-glass",
        }
    }

    /// The kind of that name, of which an entry tells.
    fn parse(name: &str, body: &Map<String, Value>) -> Option<Self> {
        let pins = pins(body)?;
        match (name, pins) {
            ("exact", None) => Some(Self::Exact),
            ("pattern", Some(pins)) => Some(Self::Pattern(pins)),
            ("break-glass", None) => Some(Self::BreakGlass {
                reason: Digest::of(body.get(REASON)?.as_str()?.as_bytes()),
            }),
            _ => None,
        }
    }

    /// The places that stay as they were shown, where not all of them must.
    const fn pins(&self) -> Option<&Pins> {
        match self {
            Self::Pattern(pins) => Some(pins),
            Self::Exact | Self::BreakGlass { .. } => None,
        }
    }
}

impl Terms {
    /// The challenge that stands for them.
    #[must_use]
    pub fn challenge(&self) -> Digest {
        let fields = Fields::new("countersign.decision.v1")
            .field(self.approval.as_bytes())
            .field(&self.version.to_be_bytes())
            .field(self.digest.as_bytes())
            .field(self.decision().as_bytes());
        let fields = match &self.grant {
            None => fields.field(&[0]),
            Some(grant) => {
                let fields = fields.field(&[1]).field(grant.kind.name().as_bytes());
                let fields = match &grant.kind {
                    GrantKind::Exact | GrantKind::Pattern(_) => fields,
                    GrantKind::BreakGlass { reason } => fields.field(reason.as_bytes()),
                };
                let pins = grant.kind.pins().map(Pins::digest);
                fields
                    .field(&grant.uses.to_be_bytes())
                    .field(&grant.until.millis().to_be_bytes())
                    .optional(pins.as_ref().map(|pins| pins.as_bytes().as_slice()))
            }
        };
        fields
            .field(&self.stage.to_be_bytes())
            .field(self.approver.as_str().as_bytes())
            .optional(self.previous.as_ref().map(|one| one.as_bytes().as_slice()))
            .field(&self.issued.millis().to_be_bytes())
            .field(&self.nonce)
            .digest()
    }

    /// Whether somebody decided alone, in place of everybody who should have.
    #[must_use]
    pub fn breaks_glass(&self) -> bool {
        let grant = self.grant.as_ref();
        grant.is_some_and(|grant| matches!(grant.kind, GrantKind::BreakGlass { .. }))
    }

    fn decision(&self) -> &'static str {
        match &self.grant {
            None => "deny",
            Some(_) if self.breaks_glass() => "break-glass",
            Some(_) => "approve",
        }
    }

    /// Writes into the entry of a decision, which names approval, version, action and approver itself,
    /// what else was signed, and the answer.
    pub fn record(&self, answer: &Assertion, body: &mut Map<String, Value>) {
        let mut signed = Map::new();
        signed.insert("stage".into(), self.stage.into());
        signed.insert("issued".into(), self.issued.to_string().into());
        signed.insert("nonce".into(), HEXLOWER.encode(&self.nonce).into());
        if let Some(previous) = &self.previous {
            signed.insert("previous".into(), previous.to_string().into());
        }
        if let Some(grant) = &self.grant {
            signed.insert("grant".into(), grant.kind.name().into());
            if let Some(pins) = grant.kind.pins() {
                body.insert("pins".into(), pins.iter().collect());
            }
            body.insert("uses".into(), grant.uses.into());
            body.insert("until".into(), grant.until.to_string().into());
        }
        answer.record(&mut signed);
        body.insert(MEMBER.into(), Value::Object(signed));
    }

    /// The terms and the answer that an entry holds; nothing where a part is missing or malformed.
    pub(super) fn read(body: &Map<String, Value>) -> Option<(Self, Assertion)> {
        let signed = body.get(MEMBER)?.as_object()?;
        let text = |members: &'_ Map<String, Value>, name: &str| {
            members.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let digest = |name: &str| match signed.get(name) {
            None => Some(None),
            Some(value) => Digest::from_hex(value.as_str()?).map(Some),
        };
        let number = |value: Option<&Value>| u32::try_from(value?.as_u64()?).ok();
        let grant = match (text(body, "state")?.as_str(), text(signed, "grant")) {
            ("denied", None) => None,
            ("approved" | "voted", Some(kind)) => Some(Granted {
                kind: GrantKind::parse(&kind, body)?,
                uses: number(body.get("uses"))?,
                until: Timestamp::parse(&text(body, "until")?)?,
            }),
            _ => return None,
        };
        let nonce = HEXLOWER.decode(text(signed, "nonce")?.as_bytes()).ok()?;
        let terms = Self {
            approval: ApprovalId::parse(&text(body, "approval")?)?,
            version: number(body.get("version"))?,
            digest: Digest::from_hex(&text(body, "action_digest")?)?,
            grant,
            stage: number(signed.get("stage"))?,
            approver: OperatorName::parse(&text(body, "by")?).ok()?,
            previous: digest("previous")?,
            issued: Timestamp::parse(&text(signed, "issued")?)?,
            nonce: nonce.try_into().ok()?,
        };
        Some((terms, Assertion::recorded(signed)?))
    }
}

/// The pins that an entry names, if it names any.
fn pins(body: &Map<String, Value>) -> Option<Option<Pins>> {
    let Some(pins) = body.get("pins") else {
        return Some(None);
    };
    let pins = pins.as_array()?.iter();
    let pins: Option<Vec<String>> = pins.map(|pin| Some(pin.as_str()?.to_owned())).collect();
    Pins::read(pins?).ok().map(Some)
}

/// The member of an entry that names the review which a use of break-glass opened.
pub const REVIEW: &str = "review";
/// The member of an entry that says why the glass was broken.
pub const REASON: &str = "reason";
/// The member of an entry that holds it.
pub(super) const MEMBER: &str = "countersignature";
