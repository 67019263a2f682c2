//! The edge that speaks the Model Context Protocol, towards agents and towards their tools.
//!
//! Messages stay raw JSON values from end to end: what a typed layer does not know it drops, and what
//! it drops nobody judged.

pub mod dialect;
pub mod jsonrpc;
pub mod listing;
pub mod mirror;
pub mod sse;
pub mod upstream;
