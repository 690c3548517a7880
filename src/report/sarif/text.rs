//! Text and addresses as SARIF wants them.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::model::Message;
use crate::report::printable::printable;

/// What may not stand in a relative reference as it is; a colon would make the first part of a path a scheme.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Plain text for people, with what hides text or what SARIF reads as placeholders and links escaped.
pub(super) fn message(text: &str) -> Message {
    let text = printable(text);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '{' => escaped.push_str("{{"),
            '}' => escaped.push_str("}}"),
            '[' | ']' | '\\' if text.contains("](") => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    Message { text: escaped, markdown: None }
}

/// A path inside of a package as a relative reference that cannot leave it.
pub(super) fn reference(path: &str) -> String {
    // An empty part, `.` and `..` mean something to whoever resolves the reference.
    let parts = path.split('/').map(|part| match part {
        "" => "%00".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        part => utf8_percent_encode(part, PATH).to_string(),
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_references() {
        assert_eq!(reference("lib/x.js"), "lib/x.js");
        assert_eq!(reference("a b/#1?.js"), "a%20b/%231%3F.js");
        assert_eq!(reference("javascript:alert(1)"), "javascript%3Aalert(1)");
        assert_eq!(reference("../../etc"), "%2E%2E/%2E%2E/etc");
        assert_eq!(reference("//host/x"), "%00/%00/host/x");
        assert_eq!(reference("ü\u{202e}"), "%C3%BC%E2%80%AE");
    }

    #[test]
    fn a_message_holds_no_placeholder_and_no_link() {
        assert_eq!(message("{0} of a[1]").text, "{{0}} of a[1]");
        assert_eq!(message("[click](https://x.example)").text, "\\[click\\](https://x.example)");
    }
}
