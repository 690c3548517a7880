//! Which parts of a program are text.

use std::ops::Range;

use super::javascript::Parsed;

/// What takes a string as the name of code to load.
const LOADERS: [&str; 9] =
    ["require", "import", "resolve", "Worker", "importScripts", "fork", "spawn", "exec", "execFile"];

/// Whether a place lies within a comment, or a string that is not directly given to something that loads code.
pub(super) fn is_literal(parsed: &Parsed<'_>, place: &Range<usize>) -> bool {
    let holds = |outer: &Range<usize>| outer.start < place.start && place.end <= outer.end;
    let comment = parsed.comments.partition_point(|comment| comment.end < place.end);
    if parsed.comments.get(comment).is_some_and(holds) {
        return true;
    }
    let index = parsed.tokens.partition_point(|token| token.end < place.end);
    let Some(token) = parsed.tokens.get(index).filter(|token| holds(&(token.start..token.end))) else { return false };
    let text = |before: usize| index.checked_sub(before).map_or("", |index| parsed.token(&parsed.tokens[index]).1);
    let is_string = text(0).starts_with(['\'', '"', '`', '}']) && token.end - token.start > 1;
    let is_loaded = matches!(text(1), "from" | "import") || text(1) == "(" && LOADERS.contains(&text(2));
    is_string && !is_loaded
}
