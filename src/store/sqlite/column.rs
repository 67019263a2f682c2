//! How words of the model stand in columns: names and identifiers as text, digests as bytes, moments
//! and durations as milliseconds.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::model::action::MatchKey;
use crate::model::aim::Aim;
use crate::model::call::Mode;
use crate::model::credential::CredentialKind;
use crate::model::decimal::Decimal;
use crate::model::digest::Digest;
use crate::model::id::{
    ApprovalId, BootId, CallId, CredentialId, GrantId, PermitId, ReviewId, SessionId,
};
use crate::model::name::{AgentName, GroupName, OperatorName, ServerName, UserName};
use crate::model::pattern::Pins;
use crate::model::pin::{Accepter, PinKind};
use crate::model::privilege::Privilege;
use crate::model::review::ReviewVerdict;
use crate::model::session::AgentState;
use crate::model::taint::TaintGrade;
use crate::model::target::TargetKind;
use crate::model::time::Timestamp;

/// A column holds what its type does not allow: somebody else wrote it.
#[derive(Debug, thiserror::Error)]
#[error("a column holds no {0}")]
pub(super) struct Unreadable(pub(super) &'static str);

impl From<Unreadable> for FromSqlError {
    fn from(fault: Unreadable) -> Self {
        Self::Other(Box::new(fault))
    }
}

macro_rules! text {
    ($($type:ty, $what:literal, $parse:expr, $print:expr;)*) => {
        $(
            impl ToSql for $type {
                fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                    Ok(ToSqlOutput::from($print(self)))
                }
            }

            impl FromSql for $type {
                fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                    let parse: fn(&str) -> Option<Self> = $parse;
                    parse(value.as_str()?).ok_or_else(|| Unreadable($what).into())
                }
            }
        )*
    };
}

text! {
    ApprovalId, "approval", Self::parse, ApprovalId::to_string;
    BootId, "run", Self::parse, BootId::to_string;
    CallId, "call", Self::parse, CallId::to_string;
    CredentialId, "credential", Self::parse, CredentialId::to_string;
    GrantId, "grant", Self::parse, GrantId::to_string;
    PermitId, "permit", Self::parse, PermitId::to_string;
    ReviewId, "review", Self::parse, ReviewId::to_string;
    SessionId, "session", Self::parse, SessionId::to_string;
    Decimal, "amount", Self::parse, Decimal::to_string;
    AgentName, "agent's name", |text| Self::parse(text).ok(), AgentName::as_str;
    GroupName, "group's name", |text| Self::parse(text).ok(), GroupName::as_str;
    OperatorName, "operator's name", |text| Self::parse(text).ok(), OperatorName::as_str;
    ServerName, "server's name", |text| Self::parse(text).ok(), ServerName::as_str;
    UserName, "user's name", |text| Self::parse(text).ok(), UserName::as_str;
    Accepter, "accepter", Self::parse, Accepter::to_string;
    AgentState, "agent's state", Self::parse, |state: &Self| state.name();
    CredentialKind, "kind of credential", Self::parse, |kind: &Self| kind.name();
    Mode, "mode", Self::parse, |mode: &Self| mode.name();
    PinKind, "kind of pin", Self::parse, |kind: &Self| kind.name();
    Privilege, "privilege", Self::parse, |privilege: &Self| privilege.name();
    ReviewVerdict, "verdict", Self::parse, |verdict: &Self| verdict.name();
    TaintGrade, "grade of taint", Self::parse, |grade: &Self| grade.name();
    TargetKind, "kind of target", Self::parse, |kind: &Self| kind.name();
}

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_bytes().as_slice()))
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(Self::from_bytes)
    }
}

impl ToSql for MatchKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_bytes().as_slice()))
    }
}

impl FromSql for MatchKey {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(Self::from_bytes)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.millis()))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self::from_millis)
    }
}

/// What a call is aimed at, one after another.
pub(super) struct Marks(pub(super) BTreeSet<Aim>);

impl ToSql for Marks {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let marks = self.0.iter();
        let bytes: Vec<u8> = marks.flat_map(|mark| *mark.as_bytes()).collect();
        Ok(ToSqlOutput::from(bytes))
    }
}

impl FromSql for Marks {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let (marks, rest) = value.as_blob()?.as_chunks::<32>();
        match rest {
            [] => Ok(Self(marks.iter().copied().map(Aim::from_bytes).collect())),
            _ => Err(Unreadable("mark").into()),
        }
    }
}

/// A count, which SQLite holds up to 63 bits.
pub(super) struct Count(pub(super) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(|fault| rusqlite::Error::ToSqlConversionFailure(Box::new(fault)))
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::try_from(i64::column_result(value)?)
            .map(Self)
            .map_err(|_| Unreadable("count").into())
    }
}

/// A duration in whole milliseconds.
pub(super) struct Millis(pub(super) Duration);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let millis = i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX);
        Ok(ToSqlOutput::from(millis))
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = u64::try_from(i64::column_result(value)?);
        Ok(Self(Duration::from_millis(
            millis.map_err(|_| Unreadable("duration"))?,
        )))
    }
}

/// Texts in one column, as a JSON list.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Texts<T>(pub(super) Vec<T>);

impl<T: serde::Serialize> ToSql for Texts<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|fault| rusqlite::Error::ToSqlConversionFailure(Box::new(fault)))
    }
}

impl<T: serde::de::DeserializeOwned> FromSql for Texts<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(|fault| FromSqlError::Other(Box::new(fault)))
    }
}

/// The groups of a list of names.
pub(super) fn groups(names: Texts<String>) -> FromSqlResult<Vec<GroupName>> {
    names
        .0
        .iter()
        .map(|name| GroupName::parse(name).map_err(|_| Unreadable("group's name").into()))
        .collect()
}

/// The pins of a grant or of a vote, if it has any.
pub(super) fn pins(kept: Option<Texts<String>>) -> FromSqlResult<Option<Pins>> {
    let pins = kept.map(|Texts(pins)| Pins::read(pins)).transpose();
    pins.map_err(|_| Unreadable("pins").into())
}

/// A set of words of the model.
pub(super) fn words<T: Ord>(
    names: Texts<String>,
    parse: fn(&str) -> Option<T>,
    what: &'static str,
) -> FromSqlResult<BTreeSet<T>> {
    let words = names
        .0
        .iter()
        .map(|name| parse(name).ok_or_else(|| Unreadable(what).into()));
    words.collect()
}

/// The names of groups.
pub(super) fn names(groups: &[GroupName]) -> Texts<&str> {
    Texts(groups.iter().map(GroupName::as_str).collect())
}
