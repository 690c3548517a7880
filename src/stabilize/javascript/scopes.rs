//! What names stand for, as far as a program says so itself.
//!
//! A first walk collects the names of each scope and what they are first set to, and goes again where texts are put
//! together of names that are declared further down. Another walk, the caller's, enters and leaves the same scopes in
//! the same order, so it must not leave anything out that holds a scope.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::mem;

use foldhash::fast::RandomState;
use oxc_ast::ast::{self, AssignmentOperator, BindingPattern, Expression, ImportDeclarationSpecifier, Program};
use oxc_ast_visit::{Visit, walk};
use oxc_syntax::scope::{ScopeFlags, ScopeId};

use super::value::{Value, module};

/// Most steps that all evaluations in one program may take together.
const MAXIMUM_STEPS: usize = 30_000_000;
/// Most names that are remembered because they were used before they were declared.
const MAXIMUM_EARLY: usize = 1_000;
/// Most operands of one sum whose names are.
const MAXIMUM_PARTS: usize = 32;

/// The scopes of a program, and which of them are open.
#[derive(Default)]
pub(crate) struct Scopes {
    scopes: Vec<Scope>,
    /// By name, where in `names` it is.
    indices: HashMap<String, usize, RandomState>,
    names: Vec<Name>,
    open: Vec<usize>,
    next: usize,
    steps: Cell<usize>,
    /// How many of the steps the collecting took.
    collected: usize,
}

#[derive(Default)]
struct Scope {
    holds_var: bool,
    /// What it declares: where the name is in `names`, and where its value is there.
    declared: Vec<(usize, usize)>,
}

#[derive(Default)]
struct Name {
    /// What it stands for, once for each scope that declares it.
    values: Vec<Value>,
    /// The open scopes that declare it, outermost first, and where its value for each of them is.
    open: Vec<(usize, usize)>,
}

impl Scopes {
    /// Collects the scopes of `program`; none of them is open.
    pub(crate) fn of(program: &Program<'_>) -> Self {
        let scopes = Self::default();
        let mut collector = Collector { scopes, ..Collector::default() };
        collector.visit_program(program);
        collector.scopes.rewind();
        if collector.is_out_of_order {
            let mut again = Collector { scopes: collector.scopes, is_again: true, ..Collector::default() };
            again.visit_program(program);
            again.scopes.rewind();
            return again.scopes.collected();
        }
        collector.scopes.collected()
    }

    fn collected(mut self) -> Self {
        self.collected = self.steps.get();
        self
    }

    /// The same scopes for another walk, which has as many steps as the first.
    pub(crate) fn afresh(mut self) -> Self {
        self.rewind();
        self.steps.set(self.collected);
        self
    }

    fn rewind(&mut self) {
        while !self.open.is_empty() {
            self.leave();
        }
        self.next = 0;
    }

    /// To be called where the second walk enters a scope.
    pub(crate) fn enter(&mut self) {
        let scope = self.next;
        self.open.push(scope);
        self.next += 1;
        for (name, value) in self.scopes.get(scope).map_or(&[][..], |scope| &scope.declared) {
            self.names[*name].open.push((scope, *value));
        }
    }

    /// To be called where the second walk leaves a scope.
    pub(crate) fn leave(&mut self) {
        let scope = self.open.pop().and_then(|scope| self.scopes.get(scope));
        for (name, _) in scope.map_or(&[][..], |scope| &scope.declared) {
            self.names[*name].open.pop();
        }
    }

    /// What the program declares the name to be where the walk is; `None` where it does not declare it.
    pub(crate) fn lookup(&self, name: &str) -> Option<&Value> {
        if !self.spend(1) {
            return Some(&Value::Unknown);
        }
        let name = &self.names[*self.indices.get(name)?];
        name.open.last().map(|(_, value)| &name.values[*value])
    }

