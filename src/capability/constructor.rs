//! Functions made of text without a name that says so: the constructors of functions, and Node's loader.

use oxc_ast::ast::{self, Argument, Expression};
use oxc_span::Span;

use super::Capability;
use super::names::is_method_of_everything;
use super::tree::Reader;
use crate::stabilize::javascript::{SourceKind, Value, is_own, read_tree};

/// Longest text that is read as a program, bytes.
const MAXIMUM_PROGRAM: usize = 4 << 10;
/// Most texts that are.
const MAXIMUM_PROGRAMS: usize = 500;
const CONSTRUCTOR: &str = "constructor of a function";

impl Reader<'_> {
    /// Calls of what makes functions of text, where what it belongs to has to be guessed: `o.m.constructor(x)`.
    ///
    /// Honest code makes another thing of the same class: with `new`, or of something that `this` or a name stands for.
    /// A function's constructor is one whatever the function is, and what it makes is there to be called.
    #[inline(never)]
    pub(super) fn constructor(
        &mut self,
        callee: &Expression<'_>,
        function: &Value,
        arguments: &[Argument<'_>],
        span: Span,
        is_new: bool,
    ) {
        let callee = callee.get_inner_expression();
        let member = callee.get_member_expr();
        let name = member.map(|member| self.scopes.name_of_member(member));
        let (is_dynamic, evidence) = match (member, name) {
            (Some(_), Some(Some(name))) if name == "_compile" => (true, "_compile()"),
            (Some(member), Some(Some(name))) if matches!(&*name, "call" | "apply") => {
                let function = member.object().get_inner_expression().get_member_expr();
                let name = function.and_then(|function| self.scopes.name_of_member(function));
                (name.is_some_and(|name| name == "_compile"), "_compile()")
            }
            (Some(member), Some(Some(name))) if name == "_load" && !is_own(member.object()) => {
                self.load(arguments, span);
                return;
            }
            (Some(member), Some(Some(name))) if name == "constructor" => {
                let object = member.object();
                let is_made = !is_new && self.is_held_by_another(object) && self.may_be_text(arguments);
                let is_function = is_made || self.is_method_of_everything(object);
                (is_function || self.runs_text(arguments, span), CONSTRUCTOR)
            }
            (Some(ast::MemberExpression::ComputedMemberExpression(_)), Some(None)) => {
                (self.holds_program(arguments), "a program as text, handed to a member")
            }
            (None, _) if is_constructor(function) => {
                let is_made = !is_new && self.may_be_text(arguments);
                (is_made || self.runs_text(arguments, span), CONSTRUCTOR)
            }
            _ => return,
        };
        if is_dynamic {
            self.add(Capability::DynamicCode, span, evidence);
        }
    }

    /// Node's loader, by whatever name it came.
    fn load(&mut self, arguments: &[Argument<'_>], span: Span) {
        match self.scopes.argument(arguments, 0) {
            Value::Text(text) if text.is_complete => self.import(&text.value, span, "_load("),
            Value::Number(_) | Value::List(_) | Value::Function | Value::Module { .. } => {}
            _ => self.add(Capability::DynamicCode, span, "_load()"),
        }
    }

    /// `/x/.test` and `x.toString` are functions whatever the object is.
    fn is_method_of_everything(&self, object: &Expression<'_>) -> bool {
        object.get_inner_expression().get_member_expr().is_some_and(|inner| {
            let is_regular = matches!(inner.object().get_inner_expression(), Expression::RegExpLiteral(_));
            is_regular || self.scopes.name_of_member(inner).is_some_and(|name| is_method_of_everything(&name))
        })
    }

    /// Whether an object is a member of something else than the code's own object, and not known to be no function.
    fn is_held_by_another(&self, object: &Expression<'_>) -> bool {
        let Some(member) = object.get_inner_expression().get_member_expr() else { return false };
        let is_class = |name: &str| matches!(name, "prototype" | "superclass" | "super_" | "__super__" | "__proto__");
        let is_constant = |name: &str| !name.is_empty() && !name.contains(|letter: char| letter.is_ascii_lowercase());
        let is_prototype = self.scopes.name_of_member(member).is_some_and(|name| is_class(&name) || is_constant(&name));
        !is_prototype && !is_own(object)
    }

    /// Whether the last argument, a function's body, may be a text; lists become text.
    fn may_be_text(&self, arguments: &[Argument<'_>]) -> bool {
        let Some(argument) = arguments.last() else { return false };
        let Some(expression) = argument.as_expression() else { return true };
        match expression.get_inner_expression() {
            Expression::BooleanLiteral(_)
            | Expression::NullLiteral(_)
            | Expression::ObjectExpression(_)
            | Expression::ThisExpression(_)
            | Expression::UnaryExpression(_)
            | Expression::UpdateExpression(_)
            | Expression::RegExpLiteral(_) => false,
            other => match other.get_member_expr().and_then(|member| self.scopes.name_of_member(member)) {
                Some(name) => !matches!(&*name, "length" | "size" | "buffer" | "byteLength"),
                None => !matches!(
                    self.scopes.value(other),
                    Value::Number(_) | Value::Function | Value::Constructor | Value::Module { .. }
                ),
            },
        }
    }

    /// Whether what is made of the arguments is called at once, or one of them is a program.
    fn runs_text(&mut self, arguments: &[Argument<'_>], span: Span) -> bool {
        self.called == span && self.may_be_text(arguments) || self.holds_program(arguments)
    }

    /// Whether the last argument is the text of a program that does something.
    fn holds_program(&mut self, arguments: &[Argument<'_>]) -> bool {
        let last = arguments.len().saturating_sub(1);
        let value = self.scopes.argument(arguments, last);
        let Some(text) = value.complete_text().filter(|text| may_be_program(text)) else { return false };
        // Whoever makes this too much work must not silence what follows.
        self.programs += 1;
        self.programs > MAXIMUM_PROGRAMS || is_program(text)
    }
}

/// Whether a name stands for a member called `constructor`.
fn is_constructor(function: &Value) -> bool {
    match function {
        Value::Constructor => true,
        Value::Global(path) => path.ends_with(".constructor"),
        _ => false,
    }
}

/// Whether a text returns something or calls something, as the body of a function does, if it is one.
fn may_be_program(text: &str) -> bool {
    let returns = text.contains("return ");
    let calls = text.contains(['(', '`']) && text.contains([';', '=', '.', '\n']);
    text.len() < MAXIMUM_PROGRAM && (returns || calls)
}

/// Whether a text is the body of a function; prose is none.
fn is_program(text: &str) -> bool {
    let body = format!("async function* f() {{\n{text}\n}}");
    read_tree(SourceKind::CommonJs, body.as_bytes(), |_| Some(())).is_some()
}
