//! The statements, members and functions that only one of two programs has.
//!
//! Both are read as nested units (statements, class members, properties, elements, parts of sequences). On each level
//! equal units are matched in order; of the rest, those with an equal frame (everything around the units inside) are
//! paired and looked into. A minified bundle is one wrapper around thousands of units, so an added statement in its
//! middle comes out alone.

use std::collections::{HashMap, HashSet};
use std::hash::RandomState;
use std::iter;
use std::ops::Range;

use similar::DiffOp;

use super::units::{Unit, units};
use crate::compare::line_edits::number_edits;
use crate::stabilize::javascript::{SourceKind, read_pair};

/// Most pairs that are looked into.
const MAXIMUM_PAIRS: usize = 5_000;

/// How much of a difference is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLimits {
    /// Excerpts of each side.
    pub excerpts: usize,
    /// Characters of each excerpt.
    pub length: usize,
}

impl StatementLimits {
    /// Enough to see what it is about.
    pub const EXCERPT: Self = Self { excerpts: 12, length: 400 };
}

/// One statement, member or function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementExcerpt {
    /// Its line in the file of its side, counted from 1.
    pub line: usize,
    /// Its first character in that line, counted from 1.
    pub column: usize,
    /// What it is: `statement`, `function`, `member`, `property` and so on.
    pub kind: &'static str,
    /// Its beginning, as it is written; `…` stands for what is left out.
    pub text: String,
    /// Its own text in the file of its side, bytes, without what of it the other side has, too.
    pub spans: Vec<Range<usize>>,
}

/// What each of two programs has and the other lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatementDiff {
    /// Only in the published file.
    pub only_published: Vec<StatementExcerpt>,
    /// Only in the candidate.
    pub only_candidate: Vec<StatementExcerpt>,
    /// How many more there are, on both sides together.
    pub more: usize,
}

impl StatementDiff {
    /// Whether no statement differs.
    pub fn is_empty(&self) -> bool {
        self.only_published.is_empty() && self.only_candidate.is_empty() && self.more == 0
    }
}

/// Finds the statements that only one side has.
///
/// `None` where one of the files cannot be read; empty where they differ in nothing but white space, comments and
/// semicolons at the end of statements.
pub fn statement_diff(
    published: &[u8],
    candidate: &[u8],
    kind: SourceKind,
    limits: StatementLimits,
) -> Option<StatementDiff> {
    read_pair(kind, published, candidate, |published, candidate| {
        let hashing = RandomState::new();
        let mut search = Search::default();
        search.level(&units(published, &hashing), &units(candidate, &hashing));
        let (published_hidden, only_published) = excerpts(published.text, search.published, limits);
        let (candidate_hidden, only_candidate) = excerpts(candidate.text, search.candidate, limits);
        Some(StatementDiff { only_published, only_candidate, more: published_hidden + candidate_hidden })
    })
}

/// A unit that has no equal, without those of its children that are looked at apart.
struct Unmatched {
    kind: &'static str,
    /// The unit's own text, piece by piece.
    pieces: Vec<Range<usize>>,
}

#[derive(Default)]
struct Search {
    pairs: usize,
    published: Vec<Unmatched>,
    candidate: Vec<Unmatched>,
}

impl Search {
    fn level(&mut self, published: &[Unit], candidate: &[Unit]) {
        for (only_published, only_candidate) in unmatched(published, candidate, |unit| unit.hash) {
            self.rest(&published[only_published], &candidate[only_candidate]);
        }
    }

    /// Units without an equal between two matches: pairs them by frame, then by place.
    fn rest(&mut self, published: &[Unit], candidate: &[Unit]) {
        let (left, right) = (with_children(published), with_children(candidate));
        let mut partners = HashMap::new();
        let edits = edits(&left, &right, |unit| unit.frame);
        for edit in edits {
            let (old, new) = (edit.old_range(), edit.new_range());
            if matches!(edit, DiffOp::Equal { .. }) || old.len() == new.len() {
                partners.extend(left[old].iter().zip(&right[new]).map(|(left, right)| (left.start, *right)));
            }
        }
        let mut paired = Vec::new();
        for unit in published {
            match partners.get(&unit.start) {
                Some(partner) if self.pair(unit, partner) => paired.push(partner.start),
                _ => self.published.push(Unmatched::whole(unit)),
            }
        }
        let alone = candidate.iter().filter(|unit| !paired.contains(&unit.start));
        self.candidate.extend(alone.map(Unmatched::whole));
    }

    /// Looks into two units; `false` where they have too little in common to be shown as a change of one.
    fn pair(&mut self, published: &Unit, candidate: &Unit) -> bool {
        let same_frame = published.frame == candidate.frame;
        if published.kind != candidate.kind
            || self.pairs == MAXIMUM_PAIRS
            || !same_frame && !share(published, candidate)
        {
            return false;
        }
        self.pairs += 1;
        let before = (self.published.len(), self.candidate.len());
        if !same_frame {
            self.published.push(Unmatched::frame(published));
            self.candidate.push(Unmatched::frame(candidate));
        }
        self.level(&published.children, &candidate.children);
        // Equal children in another arrangement: the whole is the difference.
        before != (self.published.len(), self.candidate.len())
    }
}

