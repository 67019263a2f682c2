//! Foreign text on its way to a person: nothing in it may look like something else.

use unicode_normalization::char::is_combining_mark;

use super::json::is_deceptive;

/// Where a text is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// Within a line that a person reads: a terminal, a table, a sentence, a message. What the text spells
    /// like an escape itself is doubled, so that none can be forged.
    Line,
    /// Within a line of a log, whose values are in quotes already.
    Log,
    /// Within a JSON document that a person may read as it is: it still says exactly the same.
    Json,
    /// Within a message for a program that may show it to a person: as within a line.
    Webhook,
    /// Within a chat's message: as within a line, and nothing in it is markup, a mention or a link.
    Chat,
    /// Within a quoted cell of a table that a spreadsheet may open: as within a line, and it neither ends the
    /// cell nor is a formula.
    Cell,
    /// Within a plain mail: as within a line, and nothing in it becomes a link.
    Mail,
}

impl Surface {
    /// Whether a text stands within a line, so that it must neither end the line nor forge an escape.
    const fn is_line(self) -> bool {
        !matches!(self, Self::Log | Self::Json)
    }

    /// Whether programs that show it make links of what looks like an address.
    const fn makes_links(self) -> bool {
        matches!(self, Self::Chat | Self::Mail)
    }
}

/// The text as that surface shows it: controls, line separators, bidirectional and invisible characters,
/// floods of combining marks and letters that imitate those of another script in the same word are spelt
/// out.
#[must_use]
pub fn show(text: &str, surface: Surface) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut word = Word::default();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        let rest = text.get(at..).unwrap_or_default();
        let is_foreign = word.meets(rest, c);
        let joins = surface.makes_links() && joins_address(before, c, rest);
        before = c;
        match (c, surface) {
            ('=' | '+' | '-' | '@', Surface::Cell) if at == 0 => out.extend(['\'', c]),
            ('"', Surface::Cell) => out.push_str("\"\""),
            ('\\', _) if surface.is_line() => out.push_str("\\\\"),
            ('\n', _) if surface.is_line() => out.push_str("\\n"),
            ('\r', _) if surface.is_line() => out.push_str("\\r"),
            ('\t', _) if surface.is_line() => out.push_str("\\t"),
            ('&', Surface::Chat) => out.push_str("&amp;"),
            ('<', Surface::Chat) => out.push_str("&lt;"),
            ('>', Surface::Chat) => out.push_str("&gt;"),
            (c, _) if joins => out.extend(['[', c, ']']),
            (c, Surface::Json) if is_deceptive(c) || marks > MARKS_COUNT || is_foreign => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            (c, _) if is_deceptive(c) || marks > MARKS_COUNT || is_foreign => {
                out.extend(c.escape_unicode());
            }
            (c, _) => out.push(c),
        }
    }
    out
}

/// Whether `c`, with which `rest` begins, makes an address of what stands around it: the dot of a name, or
/// the colon before two strokes.
fn joins_address(before: char, c: char, rest: &str) -> bool {
    let mut after = rest.chars().skip(1);
    match c {
        '.' => before.is_alphanumeric() && after.next().is_some_and(char::is_alphabetic),
        ':' => after.next() == Some('/') && after.next() == Some('/'),
        _ => false,
    }
}

/// The text as it is shown within a line.
#[must_use]
pub fn escape(text: &str) -> String {
    show(text, Surface::Line)
}

/// The text, or its head with an ellipsis and the number of characters that are left out.
#[must_use]
pub fn cut(text: &str, most_chars: usize) -> String {
    let left = text.chars().count().saturating_sub(most_chars);
    match left {
        0 => text.to_owned(),
        left => {
            let head: String = text.chars().take(most_chars).collect();
            format!("{head}… ({left} more)")
        }
    }
}

/// The word that a text is in, and whether it mixes letters of the Latin script with imitations.
#[derive(Default)]
struct Word {
    is_inside: bool,
    is_mixed: bool,
}

