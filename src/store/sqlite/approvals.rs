//! Approvals.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use indexmap::IndexMap;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::column::{Marks, Millis, Texts, Unreadable, groups, names};
use super::votes;
use crate::model::action::MatchKey;
use crate::model::aim::Aims;
use crate::model::approval::{Approval, ApprovalState};
use crate::model::call::Principal;
use crate::model::id::{ApprovalId, CallId};
use crate::model::name::OperatorName;
use crate::model::outcome::Outcome;
use crate::model::pattern::Mould;
use crate::model::quorum::{ApprovalRule, Stage};
use crate::model::reason::Reason;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::store::state::Row;

pub(super) fn write(
    db: &Connection,
    approvals: &IndexMap<ApprovalId, Option<Arc<Approval>>>,
) -> rusqlite::Result<()> {
    let mut upsert = db.prepare_cached(UPSERT)?;
    for one in approvals.values().flatten() {
        let reasons = one
            .reasons
            .iter()
            .map(|(reason, sentence)| (reason.code(), sentence.as_str()));
        let state = Columns::of(&one.state);
        upsert.execute(named_params! {
            ":id": one.id,
            ":version": one.version,
            ":call": one.call,
            ":agent": one.principal.agent,
            ":credential": one.principal.credential,
            ":on_behalf_of": one.principal.on_behalf_of,
            ":session": one.session,
            ":mode": one.mode,
            ":method": one.method,
            ":target_kind": one.target.kind,
            ":server": one.target.server,
            ":target": one.target.name,
            ":privilege": one.privilege,
            ":arguments": one.arguments.as_ref(),
            ":secrets": Texts(one.secrets.iter().collect()),
            ":destinations": Marks(one.aims.destinations.clone()),
            ":objects": Marks(one.aims.objects.clone()),
            ":extras": one.extras.as_ref(),
            ":claims": one.claims.as_ref(),
            ":match_key": one.key,
            ":digest": one.digest,
            ":salt": one.salt,
            ":manifest": one.manifest,
            ":reasons": Texts(reasons.collect()),
            ":any_of": Texts::<&str>(Vec::new()),
            ":stages": stages_of(&one.rule),
            ":four_eyes": one.rule.four_eyes,
            ":self_approval": one.rule.self_approval,
            ":same_person": one.rule.same_person,
            ":rule_decide_by": Millis(one.rule.decide_by),
            ":rule_redeem_by": Millis(one.rule.redeem_by),
            ":rule_step_up": one.rule.step_up,
            ":code": one.code,
            ":covers_session": one.covers_session,
            ":opened": one.opened,
            ":decide_by": one.decide_by,
            ":state": one.state.name(),
            ":state_by": state.by,
            ":state_at": state.at,
            ":redeem_by": state.redeem_by,
            ":message": state.message,
            ":used_by": state.used_by,
            ":frame": one.mould.as_ref().map(|mould| mould.frame),
            ":secret_marks": marks_of(one.mould.as_ref()),
        })?;
        votes::write(db, one)?;
    }
    Ok(())
}

/// Those that matter after `since`.
pub(super) fn load(db: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Row>> {
    db.prepare(
        "SELECT * FROM approvals
         WHERE decide_by >= ?1 OR state_at >= ?1 OR redeem_by >= ?1 OR state = 'executing'
         ORDER BY rowid",
    )?
    .query_map([since], |row| {
        let approval = votes::with(db, approval(row)?)?;
        Ok(Row::Approval(approval.id, Some(Arc::new(approval))))
    })?
    .collect()
}

pub(super) fn read(db: &Connection, id: ApprovalId) -> rusqlite::Result<Option<Approval>> {
    db.prepare_cached("SELECT * FROM approvals WHERE id = ?1")?
        .query_row([id], |row| votes::with(db, approval(row)?))
        .optional()
}

/// The newest of all, newest first.
pub(super) fn newest(db: &Connection, most: usize) -> rusqlite::Result<Vec<Arc<Approval>>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    db.prepare_cached("SELECT * FROM approvals ORDER BY rowid DESC LIMIT ?1")?
        .query_map(params![most], |row| {
            votes::with(db, approval(row)?).map(Arc::new)
        })?
        .collect()
}

