//! One component of a pattern, with extended globs, compiled to something that can be matched in bounded time.
//!
//! The phases: the text becomes a tree of extended globs (`!(a|b)` and friends); nested ones are flattened where the
//! original flattens them; the text after a negation is copied into its alternatives; and the tree becomes a [`Node`],
//! which is a regular expression with negative look-ahead. Each of these steps has quirks that decide matches, so each
//! keeps the original's order of operations. [`super::program`] then matches it.

use super::character_class::{self, Class};

/// How deep extended globs may nest. The original allows two levels, and more only where a level can be merged.
const MAXIMUM_DEPTH: usize = 100;
const MERGELESS_DEPTH: usize = 2;
const MAXIMUM_NODES: usize = 2_000;
/// Code units of one component, and of the copies made behind its negations.
const MAXIMUM_UNITS: usize = 16_384;

/// Why a component could not be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComponentError {
    /// The original builds an invalid regular expression from it and fails.
    Invalid,
    /// It is larger than we are willing to handle.
    TooComplex,
}

/// A regular expression over UTF-16 code units.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Unit(u16),
    AnyUnit,
    Class(Class),
    Sequence(Vec<Self>),
    Alternatives(Vec<Self>),
    Repeat { node: Box<Self>, at_least_once: bool, at_most_once: bool },
    NotFollowedBy(Box<Self>),
    End,
    Never,
}

/// A compiled component: its expression, and whether anything in it was magic.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) node: Node,
    pub(super) magic: bool,
}

/// Which of two details of the glob library applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A lone `*` beside an extended glob must match something (npm 10).
    StarNeedsText,
    /// It may match nothing (npm 11).
    StarMayBeEmpty,
}

#[derive(Debug, Clone)]
enum Part {
    Text(Vec<u16>),
    Group(usize),
}

#[derive(Debug)]
struct Group {
    /// The extended glob's letter; `None` for the root, an alternative, or one that turned out malformed.
    kind: Option<u8>,
    /// Index into `Tree::part_lists`: taking over a child's parts shares the list, and later changes show in both.
    parts: usize,
    parent: Option<usize>,
    parent_index: usize,
    empty: bool,
}

struct Tree {
    groups: Vec<Group>,
    part_lists: Vec<Vec<Part>>,
    negations: Vec<usize>,
    filled: bool,
    dialect: Dialect,
    needs_unicode: bool,
    breaks_unicode: bool,
    copied_units: usize,
}

const ROOT: usize = 0;

fn letter(unit: u16) -> Option<u8> {
    u8::try_from(unit).ok().filter(|byte| matches!(byte, b'!' | b'?' | b'+' | b'*' | b'@'))
}

fn is(unit: u16, character: u8) -> bool {
    unit == u16::from(character)
}

/// Compiles one component; `text` holds no slash.
pub(super) fn compile(text: &[u16], dialect: Dialect) -> Result<Compiled, ComponentError> {
    if text.len() > MAXIMUM_UNITS {
        return Err(ComponentError::TooComplex);
    }
    let mut tree = Tree {
        groups: Vec::new(),
        part_lists: Vec::new(),
        negations: Vec::new(),
        filled: false,
        dialect,
        needs_unicode: false,
        breaks_unicode: false,
        copied_units: 0,
    };
    tree.add(None, None)?;
    tree.parse(text, ROOT, 0, 0, 0)?;
    tree.flatten(ROOT);
    tree.fill_negations()?;
    let mut magic = false;
    let mut alternatives = tree.plain_source(ROOT, &mut magic)?;
    if tree.needs_unicode && tree.breaks_unicode {
        return Err(ComponentError::Invalid);
    }
    let last = alternatives.len() - 1;
    if last > 0 {
        // An escaped `|` stays a bare alternation in the original, so `^` binds only the first branch and `$` the last.
        for (index, branch) in alternatives.iter_mut().enumerate() {
            let anything = || Node::Repeat { node: Box::new(Node::AnyUnit), at_least_once: false, at_most_once: false };
            if index > 0 {
                branch.insert(0, anything());
            }
            if index < last {
                branch.push(anything());
            }
        }
    }
    let node = Node::Alternatives(alternatives.into_iter().map(Node::Sequence).collect());
    Ok(Compiled { node, magic })
}

