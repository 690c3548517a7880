//! Signals of a program, from its syntax tree.

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;

use oxc_ast::ast::{self, Argument, ArrayExpressionElement, Expression, Program};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};
use oxc_syntax::scope::{ScopeFlags, ScopeId};

use super::Capability;
use super::found::Found;
use super::literal::{DECODED_LENGTH, is_encoded_piece, is_escaped, is_obfuscator_name, judge};
use super::names::{
    by_convention, is_plain_variable, is_relied_on, is_shared_module, of_call, of_handed, of_member, of_module,
};
use super::words;
use crate::stabilize::javascript::{Scopes, Value, is_require};

/// Shortest list of bytes, and of encoded texts, that counts; tables of ciphers have 256 numbers.
const LONG_BYTES: usize = 300;
const LONG_TEXTS: usize = 60;

/// Reads the signals of a program.
pub(super) fn signals(program: &Program<'_>, scopes: Scopes, spans: &[Range<usize>]) -> Found {
    let mut reader = Reader {
        text: program.source_text,
        scopes,
        found: Found::within(spans),
        members: Span::default(),
        texts: Span::default(),
        sum: Span::default(),
        called: Span::default(),
        programs: 0,
        used: HashSet::new(),
    };
    reader.visit_program(program);
    if !reader.scopes.is_complete() {
        // Whoever makes evaluation too much work must not silence what follows.
        reader.found.extend(words::signals(program.source_text, spans), 0);
    }
    reader.found
}

pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) scopes: Scopes,
    found: Found,
    /// The member expression that was understood as a whole.
    members: Span,
    /// The text that was put together from others.
    texts: Span,
    /// The sum being read; its left sides begin where it begins.
    sum: Span,
    /// The call, or `new`, whose result is called in its turn.
    pub(super) called: Span,
    /// How many texts were read as programs.
    pub(super) programs: usize,
    /// Where names stand that are used on the spot or followed by the scopes, not handed on.
    used: HashSet<u32>,
}

