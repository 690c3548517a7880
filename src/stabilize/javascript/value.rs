//! What an expression is, as far as it can be told without running it.
//!
//! Folds what people and obfuscators write instead of a plain literal: concatenations, templates, `path.join`, lists
//! that are joined, `atob`. Every evaluation is bounded in depth, and all of them together in steps.

use std::borrow::Cow;

use oxc_ast::ast::{self, Argument, BinaryOperator, ChainElement, Expression};

use super::call;
use super::scopes::{Scopes, inner};

/// How deep an expression is looked into.
const MAXIMUM_DEPTH: usize = 24;
/// Longest text that is kept, bytes; of what is longer the beginning is.
const MAXIMUM_TEXT: usize = 64 << 10;
/// Longest text that a name stands for, bytes.
const MAXIMUM_NAMED_TEXT: usize = 4 << 10;
/// Most elements of a list that are looked at.
pub(super) const MAXIMUM_LIST: usize = 512;
/// Most members between `this` and what it holds.
const MAXIMUM_OWN: usize = 8;
/// Longest chain of members that is kept, bytes.
const MAXIMUM_MEMBERS: usize = 200;

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Not known.
    Unknown,
    /// A number.
    Number(f64),
    /// A text, or its beginning.
    Text(Text),
    /// A list of such.
    List(Vec<Self>),
    /// A name that the program does not declare, with members: `process.env`. Empty for the global object.
    Global(String),
    /// An imported module, with members.
    Module {
        /// As it is written, `node:` apart.
        name: String,
        /// Empty for the module itself, otherwise `promises.readFile`.
        member: String,
    },
    /// A function or class that the program holds itself, or a method of a text or list.
    Function,
    /// What made something of which nothing is known: its class or, if that is a function, `Function`.
    Constructor,
}

/// What a text begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Nothing but itself.
    None,
    /// The folder of the file.
    Folder,
    /// The file itself.
    Itself,
    /// The folder in which the program was started.
    Working,
}

/// A text, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The part that is known.
    pub(crate) value: String,
    /// Whether nothing follows.
    pub(crate) is_complete: bool,
    /// What it stands behind.
    pub(crate) base: Base,
}

impl Text {
    /// A text of which all is known.
    pub(crate) fn plain(value: impl Into<String>) -> Self {
        Self { value: value.into(), is_complete: true, base: Base::None }
    }

    fn append(&mut self, other: Option<&Self>) {
        match other {
            _ if !self.is_complete => {}
            Some(other) if other.base == Base::None => {
                self.value.push_str(&other.value);
                self.is_complete = other.is_complete;
                self.truncate(MAXIMUM_TEXT);
            }
            _ => self.is_complete = false,
        }
    }

    fn truncate(&mut self, limit: usize) {
        if self.value.len() > limit {
            self.value.truncate(self.value.floor_char_boundary(limit));
            self.is_complete = false;
        }
    }
}

impl Value {
    pub(super) fn text(value: impl Into<String>) -> Self {
        Self::Text(Text::plain(value))
    }

