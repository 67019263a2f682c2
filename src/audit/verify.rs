//! Proves a record, or says where it was changed.
//!
//! | attack | seen by |
//! | --- | --- |
//! | a byte changed, a row removed or moved | the chain |
//! | the tail cut or rewritten, the head kept | the newest signed head |
//! | rows and head removed, an older copy restored, the tail rewritten and signed anew | an anchor |
//! | another key put in the place of the one that signs | the entry that both keys must sign |
//! | what a person signed changed, or given to another decision | the countersignature |
//! | a value changed beside an entry | the commitment in the entry |

use super::chain::{self, GENESIS};
use super::checkpoint::{PublicKey, SignedHead};
use super::disclosure::Disclosure;
use super::entry::{StoredEntry, commitment};
use super::report::{Place, Report};
use super::segment::Segment;
use super::succession::Succession;
use super::witnessed::Witnessed;
use super::witnesses::Witnesses;
use crate::model::digest::Digest;

/// Verifies entries, oldest first from the very first, against the record's own heads, and against
/// anchors where there are any: heads that were kept elsewhere.
///
/// `keys` are the public keys that are trusted; take them from outside the record where possible. Those
/// that entries of the record change to, or from, are trusted with them, each for its part of the record.
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
    /// Those of their entries that change the key, for where the others are not read.
    pub rotations: &'a [StoredEntry],
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
    let mut claims = claims(heads, anchors.unwrap_or_default());
    let boundary = sealed.segments.last().filter(|_| !sealed.are_read);
    let begin = boundary.map_or(0, |segment| segment.last);
    let mut walk = Walk {
        last: begin,
        hash: boundary.map_or(GENESIS, |segment| segment.hash),
        named: Vec::new(),
        met: Vec::new(),
        succession: Succession::of(keys),
        witnessed: Witnessed::new(witnesses, boundary.is_none()),
        report: Report {
            sealed: begin,
            ..Report::default()
        },
    };
    for entry in sealed.rotations.iter().filter(|entry| entry.seq <= begin) {
        walk.succeed(entry);
    }
    walk.meet(&mut claims);
    for entry in entries {
        walk.step(&entry?);
        walk.meet(&mut claims);
    }
    let (last, named) = (walk.last, std::mem::take(&mut walk.named));
    let mut report = walk.judged(claims);
    // Those of earlier segments are in segments themselves.
    let needed = match sealed.are_read {
        true => sealed.segments,
        false => sealed
            .segments
            .last_chunk::<1>()
            .map_or(&[][..], |last| last),
    };
    for segment in needed {
        if !named.contains(segment) {
            let (from, to) = (segment.first, segment.last);
            let what = "no entry of the record says that it was sealed so";
            report.find(Place::Segment { from, to }, what);
        }
    }
    if heads.is_empty() && last > 0 {
        report.find(Place::Record, "it has no signed head");
    }
    report.unsigned_tail = last.saturating_sub(report.signed_through);
    report.sort();
    Ok(report)
}

/// What a head says.
struct Claim<'a> {
    signed: &'a SignedHead,
    is_anchor: bool,
}

/// How a claim stands against the entries.
enum Standing {
    Holds,
    Differs,
    /// It points into a gap, which was found already.
    InGap,
    /// There are not so many.
    Beyond,
}

/// Every head, those of the longest records first.
fn claims<'a>(heads: &'a [SignedHead], anchors: &'a [SignedHead]) -> Vec<Claim<'a>> {
    let own = heads.iter().map(|head| (head, false));
    let all = own.chain(anchors.iter().map(|head| (head, true)));
    let mut claims: Vec<_> = all
        .map(|(signed, is_anchor)| Claim { signed, is_anchor })
        .collect();
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
    /// The heads that were held against entries.
    met: Vec<(Claim<'a>, Standing)>,
    succession: Succession<'a>,
    /// What persons signed.
    witnessed: Witnessed<'a>,
    report: Report,
}

impl<'a> Walk<'a> {
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
        self.succeed(entry);
        self.witnessed.step(entry, &mut self.report);
        if let Some(disclosure) = &entry.disclosure {
            self.disclosed(entry, disclosure);
        }
        self.report.entries = self.report.entries.saturating_add(1);
        self.last = self.last.max(entry.seq);
        self.hash = entry.hash;
    }

    fn succeed(&mut self, entry: &StoredEntry) {
        if let Err(what) = self.succession.step(entry) {
            self.report.find(Place::Entry(entry.seq), what);
        }
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
    fn meet(&mut self, claims: &mut Vec<Claim<'a>>) {
        while let Some(claim) = claims.pop_if(|claim| claim.signed.head.count <= self.last) {
            let head = &claim.signed.head;
            let standing = match head.count == self.last {
                false => Standing::InGap,
                true if head.hash == self.hash => Standing::Holds,
                true => Standing::Differs,
            };
            self.met.push((claim, standing));
        }
    }

    /// The report, once every change of key was seen: only then it is known who may have signed what.
    fn judged(self, beyond: Vec<Claim<'a>>) -> Report {
        let mut report = self.report;
        report.rotations = self.succession.count();
        self.witnessed.conclude(&mut report);
        let beyond = beyond.into_iter().map(|claim| (claim, Standing::Beyond));
        for (claim, standing) in self.met.into_iter().chain(beyond) {
            let (signed, is_anchor) = (claim.signed, claim.is_anchor);
            let (here, count) = (place(signed, is_anchor), signed.head.count);
            if let Err(what) = self.succession.judge(signed) {
                report.find(here, what);
                continue;
            }
            match standing {
                Standing::Holds if is_anchor => report.anchored_through = Some(count),
                Standing::Holds => report.signed_through = count,
                Standing::Differs => {
                    let what = "the record up to there is not the one that was signed";
                    report.find(here, what);
                }
                Standing::InGap => {}
                Standing::Beyond => {
                    let from = self.last.saturating_add(1);
                    let missing = Place::Missing { from, to: count };
                    let what = match is_anchor {
                        false => "missing, though a signed head counts them",
                        true => "missing, though an anchor counts them",
                    };
                    if !report.findings.iter().any(|one| one.place == missing) {
                        report.find(missing, what);
                    }
                }
            }
        }
        report
    }
}