impl Tree {
    fn add(&mut self, kind: Option<u8>, parent: Option<usize>) -> Result<usize, ComponentError> {
        let id = self.groups.len();
        if id >= MAXIMUM_NODES {
            return Err(ComponentError::TooComplex);
        }
        let parent_index = parent.map_or(0, |parent| self.parts(parent).len());
        self.part_lists.push(Vec::new());
        self.groups.push(Group { kind, parts: self.part_lists.len() - 1, parent, parent_index, empty: false });
        if kind == Some(b'!') && !self.filled {
            self.negations.push(id);
        }
        Ok(id)
    }

    fn parts(&self, group: usize) -> &Vec<Part> {
        &self.part_lists[self.groups[group].parts]
    }

    fn parts_mut(&mut self, group: usize) -> &mut Vec<Part> {
        &mut self.part_lists[self.groups[group].parts]
    }

    fn push_text(&mut self, group: usize, text: &mut Vec<u16>) {
        if !text.is_empty() {
            let text = std::mem::take(text);
            self.parts_mut(group).push(Part::Text(text));
        }
    }

    fn parse(
        &mut self,
        text: &[u16],
        group: usize,
        position: usize,
        depth: usize,
        recursion: usize,
    ) -> Result<usize, ComponentError> {
        if recursion > MAXIMUM_DEPTH {
            return Err(ComponentError::TooComplex);
        }
        let kind = self.groups[group].kind;
        let mut brackets = BracketState::default();
        let mut index = if kind.is_some() { position + 1 } else { position };
        let mut plain = Vec::new();
        let mut finished = Vec::new();
        let mut part = if kind.is_some() { self.add(None, Some(group))? } else { group };
        while index < text.len() {
            let unit = text[index];
            index += 1;
            if brackets.consumes(unit, index) {
                plain.push(unit);
                continue;
            }
            let opened = letter(unit).filter(|_| text.get(index).is_some_and(|&next| is(next, b'(')));
            if let Some(opened) = opened {
                let merges = kind.is_some_and(|kind| can_merge(kind, opened));
                if depth <= MERGELESS_DEPTH || merges {
                    self.push_text(part, &mut plain);
                    let child = self.add(Some(opened), Some(part))?;
                    if kind.is_some() {
                        self.parts_mut(part).push(Part::Group(child));
                    }
                    let child_depth = if merges { depth } else { depth + 1 };
                    index = self.parse(text, child, index, child_depth, recursion + 1)?;
                    if kind.is_none() {
                        self.parts_mut(part).push(Part::Group(child));
                    }
                    continue;
                }
            }
            if kind.is_some() && is(unit, b'|') {
                self.push_text(part, &mut plain);
                finished.push(part);
                part = self.add(None, Some(group))?;
            } else if kind.is_some() && is(unit, b')') {
                self.groups[group].empty = plain.is_empty() && self.parts(group).is_empty();
                self.push_text(part, &mut plain);
                finished.push(part);
                self.parts_mut(group).extend(finished.into_iter().map(Part::Group));
                return Ok(index);
            } else {
                plain.push(unit);
            }
        }
        if kind.is_some() {
            self.groups[group].kind = None;
            *self.parts_mut(group) = vec![Part::Text(text[position - 1..].to_vec())];
        } else {
            self.push_text(part, &mut plain);
        }
        Ok(index)
    }

    /// The extended glob that is all there is in an alternative, if so.
    fn only_extglob(&self, part: &Part) -> Option<usize> {
        let Part::Group(child) = part else { return None };
        if self.groups[*child].kind.is_some() {
            return None;
        }
        match self.parts(*child).as_slice() {
            [Part::Group(grandchild)] if self.groups[*grandchild].kind.is_some() => Some(*grandchild),
            _ => None,
        }
    }

