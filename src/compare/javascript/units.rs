use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::mem;

use oxc_ast::ast;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};

use crate::stabilize::javascript::Parsed;

/// A part of a program that is matched and shown as a whole, with those inside it.
#[derive(Debug)]
pub(super) struct Unit {
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
    /// What it is, for people.
    pub(super) kind: &'static str,
    /// Its tokens, a semicolon at its end apart.
    pub(super) hash: u64,
    /// Its tokens without its children's and the separators between them.
    pub(super) frame: u64,
    /// The units directly inside.
    pub(super) children: Vec<Self>,
}

/// Reads the program's units; equal numbers of both sides mean equal tokens only with the same `hashing`.
pub(super) fn units(parsed: &Parsed<'_>, hashing: &RandomState) -> Vec<Unit> {
    let mut collector = Collector { parsed, hashing, next: 0, open: Vec::new() };
    collector.visit_program(&parsed.program);
    collector.open
}

struct Collector<'p, 'a> {
    parsed: &'p Parsed<'a>,
    hashing: &'p RandomState,
    /// The first token that no closed unit holds.
    next: usize,
    /// What was found inside the unit being read.
    open: Vec<Unit>,
}

impl Collector<'_, '_> {
    fn unit(&mut self, span: Span, kind: &'static str, walk: impl FnOnce(&mut Self)) {
        let (start, end) = (span.start as usize, span.end as usize);
        let tokens = &self.parsed.tokens;
        self.next += tokens[self.next..].partition_point(|token| token.start < start);
        let first = self.next;
        let around = mem::take(&mut self.open);
        walk(self);
        let children = mem::replace(&mut self.open, around);

        let last = first + tokens[first..].partition_point(|token| token.end <= end);
        let ends_with_semicolon = last > first && self.parsed.token(&tokens[last - 1]).1 == ";";
        let own_end = if ends_with_semicolon { last - 1 } else { last };
        let (mut hash, mut frame) = (self.hashing.build_hasher(), self.hashing.build_hasher());
        let (mut at, mut inside) = (first, children.iter().peekable());
        while at < own_end {
            if let Some(child) = inside.next_if(|child| child.start <= tokens[at].start) {
                child.hash.hash(&mut hash);
                at += tokens[at..own_end].partition_point(|token| token.start < child.end);
                continue;
            }
            let (_, text) = self.parsed.token(&tokens[at]);
            text.hash(&mut hash);
            if !matches!(text, "," | ";") {
                text.hash(&mut frame);
            }
            at += 1;
        }
        self.next = self.next.max(first);
        self.open.push(Unit { start, end, kind, hash: hash.finish(), frame: frame.finish(), children });
    }
}

fn statement_kind(statement: &ast::Statement<'_>) -> &'static str {
    use ast::Statement;
    match statement {
        Statement::FunctionDeclaration(_) => "function",
        Statement::ClassDeclaration(_) => "class",
        Statement::VariableDeclaration(_) => "variables",
        Statement::ImportDeclaration(_) => "import",
        Statement::ExportAllDeclaration(_)
        | Statement::ExportDefaultDeclaration(_)
        | Statement::ExportNamedDeclaration(_) => "export",
        Statement::ExpressionStatement(_) => "expression",
        _ => "statement",
    }
}

impl<'a> Visit<'a> for Collector<'_, '_> {
    fn visit_directive(&mut self, it: &ast::Directive<'a>) {
        self.unit(it.span, "directive", |_| {});
    }

    fn visit_statement(&mut self, it: &ast::Statement<'a>) {
        self.unit(it.span(), statement_kind(it), |this| walk::walk_statement(this, it));
    }

    fn visit_switch_case(&mut self, it: &ast::SwitchCase<'a>) {
        self.unit(it.span, "case", |this| walk::walk_switch_case(this, it));
    }

    fn visit_variable_declarator(&mut self, it: &ast::VariableDeclarator<'a>) {
        self.unit(it.span, "variable", |this| walk::walk_variable_declarator(this, it));
    }

    fn visit_class_element(&mut self, it: &ast::ClassElement<'a>) {
        self.unit(it.span(), "member", |this| walk::walk_class_element(this, it));
    }

    fn visit_object_property_kind(&mut self, it: &ast::ObjectPropertyKind<'a>) {
        self.unit(it.span(), "property", |this| walk::walk_object_property_kind(this, it));
    }

    fn visit_array_expression_element(&mut self, it: &ast::ArrayExpressionElement<'a>) {
        self.unit(it.span(), "element", |this| walk::walk_array_expression_element(this, it));
    }

    fn visit_sequence_expression(&mut self, it: &ast::SequenceExpression<'a>) {
        for expression in &it.expressions {
            self.unit(expression.span(), "expression", |this| walk::walk_expression(this, expression));
        }
    }

    fn visit_import_declaration_specifier(&mut self, it: &ast::ImportDeclarationSpecifier<'a>) {
        self.unit(it.span(), "import", |_| {});
    }

    fn visit_export_specifier(&mut self, it: &ast::ExportSpecifier<'a>) {
        self.unit(it.span, "export", |_| {});
    }

    fn visit_ts_signature(&mut self, it: &ast::TSSignature<'a>) {
        self.unit(it.span(), "member", |this| walk::walk_ts_signature(this, it));
    }

    fn visit_ts_enum_member(&mut self, it: &ast::TSEnumMember<'a>) {
        self.unit(it.span, "member", |this| walk::walk_ts_enum_member(this, it));
    }
}
