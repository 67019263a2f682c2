//! The edge that speaks the Model Context Protocol, towards agents and towards their tools.
//!
//! Messages stay raw JSON values from end to end: what a typed layer does not know it drops, and what
//! it drops nobody judged.

mod answers;
mod asked;
pub mod dialect;
pub mod downstream;
mod edge;
mod elicitation;
mod follow_up;
mod forward;
mod hold;
mod joined;
pub mod jsonrpc;
pub mod listing;
pub mod mirror;
mod modern;
mod passing;
mod peer;
mod progress;
mod proxy;
mod question;
mod relation;
mod relay;
pub mod render;
mod round;
mod seal;
pub mod sse;
mod stance;
mod task;
mod told;
mod turn;
mod unasked;
pub mod upstream;
mod voice;
mod waiting;

pub use edge::{Edge, EdgeError};
