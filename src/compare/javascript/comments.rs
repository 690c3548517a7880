use std::ops::Range;

use crate::stabilize::javascript::Parsed;

/// Tags that no tool takes an order from: documentation, licences.
const INERT_TAGS: [&str; 48] = [
    "abstract",
    "alias",
    "alpha",
    "api",
    "async",
    "augments",
    "author",
    "beta",
    "callback",
    "category",
    "class",
    "classdesc",
    "copyright",
    "date",
    "default",
    "defaultvalue",
    "deprecated",
    "description",
    "desc",
    "event",
    "example",
    "fileoverview",
    "file",
    "fires",
    "function",
    "generator",
    "ignore",
    "inheritdoc",
    "lends",
    "license",
    "link",
    "member",
    "memberof",
    "method",
    "module",
    "name",
    "namespace",
    "param",
    "preserve",
    "private",
    "property",
    "remarks",
    "return",
    "returns",
    "see",
    "since",
    "throws",
    "version",
];
/// Words by which a tool knows that it is meant.
const ORDERS: [&str; 9] =
    ["#__", "@__", "webpack", "turbopack", "rspack", "sourcemappingurl", "sourceurl", "vite-ignore", "cc_on"];

/// A comment that may matter, and the token it stands before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order<'t> {
    next_token: usize,
    text: &'t str,
}

/// Collects the comments that a tool may act upon; both sides must have the same ones at the same places.
///
/// Bundlers drop calls marked as pure, JSX pragmas name a module to import, `/// <reference>` changes types, and a
/// function whose body is nothing but a comment may be read as text by the program itself. `None` where the text has
/// a comment in HTML's form: what that is depends on how the file is loaded.
pub(super) fn orders<'t>(parsed: &'t Parsed<'_>) -> Option<Vec<Order<'t>>> {
    let mut orders = Vec::new();
    let mut next_token = 0;
    for comment in &parsed.comments {
        while parsed.tokens.get(next_token).is_some_and(|token| token.start < comment.start) {
            next_token += 1;
        }
        let text = &parsed.text[comment.clone()];
        if !text.starts_with("//") && !text.starts_with("/*") {
            return None;
        }
        if is_order(text) || is_whole_body(parsed, next_token, comment) {
            orders.push(Order { next_token, text });
        }
    }
    Some(orders)
}

fn is_order(comment: &str) -> bool {
    let comment = comment.to_ascii_lowercase();
    if comment.starts_with("///") && comment.contains('<') || ORDERS.iter().any(|order| comment.contains(order)) {
        return true;
    }
    comment.match_indices('@').any(|(at, _)| {
        let is_address = comment[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let rest = &comment[at + 1..];
        let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character));
        let tag = &rest[..end.unwrap_or(rest.len())];
        !is_address && !INERT_TAGS.contains(&tag)
    })
}

/// Whether the comment lies between braces that hold no token.
fn is_whole_body(parsed: &Parsed<'_>, next_token: usize, comment: &Range<usize>) -> bool {
    let text =
        |index: Option<usize>| index.and_then(|index| parsed.tokens.get(index)).map(|token| parsed.token(token).1);
    !comment.is_empty() && text(next_token.checked_sub(1)) == Some("{") && text(Some(next_token)) == Some("}")
}

#[cfg(test)]
mod tests {
    use super::is_order;

    #[test]
    fn documentation_is_no_order() {
        for inert in ["/** @param {string} a\n * @returns x */", "// mail me@example.org", "/*! @license MIT */", "//"]
        {
            assert!(!is_order(inert), "{inert}");
        }
        for order in [
            "/*#__PURE__*/",
            "/* @__NO_SIDE_EFFECTS__ */",
            "/** @jsxImportSource evil */",
            "/// <reference types=\"x\" />",
            "//# sourceMappingURL=a.map",
            "/* webpackIgnore: true */",
            "/* rspackIgnore: true */",
            "// @bun",
            "// @ts-nocheck",
            "/*@cc_on run() @*/",
            "/* @vite-ignore */",
        ] {
            assert!(is_order(order), "{order}");
        }
    }
}
