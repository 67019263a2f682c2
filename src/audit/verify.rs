//! Proves a record, or says where it was changed.
//!
//! | attack | seen by |
//! | --- | --- |
//! | a byte changed, a row removed or moved | the chain |
//! | the tail cut or rewritten, the head kept | the newest signed head |
//! | rows and head removed, an older copy restored, the tail rewritten and signed anew | an anchor |
//! | what a person signed changed, or given to another decision | the countersignature |
//! | a value changed beside an entry | the commitment in the entry |

use super::chain::{self, GENESIS};
use super::checkpoint::{PublicKey, SignedHead};
use super::disclosure::Disclosure;
use super::entry::{StoredEntry, commitment};
use super::report::{Place, Report};
use super::segment::Segment;
use super::witnessed::Witnessed;
use super::witnesses::Witnesses;
use crate::model::digest::Digest;

/// Verifies entries, oldest first from the very first, against the record's own heads, and against
/// anchors where there are any: heads that were kept elsewhere.
///
/// `keys` are the public keys that may have signed; take them from outside the record where possible.
///
/// # Errors
/// Whatever reading the entries meets; tampering is no error but a finding.
pub fn verify<E>(
    entries: impl IntoIterator<Item = Result<StoredEntry, E>>,
    heads: &[SignedHead],
    keys: &[PublicKey],
    anchors: Option<&[SignedHead]>,
) -> Result<Report, E> {
    verify_pruned(Sealed::default(), entries, heads, keys, anchors, None)
}

/// Segments that were sealed and taken out of a record.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sealed<'a> {
    /// All of them, oldest first.
    pub segments: &'a [Segment],
    /// Whether their entries come before the others, read from their files.
    pub are_read: bool,
}

/// As [`verify`], of a record whose oldest entries are in sealed segments. Where those are not read, the
/// entries begin after them: an entry of the record must then say where that is.
///
/// `witnesses` are the passkeys that may have signed decisions, as they were kept elsewhere; without them
/// the record's own word is taken for whose they are.
///
/// # Errors
/// As [`verify`].
pub fn verify_pruned<E>(
    sealed: Sealed<'_>,
    entries: impl IntoIterator<Item = Result<StoredEntry, E>>,
    heads: &[SignedHead],
    keys: &[PublicKey],
    anchors: Option<&[SignedHead]>,
    witnesses: Option<&Witnesses>,
) -> Result<Report, E> {
    let mut report = Report::default();
    let mut claims = claims(heads, anchors.unwrap_or_default(), keys, &mut report);
    let boundary = sealed.segments.last().filter(|_| !sealed.are_read);
    report.sealed = boundary.map_or(0, |segment| segment.last);
    let mut walk = Walk {
        last: report.sealed,
        hash: boundary.map_or(GENESIS, |segment| segment.hash),
        named: Vec::new(),
        witnessed: Witnessed::new(witnesses, boundary.is_none()),
        report,
    };
    walk.meet(&mut claims);
    for entry in entries {
        walk.step(&entry?);
        walk.meet(&mut claims);
    }
    let mut report = walk.report;
    walk.witnessed.conclude(&mut report);
    // Those of earlier segments are in segments themselves.
    let needed = match sealed.are_read {
        true => sealed.segments,
        false => sealed
            .segments
            .last_chunk::<1>()
            .map_or(&[][..], |last| last),
    };
    for segment in needed {
        if !walk.named.contains(segment) {
            let (from, to) = (segment.first, segment.last);
            let what = "no entry of the record says that it was sealed so";
            report.find(Place::Segment { from, to }, what);
        }
    }
    for claim in claims {
        let missing = Place::Missing {
            from: walk.last.saturating_add(1),
            to: claim.signed.head.count,
        };
        let what = match claim.is_anchor {
            false => "missing, though a signed head counts them",
            true => "missing, though an anchor counts them",
        };
        if !report.findings.iter().any(|one| one.place == missing) {
            report.find(missing, what);
        }
    }
    if heads.is_empty() && walk.last > 0 {
        report.find(Place::Record, "it has no signed head");
    }
    report.unsigned_tail = walk.last.saturating_sub(report.signed_through);
    Ok(report)
}

