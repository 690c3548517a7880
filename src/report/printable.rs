//! Text from packages, made safe to show.

/// Escapes everything that could move a terminal's cursor, hide text or reorder it.
///
/// Control characters, bidirectional controls, zero-width and other invisible characters become
/// `\u{…}`; everything else stays as it is.
pub fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            result.extend(character.escape_unicode());
        } else {
            result.push(character);
        }
    }
    result
}

/// Like [`printable`], with tabs kept: for lines of code.
pub fn printable_line(text: &str) -> String {
    text.split('\t').map(printable).collect::<Vec<_>>().join("\t")
}

/// Whether a character moves the cursor, hides text or reorders it.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let hostile = "a\x1b[2Jb\r\n\u{202e}c\u{200b}d\u{9b}e";
        assert_eq!(printable(hostile), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c\\u{200b}d\\u{9b}e");
        assert_eq!(printable("naïve — 漢字 🙂"), "naïve — 漢字 🙂");
        assert_eq!(printable_line("\ta\x07"), "\ta\\u{7}");
    }

    proptest::proptest! {
        #[test]
        fn no_control_character_survives(text in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f]*") {
            proptest::prop_assert!(!printable(&text).chars().any(char::is_control));
        }
    }
}
