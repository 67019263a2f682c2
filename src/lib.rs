//! Countersign: the guard between AI agents and their tools.
//!
//! An agent's call is judged against the scope that a manifest declares, the rates and budgets it has
//! used, and what people decided before. In scope it runs at once; beyond it waits until a person
//! approves exactly that call, and then runs once. Every decision is on a record before anything acts.
//!
//! # The house
//!
//! A module uses only the floors below its own; a test reads the sources and says who does not.
//!
//! | floor | modules | |
//! |---|---|---|
//! | 7 | [`cli`], [`config`] | the command, its configuration, the prose in [`manual`] |
//! | 6 | [`mcp`], [`api`], [`console`], [`notify`] | how agents and operators speak with the guard, and it with them; not each other, not the store |
//! | 5 | [`authn`] | who is asking |
//! | 4 | [`guard`], [`outbound`] | the shell: facts → rules → rates → commit → ruling; how HTTP is called |
//! | 3 | [`store`] | everything durable; SQL stands only here |
//! | 2 | [`engine`] | the rules, a pure function |
//! | 1 | [`scopes`], [`assurance`], [`audit`], [`rate`] | manifests, how sure a session is, the record's formats, limits; pure, not each other |
//! | 0 | [`model`], [`ambient`], [`limits`] | the words; the clock and randomness; every bound, named |
//!
//! # What always holds
//!
//! - **A call is moved into the decision and comes back only inside a permit or a hold**
//!   ([`guard::Guard::decide`]): what was judged is what runs.
//! - **Only a recorded decision mints a permit** ([`store::Recorded`], [`guard::Permit`]): no record, no
//!   call, and the compiler checks it.
//! - **The rules cannot fail, wait, log or read a clock** ([`engine::decide`]).
//! - **A denial is a value, an error is our fault, and both stop the call**: doubt denies, with a row of
//!   the one table of reasons ([`model::reason::Reason`]).
//! - **Nothing resumes**: an approval leaves a grant, and the repeated call meets it among the facts.

pub mod ambient;
pub mod api;
pub mod assurance;
pub mod audit;
pub mod authn;
pub mod cli;
pub mod config;
pub mod console;
pub mod engine;
pub mod guard;
pub mod limits;
pub mod manual;
pub mod mcp;
pub mod model;
pub mod notify;
pub mod outbound;
pub mod rate;
pub mod scopes;
pub mod store;
