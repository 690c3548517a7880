/// What every package has without an extension, or with one of prose.
const NAMES: [&str; 10] =
    ["license", "licence", "copying", "notice", "readme", "changelog", "changes", "history", "authors", "contributors"];

/// Whether a path is prose by its name: Markdown or plain text, or one of the files that every package has
/// without an extension (licence, readme, change log).
///
/// Only the name is looked at. Where it matters that nothing runs the file, its mode and content count, too.
pub fn is_document(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if let Some((_, extension)) = name.rsplit_once('.')
        && matches!(extension, "md" | "markdown" | "txt" | "rst" | "adoc")
    {
        return true;
    }
    const LICENCES: [&str; 8] = ["mit", "apache", "apache-2.0", "bsd", "isc", "mpl", "gpl", "unlicense"];
    NAMES.iter().any(|known| match name.strip_prefix(known) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(['-', '_']).is_some_and(|licence| LICENCES.contains(&licence)),
        None => false,
    })
}

/// The same for a file of a package: there only the root holds prose without an extension.
///
/// Deeper in it, `require('./license')` would run a file of that name.
pub fn is_document_of_package(path: &str) -> bool {
    is_document(path) && (!path.contains('/') || path.rsplit('/').next().is_some_and(|name| name.contains('.')))
}

/// Whether a path is a readme, licence, change log or the like at a package's root, under its usual name.
pub fn is_usual_document(path: &str) -> bool {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem).to_ascii_lowercase();
    !path.contains('/') && is_document(path) && NAMES.iter().any(|name| stem.starts_with(name))
}

/// The line of a byte of a text, counted from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// The text behind a UTF-8 byte order mark, which npm and git skip, too.
pub fn without_byte_order_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_required_is_no_prose() {
        assert!(is_document_of_package("LICENSE") && is_document_of_package("lib/readme.md"));
        assert!(!is_document_of_package("lib/license"));
    }

    #[test]
    fn prose_is_told_from_programs() {
        for path in ["LICENSE", "docs/Guide.md", "LICENSE-MIT", "licence", "CHANGELOG.markdown"] {
            assert!(is_document(path), "{path}");
        }
        for path in ["index.js", "readme.js", "license.node", "bin/license-check", "history-cli", "licenses", "a"] {
            assert!(!is_document(path), "{path}");
        }
    }
}
