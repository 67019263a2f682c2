//! The heads that commands share: where a deed is done, and which deed it is.

use std::fmt::Debug;
use std::path::PathBuf;

use clap::Subcommand;

use super::failure::Failure;
use super::operator::{OperatorArgs, Operators};
use super::place::Place;

/// Deeds that are done on the operators' listener.
#[derive(clap::Args, Debug)]
pub(super) struct OnListener<D: Subcommand + Debug> {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    deed: D,
}

/// Deeds that are done in the guard's directory.
#[derive(clap::Args, Debug)]
pub(super) struct InDirectory<D: Subcommand + Debug> {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    deed: D,
}

/// Deeds each of which says for itself where it is done.
#[derive(clap::Args, Debug)]
pub(super) struct Anywhere<D: Subcommand + Debug> {
    #[command(subcommand)]
    pub(super) deed: D,
}

impl<D: Subcommand + Debug> OnListener<D> {
    /// How the listener is reached, for whoever reaches it more than once.
    pub(super) fn listener(&self) -> OperatorArgs {
        self.operator.clone()
    }

    /// The listener, to which nothing is said yet, and the deed.
    pub(super) fn open(self) -> Result<(Operators, D), Failure> {
        Ok((self.operator.open()?, self.deed))
    }
}

impl<D: Subcommand + Debug> InDirectory<D> {
    /// The directory and the deed.
    pub(super) fn find(self) -> Result<(PathBuf, D), Failure> {
        Ok((self.place.data()?, self.deed))
    }

    /// Where the directory is to be looked for, and the deed.
    pub(super) fn parts(self) -> (Place, D) {
        (self.place, self.deed)
    }
}
