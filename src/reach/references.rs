//! What a JavaScript file refers to, from its syntax tree; or from its words and strings, where it has none.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use oxc_ast::ast::{self, Expression};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};
use oxc_syntax::scope::{ScopeFlags, ScopeId};

use crate::stabilize::javascript::{
    Base, Lexeme, LexemeKind, Scopes, SourceKind, Text, Value, is_require, lexemes, read_tree,
};

/// Most references of one file.
const MAXIMUM_REFERENCES: usize = 20_000;
/// Longest text that may name a file, bytes.
const MAXIMUM_NAME: usize = 400;
/// Functions that run or read what their arguments name; they are known by name, whatever they belong to.
fn is_loader(name: &str) -> bool {
    matches!(
        name,
        "exec"
            | "execSync"
            | "execFile"
            | "execFileSync"
            | "spawn"
            | "spawnSync"
            | "fork"
            | "execa"
            | "execaSync"
            | "execaCommand"
            | "execaNode"
            | "Worker"
            | "SharedWorker"
            | "importScripts"
            | "register"
            | "readFile"
            | "readFileSync"
            | "createReadStream"
            | "open"
            | "openSync"
            | "readJson"
            | "readJsonSync"
            | "dlopen"
            | "addModule"
            | "runInThisContext"
            | "runMain"
            | "jiti"
    )
}

/// Members of Node's module loader that decide which file an import means, or how a file is read as a program.
fn is_resolver(name: &str) -> bool {
    matches!(name, "_extensions" | "_resolveFilename" | "_findPath" | "_nodeModulePaths" | "_resolveLookupPaths")
}

/// How one file refers to others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reference {
    /// Imports a module or a file by a specifier.
    Import(String),
    /// Imports something whose specifier begins so.
    ImportPrefix(String),
    /// Names a file, relative to its own folder.
    File(String),
    /// Names something below its own folder whose path begins so.
    FilePrefix(String),
    /// Names a file relative to the folder in which the program was started.
    WorkingFile(String),
    /// The file's own name with something more behind it, as in `__filename + '.map'`.
    Beside(String),
    /// Hands text to a function that runs or reads files; it may be a command.
    Command(String),
    /// Holds text that may be the path of a file, for whatever purpose.
    Mention(String),
    /// Loads compiled modules of the package by a helper.
    Native,
    /// Imports something of its own folder that cannot be told.
    ImportBelow,
    /// Imports something that cannot be told.
    Open,
    /// Changes how imports are resolved or what becomes of the files that they name.
    Hook,
}

/// What a file refers to.
#[derive(Debug, Default)]
pub(crate) struct References {
    pub(super) found: BTreeSet<Reference>,
    /// Whether nothing was left out.
    pub(super) is_complete: bool,
}

impl References {
    fn add(&mut self, reference: Reference) {
        if self.found.len() < MAXIMUM_REFERENCES {
            self.found.insert(reference);
        } else {
            self.is_complete = false;
        }
    }

    fn mention(&mut self, text: &str, is_loaded: bool) {
        if is_loaded && text.len() < 16 << 10 {
            self.add(Reference::Command(text.to_owned()));
        } else if text.len() < MAXIMUM_NAME && may_be_path(text) {
            self.add(Reference::Mention(text.to_owned()));
        }
    }
}

/// Reads what the file refers to.
pub(crate) fn references(kind: SourceKind, content: &[u8]) -> References {
    parsed(kind, content).unwrap_or_else(|| unparsed(&String::from_utf8_lossy(content)))
}

/// The same, where it can be parsed.
pub(crate) fn parsed(kind: SourceKind, content: &[u8]) -> Option<References> {
    // Node replaces bytes that are no text.
    let text = String::from_utf8_lossy(content);
    let read = |kind: &SourceKind| {
        read_tree(*kind, text.as_bytes(), |program| Some(references_of_program(program, Scopes::of(program)).0))
    };
    kind.alternatives().iter().find_map(read)
}

/// What a program refers to that could not be parsed: the parser may refuse what Node runs, so it may import anything.
pub(crate) fn unparsed(text: &str) -> References {
    let mut found = textual(text);
    found.add(Reference::Open);
    found
}

/// The same of a program that was read already, and its scopes, used up.
pub(crate) fn references_of_program(program: &ast::Program<'_>, scopes: Scopes) -> (References, Scopes) {
    let found = References { found: BTreeSet::new(), is_complete: true };
    let mut collector = Collector { scopes, found, covered: Span::default(), sum: Span::default(), loading: 0 };
    collector.visit_program(program);
    let is_complete = collector.found.is_complete && collector.scopes.is_complete();
    (References { is_complete, ..collector.found }, collector.scopes)
}

