//! What must hold of sessions and of what nobody knows: taint stays, no new session is kinder, and a call
//! whose outcome is unknown is followed by none that nobody was asked about.

use std::time::Duration;

use serde_json::Value;

use super::invariants::News;
use countersign::model::time::Timestamp;

use super::record::{at, target, text};

/// What the manifests call untrusted, and what they do not declare.
const UNTRUSTED: [&str; 2] = ["crm/find", "crm/unheard_of"];

/// What a session permitted of an untrusted source taints every later decision of it. A denial may be
/// older than its place: it waits for nothing.
pub(super) fn invariant_taint_stays_until_its_session_ends(news: &News<'_>) -> Result<(), String> {
    for (place, body) in (news.first..).zip(news.bodies) {
        let decision = text(body, "decision");
        if text(body, "kind") != "decision" || decision == "deny" {
            continue;
        }
        let is_known = text(body, "taint") == "untrusted";
        if decision == "permit"
            && UNTRUSTED.contains(&target(body).as_str())
            && !is_known
            && text(body, "taints") != "untrusted"
        {
            return Err(format!("entry {place} hears untrusted words untold"));
        }
        let tainted = news.record.tainted.get(text(body, "session"));
        if let Some(since) = tainted.filter(|since| **since < place && !is_known) {
            return Err(format!("entry {place} forgets the taint of entry {since}"));
        }
    }
    Ok(())
}

/// A session that opens while its credential has a paused one, or untainted after another heard untrusted
/// words, is a way around both.
pub(super) fn invariant_a_new_session_is_never_kinder(news: &News<'_>) -> Result<(), String> {
    for (place, body) in (news.first..).zip(news.bodies) {
        let (session, state) = (text(body, "session"), text(body, "state"));
        if text(body, "kind") != "session" || state != "active" {
            continue;
        }
        let moves = &news.record.sessions[text(body, "credential")];
        let before = || moves.iter().filter(|(_, at)| *at < place);
        if before().any(|(one, _)| one == session) {
            continue;
        }
        for (other, _) in before() {
            let last = before().rfind(|(one, _)| one == other);
            let state = last.map_or("", |(_, at)| {
                text(&news.record.bodies[*at as usize - 1], "state")
            });
            if state == "paused" {
                return Err(format!(
                    "{session} opens at entry {place} beside paused {other}"
                ));
            }
            // A session that is over stays where it was.
            let ended = last.filter(|_| !matches!(state, "active" | "tainted"));
            let until = ended.map_or(place, |(_, at)| *at);
            if text(body, "taint") != "untrusted" && heard_lately(news, other, until, body) {
                return Err(format!(
                    "{session} opens at entry {place}, kinder than {other}"
                ));
            }
        }
    }
    Ok(())
}

/// Whether a session that lasted until a place heard untrusted words within the day before an entry, as the
/// guard counts time: where it noticed that the clock was moved, what lasted then moved with it.
fn heard_lately(news: &News<'_>, session: &str, until: u64, body: &Value) -> bool {
    let Some(heard) = news.record.tainted.get(session).filter(|at| **at < until) else {
        return false;
    };
    let moves = news.record.moves.iter();
    let moved: i64 = moves
        .filter(|(seq, _)| (*heard + 1..until).contains(seq))
        .map(|(_, millis)| millis)
        .sum();
    let then = at(&news.record.bodies[*heard as usize - 1]).millis() + moved;
    at(body).since(Timestamp::from_millis(then)) < NEARLY_A_DAY
}

/// Once nobody knows what became of a call above `read`, its agent runs no other of its target but by
/// leave of a person who was told, until such a one has ended known.
pub(super) fn invariant_nothing_follows_an_unknown_outcome_unasked(
    news: &News<'_>,
) -> Result<(), String> {
    for (place, body) in (news.first..).zip(news.bodies) {
        if text(body, "decision") != "permit" || text(body, "privilege") == "read" {
            continue;
        }
        let matter = (text(body, "agent").to_owned(), target(body));
        let mut places = news.record.unknown.get(&matter).into_iter().flatten();
        let Some(lost) = places.rfind(|lost| **lost < place).copied() else {
            continue;
        };
        let is_told = |permit: &Value| {
            let opener = news.record.openers.get(text(permit, "approval")).copied();
            let opener = opener.filter(|opener| *opener > lost);
            let opener = opener.and_then(|opener| news.record.at(opener));
            let mut reasons = opener
                .and_then(|opener| opener["reasons"].as_array())
                .into_iter()
                .flatten();
            reasons.any(|reason| text(reason, "code") == "earlier-unknown")
        };
        let is_lifted = || {
            let since = &news.record.bodies[lost as usize..place as usize - 1];
            since.iter().any(|entry| {
                let is_known = matches!(text(entry, "outcome"), "done" | "failed");
                let permit = news.record.permit(text(entry, "call"));
                is_known
                    && permit.is_some_and(|(_, permit)| {
                        text(permit, "agent") == matter.0
                            && target(permit) == matter.1
                            && is_told(permit)
                    })
            })
        };
        if !is_told(body) && !is_lifted() {
            return Err(format!(
                "entry {place} permits {} of {}, of which entry {lost} knows nothing",
                matter.1, matter.0
            ));
        }
    }
    Ok(())
}

/// So long every clock agrees that it was within the day.
const NEARLY_A_DAY: Duration = Duration::from_secs(23 * 3_600);
