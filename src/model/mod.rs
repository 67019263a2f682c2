//! The words: types that every floor speaks, with no behaviour beyond their own validity.
//!
//! Nothing here is serialisable, so that no wire or table format leaks into the core.

pub mod account;
pub mod action;
pub mod aim;
pub mod approval;
pub mod approver;
pub mod arguments;
pub mod ballot;
pub mod call;
pub mod credential;
pub mod decimal;
pub mod decision;
pub mod delegation;
pub mod digest;
pub mod grant;
pub mod history;
pub mod id;
pub mod isolation;
pub mod json;
pub mod mask;
pub mod name;
pub mod outcome;
pub mod passkey;
pub mod pattern;
pub mod pin;
pub mod privilege;
pub mod proof;
pub mod quorum;
pub mod reason;
pub mod redact;
pub mod review;
pub mod role;
pub mod secret;
pub mod session;
pub mod taint;
pub mod target;
pub mod text;
pub mod tier;
pub mod time;
pub mod token;
