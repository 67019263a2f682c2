//! Server-sent events: a bounded reader of the HTML standard's stream format, and its writer.

use std::collections::VecDeque;

use crate::limits::{UPSTREAM_MESSAGE_BYTES, UPSTREAM_TOKEN_BYTES};

/// One event of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// The position it gives the stream.
    pub id: Option<String>,
    /// Its type, where it has one.
    pub event: Option<String>,
    /// Its matter; absent where the event only sets a position or a pause.
    pub data: Option<String>,
    /// How long to wait before the stream is taken up again, in milliseconds.
    pub retry_ms: Option<u64>,
}

impl Frame {
    /// An event that carries one message.
    #[must_use]
    pub fn message(data: impl Into<String>) -> Self {
        Self {
            data: Some(data.into()),
            ..Self::default()
        }
    }

    /// Appends the event to a stream. Line ends inside any field cannot begin another field.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Some(id) = &self.id {
            write_field(out, b"id", id);
        }
        if let Some(event) = &self.event {
            write_field(out, b"event", event);
        }
        if let Some(retry) = self.retry_ms {
            write_field(out, b"retry", &retry.to_string());
        }
        if let Some(data) = &self.data {
            for line in lines(data) {
                write_line(out, b"data", line);
            }
        }
        out.push(b'\n');
    }
}

/// Appends a comment: a sign of life that no reader takes for an event.
pub fn write_comment(out: &mut Vec<u8>, text: &str) {
    for line in lines(text) {
        write_line(out, b"", line);
    }
    out.push(b'\n');
}

/// Why a stream is not read any further.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SseFault {
    /// An event grew beyond the limit.
    #[error("an event is larger than {UPSTREAM_MESSAGE_BYTES} bytes")]
    TooLarge,
    /// An id or a type grew beyond the limit.
    #[error("an event's id or type is longer than {UPSTREAM_TOKEN_BYTES} bytes")]
    TokenTooLong,
    /// The stream is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotUtf8,
}

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    frame: Frame,
    has_field: bool,
    ready: VecDeque<Frame>,
    began: bool,
    after_return: bool,
}

impl Reader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece in.
    ///
    /// # Errors
    /// [`SseFault`]; the stream is of no further use then.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), SseFault> {
        while !bytes.is_empty() {
            // A return ends a line by itself; the newline that may follow belongs to it.
            if std::mem::take(&mut self.after_return)
                && let Some(rest) = bytes.strip_prefix(b"\n")
            {
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let held = self.frame.data.as_ref().map_or(0, String::len);
            if held + self.line.len() + piece.len() > UPSTREAM_MESSAGE_BYTES + FIELD_NAME_BYTES {
                return Err(SseFault::TooLarge);
            }
            self.line.extend_from_slice(piece);
            let Some((end, rest)) = rest.split_first() else {
                break;
            };
            self.after_return = *end == b'\r';
            bytes = rest;
            let line = std::mem::take(&mut self.line);
            self.read_line(line)?;
        }
        Ok(())
    }

    /// The next whole event.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn read_line(&mut self, line: Vec<u8>) -> Result<(), SseFault> {
        let line = String::from_utf8(line).map_err(|_| SseFault::NotUtf8)?;
        let line = if std::mem::replace(&mut self.began, true) {
            line.as_str()
        } else {
            line.strip_prefix('\u{feff}').unwrap_or(&line)
        };
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            if std::mem::take(&mut self.has_field) {
                self.ready.push_back(frame);
            }
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        self.read_field(field, value)
    }

    fn read_field(&mut self, field: &str, value: &str) -> Result<(), SseFault> {
        match field {
            "data" => match &mut self.frame.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.frame.data = Some(value.to_owned()),
            },
            "id" if value.contains('\0') => return Ok(()),
            "id" => self.frame.id = Some(token(value)?),
            "event" => self.frame.event = Some(token(value)?),
            "retry" if is_digits(value) => self.frame.retry_ms = value.parse().ok(),
            // Comments have no field name; what the standard does not name is ignored.
            _ => return Ok(()),
        }
        self.has_field = true;
        Ok(())
    }
}

