//! A terminal that is drawn over and given back as it was: the few codes that takes, by hand.

use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

/// Standard output while it is drawn over.
pub(super) struct Screen;

impl Screen {
    /// Takes standard output over, where it is a terminal.
    pub(super) fn take() -> io::Result<Option<Self>> {
        let mut out = io::stdout().lock();
        if !out.is_terminal() {
            return Ok(None);
        }
        out.write_all(ENTER.as_bytes())?;
        out.flush()?;
        Ok(Some(Self))
    }

    /// Draws lines from the top, as many and as much of each as there is room for. They hold no codes.
    pub(super) fn draw(&self, lines: &[String]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let (rows, columns) = match tcgetwinsize(&out) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
            _ => (ROWS_COUNT, COLUMNS_COUNT),
        };
        let mut drawn = String::from(HOME);
        for (number, line) in lines.iter().take(rows.into()).enumerate() {
            if number > 0 {
                drawn.push_str("\r\n");
            }
            drawn.extend(line.chars().take(columns.into()));
            drawn.push_str(REST_OF_LINE);
        }
        drawn.push_str(REST_OF_SCREEN);
        out.write_all(drawn.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout().lock();
        // Where the terminal is gone there is nothing to give back.
        let _ = out.write_all(LEAVE.as_bytes());
        let _ = out.flush();
    }
}

/// The other screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";
/// Of a terminal that does not say how large it is.
const ROWS_COUNT: u16 = 24;
const COLUMNS_COUNT: u16 = 80;
