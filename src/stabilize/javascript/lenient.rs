//! Words and strings of a text that is no valid program, told apart as well as it goes.
//!
//! Linear, without recursion, and never wrong in a way that could hide much: a string that is not closed ends with its
//! line, and what follows is read again. Regular expressions are not known; a quote inside of one begins a string that
//! ends with the line at the latest.

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexemeKind {
    /// A name or a number.
    Word,
    /// The inside of a string or of a template.
    String,
    /// One character of anything else.
    Mark,
}

/// A piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lexeme<'t> {
    /// What it is.
    pub(crate) kind: LexemeKind,
    /// What stands there; of a string without its quotes, escapes as they are written.
    pub(crate) text: &'t str,
    /// Its first byte.
    pub(crate) start: usize,
}

/// Reads the pieces of a text in order, comments left out.
pub(crate) fn lexemes(text: &str) -> impl Iterator<Item = Lexeme<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    // What is not closed once is not looked for again, or the time would grow with the square of the text.
    let (mut comments_end, mut templates_end) = (true, true);
    std::iter::from_fn(move || {
        loop {
            let byte = *bytes.get(at)?;
            let rest = &bytes[at..];
            if byte.is_ascii_whitespace() {
                at += 1;
            } else if rest.starts_with(b"//") {
                at = line_end(bytes, at);
            } else if rest.starts_with(b"/*") {
                let length = if comments_end { text[at + 2..].find("*/") } else { None };
                comments_end = length.is_some();
                // Without an end it is no comment, or everything would be hidden in it.
                at += length.map_or(2, |length| length + 4);
            } else if matches!(byte, b'"' | b'\'' | b'`') {
                let start = at;
                let end = string_end(bytes, at + 1, byte, templates_end);
                templates_end &= byte != b'`' || bytes.get(end) == Some(&byte);
                at = if bytes.get(end) == Some(&byte) { end + 1 } else { end };
                return Some(Lexeme { kind: LexemeKind::String, text: &text[start + 1..end], start });
            } else if is_word(byte) {
                let start = at;
                while bytes.get(at).is_some_and(|byte| is_word(*byte)) {
                    at += 1;
                }
                return Some(Lexeme { kind: LexemeKind::Word, text: &text[start..at], start });
            } else {
                at += 1;
                return Some(Lexeme { kind: LexemeKind::Mark, text: &text[at - 1..at], start: at - 1 });
            }
        }
    })
}

/// Everything beyond ASCII counts as part of a word, so all cuts are between characters.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |length| at + length)
}

/// Where the string ends: at its quote, or, of one that is not closed, at the end of its line.
fn string_end(bytes: &[u8], start: usize, quote: u8, spans_lines: bool) -> usize {
    let mut at = start;
    let mut first_line_end = None;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => {
                at += if matches!(bytes.get(at + 1), Some(next) if next.is_ascii()) { 2 } else { 1 };
                continue;
            }
            b'\n' if quote != b'`' || !spans_lines => return at,
            b'\n' => {
                first_line_end.get_or_insert(at);
            }
            byte if *byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    first_line_end.unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<&str> {
        lexemes(text).map(|lexeme| lexeme.text).collect()
    }

    #[test]
    fn words_and_strings_are_told_apart() {
        assert_eq!(read("eval(/* no */'a\\'b' + `c${d}`) // e"), ["eval", "(", "a\\'b", "+", "c${d}", ")"]);
        assert_eq!(read("'open\nrequire('x')"), ["open", "require", "(", "x", ")"]);
        assert_eq!(read("`open\nx"), ["open", "x"]);
        assert_eq!(read("/* open x"), ["open", "x"]);
        assert_eq!(read("é'\\é'\\"), ["é", "\\é", "\\"]);
    }

    proptest::proptest! {
        #[test]
        fn every_text_has_pieces_in_order(text in ".{0,200}") {
            let mut end = 0;
            for lexeme in lexemes(&text) {
                proptest::prop_assert!(lexeme.start >= end);
                end = lexeme.start + lexeme.text.len();
            }
        }
    }
}