/// The longest field name with its colon and blank: a limit on data must not fall on its label.
const FIELD_NAME_BYTES: usize = 8;

fn token(value: &str) -> Result<String, SseFault> {
    if value.len() > UPSTREAM_TOKEN_BYTES {
        return Err(SseFault::TokenTooLong);
    }
    Ok(value.to_owned())
}

fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &str) {
    // Only data may span lines; anywhere else a line end would begin a field of the sender's choice.
    let line: String = value
        .chars()
        .filter(|c| !matches!(c, '\n' | '\r' | '\0'))
        .collect();
    write_line(out, name, &line);
}

fn write_line(out: &mut Vec<u8>, name: &[u8], value: &str) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// The lines of a text by all three line ends; a text without any is one line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Frame> {
        let mut reader = Reader::new();
        let mut frames = Vec::new();
        for piece in pieces {
            reader.push(piece).unwrap();
            while let Some(frame) = reader.next_frame() {
                frames.push(frame);
            }
        }
        frames
    }

    #[test]
    fn all_three_line_ends_end_a_line_wherever_the_pieces_are_cut() {
        let expected = vec![Frame::message("a\nb"), Frame::message("c")];
        for text in [
            "data: a\ndata: b\n\ndata: c\n\n",
            "data: a\rdata: b\r\rdata: c\r\r",
            "\u{feff}data: a\r\ndata:b\r\n\r\ndata: c\r\n\r\n",
        ] {
            let bytes = text.as_bytes();
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(read(&[head, tail]), expected, "{text:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn ids_pauses_and_comments_are_told_apart() {
        let frames = read(&[
            b": hello\n\nid: 7\nretry: 500\ndata:\n\nevent: message\nid\ndata: x\nbogus: y\nretry: 5s\n\n",
        ]);
        assert_eq!(
            frames,
            vec![
                Frame {
                    id: Some("7".to_owned()),
                    retry_ms: Some(500),
                    data: Some(String::new()),
                    event: None
                },
                Frame {
                    id: Some(String::new()),
                    event: Some("message".to_owned()),
                    data: Some("x".to_owned()),
                    retry_ms: None
                },
            ]
        );
    }

    #[test]
    fn an_event_without_its_end_is_not_delivered() {
        assert_eq!(read(&[b"data: half"]), vec![]);
        assert_eq!(read(&[b"data: half\n"]), vec![]);
    }

    #[test]
    fn an_endless_event_is_cut_off() {
        let mut reader = Reader::new();
        let piece = vec![b'x'; 1 << 20];
        reader.push(b"data: ").unwrap();
        let fault = (0..65).find_map(|_| reader.push(&piece).err());
        assert_eq!(fault, Some(SseFault::TooLarge));
        let mut reader = Reader::new();
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        let fault = (0..65).find_map(|_| reader.push(&line).err());
        assert_eq!(fault, Some(SseFault::TooLarge));
    }

    #[test]
    fn a_long_id_and_foreign_bytes_end_the_stream() {
        let id = format!("id: {}\n", "x".repeat(UPSTREAM_TOKEN_BYTES + 1));
        assert_eq!(
            Reader::new().push(id.as_bytes()),
            Err(SseFault::TokenTooLong)
        );
        assert_eq!(Reader::new().push(b"data: \xff\n"), Err(SseFault::NotUtf8));
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_however_it_is_cut(
            data in "[ -~é\\n]{0,40}",
            id in proptest::option::of("[ -~]{0,9}"),
            retry_ms in proptest::option::of(0u64..100_000),
            cut in 0usize..100,
        ) {
            let frame = Frame { id, event: None, data: Some(data), retry_ms };
            let mut out = Vec::new();
            write_comment(&mut out, "alive\nid: 9");
            frame.write(&mut out);
            let (head, tail) = out.split_at(cut.min(out.len()));
            prop_assert_eq!(read(&[head, tail]), vec![frame]);
        }

        #[test]
        fn no_bytes_make_the_reader_fail_otherwise_than_by_its_fault(bytes: Vec<u8>) {
            let mut reader = Reader::new();
            let _ = reader.push(&bytes);
        }
    }
}