    fn flatten(&mut self, group: usize) {
        if self.groups[group].kind.is_none() {
            for part in self.parts(group).clone() {
                if let Part::Group(child) = part {
                    self.flatten(child);
                }
            }
            return;
        }
        for _ in 0..10 {
            let mut done = true;
            let mut index = 0;
            while index < self.parts(group).len() {
                if let Part::Group(child) = self.parts(group)[index] {
                    self.flatten(child);
                    done &= !self.merge(group, index);
                }
                index += 1;
            }
            if done {
                break;
            }
        }
    }

    /// Merges the alternative at `index` into `group` where that is possible, and says whether it was.
    fn merge(&mut self, group: usize, index: usize) -> bool {
        let part = self.parts(group)[index].clone();
        let (Some(kind), Some(inner)) = (self.groups[group].kind, self.only_extglob(&part)) else { return false };
        let Some(inner_kind) = self.groups[inner].kind else { return false };
        if adopts(kind, inner_kind) || adopts_with_blank(kind, inner_kind) {
            if !adopts(kind, inner_kind) {
                let Ok(blank) = self.add(None, Some(inner)) else { return false };
                self.parts_mut(blank).push(Part::Text(Vec::new()));
                self.parts_mut(inner).push(Part::Group(blank));
            }
            let adopted = self.parts(inner).clone();
            for part in &adopted {
                if let Part::Group(child) = part {
                    self.groups[*child].parent = Some(group);
                }
            }
            self.parts_mut(group).splice(index..=index, adopted);
            return true;
        }
        let [_] = self.parts(group).as_slice() else { return false };
        let Some(new_kind) = usurped_kind(kind, inner_kind) else { return false };
        self.groups[group].parts = self.groups[inner].parts;
        for part in self.parts(group).clone() {
            if let Part::Group(child) = part {
                self.groups[child].parent = Some(group);
            }
        }
        self.groups[group].kind = Some(new_kind);
        self.groups[group].empty = false;
        true
    }

    fn copy_into(&mut self, target: usize, part: &Part, recursion: usize) -> Result<(), ComponentError> {
        if recursion > 2 * MAXIMUM_DEPTH {
            return Err(ComponentError::TooComplex);
        }
        match part {
            Part::Text(text) => {
                self.copied_units += text.len();
                if self.copied_units > MAXIMUM_UNITS {
                    return Err(ComponentError::TooComplex);
                }
                self.push_text(target, &mut text.clone());
            }
            Part::Group(original) => {
                let copy = self.add(self.groups[*original].kind, Some(target))?;
                for part in self.parts(*original).clone() {
                    self.copy_into(copy, &part, recursion + 1)?;
                }
                self.parts_mut(target).push(Part::Group(copy));
            }
        }
        Ok(())
    }

    /// Copies what follows a negation into each of its alternatives, so that the look-ahead sees the whole rest.
    fn fill_negations(&mut self) -> Result<(), ComponentError> {
        self.filled = true;
        while let Some(negation) = self.negations.pop() {
            if self.groups[negation].kind != Some(b'!') {
                continue;
            }
            let mut current = negation;
            while let Some(parent) = self.groups[current].parent {
                let mut index = self.groups[current].parent_index + 1;
                while self.groups[parent].kind.is_none() && index < self.parts(parent).len() {
                    let follower = self.parts(parent)[index].clone();
                    for part in self.parts(negation).clone() {
                        if let Part::Group(alternative) = part {
                            self.copy_into(alternative, &follower, 0)?;
                        }
                    }
                    index += 1;
                }
                current = parent;
            }
        }
        Ok(())
    }

    fn is_start(&self, group: usize) -> bool {
        let Some(parent) = self.groups[group].parent else { return group == ROOT };
        let before = 0..self.groups[group].parent_index;
        self.is_start(parent)
            && before.into_iter().all(|index| match self.parts(parent).get(index) {
                Some(Part::Group(sibling)) => self.groups[*sibling].kind == Some(b'!'),
                _ => false,
            })
    }

    fn is_end(&self, group: usize) -> bool {
        let Some(parent) = self.groups[group].parent else { return group == ROOT };
        if self.groups[parent].kind == Some(b'!') {
            return true;
        }
        self.is_end(parent)
            && (self.groups[group].kind.is_none() || self.groups[group].parent_index + 1 == self.parts(parent).len())
    }