impl Word {
    /// Whether `c`, with which `rest` begins, is a letter that imitates others of its word.
    fn meets(&mut self, rest: &str, c: char) -> bool {
        if !c.is_alphabetic() {
            // A mark belongs to the word that it stands on.
            self.is_inside &= is_combining_mark(c);
            return false;
        }
        if !self.is_inside {
            let word = rest
                .chars()
                .take_while(|c| c.is_alphabetic() || is_combining_mark(*c));
            let (mut latin, mut imitation) = (false, false);
            for c in word {
                latin |= c.is_ascii_alphabetic();
                imitation |= imitates_latin(c);
            }
            (self.is_inside, self.is_mixed) = (true, latin && imitation);
        }
        self.is_mixed && imitates_latin(c)
    }
}

/// Whether a letter belongs to a script some of whose letters look like Latin ones.
const fn imitates_latin(c: char) -> bool {
    matches!(c,
        // Greek and Coptic, Cyrillic, Armenian.
        '\u{370}'..='\u{58f}'
        // Cherokee.
        | '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}'
        // Further Cyrillic and Greek.
        | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}'
        // Full width, and letters for mathematics.
        | '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}')
}

/// Most combining marks on one letter that some language needs.
const MARKS_COUNT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_spelt_out() {
        for (raw, shown) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\u{202e}gpj", "\\u{202e}gpj"),
            ("pay\u{200b}pal", "pay\\u{200b}pal"),
            ("\u{7f}\u{9b}", "\\u{7f}\\u{9b}"),
            ("\\u{202e}", "\\\\u{202e}"),
            ("\u{2028}", "\\u{2028}"),
            ("\u{e0041}", "\\u{e0041}"),
            ("p\u{430}ypal", "p\\u{430}ypal"),
            ("ｐaypal", "\\u{ff50}aypal"),
        ] {
            assert_eq!(escape(raw), shown);
        }
    }

    #[test]
    fn words_of_any_one_script_stay_as_they_are() {
        for text in [
            "Привет, world",
            "αβγ 10 µm",
            "Việt Nam",
            "e\u{301}te\u{301}",
            "שָׁלוֹם",
            "한국어",
            "日本 Tokyo",
        ] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn a_flood_of_marks_ends_after_a_few() {
        let shown = escape(&format!("a{}b", "\u{301}".repeat(50)));
        assert_eq!(shown.matches('\u{301}').count(), MARKS_COUNT);
        assert_eq!(shown.matches("\\u{301}").count(), 50 - MARKS_COUNT);
    }

    #[test]
    fn a_document_says_the_same_after_it_was_made_fit_to_be_read() {
        let text = "\u{1b}\u{202e}\u{e0041}\u{9b}\u{7f}p\u{430}y\\ \"q\"\n漢";
        let document = serde_json::to_string(text).unwrap();
        let shown = show(&document, Surface::Json);
        assert!(!shown.chars().any(is_deceptive), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn nothing_foreign_becomes_a_link_or_markup_of_a_chat_or_a_mail() {
        let text = "<!channel> https://evil.example/x?a&b 1200.50 v1.2 a\n\u{202e}";
        assert_eq!(
            show(text, Surface::Chat),
            "&lt;!channel&gt; https[:]//evil[.]example/x?a&amp;b 1200.50 v1.2 a\\n\\u{202e}"
        );
        assert_eq!(
            show(text, Surface::Mail),
            "<!channel> https[:]//evil[.]example/x?a&b 1200.50 v1.2 a\\n\\u{202e}"
        );
        assert_eq!(show(text, Surface::Webhook), escape(text));
    }

    #[test]
    fn a_cell_of_a_table_is_no_formula_and_ends_where_it_ends() {
        for (raw, shown) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("a=1, \"b\"\r\n+c", "a=1, \"\"b\"\"\\r\\n+c"),
            ("\t=1", "\\t=1"),
        ] {
            assert_eq!(show(raw, Surface::Cell), shown);
        }
    }

    #[test]
    fn a_long_text_says_how_much_is_missing() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 2), "ab… (4 more)");
    }
}
