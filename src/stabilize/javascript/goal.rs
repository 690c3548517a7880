//! Whether a text is read alike as a script and as a module.
//!
//! Which of the two a file is follows from its name, the manifest above it, its text and who reads it. In a module `await`
//! is an operator everywhere, in a script mostly a name: what follows it can be a division in one and a regular expression
//! in the other, so that a `/*` behind it opens a comment in one of them alone. `<!--` begins a comment in scripts only, as
//! `-->` does where a module has none that is valid. Whatever hides behind that is seen by no reader who takes the other one.

use memchr::memmem;

/// Where the text may be other tokens as a script than as a module; byte offsets. Hardly any text has such places.
pub(super) fn doubts(text: &str) -> Vec<usize> {
    let opened = memmem::find_iter(text.as_bytes(), b"<!--");
    awaits_before_ambiguity(text).chain(opened).collect()
}

/// Where `await` stands before something that is read by what `await` is.
fn awaits_before_ambiguity(text: &str) -> impl Iterator<Item = usize> {
    let is_space = |character: char| character.is_whitespace() || character == '\u{feff}';
    let continues = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    memmem::find_iter(text.as_bytes(), b"await").filter(move |&start| {
        let before = start.checked_sub(1).and_then(|before| text.as_bytes().get(before));
        let rest = &text[start + "await".len()..];
        if before.is_some_and(continues) || rest.as_bytes().first().is_some_and(continues) {
            return false;
        }
        let rest = rest.trim_start_matches(is_space);
        // A comment, a division or a regular expression; a block or an object; an element or a comparison.
        let is_mark = rest.starts_with(['/', '{', '<']);
        // Declarations end where an expression goes on.
        is_mark || ["function", "class", "async"].iter().any(|word| rest.starts_with(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_read_in_two_ways_is_doubted() {
        for text in [
            "await /a/",
            "x;await\n/*c*/ /a/",
            "await\n{}/a/",
            "await\nfunction f(){}",
            "await\u{feff}\tclass{}",
            "a <!-- b",
        ] {
            assert!(!doubts(text).is_empty(), "{text}");
        }
        for text in
            ["await f()", "await(a)", "awaiting /a/", "$await /a/", "await", "while (n-->0) n / 2", "a / b // c"]
        {
            assert!(doubts(text).is_empty(), "{text}");
        }
    }
}
