//! Signals of a text that is no valid program, from its words and strings.

use std::ops::Range;

use super::Capability;
use super::found::Found;
use super::literal::{is_escaped, is_obfuscator_name, judge};
use super::names::{by_convention, is_relied_on, of_call, of_member, of_module};
use crate::stabilize::javascript::{Lexeme, LexemeKind, lexemes};

/// How much is read at a time, so that memory does not grow with the text, bytes.
const PART: usize = 1 << 20;

/// Reads the signals of a text.
pub(super) fn signals(text: &str, spans: &[Range<usize>]) -> Found {
    let mut found = Found::within(spans);
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let limit = rest.floor_char_boundary(PART);
        let end = if limit < rest.len() { rest[..limit].rfind('\n').map_or(limit, |end| end + 1) } else { limit };
        part(&rest[..end], start, &mut found);
        start += end;
    }
    found
}

fn part(text: &str, start: usize, found: &mut Found) {
    let pieces: Vec<Lexeme<'_>> = lexemes(text).collect();
    let is = |index: Option<usize>, mark: &str| {
        index
            .and_then(|index| pieces.get(index))
            .is_some_and(|piece| piece.kind != LexemeKind::String && piece.text == mark)
    };
    let mut at = 0;
    while at < pieces.len() {
        let piece = pieces[at];
        match piece.kind {
            LexemeKind::String => {
                let (whole, next) = folded(&pieces, at);
                let before = |back: usize| at.checked_sub(back);
                let is_import = is(before(1), "from")
                    || is(before(1), "import")
                    || is(before(1), "(") && (is(before(2), "require") || is(before(2), "import"));
                let module = whole.strip_prefix("node:").unwrap_or(&whole);
                if let (true, Some(capability)) = (is_import, of_module(module)) {
                    found.add(capability, start + piece.start, format!("require('{module}')"));
                }
                if is_escaped(piece.text) {
                    found.add(Capability::EncodedPayload, start + piece.start, "text written as escapes");
                }
                judge(&whole, &mut |capability, evidence| found.add(capability, start + piece.start, evidence));
                at = next;
                continue;
            }
            LexemeKind::Word => {
                if is_obfuscator_name(piece.text) {
                    found.obfuscator_name(piece.text, start + piece.start);
                }
                let is_member = is(at.checked_sub(1), ".") && !is_global_object(&pieces, at);
                let is_declared = is(at.checked_sub(1), "function") || is(at.checked_sub(1), "class");
                if !is_member && !is_declared {
                    name(&pieces, at, start, found);
                }
            }
            LexemeKind::Mark => {}
        }
        at += 1;
    }
}

/// A name with its members, and what is done with it.
fn name(pieces: &[Lexeme<'_>], at: usize, start: usize, found: &mut Found) {
    let first = pieces[at];
    let (mut path, mut next) = (first.text.to_owned(), at + 1);
    for _ in 0..4 {
        let text = |index: usize| pieces.get(index).map(|piece| (piece.kind, piece.text));
        match (text(next), text(next + 1), text(next + 2)) {
            (Some((LexemeKind::Mark, ".")), Some((LexemeKind::Word, member)), _) => {
                path = format!("{path}.{member}");
                next += 2;
            }
            (Some((LexemeKind::Mark, "[")), Some((LexemeKind::String, member)), Some((LexemeKind::Mark, "]"))) => {
                path = format!("{path}.{member}");
                next += 3;
            }
            _ => break,
        }
    }
    let follows =
        |mark: &str| pieces.get(next).is_some_and(|piece| piece.kind == LexemeKind::Mark && piece.text == mark);
    let is_compared = pieces.get(next + 1).is_some_and(|piece| matches!(piece.text, "=" | ">"));
    if path == "process.env" || path.starts_with("process.env.") {
        found.add(Capability::Environment, start + first.start, path.clone());
    }
    if follows("=") && !is_compared && is_relied_on(&path) {
        found.add(Capability::Patching, start + first.start, format!("{path} ="));
    }
    if !follows("(") {
        return;
    }
    if let Some(capability) = of_call(&path) {
        found.add(capability, start + first.start, format!("{path}()"));
    } else if let Some((object, member)) = path.split_once('.')
        && let Some(module) = by_convention(object, member)
        && let Some(capability) = of_member(module, member)
    {
        found.add(capability, start + first.start, format!("{path}()"));
    }
}

/// Whether the member before `at` is one of the global object: `window.eval`.
fn is_global_object(pieces: &[Lexeme<'_>], at: usize) -> bool {
    let object = at.checked_sub(2).and_then(|index| pieces.get(index));
    object.is_some_and(|piece| matches!(piece.text, "window" | "globalThis" | "global" | "self"))
}

/// The text of strings that are added up, and the index of what follows them.
fn folded(pieces: &[Lexeme<'_>], at: usize) -> (String, usize) {
    let (mut whole, mut next) = (pieces[at].text.to_owned(), at + 1);
    while let (Some(plus), Some(more)) = (pieces.get(next), pieces.get(next + 1)) {
        if plus.text != "+" || plus.kind != LexemeKind::Mark || more.kind != LexemeKind::String {
            break;
        }
        whole.push_str(more.text);
        next += 2;
    }
    (whole, next)
}