    /// Counts work, `false` when it has become too much.
    pub(super) fn spend(&self, steps: usize) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps));
        self.steps.get() < MAXIMUM_STEPS
    }

    /// Whether everything that was asked for was evaluated.
    pub(crate) fn is_complete(&self) -> bool {
        self.steps.get() < MAXIMUM_STEPS
    }

    fn begin(&mut self, holds_var: bool) {
        self.open.push(self.scopes.len());
        self.scopes.push(Scope { holds_var, declared: Vec::new() });
    }

    /// The first value that says something stays.
    fn declare(&mut self, name: &str, value: Value, is_var: bool) {
        if is_var && !self.spend(self.open.len() / 4) {
            return;
        }
        let scope = self.open.iter().rev().find(|index| !is_var || self.scopes[**index].holds_var);
        let Some(scope) = scope.or(self.open.last()).copied() else { return };
        let index = match self.indices.get(name) {
            Some(index) => *index,
            None => {
                self.indices.insert(name.to_owned(), self.names.len());
                self.names.push(Name::default());
                self.names.len() - 1
            }
        };
        let name = &mut self.names[index];
        // A `var` may belong further out than other declarations of its name.
        let inside = name.open.iter().rev().take_while(|(other, _)| *other > scope).count();
        let at = name.open.len() - inside;
        match at.checked_sub(1).and_then(|before| name.open.get(before)).filter(|(other, _)| *other == scope) {
            Some((_, known)) => {
                let known = &mut name.values[*known];
                if *known == Value::Unknown {
                    *known = value.bounded();
                }
            }
            None => {
                name.open.insert(at, (scope, name.values.len()));
                self.scopes[scope].declared.push((index, name.values.len()));
                name.values.push(value.bounded());
            }
        }
    }

    fn assign(&mut self, name: &str, value: Value, appends: bool) {
        if !self.spend(1) {
            return;
        }
        let Some(name) = self.indices.get(name).map(|index| &mut self.names[*index]) else { return };
        let Some((_, known)) = name.open.last() else { return };
        match &mut name.values[*known] {
            Value::Text(text) if appends => text.is_complete = false,
            known @ Value::Unknown if !appends => *known = value.bounded(),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Collector {
    scopes: Scopes,
    /// Names that texts were put together of before they were declared.
    early: HashSet<String>,
    /// Whether one of them was declared then.
    is_out_of_order: bool,
    /// Whether all names are there already.
    is_again: bool,
    /// The state of `into_var` in the scopes around.
    variables: Vec<bool>,
    /// Whether names being read are of a `var`.
    into_var: bool,
}

impl Collector {
    fn value(&mut self, expression: &Expression<'_>) -> Value {
        let value = self.scopes.value(expression);
        let is_known = matches!(&value, Value::Text(text) if text.is_complete);
        if !self.is_again && !is_known && self.early.len() < MAXIMUM_EARLY {
            for name in parts(expression).into_iter().filter(|name| self.scopes.lookup(name).is_none()) {
                self.early.insert(name.to_owned());
            }
        }
        value
    }

    fn declare(&mut self, name: &str, value: Value, is_var: bool) {
        self.is_out_of_order |= matches!(value, Value::Text(_)) && self.early.contains(name);
        self.scopes.declare(name, value, is_var);
    }

    fn bind(&mut self, pattern: &BindingPattern<'_>, value: Value, is_var: bool, depth: usize) {
        match pattern {
            BindingPattern::BindingIdentifier(name) => self.declare(&name.name, value, is_var),
            BindingPattern::ObjectPattern(object) if depth > 0 => {
                for property in &object.properties {
                    let Some(key) = property.key.static_name() else { continue };
                    let member = value.clone().member(&key);
                    self.bind(&property.value, member, is_var, depth - 1);
                }
            }
            BindingPattern::ArrayPattern(array) if depth > 0 => {
                if let Value::List(values) = value {
                    for (element, value) in array.elements.iter().zip(values) {
                        if let Some(element) = element {
                            self.bind(element, value, is_var, depth - 1);
                        }
                    }
                }
            }
            BindingPattern::AssignmentPattern(pattern) if depth > 0 => {
                self.bind(&pattern.left, value, is_var, depth - 1);
            }
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Collector {
    fn enter_scope(&mut self, flags: ScopeFlags, _: &Cell<Option<ScopeId>>) {
        self.variables.push(mem::take(&mut self.into_var));
        if self.is_again {
            self.scopes.enter();
            return;
        }
        self.scopes.begin(flags.intersects(ScopeFlags::Function | ScopeFlags::Top | ScopeFlags::ClassStaticBlock));
    }

    fn leave_scope(&mut self) {
        self.scopes.leave();
        self.into_var = self.variables.pop().unwrap_or_default();
    }

    fn visit_binding_identifier(&mut self, it: &ast::BindingIdentifier<'a>) {
        self.scopes.declare(&it.name, Value::Unknown, self.into_var);
    }

    fn visit_function(&mut self, it: &ast::Function<'a>, flags: ScopeFlags) {
        if let (true, Some(name)) = (it.is_declaration(), &it.id) {
            self.scopes.declare(&name.name, Value::Function, false);
        }
        walk::walk_function(self, it, flags);
    }

    fn visit_class(&mut self, it: &ast::Class<'a>) {
        if let (true, Some(name)) = (it.is_declaration(), &it.id) {
            self.scopes.declare(&name.name, Value::Function, false);
        }
        walk::walk_class(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &ast::VariableDeclarator<'a>) {
        // The declaration around it set `into_var`.
        let is_var = self.into_var;
        if let Some(init) = &it.init {
            let value = self.value(init);
            if value != Value::Unknown {
                self.bind(&it.id, value, is_var, 8);
            }
        }
        self.visit_binding_pattern(&it.id);
        self.into_var = false;
        if let Some(annotation) = &it.type_annotation {
            self.visit_ts_type_annotation(annotation);
        }
        if let Some(init) = &it.init {
            self.visit_expression(init);
        }
        self.into_var = is_var;
    }

    fn visit_variable_declaration(&mut self, it: &ast::VariableDeclaration<'a>) {
        let around = mem::replace(&mut self.into_var, it.kind.is_var());
        walk::walk_variable_declaration(self, it);
        self.into_var = around;
    }

    fn visit_import_declaration(&mut self, it: &ast::ImportDeclaration<'a>) {
        for specifier in it.specifiers.iter().flatten() {
            let value = module(&it.source.value);
            let (name, value) = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(it) => (&it.local.name, value.member(&it.imported.name())),
                ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => (&it.local.name, value),
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => (&it.local.name, value),
            };
            self.scopes.declare(name, value, false);
        }
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &ast::TSImportEqualsDeclaration<'a>) {
        if let ast::TSModuleReference::ExternalModuleReference(reference) = &it.module_reference {
            self.scopes.declare(&it.id.name, module(&reference.expression.value), false);
        }
        walk::walk_ts_import_equals_declaration(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &ast::AssignmentExpression<'a>) {
        if let ast::AssignmentTarget::AssignmentTargetIdentifier(name) = &it.left {
            match it.operator {
                AssignmentOperator::Assign => {
                    let value = self.value(&it.right);
                    self.scopes.assign(&name.name, value, false);
                }
                AssignmentOperator::Addition => self.scopes.assign(&name.name, Value::Unknown, true),
                _ => {}
            }
        }
        walk::walk_assignment_expression(self, it);
    }
}

/// The names that a sum or a template is put together of.
fn parts<'e>(expression: &'e Expression<'_>) -> Vec<&'e str> {
    let mut names = Vec::new();
    let mut name = |expression: &'e Expression<'_>| {
        if let Expression::Identifier(it) = inner(expression) {
            names.push(it.name.as_str());
        }
    };
    match inner(expression) {
        Expression::TemplateLiteral(it) => it.expressions.iter().for_each(name),
        Expression::BinaryExpression(it) => {
            let mut sum = it;
            for _ in 0..MAXIMUM_PARTS {
                name(&sum.right);
                match inner(&sum.left) {
                    Expression::BinaryExpression(left) => sum = left,
                    left => {
                        name(left);
                        break;
                    }
                }
            }
        }
        _ => {}
    }
    names
}

/// The expression that a call, a member access or an optional chain is really about.
pub(super) fn inner<'e, 'a>(expression: &'e Expression<'a>) -> &'e Expression<'a> {
    expression.get_inner_expression()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Act {
        Enter { holds_var: bool },
        Leave,
        Declare { name: &'static str, is_var: bool },
        Assign { name: &'static str },
    }

    fn act() -> impl Strategy<Value = Act> {
        let name = || prop::sample::select(vec!["a", "b", "c"]);
        prop_oneof![
            any::<bool>().prop_map(|holds_var| Act::Enter { holds_var }),
            Just(Act::Leave),
            (name(), any::<bool>()).prop_map(|(name, is_var)| Act::Declare { name, is_var }),
            name().prop_map(|name| Act::Assign { name }),
        ]
    }

    /// Scopes in the plainest way: every open scope is asked for the name, the innermost first.
    #[derive(Default)]
    struct Plain {
        scopes: Vec<(bool, BTreeMap<&'static str, Value>)>,
        open: Vec<usize>,
    }

    impl Plain {
        fn lookup(&self, name: &str) -> Option<&Value> {
            self.open.iter().rev().find_map(|scope| self.scopes[*scope].1.get(name))
        }
    }

    proptest! {
        #[test]
        fn names_mean_what_the_innermost_scope_says(acts in prop::collection::vec(act(), 0..40)) {
            let (mut scopes, mut plain) = (Scopes::default(), Plain::default());
            scopes.begin(true);
            plain.scopes.push((true, BTreeMap::new()));
            plain.open.push(0);
            let mut left: Vec<Act> = Vec::new();
            let agree = |scopes: &Scopes, plain: &Plain| ["a", "b", "c"].iter().all(|name| scopes.lookup(name) == plain.lookup(name));
            for (index, act) in acts.into_iter().enumerate() {
                let value = Value::Number(index as f64);
                match act {
                    Act::Enter { holds_var } => {
                        scopes.begin(holds_var);
                        plain.open.push(plain.scopes.len());
                        plain.scopes.push((holds_var, BTreeMap::new()));
                    }
                    Act::Leave if plain.open.len() == 1 => continue,
                    Act::Leave => {
                        scopes.leave();
                        plain.open.pop();
                    }
                    Act::Declare { name, is_var } => {
                        scopes.declare(name, value.clone(), is_var);
                        let holds = |scope: &&usize| !is_var || plain.scopes[**scope].0;
                        let scope = *plain.open.iter().rev().find(holds).unwrap();
                        plain.scopes[scope].1.entry(name).or_insert(value);
                    }
                    Act::Assign { name } => {
                        // What stands for a number stays that; only unknown names take what is assigned.
                        scopes.assign(name, value, false);
                    }
                }
                left.push(act);
                prop_assert!(agree(&scopes, &plain));
            }
            // Another walk through the same scopes.
            scopes.rewind();
            plain.open.clear();
            let mut next = 0;
            let begin = std::iter::once(&Act::Enter { holds_var: true }).chain(&left);
            for act in begin {
                match act {
                    Act::Enter { .. } => {
                        scopes.enter();
                        plain.open.push(next);
                        next += 1;
                    }
                    Act::Leave => {
                        scopes.leave();
                        plain.open.pop();
                    }
                    _ => {}
                }
                prop_assert!(agree(&scopes, &plain));
            }
        }
    }
}