    /// Translates text and extended globs in a row; more than one sequence where an escaped `|` splits it.
    fn plain_source(&mut self, group: usize, magic: &mut bool) -> Result<Vec<Vec<Node>>, ComponentError> {
        let parts = self.parts(group).clone();
        let only_text = parts.iter().all(|part| matches!(part, Part::Text(_)));
        let whole = self.is_start(group) && self.is_end(group);
        let star_needs_text = whole && (only_text || self.dialect == Dialect::StarNeedsText);
        let mut branches: Vec<Vec<Node>> = vec![Vec::new()];
        for part in parts {
            match part {
                Part::Text(text) => self.text_source(&text, star_needs_text, magic, &mut branches)?,
                Part::Group(child) if self.groups[child].kind.is_some() => {
                    let source = self.extglob_source(child, magic)?;
                    if let Some(branch) = branches.last_mut() {
                        match source {
                            Some(node) => branch.push(node),
                            None => self.push_hollow(child, branch)?,
                        }
                    }
                }
                Part::Group(child) => {
                    let mut inner = self.plain_source(child, magic)?.into_iter();
                    if let (Some(branch), Some(first)) = (branches.last_mut(), inner.next()) {
                        branch.extend(first);
                    }
                    branches.extend(inner);
                }
            }
        }
        let in_negation = self.groups[group].parent.is_some_and(|parent| self.groups[parent].kind == Some(b'!'));
        if in_negation && let Some(branch) = branches.last_mut() {
            branch.push(Node::End);
        }
        Ok(branches)
    }

    /// Translates an extended glob; `None` for one that has nothing in it and is the whole component.
    fn extglob_source(&mut self, group: usize, magic: &mut bool) -> Result<Option<Node>, ComponentError> {
        let kind = self.groups[group].kind.unwrap_or(b'@');
        let whole = self.is_start(group) && self.is_end(group);
        let mut body: Vec<Node> = Vec::new();
        let breaks_unicode = self.breaks_unicode;
        for part in self.parts(group).clone() {
            let Part::Group(alternative) = part else { continue };
            // Alternatives are magic by nature, so what they report does not count.
            let mut ignored = true;
            let branches = self.plain_source(alternative, &mut ignored)?;
            let is_empty = branches.iter().map(Vec::len).eq([0]);
            if !(whole && is_empty) {
                body.extend(branches.into_iter().map(Node::Sequence));
            }
        }
        if whole && body.is_empty() && kind != b'!' {
            return Ok(None);
        }
        *magic = true;
        if body.is_empty() {
            body.push(Node::Sequence(Vec::new()));
        }
        let star = |at_least_once| Node::Repeat { node: Box::new(Node::AnyUnit), at_least_once, at_most_once: false };
        if kind == b'!' {
            if self.groups[group].empty {
                // None of the alternatives gets into the original's expression.
                self.breaks_unicode = breaks_unicode;
                return Ok(Some(star(true)));
            }
            let excluded = Node::NotFollowedBy(Box::new(Node::Alternatives(body)));
            return Ok(Some(Node::Sequence(vec![excluded, star(false)])));
        }
        let node = Box::new(Node::Alternatives(body));
        Ok(Some(match kind {
            b'?' => Node::Repeat { node, at_least_once: false, at_most_once: true },
            b'*' => Node::Repeat { node, at_least_once: false, at_most_once: false },
            b'+' => Node::Repeat { node, at_least_once: true, at_most_once: false },
            _ => *node,
        }))
    }