/// What the words and strings of a text refer to.
pub(crate) fn textual(text: &str) -> References {
    let mut found = References { found: BTreeSet::new(), is_complete: true };
    let mut before = ["", "", ""];
    for Lexeme { kind, text, .. } in lexemes(text) {
        if kind == LexemeKind::String {
            let is_import = matches!(before, [_, "require" | "import" | "resolve", "("] | [_, _, "import" | "from"]);
            if is_import && text.len() < MAXIMUM_NAME {
                found.add(Reference::Import(text.to_owned()));
            }
            let is_loaded = is_loader(before[1]) && before[2] == "(";
            found.mention(text, is_loaded);
        }
        before = [before[1], before[2], text];
    }
    found
}

/// Whether a path is that of a folder around the file, which every program knows.
fn is_own_place(path: &str) -> bool {
    path.trim_matches(['/', '.']).is_empty()
}

/// Whether a text looks like the path of a file.
fn may_be_path(text: &str) -> bool {
    let is_plain = !text.is_empty() && !text.contains(['\n', '<', '>', '{', '}', ' ', '(', ')']);
    is_plain && (text.contains('/') || text.contains('\\') || text.contains('.')) && !text.contains("://")
}

struct Collector {
    scopes: Scopes,
    found: References,
    /// The expression that was understood as a whole.
    covered: Span,
    /// The sum being read; its left sides begin where it begins.
    sum: Span,
    /// How many calls of loaders are open.
    loading: usize,
}

impl Collector {
    fn import(&mut self, value: &Value) {
        match value {
            // `require(path.join(__dirname, name))`: of all texts about the own place, only imports mean what is there.
            Value::Text(text) if !text.is_complete && text.base == Base::Folder && is_own_place(&text.value) => {
                self.found.add(Reference::ImportBelow);
            }
            Value::Text(text) if !text.is_complete && matches!(text.base, Base::Working | Base::Itself) => {
                self.found.add(Reference::Open);
            }
            Value::Text(text) if text.base != Base::None => self.path(text),
            Value::Text(text) if text.is_complete => self.found.add(Reference::Import(text.value.clone())),
            Value::Text(text) if !text.value.is_empty() => {
                self.found.add(Reference::ImportPrefix(text.value.clone()));
            }
            _ => self.found.add(Reference::Open),
        }
    }

    fn path(&mut self, text: &Text) {
        let value = text.value.clone();
        match (text.base, text.is_complete) {
            // Every program knows where it is.
            _ if is_own_place(&value) => {}
            (Base::None, _) => {}
            (Base::Folder, true) => self.found.add(Reference::File(value)),
            (Base::Folder, false) => self.found.add(Reference::FilePrefix(value)),
            (Base::Itself, true) => self.found.add(Reference::Beside(value)),
            (Base::Itself, false) => {}
            (Base::Working, true) => self.found.add(Reference::WorkingFile(value)),
            (Base::Working, false) => {}
        }
    }

    #[inline(never)]
    fn composed(&mut self, expression: &Expression<'_>) {
        let span = expression.span();
        let is_covered = span.start >= self.covered.start && span.end <= self.covered.end;
        if is_covered || span.start == self.sum.start && span.end < self.sum.end {
            return;
        }
        if matches!(expression, Expression::BinaryExpression(_)) {
            self.sum = span;
        }
        if let Value::Text(text) = self.scopes.value(expression) {
            self.path(&text);
            if text.base == Base::None && text.is_complete {
                self.found.mention(&text.value, self.loading > 0);
            }
            self.covered = span;
        }
    }

