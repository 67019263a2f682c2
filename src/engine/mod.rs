//! The rules as a pure function: it cannot fail, wait, log or read a clock.

pub mod facts;
