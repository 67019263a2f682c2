//! Where each value of a manifest stands in its text, so that the text can be edited in place.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// One value, and the bytes that spell it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) span: Range<usize>,
    pub(super) form: Form,
}

/// How a value is spelt.
#[derive(Debug)]
pub(super) enum Form {
    /// On one line, plain or in quotes.
    Scalar,
    /// Over several lines.
    Text,
    List(Vec<Piece>),
    Map(Vec<Member>),
}

/// One key of a map with its value.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) at: Range<usize>,
    pub(super) value: Piece,
}

impl Piece {
    /// The layout of a text that compiles as a manifest; nothing where it is not understood.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        places.push(text.len());
        let mut reading = Reading {
            text,
            places,
            open: Vec::new(),
            root: None,
        };
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            reading.take(event, span)?;
        }
        reading.root
    }

    /// The member of that name.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        match &self.form {
            Form::Map(members) => members.iter().find(|member| member.key == name),
            _ => None,
        }
    }

    /// The value at the end of a path of names and places.
    pub(super) fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |piece, token| match &piece.form {
                Form::Map(_) => piece.member(token).map(|member| &member.value),
                Form::List(items) => items.get(token.parse::<usize>().ok()?),
                Form::Scalar | Form::Text => None,
            })
    }

    /// Whether it is spelt in brackets or braces.
    pub(super) fn is_flow(&self, text: &str) -> bool {
        let spelt = text.get(self.span.clone()).unwrap_or_default();
        spelt.starts_with(['[', '{'])
    }
}

struct Reading<'t> {
    text: &'t str,
    /// The byte at which each character begins.
    places: Vec<usize>,
    open: Vec<Open>,
    root: Option<Piece>,
}

/// A list or map whose end has not come.
struct Open {
    start: usize,
    key: Option<(String, Range<usize>)>,
    form: Form,
}

impl Reading<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let start = *self.places.get(span.start.index())?;
        let end = *self.places.get(span.end.index())?;
        match event {
            Event::Scalar(said, style, ..) => self.scalar(&said, style, start..end),
            Event::SequenceStart(..) => self.begin(start, Form::List(Vec::new())),
            Event::MappingStart(..) => self.begin(start, Form::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let piece = Piece {
                    span: open.start..open.start,
                    form: open.form,
                };
                let last = match &piece.form {
                    Form::List(items) => items.last().map(|item| item.span.end),
                    Form::Map(members) => members.last().map(|member| member.value.span.end),
                    Form::Scalar | Form::Text => None,
                };
                // A block ends where the last of it does, not where the next thing begins.
                let is_flow = self.text.get(open.start..)?.starts_with(['[', '{']);
                let end = if is_flow { end } else { last? };
                self.put(Piece {
                    span: open.start..end,
                    form: piece.form,
                })
            }
            Event::Alias(_) => None,
            _ => Some(()),
        }
    }

    fn begin(&mut self, start: usize, form: Form) -> Option<()> {
        self.open.push(Open {
            start,
            key: None,
            form,
        });
        Some(())
    }

    fn scalar(&mut self, said: &str, style: ScalarStyle, span: Range<usize>) -> Option<()> {
        let spelt = self.text.get(span.clone())?;
        let span = span.start..span.start + spelt.trim_end().len();
        let waits = matches!(
            self.open.last(),
            Some(Open {
                key: None,
                form: Form::Map(_),
                ..
            })
        );
        if waits {
            self.open.last_mut()?.key = Some((said.to_owned(), span));
            return Some(());
        }
        let is_line = matches!(
            style,
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
        ) && !spelt.trim_end().contains('\n');
        let form = if is_line { Form::Scalar } else { Form::Text };
        self.put(Piece { span, form })
    }

    fn put(&mut self, piece: Piece) -> Option<()> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(piece);
            return Some(());
        };
        match &mut open.form {
            Form::List(items) => items.push(piece),
            Form::Map(members) => {
                let (key, at) = open.key.take()?;
                members.push(Member {
                    key,
                    at,
                    value: piece,
                });
            }
            Form::Scalar | Form::Text => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# é\nagent: a # who\ntools:\n- tool: \"m/é\"   \n  list: [a, {b: 'c'}]\n  deep:\n    text: |\n      x\n      y\n# end\nlast: 1\n";

    fn spelt(path: &[&str]) -> &'static str {
        let root = Piece::read(TEXT).unwrap();
        let path: Vec<String> = path.iter().map(|one| (*one).to_owned()).collect();
        &TEXT[root.at(&path).unwrap().span.clone()]
    }

    #[test]
    fn every_value_is_found_with_exactly_the_bytes_that_spell_it() {
        assert_eq!(spelt(&["agent"]), "a");
        assert_eq!(spelt(&["tools", "0", "tool"]), "\"m/é\"");
        assert_eq!(spelt(&["tools", "0", "list"]), "[a, {b: 'c'}]");
        assert_eq!(spelt(&["tools", "0", "list", "1"]), "{b: 'c'}");
        assert_eq!(spelt(&["tools", "0", "list", "1", "b"]), "'c'");
        assert!(spelt(&["tools", "0", "deep", "text"]).ends_with("      y"));
        assert!(spelt(&["tools"]).ends_with("      y"));
        assert_eq!(spelt(&["last"]), "1");
        let root = Piece::read(TEXT).unwrap();
        assert_eq!(&TEXT[root.member("last").unwrap().at.clone()], "last");
    }
}
