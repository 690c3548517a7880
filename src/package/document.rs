/// Whether a path is prose that nothing executes: licence, readme, change log, Markdown or plain text.
pub fn is_document(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    let prose = ["md", "markdown", "txt", "rst", "adoc"];
    let names = [
        "license",
        "licence",
        "copying",
        "notice",
        "readme",
        "changelog",
        "changes",
        "history",
        "authors",
        "contributors",
    ];
    prose.contains(&extension) || (extension.is_empty() && names.iter().any(|name| stem.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_told_from_code() {
        assert!(is_document("LICENSE") && is_document("docs/Guide.md") && is_document("LICENSE-MIT"));
        assert!(
            !is_document("index.js")
                && !is_document("readme.js")
                && !is_document("license.node")
                && !is_document("bin/x")
        );
    }
}