/// What a head says, once its signature was verified.
struct Claim<'a> {
    signed: &'a SignedHead,
    is_anchor: bool,
}

/// The heads whose signatures hold, those of the longest records first.
fn claims<'a>(
    heads: &'a [SignedHead],
    anchors: &'a [SignedHead],
    keys: &[PublicKey],
    report: &mut Report,
) -> Vec<Claim<'a>> {
    let mut claims = Vec::with_capacity(heads.len() + anchors.len());
    let own = heads.iter().map(|head| (head, false));
    for (signed, is_anchor) in own.chain(anchors.iter().map(|head| (head, true))) {
        let place = place(signed, is_anchor);
        match keys.iter().find(|key| key.id() == signed.key) {
            None => report.find(place, format!("no key {} is known", signed.key)),
            Some(key) if !key.verify(signed) => report.find(place, "its signature does not hold"),
            Some(_) => claims.push(Claim { signed, is_anchor }),
        }
    }
    claims.sort_by_key(|claim| std::cmp::Reverse(claim.signed.head.count));
    claims
}

fn place(signed: &SignedHead, is_anchor: bool) -> Place {
    match is_anchor {
        false => Place::Head(signed.head.count),
        true => Place::Anchor(signed.head.count),
    }
}

struct Walk<'a> {
    last: u64,
    hash: Digest,
    /// The segments that entries name.
    named: Vec<Segment>,
    /// What persons signed.
    witnessed: Witnessed<'a>,
    report: Report,
}

impl Walk<'_> {
    fn step(&mut self, entry: &StoredEntry) {
        let expected = self.last.saturating_add(1);
        let here = Place::Entry(entry.seq);
        if entry.seq > expected {
            let (from, to) = (expected, entry.seq.saturating_sub(1));
            self.report.find(Place::Missing { from, to }, "missing");
        } else if entry.seq < expected {
            self.report.find(here, "it stands out of order");
        } else if entry.previous != self.hash {
            let what = "it does not follow the entry before it";
            self.report.find(here, what);
        }
        if chain::hash(entry.seq, &entry.previous, &entry.body) != entry.hash {
            self.report.find(here, "its content is not what was hashed");
        }
        self.named.extend(Segment::sealed_by(&entry.body));
        self.witnessed.step(entry, &mut self.report);
        if let Some(disclosure) = &entry.disclosure {
            self.disclosed(entry, disclosure);
        }
        self.report.entries = self.report.entries.saturating_add(1);
        self.last = self.last.max(entry.seq);
        self.hash = entry.hash;
    }

    fn disclosed(&mut self, entry: &StoredEntry, disclosure: &[u8]) {
        let here = Place::Entry(entry.seq);
        match std::str::from_utf8(disclosure).map(Disclosure::parse) {
            Err(_) => self
                .report
                .find(here, "the arguments beside it are not text"),
            Ok(Err(fault)) => self.report.find(here, fault.to_string()),
            Ok(Ok(disclosure)) if commitment(&entry.body) != Some(disclosure.root()) => {
                let what = "the arguments beside it are not those it commits to";
                self.report.find(here, what);
            }
            Ok(Ok(_)) => {}
        }
    }

    /// Holds every head that counts as many entries as there are so far against the last of them.
    fn meet(&mut self, claims: &mut Vec<Claim<'_>>) {
        while let Some(claim) = claims.pop_if(|claim| claim.signed.head.count <= self.last) {
            let head = &claim.signed.head;
            // One that counts fewer points into a gap, which was found already.
            if head.count == self.last && head.hash == self.hash {
                match claim.is_anchor {
                    false => self.report.signed_through = head.count,
                    true => self.report.anchored_through = Some(head.count),
                }
            } else if head.count == self.last {
                let what = "the record up to there is not the one that was signed";
                self.report.find(place(claim.signed, claim.is_anchor), what);
            }
        }
    }
}
