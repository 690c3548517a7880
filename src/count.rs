//! Counts in sentences.

use std::fmt;

/// The number with the noun in singular or plural: `1 file`, `3 files`; for nouns that take an `s`.
pub(crate) fn counted<N: fmt::Display + PartialEq + From<u8> + Copy>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", if count == N::from(1) { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!(
            [0_u64, 1, 2].map(|count| counted(count, "more file")),
            ["0 more files", "1 more file", "2 more files"]
        );
    }
}
