//! What a move of the wall clock does to windows: nothing, since they are moved with it.

use std::sync::Arc;

use super::row::Spent;
use super::{Row, State, has_ended};
use crate::model::session::Session;
use crate::rate::moved_cell;

impl State {
    /// The rows of everything that lasts for a time: what is left of that time stays what it was.
    pub(super) fn move_clock(&self, millis: i64, rows: &mut Vec<Row>) {
        for name in self.agents.keys() {
            self.moves(name, None, rows);
        }
        for session in self.sessions.values().filter(|one| !has_ended(one)) {
            let mut moved = Session::clone(session);
            moved.opened = moved.opened.moved(millis);
            moved.seen = moved.seen.moved(millis);
            rows.push(Row::Session(moved.id, Some(Arc::new(moved))));
        }
        for (key, call, spent) in self.sums.lines(millis > 0) {
            let moved = Spent {
                at: spent.at.moved(millis),
                amount: spent.amount.clone(),
                until: spent.until.moved(millis),
            };
            rows.push(Row::Spend(Arc::clone(key), call, Some(moved)));
        }
        for (key, cell) in &self.rates {
            rows.push(Row::Rate(Arc::clone(key), Some(moved_cell(*cell, millis))));
        }
    }
}