    /// Whether the call is of a function that loads files.
    #[inline(never)]
    fn call(&mut self, callee: &Expression<'_>, arguments: &[ast::Argument<'_>]) -> bool {
        let function = self.scopes.value(callee);
        let callee = callee.get_inner_expression();
        let written = match callee {
            Expression::Identifier(it) => Some(Cow::Borrowed(it.name.as_str())),
            other => other.get_member_expr().and_then(|member| self.scopes.name_of_member(member)),
        };
        match &function {
            Value::Global(name) if is_require(name) || name == "require.resolve" || name == "import.meta.resolve" => {
                self.import(&self.scopes.argument(arguments, 0));
            }
            Value::Global(name) if matches!(name.as_str(), "require.call" | "module.require.call") => {
                self.import(&self.scopes.argument(arguments, 1));
            }
            Value::Global(name) if matches!(name.as_str(), "require.context" | "import.meta.glob") => {
                if let Value::Text(text) = self.scopes.argument(arguments, 0) {
                    let prefix = text.value.split('*').next().unwrap_or_default();
                    self.found.add(Reference::ImportPrefix(prefix.to_owned()));
                }
            }
            Value::Module { name, .. } if matches!(name.as_str(), "node-gyp-build" | "bindings" | "prebuildify") => {
                self.found.add(Reference::Native);
            }
            // `import('node:module').then(m => m._load(x))`
            _ if written.as_deref() == Some("_load") => self.import(&self.scopes.argument(arguments, 0)),
            // In the wrappers of bundlers `require` is a parameter.
            _ if matches!(written.as_deref(), Some("require" | "proxyquire" | "requireActual")) => {
                if let Value::Text(text) = self.scopes.argument(arguments, 0) {
                    self.import(&Value::Text(text));
                }
            }
            _ => {}
        }
        let last = match &function {
            Value::Global(name) => name.rsplit('.').next(),
            Value::Module { name, member } if member.is_empty() => Some(name.as_str()),
            Value::Module { member, .. } => member.rsplit('.').next(),
            _ => None,
        };
        let is_register =
            matches!(&function, Value::Module { name, member } if name == "module" && member == "register");
        if is_register || written.as_deref() == Some("registerHooks") {
            self.found.add(Reference::Hook);
        }
        last.is_some_and(is_loader) || written.as_deref().is_some_and(is_loader)
    }
}

impl<'a> Visit<'a> for Collector {
    fn enter_scope(&mut self, _: ScopeFlags, _: &Cell<Option<ScopeId>>) {
        self.scopes.enter();
    }

    fn leave_scope(&mut self) {
        self.scopes.leave();
    }

    fn visit_import_declaration(&mut self, it: &ast::ImportDeclaration<'a>) {
        if it.import_kind.is_value() {
            self.found.add(Reference::Import(it.source.value.to_string()));
        }
    }

    fn visit_export_from_declaration(&mut self, it: &ast::ExportFromDeclaration<'a>) {
        if it.export_kind.is_value() {
            self.found.add(Reference::Import(it.source.value.to_string()));
        }
    }

    fn visit_export_all_declaration(&mut self, it: &ast::ExportAllDeclaration<'a>) {
        if it.export_kind.is_value() {
            self.found.add(Reference::Import(it.source.value.to_string()));
        }
    }

    fn visit_ts_external_module_reference(&mut self, it: &ast::TSExternalModuleReference<'a>) {
        self.found.add(Reference::Import(it.expression.value.to_string()));
    }

    fn visit_import_expression(&mut self, it: &ast::ImportExpression<'a>) {
        let value = self.scopes.value(&it.source);
        self.import(&value);
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &ast::CallExpression<'a>) {
        let loads = usize::from(self.call(&it.callee, &it.arguments));
        self.loading += loads;
        walk::walk_call_expression(self, it);
        self.loading -= loads;
    }

    fn visit_new_expression(&mut self, it: &ast::NewExpression<'a>) {
        let loads = usize::from(self.call(&it.callee, &it.arguments));
        self.loading += loads;
        walk::walk_new_expression(self, it);
        self.loading -= loads;
    }

    fn visit_member_expression(&mut self, it: &ast::MemberExpression<'a>) {
        if let Some(name) = self.scopes.name_of_member(it) {
            let is_hook = match &*name {
                "extensions" => matches!(self.scopes.value(it.object()), Value::Global(name) if is_require(&name)),
                name => is_resolver(name),
            };
            if is_hook {
                self.found.add(Reference::Hook);
            }
        }
        walk::walk_member_expression(self, it);
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        if matches!(
            it,
            Expression::CallExpression(_)
                | Expression::BinaryExpression(_)
                | Expression::TemplateLiteral(_)
                | Expression::NewExpression(_)
        ) {
            self.composed(it);
        }
        walk::walk_expression(self, it);
    }