    /// The text, if all of it is known.
    pub(crate) fn complete_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if text.is_complete && text.base == Base::None => Some(&text.value),
            _ => None,
        }
    }

    /// `value.name`.
    pub(crate) fn member(self, name: &str) -> Self {
        match self {
            Self::Global(mut path) => {
                if path.is_empty() {
                    return global(name);
                }
                if name == "constructor" && is_function(&path) {
                    return Self::Global("Function".to_owned());
                }
                if path.len() + name.len() > MAXIMUM_MEMBERS {
                    return Self::Unknown;
                }
                path.push('.');
                path.push_str(name);
                match path.as_str() {
                    "arguments.callee" => Self::Function,
                    "import.meta.dirname" => Self::Text(Text { base: Base::Folder, ..Text::plain("") }),
                    "import.meta.filename" => Self::Global("__filename".to_owned()),
                    _ => Self::Global(path),
                }
            }
            Self::Module { .. } if name == "default" || name == "__esModule" => self,
            // What a module of Node's exports is a function or a class.
            Self::Module { name: module, member }
                if name == "constructor" && !member.is_empty() && BUILT_IN.contains(&module.as_str()) =>
            {
                Self::Global("Function".to_owned())
            }
            Self::Module { name: module, mut member } => {
                if member.len() + name.len() > MAXIMUM_MEMBERS {
                    return Self::Unknown;
                }
                if !member.is_empty() {
                    member.push('.');
                }
                member.push_str(name);
                Self::Module { name: module, member }
            }
            // Whatever the function is, this one makes functions of text.
            Self::Function if name == "constructor" => Self::Global("Function".to_owned()),
            Self::Function if matches!(name, "__proto__" | "call" | "apply" | "bind" | "toString") => self,
            Self::Unknown if name == "constructor" => Self::Constructor,
            Self::Text(_) if name == "constructor" => Self::Global("String".to_owned()),
            Self::List(_) if name == "constructor" => Self::Global("Array".to_owned()),
            Self::Text(_) | Self::List(_) if !matches!(name, "length" | "__proto__") => Self::Function,
            _ => Self::Unknown,
        }
    }

    /// As a name is allowed to stand for it.
    pub(super) fn bounded(mut self) -> Self {
        match &mut self {
            Self::Text(text) => text.truncate(MAXIMUM_NAMED_TEXT),
            Self::List(values) if values.len() > 64 => return Self::Unknown,
            Self::List(values) => {
                let size: usize = values.iter().map(Self::size).sum();
                if size > MAXIMUM_NAMED_TEXT {
                    return Self::Unknown;
                }
            }
            _ => {}
        }
        self
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.value.len() + 8,
            Self::List(values) => values.iter().map(Self::size).sum(),
            _ => 8,
        }
    }

    fn as_text(&self) -> Option<Text> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                Some(Text::plain(number.to_string()))
            }
            // In sums and templates alone; elsewhere the file itself stands for its folder.
            Self::Global(name) if call::is_own_file(name) => Some(Text { base: Base::Itself, ..Text::plain("") }),
            _ => None,
        }
    }
}

/// The name of a module as all ways of writing it have in common.
pub(crate) fn module(name: &str) -> Value {
    match name.strip_prefix("node:").unwrap_or(name) {
        "process" => Value::Global("process".to_owned()),
        name => Value::Module { name: name.to_owned(), member: String::new() },
    }
}

/// A name that is not declared.
pub(super) fn global(name: &str) -> Value {
    match name {
        "globalThis" | "window" | "self" | "global" | "top" | "parent" | "frames" => Value::Global(String::new()),
        "__dirname" => Value::Text(Text { base: Base::Folder, ..Text::plain("") }),
        _ => Value::Global(name.to_owned()),
    }
}

/// Modules of Node whose members are functions and classes.
const BUILT_IN: [&str; 26] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "crypto",
    "dgram",
    "dns",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "module",
    "net",
    "os",
    "path",
    "querystring",
    "readline",
    "stream",
    "timers",
    "tls",
    "url",
    "util",
    "vm",
    "zlib",
];

/// Whether the global of this path is a function of the language's or the runtime's own.
fn is_function(path: &str) -> bool {
    let (root, member) =
        path.split_once('.').map_or((path, ""), |(root, rest)| (root, rest.rsplit('.').next().unwrap_or_default()));
    // Namespaces and objects that hold functions and are none.
    let is_namespace =
        matches!(root, "Atomics" | "Intl" | "JSON" | "Math" | "Reflect" | "WebAssembly" | "console" | "process");
    let holds_functions = matches!(
        root,
        "Array"
            | "Boolean"
            | "Buffer"
            | "Date"
            | "Error"
            | "Function"
            | "Map"
            | "Number"
            | "Object"
            | "Promise"
            | "RegExp"
            | "Set"
            | "String"
            | "URL"
    ) || is_namespace;
    match member {
        "" => {
            // A capital letter and a small one begin the name of a class, whoever declares it.
            let mut letters = root.chars();
            let is_class = letters.next().is_some_and(|first| first.is_ascii_uppercase())
                && (letters.any(|letter| letter.is_ascii_lowercase()) || root == "URL");
            is_class && !is_namespace
                || matches!(
                    root,
                    "atob"
                        | "btoa"
                        | "decodeURIComponent"
                        | "encodeURIComponent"
                        | "escape"
                        | "eval"
                        | "fetch"
                        | "isFinite"
                        | "isNaN"
                        | "parseFloat"
                        | "parseInt"
                        | "require"
                        | "setInterval"
                        | "setTimeout"
                        | "unescape"
                )
        }
        "prototype" => path == "Function.prototype",
        "argv" | "config" | "env" | "features" | "release" | "report" | "stderr" | "stdin" | "stdout" | "versions"
        | "version" | "platform" | "arch" | "pid" | "title" => false,
        // Constants have capital letters.
        member => holds_functions && member.starts_with(|first: char| first.is_ascii_lowercase()),
    }
}