fn with_children(units: &[Unit]) -> Vec<&Unit> {
    units.iter().filter(|unit| !unit.children.is_empty()).collect()
}

/// Whether the units have at least one child in common.
fn share(left: &Unit, right: &Unit) -> bool {
    let hashes: HashSet<u64> = left.children.iter().map(|child| child.hash).collect();
    right.children.iter().any(|child| hashes.contains(&child.hash))
}

fn edits<'u>(left: &[&'u Unit], right: &[&'u Unit], hash: impl Fn(&'u Unit) -> u64) -> Vec<DiffOp> {
    let mut known = HashMap::new();
    let mut numbered = |units: &[&'u Unit]| -> Vec<u32> {
        let number = |unit: &&'u Unit| {
            // Far fewer units fit a file than there are numbers.
            let next = known.len() as u32;
            *known.entry(hash(unit)).or_insert(next)
        };
        units.iter().map(number).collect()
    };
    let (left, right) = (numbered(left), numbered(right));
    number_edits(&left, &right)
}

/// The runs of both sides between equal units.
fn unmatched(left: &[Unit], right: &[Unit], hash: impl Fn(&Unit) -> u64) -> Vec<(Range<usize>, Range<usize>)> {
    let (left, right): (Vec<&Unit>, Vec<&Unit>) = (left.iter().collect(), right.iter().collect());
    let mut runs: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for edit in edits(&left, &right, hash) {
        if matches!(edit, DiffOp::Equal { .. }) {
            continue;
        }
        match runs.last_mut() {
            Some((old, new)) if old.end == edit.old_range().start && new.end == edit.new_range().start => {
                (old.end, new.end) = (edit.old_range().end, edit.new_range().end);
            }
            _ => runs.push((edit.old_range(), edit.new_range())),
        }
    }
    runs
}

impl Unmatched {
    fn whole(unit: &Unit) -> Self {
        Self { kind: unit.kind, pieces: iter::once(unit.start..unit.end).collect() }
    }

    fn frame(unit: &Unit) -> Self {
        let mut pieces = Vec::new();
        let mut start = unit.start;
        for child in &unit.children {
            pieces.push(start..child.start);
            start = child.end;
        }
        pieces.push(start..unit.end);
        Self { kind: unit.kind, pieces }
    }

    fn text(&self, source: &str, length: usize) -> String {
        let mut text = String::new();
        let mut room = length;
        let mut left_out = false;
        for (index, piece) in self.pieces.iter().enumerate() {
            let piece = source.get(piece.clone()).unwrap_or_default();
            // Between children there is nothing but a separator as a rule.
            if index > 0 && piece.trim().trim_matches([',', ';']).is_empty() {
                left_out = true;
                continue;
            }
            if index > 0 {
                text.push('…');
            }
            left_out = false;
            let shown = piece.char_indices().nth(room).map_or(piece, |(end, _)| &piece[..end]);
            text.push_str(shown);
            if shown.len() < piece.len() {
                left_out = true;
                break;
            }
            room -= shown.chars().count();
        }
        if left_out {
            text.push('…');
        }
        // A statement is the same with and without it.
        if text.len() > 1 && text.ends_with(';') {
            text.pop();
        }
        text
    }
}

