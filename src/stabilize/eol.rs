/// Replaces CRLF by LF, drops leading byte order marks and supplies a missing final newline; text only.
///
/// No language that packages are written in gives these a meaning: JavaScript itself reads CRLF as LF, in
/// template literals too. A lone CR is kept, because it ends a `//` comment; a file with CR CR LF or a CR at
/// its end is left alone, because it has no single reading.
pub(super) fn stabilize(content: &[u8]) -> Option<Vec<u8>> {
    let mut text = std::str::from_utf8(content).ok()?;
    if text.contains('\0') || text.contains("\r\r\n") || text.ends_with('\r') {
        return None;
    }
    while let Some(rest) = text.strip_prefix('\u{feff}') {
        text = rest;
    }
    let mut result = text.replace("\r\n", "\n");
    if !result.ends_with('\n') {
        result.push('\n');
    }
    Some(result.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::stabilize;

    #[test]
    fn line_ends_mark_and_final_newline_do_not_count() {
        assert_eq!(stabilize(b"\xef\xbb\xbfa\r\nb\r\n"), stabilize(b"a\nb"));
    }

    #[test]
    fn what_could_change_the_meaning_is_kept() {
        // A lone CR ends the comment, so the second line would run.
        assert_ne!(stabilize(b"// a\rrun()"), stabilize(b"// a\nrun()"));
        assert_ne!(stabilize(b"// a\rrun()"), stabilize(b"// arun()"));
        assert_ne!(stabilize(b"a\n\n"), stabilize(b"a\n"));
        assert_eq!(stabilize(b"\x00\r\n"), None);
        // With the newline supplied it would be a CRLF, and so another text the second time.
        assert_eq!(stabilize(b"\xef\xbb\xbfa\r"), None);
    }

    proptest::proptest! {
        #[test]
        fn a_pass_never_reaches_past_line_ends(content in "[a\\r\\n \u{feff}]{0,40}") {
            let Some(once) = stabilize(content.as_bytes()) else { return Ok(()) };
            let visible = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['\r', '\n', '\u{feff}'], "");
            proptest::prop_assert_eq!(visible(&once), visible(content.as_bytes()));
            proptest::prop_assert_eq!(stabilize(&once), Some(once));
        }
    }
}