/// Whether an expression is `this`, `super` or something that they hold.
pub(crate) fn is_own(expression: &Expression<'_>) -> bool {
    let mut at = inner(expression);
    for _ in 0..MAXIMUM_OWN {
        match at {
            Expression::ThisExpression(_) | Expression::Super(_) => return true,
            other => match other.get_member_expr() {
                Some(member) => at = inner(member.object()),
                None => return false,
            },
        }
    }
    false
}

impl Scopes {
    /// What an expression is where the walk is.
    pub(crate) fn value(&self, expression: &Expression<'_>) -> Value {
        self.evaluate(expression, MAXIMUM_DEPTH)
    }

    /// What the argument at `index` is.
    pub(crate) fn argument(&self, arguments: &[Argument<'_>], index: usize) -> Value {
        arguments.get(index).and_then(Argument::as_expression).map_or(Value::Unknown, |argument| self.value(argument))
    }

    pub(super) fn evaluate(&self, expression: &Expression<'_>, depth: usize) -> Value {
        if depth == 0 || !self.spend(1) {
            return Value::Unknown;
        }
        let depth = depth - 1;
        match inner(expression) {
            Expression::StringLiteral(it) => self.literal(&it.value),
            Expression::NumericLiteral(it) => Value::Number(it.value),
            Expression::TemplateLiteral(it) => self.template(it, depth),
            Expression::Identifier(it) => match self.lookup(&it.name) {
                Some(value) => {
                    if !self.spend(value.size() / 64) {
                        return Value::Unknown;
                    }
                    value.clone()
                }
                None => global(&it.name),
            },
            Expression::FunctionExpression(_)
            | Expression::ArrowFunctionExpression(_)
            | Expression::ClassExpression(_) => Value::Function,
            Expression::ImportMeta(_) => Value::Global("import.meta".to_owned()),
            Expression::BinaryExpression(it) if it.operator == BinaryOperator::Addition => self.sum(it, depth),
            Expression::LogicalExpression(it) => self.either(&it.left, &it.right, depth),
            Expression::ConditionalExpression(it) => self.either(&it.consequent, &it.alternate, depth),
            Expression::SequenceExpression(it) => {
                it.expressions.last().map_or(Value::Unknown, |last| self.evaluate(last, depth))
            }
            Expression::AssignmentExpression(it) => self.evaluate(&it.right, depth),
            Expression::AwaitExpression(it) => self.evaluate(&it.argument, depth),
            Expression::ImportExpression(it) => match self.evaluate(&it.source, depth).complete_text() {
                Some(name) => module(name),
                None => Value::Unknown,
            },
            Expression::ArrayExpression(it) => Value::List(
                it.elements
                    .iter()
                    .take(MAXIMUM_LIST)
                    .map(|element| element.as_expression().map_or(Value::Unknown, |it| self.evaluate(it, depth)))
                    .collect(),
            ),
            Expression::CallExpression(it) => call::evaluate(self, &it.callee, &it.arguments, depth),
            Expression::NewExpression(it) => call::construct(self, &it.callee, &it.arguments, depth),
            Expression::ChainExpression(it) => match &it.expression {
                ChainElement::CallExpression(it) => call::evaluate(self, &it.callee, &it.arguments, depth),
                ChainElement::TSNonNullExpression(it) => self.evaluate(&it.expression, depth),
                element => element.as_member_expression().map_or(Value::Unknown, |it| self.access(it, depth)),
            },
            other => other.as_member_expression().map_or(Value::Unknown, |it| self.access(it, depth)),
        }
    }

    fn literal(&self, text: &str) -> Value {
        if !self.spend(text.len() / 64) {
            return Value::Unknown;
        }
        let mut value = Text::plain(&text[..text.floor_char_boundary(MAXIMUM_TEXT)]);
        value.is_complete = value.value.len() == text.len();
        Value::Text(value)
    }

    fn either(&self, left: &Expression<'_>, right: &Expression<'_>, depth: usize) -> Value {
        match self.evaluate(left, depth) {
            Value::Unknown => self.evaluate(right, depth),
            value => value,
        }
    }

    fn template(&self, template: &ast::TemplateLiteral<'_>, depth: usize) -> Value {
        let mut whole: Option<Text> = None;
        let mut expressions = template.expressions.iter();
        for quasi in &template.quasis {
            let piece = quasi.value.cooked.unwrap_or(quasi.value.raw);
            if !self.spend(piece.len() / 64) {
                return Value::Unknown;
            }
            match &mut whole {
                Some(text) => text.append(Some(&Text::plain(piece.as_str()))),
                None => whole = Some(Text::plain(piece.as_str())),
            }
            let Some(expression) = expressions.next() else { break };
            let value = self.evaluate(expression, depth).as_text();
            match (&mut whole, value) {
                // `${__dirname}/x` keeps what it stands behind.
                (Some(text), Some(value)) if text.value.is_empty() && text.is_complete && text.base == Base::None => {
                    *text = value;
                }
                (Some(text), value) => text.append(value.as_ref()),
                (None, _) => {}
            }
        }
        whole.map_or(Value::Unknown, Value::Text)
    }

    /// Sums are as deep as they are long, so the left side is followed without recursion.
    fn sum(&self, sum: &ast::BinaryExpression<'_>, depth: usize) -> Value {
        let mut operands = vec![&sum.right];
        let mut left = inner(&sum.left);
        while let Expression::BinaryExpression(it) = left {
            if it.operator != BinaryOperator::Addition || !self.spend(1) {
                return Value::Unknown;
            }
            operands.push(&it.right);
            left = inner(&it.left);
        }
        let Some(mut text) = self.evaluate(left, depth).as_text() else { return Value::Unknown };
        for operand in operands.into_iter().rev() {
            if !text.is_complete || !self.spend(text.value.len() / 1_024) {
                text.is_complete = false;
                break;
            }
            text.append(self.evaluate(operand, depth).as_text().as_ref());
        }
        Value::Text(text)
    }

    fn access(&self, member: &ast::MemberExpression<'_>, depth: usize) -> Value {
        let object = self.evaluate(member.object(), depth);
        let name = self.member_name(member, depth);
        self.accessed(object, member, name, depth)
    }

    /// A member with this name of an object that was evaluated already.
    pub(super) fn accessed(
        &self,
        object: Value,
        member: &ast::MemberExpression<'_>,
        name: Option<Cow<'_, str>>,
        depth: usize,
    ) -> Value {
        if let (Value::List(values), ast::MemberExpression::ComputedMemberExpression(it)) = (&object, member)
            && let Value::Number(index) = self.evaluate(&it.expression, depth)
            && index >= 0.0
        {
            return values.get(index as usize).cloned().unwrap_or(Value::Unknown);
        }
        match name {
            // `this.constructor` is the class that the code is part of.
            Some(name) if name == "constructor" && is_own(member.object()) => Value::Unknown,
            Some(name) => object.member(&name),
            None => Value::Unknown,
        }
    }

    /// The name after the dot or between the brackets.
    pub(crate) fn name_of_member<'e>(&self, member: &'e ast::MemberExpression<'_>) -> Option<Cow<'e, str>> {
        self.member_name(member, MAXIMUM_DEPTH)
    }

    pub(super) fn member_name<'e>(&self, member: &'e ast::MemberExpression<'_>, depth: usize) -> Option<Cow<'e, str>> {
        let whole = |value: &Value| value.complete_text().map(|name| Cow::Owned(name.to_owned()));
        match member {
            ast::MemberExpression::StaticMemberExpression(it) => Some(Cow::Borrowed(it.property.name.as_str())),
            ast::MemberExpression::ComputedMemberExpression(it) => match self.evaluate(&it.expression, depth) {
                // `x[['constructor']]` is `x.constructor`.
                Value::List(values) => match values.as_slice() {
                    [value] => whole(value),
                    _ => None,
                },
                value => whole(&value),
            },
            ast::MemberExpression::PrivateFieldExpression(_) => None,
        }
    }
}