/// How many are left out, and the others.
fn excerpts(source: &str, mut found: Vec<Unmatched>, limits: StatementLimits) -> (usize, Vec<StatementExcerpt>) {
    let start = |unit: &Unmatched| unit.pieces.first().map_or(0, |piece| piece.start);
    found.sort_by_key(start);
    let hidden = found.len().saturating_sub(limits.excerpts);
    let (mut line, mut line_start, mut read) = (1, 0, 0);
    let mut result = Vec::new();
    for unit in found.iter().take(limits.excerpts) {
        let start = start(unit);
        for (at, _) in source.get(read..start).unwrap_or_default().match_indices('\n') {
            line += 1;
            line_start = read + at + 1;
        }
        read = read.max(start);
        let column = source.get(line_start..start).unwrap_or_default().chars().count() + 1;
        let text = unit.text(source, limits.length);
        result.push(StatementExcerpt { line, column, kind: unit.kind, text, spans: unit.pieces.clone() });
    }
    (hidden, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(published: &str, candidate: &str) -> StatementDiff {
        let limits = StatementLimits::EXCERPT;
        statement_diff(published.as_bytes(), candidate.as_bytes(), SourceKind::Unstated, limits).unwrap()
    }

    fn texts(excerpts: &[StatementExcerpt]) -> Vec<&str> {
        excerpts.iter().map(|excerpt| excerpt.text.as_str()).collect()
    }

    /// About a megabyte in one line: one function around many modules.
    fn bundle(planted: &str) -> String {
        let mut text =
            "!function(e,t){\"object\"==typeof exports?t(exports):t(e.lib={})}(this,function(e){var n={".to_owned();
        for module in 0..12_000_u32 {
            let body = format!(
                "var r=t({}),o='{}';e.a=function(n){{return n/r.b>o.length?r(n,[1,2]):/x{}/.test(n)}}",
                module + 1,
                module * 7,
                module % 13
            );
            let planted = if module == 4_500 { planted } else { "" };
            text.push_str(&format!("{module}:function(e,n,t){{{body}{planted}}},"));
        }
        text.push_str("};e.run=function(){return n[0]}});");
        text
    }

    #[test]
    fn a_statement_planted_into_a_minified_bundle_comes_out_alone() {
        let candidate = bundle("");
        assert!(candidate.len() > 1_000_000 && !candidate.contains('\n'));
        let planted = "new Function(atob(\"aW5lcnQ\"))()";
        let published = bundle(&format!(";{planted}"));
        let found = diff(&published, &candidate);
        assert_eq!(texts(&found.only_published), [planted]);
        assert_eq!((found.only_published[0].line, found.only_published[0].kind), (1, "expression"));
        let at = found.only_published[0].column - 1;
        assert!(published[at..].starts_with(planted));
        assert_eq!((found.only_candidate.len(), found.more), (0, 0));

        let backwards = diff(&candidate, &published);
        assert_eq!(texts(&backwards.only_candidate), [planted]);
        assert!(backwards.only_published.is_empty());
    }

    #[test]
    fn parts_of_every_kind_come_out_alone() {
        for (published, candidate, expected) in [
            ("(function(){a();evil();b()})()", "(function(){a();b()})()", "evil()"),
            ("a(),evil(),b();", "a(),b();", "evil()"),
            ("var a=1,c=evil(),b=2", "var a=1,b=2", "c=evil()"),
            ("class A{a(){}b(){evil()}}", "class A{a(){}}", "b(){evil()}"),
            ("x={a:1,get b(){return evil()}}", "x={a:1}", "get b(){return evil()}"),
            ("x=[a,()=>evil(),b]", "x=[a,b]", "()=>evil()"),
            ("switch(a){case 1:b();case 2:evil()}", "switch(a){case 1:b()}", "case 2:evil()"),
            ("export{a,evil}", "export{a}", "evil"),
            ("f(function(){return g(()=>{a();if(evil)b()})})", "f(function(){return g(()=>{a()})})", "if(evil)b()"),
            ("a()\n/* x */\nevil()", "a()", "evil()"),
        ] {
            let found = diff(published, candidate);
            assert_eq!(texts(&found.only_published), [expected], "{published}");
            assert!(found.only_candidate.is_empty(), "{published}: {:?}", found.only_candidate);
        }
    }

    #[test]
    fn a_changed_statement_is_one_on_each_side() {
        let found = diff("a();\nfunction f() { b(); return 1 }\nc();", "a();\nfunction f() { b(); return 2 }\nc();");
        assert_eq!(texts(&found.only_published), ["return 1"]);
        assert_eq!(texts(&found.only_candidate), ["return 2"]);
        assert_eq!(found.only_published[0].line, 2);
    }

    #[test]
    fn a_changed_frame_is_shown_without_what_is_equal_inside() {
        let found = diff("wrap('1.0.1', function(){a();b();evil()})", "wrap('1.0.0', function(){a();b()})");
        assert_eq!(texts(&found.only_published), ["wrap('1.0.1', function(){…})", "evil()"]);
        assert_eq!(texts(&found.only_candidate), ["wrap('1.0.0', function(){…})"]);
    }

    #[test]
    fn what_is_equal_has_no_difference() {
        assert!(diff("a(); b()", "a()\nb();").is_empty());
        assert!(diff("", "").is_empty());
    }

    #[test]
    fn exchanged_units_are_a_difference() {
        assert!(!diff("f(function(){a();b()})", "f(function(){b();a()})").is_empty());
        assert!(!diff("f(function(){a()},function(){})", "f(function(){},function(){a()})").is_empty());
    }

    #[test]
    fn excerpts_are_bounded_in_number_and_length() {
        let many: String = (0..100).map(|number| format!("f{number}('{}');\n", "x".repeat(1_000))).collect();
        let found = diff(&many, "");
        let limits = StatementLimits::EXCERPT;
        assert_eq!((found.only_published.len(), found.more), (limits.excerpts, 100 - limits.excerpts));
        assert!(found.only_published.iter().all(|excerpt| excerpt.text.chars().count() <= limits.length + 1));
        assert_eq!(found.only_published[3].line, 4);
    }

    #[test]
    fn what_cannot_be_read_has_no_statements() {
        let limits = StatementLimits::EXCERPT;
        assert_eq!(statement_diff(b"a b", b"a", SourceKind::Unstated, limits), None);
        let deep = "[".repeat(100_000);
        assert_eq!(statement_diff(deep.as_bytes(), b"a", SourceKind::Unstated, limits), None);
    }
}
