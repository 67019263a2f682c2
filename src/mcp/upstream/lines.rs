//! Lines of a pipe, bounded: what is longer is skipped to its end, so that the next line is whole.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Within the bound.
    Whole(Vec<u8>),
    /// Beyond it; its bytes are gone.
    TooLong,
}

/// Reads lines of at most so many bytes.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    longest: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, longest: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, reader),
            longest,
        }
    }

    /// The next line; nothing at the end of the pipe or when it breaks. A line without an end is none.
    pub(super) async fn next_line(&mut self) -> Option<Line> {
        let mut line = Vec::new();
        let mut is_too_long = false;
        loop {
            let piece = self.reader.fill_buf().await.ok()?;
            if piece.is_empty() {
                return None;
            }
            let end = piece.iter().position(|b| *b == b'\n');
            let text = piece.get(..end.unwrap_or(piece.len())).unwrap_or(piece);
            is_too_long |= line.len() + text.len() > self.longest;
            if is_too_long {
                line = Vec::new();
            } else {
                line.extend_from_slice(text);
            }
            let used = text.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                if is_too_long {
                    return Some(Line::TooLong);
                }
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Some(Line::Whole(line));
            }
        }
    }
}

const BUFFER_BYTES: usize = 64 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_too_long_is_skipped_and_the_next_is_whole() {
        let text = [b"one\r\n".as_slice(), &[b'x'; 200_000], b"\n\nthree\nhalf"].concat();
        let mut lines = Lines::new(text.as_slice(), 100);
        assert_eq!(lines.next_line().await, Some(Line::Whole(b"one".to_vec())));
        assert_eq!(lines.next_line().await, Some(Line::TooLong));
        assert_eq!(lines.next_line().await, Some(Line::Whole(Vec::new())));
        assert_eq!(
            lines.next_line().await,
            Some(Line::Whole(b"three".to_vec()))
        );
        assert_eq!(lines.next_line().await, None);
    }
}
