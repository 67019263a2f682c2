//! Foreign text on its way to a person: nothing in it may look like something else.

use super::json::is_deceptive;

/// The text with every control, bidirectional and invisible character spelt out.
///
/// A backslash that the text brings itself is doubled, so that what is spelt out cannot be forged.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_deceptive(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
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
        ] {
            assert_eq!(escape(raw), shown);
        }
    }

    #[test]
    fn a_long_text_says_how_much_is_missing() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 2), "ab… (4 more)");
    }
}