const UPSERT: &str = "
    INSERT INTO approvals
        (id, version, call, agent, credential, on_behalf_of, session, mode, method, target_kind,
         server, target, privilege, arguments, extras, claims, match_key, digest, salt, manifest,
         reasons, any_of, stages, four_eyes, self_approval, same_person, rule_decide_by,
         rule_redeem_by, rule_step_up, code, covers_session, opened, decide_by, state, state_by,
         state_at, redeem_by, message, used_by, secrets, destinations, objects, frame,
         secret_marks)
    VALUES
        (:id, :version, :call, :agent, :credential, :on_behalf_of, :session, :mode, :method,
         :target_kind, :server, :target, :privilege, :arguments, :extras, :claims, :match_key,
         :digest, :salt, :manifest, :reasons, :any_of, :stages, :four_eyes, :self_approval,
         :same_person, :rule_decide_by, :rule_redeem_by, :rule_step_up, :code, :covers_session,
         :opened, :decide_by, :state, :state_by, :state_at, :redeem_by, :message,
         :used_by, :secrets, :destinations, :objects, :frame, :secret_marks)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
        state_by = excluded.state_by, state_at = excluded.state_at,
        redeem_by = excluded.redeem_by, message = excluded.message, used_by = excluded.used_by";

fn approval(row: &rusqlite::Row<'_>) -> rusqlite::Result<Approval> {
    let bytes = |name| Ok::<_, rusqlite::Error>(Bytes::from(row.get::<_, Vec<u8>>(name)?));
    let Millis(decide_by) = row.get("rule_decide_by")?;
    let Millis(redeem_by) = row.get("rule_redeem_by")?;
    let Texts(secrets) = row.get::<_, Texts<String>>("secrets")?;
    let Marks(destinations) = row.get("destinations")?;
    let Marks(objects) = row.get("objects")?;
    Ok(Approval {
        id: row.get("id")?,
        version: row.get("version")?,
        call: row.get("call")?,
        principal: Principal {
            agent: row.get("agent")?,
            credential: row.get("credential")?,
            on_behalf_of: row.get("on_behalf_of")?,
        },
        session: row.get("session")?,
        mode: row.get("mode")?,
        method: row.get("method")?,
        target: Target {
            kind: row.get("target_kind")?,
            server: row.get("server")?,
            name: row.get("target")?,
        },
        privilege: row.get("privilege")?,
        arguments: bytes("arguments")?,
        secrets: secrets.into_iter().collect(),
        aims: Aims {
            destinations,
            objects,
        },
        extras: bytes("extras")?,
        claims: bytes("claims")?,
        key: row.get("match_key")?,
        mould: mould(row)?,
        digest: row.get("digest")?,
        salt: row.get("salt")?,
        manifest: row.get("manifest")?,
        reasons: reasons(row.get("reasons")?)?,
        rule: ApprovalRule {
            stages: stages(row)?,
            step_up: row.get("rule_step_up")?,
            decide_by,
            redeem_by,
            four_eyes: row.get("four_eyes")?,
            self_approval: row.get("self_approval")?,
            same_person: row.get("same_person")?,
        },
        code: row.get("code")?,
        covers_session: row.get("covers_session")?,
        opened: row.get("opened")?,
        decide_by: row.get("decide_by")?,
        state: state(row)?,
        ballots: Vec::new(),
    })
}

/// What commits to each secret, by its pointer.
fn marks_of(mould: Option<&Mould>) -> Option<Texts<(&str, String)>> {
    let secrets = mould?.secrets.iter();
    let marks = secrets.map(|(at, mark)| (at.as_str(), HEXLOWER.encode(mark.as_bytes())));
    Some(Texts(marks.collect()))
}

