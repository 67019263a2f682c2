//! The record: entries, the commitment to arguments, the hash chain, signed heads, and their proof.
//!
//! Pure: it reads no file and no clock. It proves tampering only against what stands outside the
//! record: a public key for the heads, an anchor for everything a holder of the key could rewrite.

pub mod chain;
pub mod checkpoint;
pub mod commitment;
pub mod countersignature;
pub mod disclosure;
pub mod entry;
pub mod line;
pub mod report;
mod restored;
pub mod rotation;
pub mod segment;
mod succession;
pub mod verify;
mod witnessed;
pub mod witnesses;
