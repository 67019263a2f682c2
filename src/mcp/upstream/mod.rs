//! Towards the tools: one relation with one upstream server, over a child's pipes or over HTTP.
//!
//! Nothing here decides anything; what arrives was permitted, and what answers goes back as it came.

mod child;
mod conversation;
mod exchange;
mod fault;
mod greeting;
mod http;
mod introduction;
mod lines;
mod link;
mod listener;
mod outgoing;
mod pipe;
mod pool;
mod program;
mod runner;
mod spec;
mod stream;
mod written;

pub use exchange::{Event, Exchange};
pub use fault::LinkError;
pub use introduction::Introduction;
pub use link::{Incoming, Link};
pub use outgoing::{Outgoing, Params};
pub use runner::Runner;
pub use spec::{HttpSpec, StdioSpec, TransportSpec, UpstreamSpec};
