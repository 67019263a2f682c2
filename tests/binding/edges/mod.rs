//! The ways an agent reaches the guard.

pub(crate) mod http;
pub(crate) mod legacy;
pub(crate) mod modern;
pub(crate) mod stdio;