    /// Adds a hollow extended glob, whose text the original puts into its expression as it is: alone it is compared as
    /// text, elsewhere its letter counts as the expression's own.
    fn push_hollow(&self, group: usize, branch: &mut Vec<Node>) -> Result<(), ComponentError> {
        let kind = self.groups[group].kind.unwrap_or(b'@');
        if self.groups[group].parent == Some(ROOT) && self.parts(ROOT).len() == 1 {
            let bars = self.parts(group).len().saturating_sub(1);
            let text = format!("{}({})", char::from(kind), "|".repeat(bars));
            branch.extend(text.encode_utf16().map(Node::Unit));
            return Ok(());
        }
        if kind == b'@' {
            branch.push(Node::Unit(u16::from(kind)));
            return Ok(());
        }
        match branch.pop() {
            None | Some(Node::Repeat { .. }) => Err(ComponentError::Invalid),
            Some(node) => {
                let (at_least_once, at_most_once) = (kind == b'+', kind == b'?');
                branch.push(Node::Repeat { node: Box::new(node), at_least_once, at_most_once });
                Ok(())
            }
        }
    }

    fn text_source(
        &mut self,
        text: &[u16],
        star_needs_text: bool,
        magic: &mut bool,
        branches: &mut Vec<Vec<Node>>,
    ) -> Result<(), ComponentError> {
        let only_stars = text.iter().all(|&unit| is(unit, b'*'));
        let mut escaping = false;
        let mut in_star = false;
        let mut index = 0;
        while index < text.len() {
            let unit = text[index];
            index += 1;
            let last = branches.len() - 1;
            let branch = &mut branches[last];
            if escaping {
                escaping = false;
                self.breaks_unicode |= is(unit, b'!');
                if is(unit, b'|') {
                    branches.push(Vec::new());
                } else {
                    branch.push(Node::Unit(unit));
                }
                continue;
            }
            if is(unit, b'*') {
                if !in_star {
                    let at_least_once = star_needs_text && only_stars;
                    branch.push(Node::Repeat { node: Box::new(Node::AnyUnit), at_least_once, at_most_once: false });
                    *magic = true;
                }
                in_star = true;
                continue;
            }
            in_star = false;
            if is(unit, b'\\') {
                if index == text.len() {
                    branch.push(Node::Unit(unit));
                } else {
                    escaping = true;
                }
            } else if is(unit, b'[')
                && let Some(class) = character_class::parse(text, index - 1)
            {
                self.needs_unicode |= class.needs_unicode;
                *magic |= class.magic;
                branch.push(class.node);
                index += class.consumed - 1;
            } else if is(unit, b'?') {
                branch.push(Node::AnyUnit);
                *magic = true;
            } else {
                self.breaks_unicode |= [b'-', b',', b'#', b' '].into_iter().any(|byte| is(unit, byte));
                branch.push(Node::Unit(unit));
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct BracketState {
    escaping: bool,
    open: bool,
    start: usize,
    negated: bool,
}

impl BracketState {
    /// Takes a unit that is escaped or part of a bracket expression; `index` is the position after it.
    fn consumes(&mut self, unit: u16, index: usize) -> bool {
        if self.escaping || is(unit, b'\\') {
            self.escaping = !self.escaping;
            return true;
        }
        if self.open {
            if index == self.start + 1 {
                self.negated |= is(unit, b'^') || is(unit, b'!');
            } else if is(unit, b']') && !(index == self.start + 2 && self.negated) {
                self.open = false;
            }
            return true;
        }
        if is(unit, b'[') {
            self.open = true;
            self.start = index;
            self.negated = false;
            return true;
        }
        false
    }
}

fn adopts(outer: u8, inner: u8) -> bool {
    matches!(
        (outer, inner),
        (b'!' | b'@', b'@') | (b'?', b'?' | b'@') | (b'*', b'*' | b'+' | b'?' | b'@') | (b'+', b'+' | b'@')
    )
}

fn adopts_with_blank(outer: u8, inner: u8) -> bool {
    matches!((outer, inner), (b'!' | b'@', b'?') | (b'+', b'?' | b'*'))
}

fn can_merge(outer: u8, inner: u8) -> bool {
    adopts(outer, inner) || adopts_with_blank(outer, inner)
}

fn usurped_kind(outer: u8, inner: u8) -> Option<u8> {
    match (outer, inner) {
        (b'!', b'!') => Some(b'@'),
        (b'?', b'*' | b'+') | (b'+', b'?' | b'*') => Some(b'*'),
        (b'@', inner) => Some(inner),
        _ => None,
    }
}