impl Reader<'_> {
    pub(super) fn add(&mut self, capability: Capability, span: Span, evidence: impl Into<String>) {
        self.found.add(capability, span.start as usize, evidence);
    }

    #[inline(never)]
    pub(super) fn import(&mut self, name: &str, span: Span, form: &str) {
        let plain = name.strip_prefix("node:").unwrap_or(name);
        let capability = match plain {
            _ if plain.starts_with("data:") || plain.starts_with("blob:") => Some(Capability::DynamicCode),
            _ if plain.starts_with("http:") || plain.starts_with("https:") => Some(Capability::Network),
            _ => of_module(plain),
        };
        if let Some(capability) = capability {
            self.add(capability, span, format!("{form}'{plain}'{}", if form.ends_with('(') { ")" } else { "" }));
        }
    }

    /// A call of, or `new` with, whatever `callee` is.
    #[inline(never)]
    fn call(&mut self, callee: &Expression<'_>, arguments: &[Argument<'_>], span: Span, is_new: bool) {
        let function = self.scopes.value(callee);
        match &function {
            Value::Global(name) => {
                self.global_call(name, arguments, span, is_new);
                if name == "Function" {
                    return;
                }
            }
            Value::Module { name, member } => {
                if let Some(capability) = of_member(name, member) {
                    self.add(capability, span, format!("{name}.{member}()"));
                } else if member.is_empty() && of_module(name).is_some() && !name.contains('/') {
                    // `got(…)`, `execa(…)`: the module is the function.
                    self.import(name, span, "call of ");
                }
                if matches!((name.as_str(), member.as_str()), ("buffer", "Buffer.from")) {
                    self.decoding(arguments, span, "Buffer.from");
                }
            }
            _ => {}
        }
        self.constructor(callee, &function, arguments, span, is_new);
        for argument in arguments.iter().filter_map(Argument::as_expression).filter(|argument| may_be_global(argument))
        {
            let is_told_there =
                |name: &str| argument.get_identifier_reference().is_some_and(|plain| plain.name == name);
            if let Value::Global(name) = self.scopes.value(argument)
                && !is_told_there(&name)
                && let Some(capability) = of_handed(&name)
            {
                self.add(capability, argument.span(), name);
            }
        }
    }

    fn global_call(&mut self, name: &str, arguments: &[Argument<'_>], span: Span, is_new: bool) {
        if is_require(name) {
            if let Some(module) = self.scopes.argument(arguments, 0).complete_text() {
                self.import(module, span, "require(");
            }
            return;
        }
        match name {
            "setTimeout" | "setInterval" | "setImmediate" => {
                if matches!(self.scopes.argument(arguments, 0), Value::Text(_)) {
                    self.add(Capability::DynamicCode, span, format!("{name} with text"));
                }
            }
            "atob" | "Buffer.from" | "Buffer" => self.decoding(arguments, span, name),
            "Object.defineProperty" | "Reflect.defineProperty" | "Reflect.set" | "Object.defineProperties" => {
                let object = self.scopes.argument(arguments, 0);
                let target = match self.scopes.argument(arguments, 1).complete_text() {
                    Some(member) => object.member(member),
                    None => object,
                };
                self.patched(&target, span);
            }
            "Reflect.apply" | "Reflect.construct" => {
                if let Value::Global(function) = self.scopes.argument(arguments, 0)
                    && of_call(&function) == Some(Capability::DynamicCode)
                {
                    self.add(Capability::DynamicCode, span, format!("{name} of {function}"));
                }
            }
            _ => {
                if let Some(capability) = of_call(name) {
                    let new = if is_new { "new " } else { "" };
                    self.add(capability, span, format!("{new}{name}()"));
                } else if let Some((object, member)) = name.split_once('.')
                    && let Some(module) = by_convention(object, member)
                    && let Some(capability) = of_member(module, member)
                {
                    self.add(capability, span, format!("{name}()"));
                }
            }
        }
    }

    /// Text that the program decodes itself.
    fn decoding(&mut self, arguments: &[Argument<'_>], span: Span, function: &str) {
        let Value::Text(text) = self.scopes.argument(arguments, 0) else { return };
        let encoding = self.scopes.argument(arguments, 1);
        let is_decoding =
            function == "atob" || matches!(encoding.complete_text(), Some("base64" | "hex" | "base64url"));
        if is_decoding && text.value.len() >= DECODED_LENGTH {
            self.add(Capability::EncodedPayload, span, format!("{function}() of {} characters", text.value.len()));
        }
    }

    fn patched(&mut self, target: &Value, span: Span) {
        match target {
            Value::Global(path) if is_relied_on(path) => self.add(Capability::Patching, span, format!("{path} =")),
            Value::Module { name, member } if is_shared_module(name, member) => {
                self.add(Capability::Patching, span, format!("{name}.{member} ="));
            }
            _ => {}
        }
    }

    #[inline(never)]
    fn member(&mut self, it: &ast::MemberExpression<'_>) {
        let span = it.span();
        if self.members.start <= span.start && span.end <= self.members.end {
            return;
        }
        let object = self.scopes.value(it.object());
        let value = match self.scopes.name_of_member(it) {
            Some(name) => object.member(&name),
            // `process.env[name]`: which one is not known, but that one is.
            None => object,
        };
        let Value::Global(path) = value else { return };
        let is_environment = ["process.env", "import.meta.env", "Deno.env"]
            .iter()
            .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
        if is_environment {
            self.members = span;
            if !is_plain_variable(&path) {
                self.add(Capability::Environment, span, path);
            }
        }
    }

    #[inline(never)]
    fn text(&mut self, text: &str, span: Span) {
        let found = &mut self.found;
        judge(text, &mut |capability, evidence| found.add(capability, span.start as usize, evidence));
    }

    fn is_part(&self, span: Span) -> bool {
        self.texts.start <= span.start && span.end <= self.texts.end
    }

    #[inline(never)]
    fn composed(&mut self, it: &Expression<'_>) {
        let span = it.span();
        if self.is_part(span) || span.start == self.sum.start && span.end < self.sum.end {
            return;
        }
        if matches!(it, Expression::BinaryExpression(_)) {
            self.sum = span;
        }
        if let Value::Text(text) = self.scopes.value(it) {
            self.text(&text.value, span);
            if text.is_complete {
                self.texts = span;
            }
        }
    }

    #[inline(never)]
    fn list(&mut self, it: &ast::ArrayExpression<'_>) {
        if it.elements.len() < LONG_TEXTS {
            return;
        }
        let is_byte = |element: &ArrayExpressionElement<'_>| match element {
            ArrayExpressionElement::NumericLiteral(number) => number.value.fract() == 0.0 && number.value < 256.0,
            _ => false,
        };
        let is_piece = |element: &&ArrayExpressionElement<'_>| match element {
            ArrayExpressionElement::StringLiteral(text) => is_encoded_piece(&text.value),
            _ => false,
        };
        let count = it.elements.len();
        if count >= LONG_BYTES && it.elements.iter().all(is_byte) {
            self.add(Capability::EncodedPayload, it.span, format!("a list of {count} bytes"));
        }
        if it.elements.iter().filter(is_piece).count() * 5 >= count * 4 {
            self.add(Capability::EncodedPayload, it.span, format!("a list of {count} encoded texts"));
        }
    }

    fn uses(&mut self, expression: &Expression<'_>) {
        if let Expression::Identifier(name) = expression.get_inner_expression()
            && of_handed(&name.name).is_some()
        {
            self.used.insert(name.span.start);
        }
    }

    /// A dangerous global as a value: in a list, a property, a default, a loop.
    fn handed_on(&mut self, name: &str, span: Span) {
        if let Some(capability) = of_handed(name)
            && !self.used.contains(&span.start)
            && self.scopes.lookup(name).is_none()
        {
            self.add(capability, span, format!("{name} handed on"));
        }
    }

    fn name(&mut self, name: &str, span: Span) {
        if is_obfuscator_name(name) {
            self.found.obfuscator_name(name, span.start as usize);
        }
    }
}