    fn visit_string_literal(&mut self, it: &ast::StringLiteral<'a>) {
        self.found.mention(&it.value, self.loading > 0);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> Vec<Reference> {
        references(SourceKind::Unstated, text.as_bytes()).found.into_iter().collect()
    }

    fn import(name: &str) -> Reference {
        Reference::Import(name.to_owned())
    }

    fn file(name: &str) -> Reference {
        Reference::File(name.to_owned())
    }

    #[rstest]
    #[case("import './a'", import("./a"))]
    #[case("import a from './a'", import("./a"))]
    #[case("export * from './a'", import("./a"))]
    #[case("export { b } from './a'", import("./a"))]
    #[case("import('./a')", import("./a"))]
    #[case("require('./a')", import("./a"))]
    #[case("require(`./a`)", import("./a"))]
    #[case("require('./' + 'a')", import("./a"))]
    #[case("(0, require)('./a')", import("./a"))]
    #[case("const r = require; r('./a')", import("./a"))]
    #[case("const n = './a'; require(n)", import("./a"))]
    #[case("module.require('./a')", import("./a"))]
    #[case("module['req' + 'uire']('./a')", import("./a"))]
    #[case("require.resolve('./a')", import("./a"))]
    #[case("require(atob('Li9h'))", import("./a"))]
    #[case("require(['.', 'a'].join('/'))", import("./a"))]
    #[case("import { createRequire as c } from 'module'; const q = c(import.meta.url); q('./a')", import("./a"))]
    #[case("define(function (require) { require('./a') })", import("./a"))]
    #[case("const p = require('path'); p.join(__dirname, 'a')", file("/a"))]
    #[case("import { join } from 'node:path'; x(join(__dirname, '..', 'a'))", file("/../a"))]
    #[case(
        "import p from 'path'; import { fileURLToPath as f } from 'url'; p.join(p.dirname(f(import.meta.url)), 'a')",
        file("/a")
    )]
    #[case("x(__dirname + '/a')", file("/a"))]
    #[case("x(`${__dirname}/a`)", file("/a"))]
    #[case("new URL('./a', import.meta.url)", file("./a"))]
    #[case("require('./locale/' + x)", Reference::ImportPrefix("./locale/".to_owned()))]
    #[case("import(`./locale/${x}.js`)", Reference::ImportPrefix("./locale/".to_owned()))]
    #[case("require(path.join(__dirname, 'x', y))", Reference::FilePrefix("/x/".to_owned()))]
    #[case("new Worker('./a')", Reference::Command("./a".to_owned()))]
    #[case("cp.spawn('node', ['./a'])", Reference::Command("./a".to_owned()))]
    #[case("x('./a')", Reference::Mention("./a".to_owned()))]
    #[case("require(x)", Reference::Open)]
    #[case("require(path.resolve(x))", Reference::Open)]
    #[case("require(path.join(__dirname, x))", Reference::ImportBelow)]
    #[case("fs.readdirSync(__dirname).forEach(name => require(__dirname + '/' + name))", Reference::ImportBelow)]
    #[case("import('node:module').then(m => m._load('./a'))", import("./a"))]
    #[case("require.extensions['.png'] = require.extensions['.js']", Reference::Hook)]
    #[case("require('module')._extensions['.png'] = f", Reference::Hook)]
    #[case("import { registerHooks } from 'module'; registerHooks({ load })", Reference::Hook)]
    #[case("import('node:module').then(({ registerHooks }) => registerHooks({ load }))", Reference::Hook)]
    #[case("import { register } from 'node:module'; register('./a', import.meta.url)", Reference::Hook)]
    #[case("m._resolveFilename = f", Reference::Hook)]
    #[case("require('node-gyp-build')(__dirname)", Reference::Native)]
    #[case("<a>{require('./a')}</a>", import("./a"))]
    #[case("} require('./a') {", import("./a"))]
    #[case("} import x from './a'", import("./a"))]
    fn every_way_of_naming_a_file_is_seen(#[case] text: &str, #[case] expected: Reference) {
        assert!(read(text).contains(&expected), "{:?}", read(text));
    }

    #[rstest]
    #[case("// require('./a')")]
    #[case("import type { A } from './a'")]
    #[case("x('a')")]
    #[case("x(path.join(__dirname, y))")]
    #[case("file.extensions.push(x)")]
    #[case("x('hello world./')")]
    fn what_names_no_file_is_left_out(#[case] text: &str) {
        let found = references(SourceKind::TypeScript, text.as_bytes()).found;
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_chain_of_calls_takes_a_step_for_each_link() {
        let text = format!("x{}; require('./a')", ".then(f).then(['b', 'c'].join('')).y".repeat(300));
        assert!(references(SourceKind::Unstated, text.as_bytes()).is_complete);
        assert!(read(&text).contains(&import("./a")));
    }

    #[test]
    fn deep_nesting_never_exhausts_the_stack() {
        for (open, close) in
            [("[", "]"), ("f(", ")"), ("!", ""), ("a+", ""), ("a.b(", ")"), ("()=>{", "}"), ("x=`${", "}`")]
        {
            for depth in [1_000, 20_000, 60_000] {
                let text = format!("{}a{}", open.repeat(depth), close.repeat(depth));
                references(SourceKind::Unstated, text.as_bytes());
            }
        }
    }
}
