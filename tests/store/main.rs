//! What every store promises, asked of each of them from outside; and what only a file can show.

mod concurrency;
mod conformance;
mod made;
mod restart;