/// Whether an expression may stand for a global; literals and functions never do.
fn may_be_global(expression: &Expression<'_>) -> bool {
    !matches!(
        expression,
        Expression::StringLiteral(_)
            | Expression::NumericLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::NullLiteral(_)
            | Expression::TemplateLiteral(_)
            | Expression::ObjectExpression(_)
            | Expression::ArrayExpression(_)
            | Expression::FunctionExpression(_)
            | Expression::ArrowFunctionExpression(_)
            | Expression::ClassExpression(_)
            | Expression::ThisExpression(_)
            | Expression::UnaryExpression(_)
    )
}

impl<'a> Visit<'a> for Reader<'_> {
    fn enter_scope(&mut self, _: ScopeFlags, _: &Cell<Option<ScopeId>>) {
        self.scopes.enter();
    }

    fn leave_scope(&mut self) {
        self.scopes.leave();
    }

    fn visit_import_declaration(&mut self, it: &ast::ImportDeclaration<'a>) {
        if it.import_kind.is_value() {
            self.import(&it.source.value, it.span, "import ");
        }
    }

    fn visit_export_from_declaration(&mut self, it: &ast::ExportFromDeclaration<'a>) {
        if it.export_kind.is_value() {
            self.import(&it.source.value, it.span, "import ");
        }
    }

    fn visit_export_all_declaration(&mut self, it: &ast::ExportAllDeclaration<'a>) {
        if it.export_kind.is_value() {
            self.import(&it.source.value, it.span, "import ");
        }
    }

    fn visit_ts_external_module_reference(&mut self, it: &ast::TSExternalModuleReference<'a>) {
        self.import(&it.expression.value, it.span, "require(");
    }

    fn visit_import_expression(&mut self, it: &ast::ImportExpression<'a>) {
        if let Some(name) = self.scopes.value(&it.source).complete_text() {
            self.import(name, it.span, "import(");
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &ast::CallExpression<'a>) {
        let around = self.called;
        if let callee @ (Expression::CallExpression(_) | Expression::NewExpression(_)) =
            it.callee.get_inner_expression()
        {
            self.called = callee.span();
        }
        self.uses(&it.callee);
        self.call(&it.callee, &it.arguments, it.span, false);
        walk::walk_call_expression(self, it);
        self.called = around;
    }

    fn visit_new_expression(&mut self, it: &ast::NewExpression<'a>) {
        self.uses(&it.callee);
        self.call(&it.callee, &it.arguments, it.span, true);
        walk::walk_new_expression(self, it);
    }

    fn visit_tagged_template_expression(&mut self, it: &ast::TaggedTemplateExpression<'a>) {
        self.uses(&it.tag);
        self.call(&it.tag, &[], it.span, false);
        walk::walk_tagged_template_expression(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &ast::AssignmentExpression<'a>) {
        let target = match &it.left {
            ast::AssignmentTarget::AssignmentTargetIdentifier(name) if self.scopes.lookup(&name.name).is_none() => {
                Value::Global(name.name.to_string())
            }
            target => target.as_member_expression().map_or(Value::Unknown, |member| {
                let object = self.scopes.value(member.object());
                self.scopes.name_of_member(member).map_or(Value::Unknown, |name| object.member(&name))
            }),
        };
        self.patched(&target, it.span);
        walk::walk_assignment_expression(self, it);
    }

    fn visit_member_expression(&mut self, it: &ast::MemberExpression<'a>) {
        self.uses(it.object());
        self.member(it);
        walk::walk_member_expression(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &ast::VariableDeclarator<'a>) {
        if let (ast::BindingPattern::ObjectPattern(pattern), Some(init)) = (&it.id, &it.init)
            && self.scopes.value(init) == Value::Global("process".to_owned())
            && pattern.properties.iter().any(|property| property.key.static_name().as_deref() == Some("env"))
        {
            self.add(Capability::Environment, it.span, "process.env");
        }
        if let (ast::BindingPattern::BindingIdentifier(_), Some(init)) = (&it.id, &it.init) {
            self.uses(init);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_unary_expression(&mut self, it: &ast::UnaryExpression<'a>) {
        self.uses(&it.argument);
        walk::walk_unary_expression(self, it);
    }

    fn visit_binary_expression(&mut self, it: &ast::BinaryExpression<'a>) {
        self.uses(&it.left);
        self.uses(&it.right);
        walk::walk_binary_expression(self, it);
    }

    fn visit_if_statement(&mut self, it: &ast::IfStatement<'a>) {
        self.uses(&it.test);
        walk::walk_if_statement(self, it);
    }

    fn visit_conditional_expression(&mut self, it: &ast::ConditionalExpression<'a>) {
        self.uses(&it.test);
        walk::walk_conditional_expression(self, it);
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        if matches!(it, Expression::BinaryExpression(_) | Expression::CallExpression(_)) {
            self.composed(it);
        }
        walk::walk_expression(self, it);
    }

    fn visit_template_literal(&mut self, it: &ast::TemplateLiteral<'a>) {
        for quasi in it.quasis.iter().filter(|quasi| !self.is_part(quasi.span)).collect::<Vec<_>>() {
            self.text(quasi.value.cooked.as_ref().unwrap_or(&quasi.value.raw), quasi.span);
        }
        walk::walk_template_literal(self, it);
    }

    fn visit_string_literal(&mut self, it: &ast::StringLiteral<'a>) {
        if self.text.get(it.span.start as usize..it.span.end as usize).is_some_and(is_escaped) {
            self.add(Capability::EncodedPayload, it.span, "text written as escapes");
        }
        if !self.is_part(it.span) {
            self.text(&it.value, it.span);
        }
    }

    fn visit_array_expression(&mut self, it: &ast::ArrayExpression<'a>) {
        self.list(it);
        walk::walk_array_expression(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &ast::IdentifierReference<'a>) {
        self.name(&it.name, it.span);
        self.handed_on(&it.name, it.span);
    }

    fn visit_binding_identifier(&mut self, it: &ast::BindingIdentifier<'a>) {
        self.name(&it.name, it.span);
    }
}
