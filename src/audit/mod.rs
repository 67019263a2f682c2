//! The record: entries, the commitment to arguments, the hash chain, signed heads, and their proof.

pub mod checkpoint;
pub mod commitment;
pub mod entry;
