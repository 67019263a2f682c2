//! Rows for people: aligned columns, foreign text escaped.

use super::failure::Failure;
use super::print;
use crate::model::text::{cut, escape};

/// A table on its way to a terminal.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its heading.
    pub(super) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()],
        }
    }

    /// Adds a row; every cell is escaped and cut here, so that no caller can forget to.
    pub(super) fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        let cells = cells.into_iter().map(|cell| match cell.is_empty() {
            true => "-".to_owned(),
            false => cut(&escape(cell), CELL_CHARS),
        });
        self.rows.push(cells.collect());
    }

    /// Whether it has no row below its heading.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// Prints it as a result.
    pub(super) fn print(&self) -> Result<(), Failure> {
        Ok(self.lines().iter().try_for_each(print::say)?)
    }

    /// The lines, each column as wide as its widest cell.
    pub(super) fn lines(&self) -> Vec<String> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

const CELL_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_text_is_escaped() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["long-name", "ok"]);
        table.row(["x\u{1b}[31m", ""]);
        assert_eq!(
            table.lines(),
            ["NAME         STATE", "long-name    ok", "x\\u{1b}[31m  -"]
        );
    }
}
