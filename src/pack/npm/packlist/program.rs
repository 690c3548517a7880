//! Matches a compiled component by following all of its states at once, so that no pattern makes it backtrack.

use std::cell::Cell;
use std::collections::HashMap;

use super::character_class::{Class, fold};
use super::extglob::Node;
use super::fingerprint::Fingerprint;

/// Steps that a whole selection may still spend; patterns and trees come from strangers.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
}

impl Budget {
    /// Allows this many steps.
    pub(super) fn new(steps: u64) -> Self {
        Self { left: Cell::new(steps) }
    }

    /// Takes steps, and says whether there were that many.
    pub(super) fn spend(&self, steps: u64) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(steps));
        left >= steps
    }

    /// Says whether the steps were used up.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}

#[derive(Debug, Clone)]
enum Instruction {
    /// Holds the folded unit.
    Unit(u16),
    AnyUnit,
    Class(Class),
    Split(usize, usize),
    Jump(usize),
    /// Goes on at the target unless the instructions that follow match here.
    Unless(usize),
    End,
    Never,
    Match,
}

/// A component as a list of instructions.
#[derive(Debug, Clone)]
pub(super) struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    /// Compiles an expression that has to match a whole name.
    pub(super) fn new(node: &Node) -> Self {
        let mut program = Self { instructions: Vec::new() };
        program.emit(node);
        program.instructions.extend([Instruction::End, Instruction::Match]);
        program
    }

    fn emit(&mut self, node: &Node) {
        match node {
            Node::Unit(unit) => self.instructions.push(Instruction::Unit(fold(*unit))),
            Node::AnyUnit => self.instructions.push(Instruction::AnyUnit),
            Node::Class(class) => self.instructions.push(Instruction::Class(class.clone())),
            Node::End => self.instructions.push(Instruction::End),
            Node::Never => self.instructions.push(Instruction::Never),
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.emit(node)),
            Node::Alternatives(nodes) => self.emit_alternatives(nodes),
            Node::Repeat { node, at_least_once, at_most_once } => {
                let start = self.instructions.len();
                if !at_least_once {
                    self.instructions.push(Instruction::Split(start + 1, 0));
                }
                self.emit(node);
                let after_body = self.instructions.len();
                if *at_least_once {
                    self.instructions.push(Instruction::Split(start, after_body + 1));
                } else if !at_most_once {
                    self.instructions.push(Instruction::Jump(start));
                }
                let end = self.instructions.len();
                if !at_least_once && let Instruction::Split(_, exit) = &mut self.instructions[start] {
                    *exit = end;
                }
            }
            Node::NotFollowedBy(node) => {
                let start = self.instructions.len();
                self.instructions.push(Instruction::Unless(0));
                self.emit(node);
                self.instructions.push(Instruction::Match);
                self.instructions[start] = Instruction::Unless(self.instructions.len());
            }
        }
    }

    fn emit_alternatives(&mut self, nodes: &[Node]) {
        let mut jumps = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let split = self.instructions.len();
            let is_last = index + 1 == nodes.len();
            if !is_last {
                self.instructions.push(Instruction::Split(split + 1, 0));
            }
            self.emit(node);
            if !is_last {
                jumps.push(self.instructions.len());
                self.instructions.push(Instruction::Jump(0));
                self.instructions[split] = Instruction::Split(split + 1, self.instructions.len());
            }
        }
        let end = self.instructions.len();
        for jump in jumps {
            self.instructions[jump] = Instruction::Jump(end);
        }
    }

    /// What it demands of the name that matches: the units that every way through it begins and ends with.
    pub(super) fn demand(&self) -> Fingerprint {
        let unit = |index: Option<usize>| match index.and_then(|index| self.instructions.get(index)) {
            Some(Instruction::Unit(unit)) => u8::try_from(*unit).ok(),
            _ => None,
        };
        // The last three are what comes last, `End` and `Match`, unless something leads past it.
        let end = self.instructions.len() - 2;
        let leads_past = |instruction: &Instruction| match instruction {
            Instruction::Split(first, second) => *first >= end || *second >= end,
            Instruction::Jump(target) | Instruction::Unless(target) => *target >= end,
            _ => false,
        };
        let last = end.checked_sub(1).filter(|_| !self.instructions.iter().any(leads_past));
        Fingerprint::of_ends(unit(Some(0)), unit(last))
    }

    /// Says whether the whole of `name` matches; false when the budget ends.
    pub(super) fn matches(&self, name: &str, budget: &Budget) -> bool {
        let text: Vec<u16> = name.encode_utf16().collect();
        Run { program: self, text: &text, known: HashMap::new(), budget }.matches(0, 0)
    }
}

struct Run<'a> {
    program: &'a Program,
    text: &'a [u16],
    known: HashMap<(usize, usize), bool>,
    budget: &'a Budget,
}

impl Run<'_> {
    fn matches(&mut self, start: usize, from: usize) -> bool {
        let mut current = vec![start];
        for position in from..=self.text.len() {
            let mut seen = vec![false; self.program.instructions.len()];
            let mut next = Vec::new();
            while let Some(index) = current.pop() {
                if std::mem::replace(&mut seen[index], true) {
                    continue;
                }
                if !self.budget.spend(1) {
                    return false;
                }
                let unit = self.text.get(position).copied();
                match &self.program.instructions[index] {
                    Instruction::Match => return true,
                    Instruction::Never => {}
                    Instruction::End => {
                        if unit.is_none() {
                            current.push(index + 1);
                        }
                    }
                    Instruction::Jump(target) => current.push(*target),
                    Instruction::Split(first, second) => current.extend([*first, *second]),
                    Instruction::Unless(target) => {
                        let target = *target;
                        if !self.looks_ahead(index + 1, position) {
                            current.push(target);
                        }
                    }
                    Instruction::Unit(expected) => {
                        if unit.is_some_and(|unit| fold(unit) == *expected) {
                            next.push(index + 1);
                        }
                    }
                    Instruction::AnyUnit => {
                        if unit.is_some() {
                            next.push(index + 1);
                        }
                    }
                    Instruction::Class(class) => {
                        if unit.is_some_and(|unit| class.matches(unit)) {
                            next.push(index + 1);
                        }
                    }
                }
            }
            if next.is_empty() {
                return false;
            }
            current = next;
        }
        false
    }

    fn looks_ahead(&mut self, start: usize, position: usize) -> bool {
        if let Some(&known) = self.known.get(&(start, position)) {
            return known;
        }
        let matched = self.matches(start, position);
        self.known.insert((start, position), matched);
        matched
    }
}