/// Nothing of an approval of before there were patterns.
fn mould(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Mould>> {
    let (Some(frame), Some(Texts(marks))) = (row.get("frame")?, row.get("secret_marks")?) else {
        return Ok(None);
    };
    let mark = |(at, hex): (String, String)| {
        let bytes = HEXLOWER.decode(hex.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        let mark = bytes.map(MatchKey::from_bytes);
        Ok((at, mark.ok_or(Unreadable("mark of a secret"))?))
    };
    let marks = marks.into_iter().map(mark);
    let secrets = marks.collect::<Result<_, FromSqlError>>()?;
    Ok(Some(Mould { frame, secrets }))
}

/// Groups, approvals and refusals of each stage.
fn stages_of(rule: &ApprovalRule) -> Texts<(Texts<&str>, u32, u32)> {
    let stages = rule.stages.iter();
    Texts(
        stages
            .map(|stage| (names(&stage.any_of), stage.approve, stage.deny))
            .collect(),
    )
}

/// An approval of before there were stages names the groups of its only one.
fn stages(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<Stage>> {
    let kept: Option<Texts<(Texts<String>, u32, u32)>> = row.get("stages")?;
    let Texts(kept) = match kept {
        Some(kept) => kept,
        None => Texts(vec![(row.get("any_of")?, 1, 1)]),
    };
    let stages = kept.into_iter().map(|(any_of, approve, deny)| {
        Ok(Stage {
            any_of: groups(any_of)?,
            approve,
            deny,
        })
    });
    Ok(stages.collect::<Result<_, FromSqlError>>()?)
}

fn reasons(texts: Texts<(String, String)>) -> Result<Vec<(Reason, String)>, FromSqlError> {
    texts
        .0
        .into_iter()
        .map(|(code, sentence)| match Reason::parse(&code) {
            Some(reason) => Ok((reason, sentence)),
            None => Err(Unreadable("reason").into()),
        })
        .collect()
}

/// What a state holds besides its name.
#[derive(Default)]
struct Columns<'a> {
    by: Option<&'a OperatorName>,
    at: Option<Timestamp>,
    redeem_by: Option<Timestamp>,
    message: Option<&'a str>,
    used_by: Option<CallId>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a ApprovalState) -> Self {
        match state {
            ApprovalState::Held | ApprovalState::Expired | ApprovalState::Unredeemed => {
                Self::default()
            }
            ApprovalState::Approved { by, at, redeem_by } => Self {
                by: Some(by),
                at: Some(*at),
                redeem_by: Some(*redeem_by),
                ..Self::default()
            },
            ApprovalState::Denied { by, at, message } => Self {
                by: Some(by),
                at: Some(*at),
                message: message.as_deref(),
                ..Self::default()
            },
            ApprovalState::Cancelled { at }
            | ApprovalState::Invalidated { at }
            | ApprovalState::Revoked { at } => Self {
                at: Some(*at),
                ..Self::default()
            },
            ApprovalState::Executing { call, by } | ApprovalState::Ended { call, by, .. } => Self {
                by: Some(by),
                used_by: Some(*call),
                ..Self::default()
            },
        }
    }
}

fn state(row: &rusqlite::Row<'_>) -> rusqlite::Result<ApprovalState> {
    let name: String = row.get("state")?;
    Ok(match name.as_str() {
        "held" => ApprovalState::Held,
        "approved" => ApprovalState::Approved {
            by: row.get("state_by")?,
            at: row.get("state_at")?,
            redeem_by: row.get("redeem_by")?,
        },
        "denied" => ApprovalState::Denied {
            by: row.get("state_by")?,
            at: row.get("state_at")?,
            message: row.get("message")?,
        },
        "expired" => ApprovalState::Expired,
        "unredeemed" => ApprovalState::Unredeemed,
        "cancelled" => ApprovalState::Cancelled {
            at: row.get("state_at")?,
        },
        "invalidated" => ApprovalState::Invalidated {
            at: row.get("state_at")?,
        },
        "revoked" => ApprovalState::Revoked {
            at: row.get("state_at")?,
        },
        "executing" => ApprovalState::Executing {
            call: row.get("used_by")?,
            by: row.get("state_by")?,
        },
        outcome => ApprovalState::Ended {
            outcome: Outcome::parse(outcome)
                .ok_or_else(|| FromSqlError::from(Unreadable("approval's state")))?,
            call: row.get("used_by")?,
            by: row.get("state_by")?,
        },
    })
}
