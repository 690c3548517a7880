use proptest::prelude::*;
use rstest::rstest;

use super::*;
use Capability::{DynamicCode, EncodedPayload, Environment, FileSystem, Network, Patching, Process, WalletAddress};

fn kinds(text: &str) -> Vec<Capability> {
    let mut kinds: Vec<Capability> =
        signals(text, SourceKind::Unstated).into_iter().map(|signal| signal.capability).collect();
    kinds.dedup();
    kinds
}

#[rstest]
#[case("fetch('/x')", Network)]
#[case("const f = globalThis.fetch; f('/x')", Network)]
#[case("window['fe' + 'tch'](u)", Network)]
#[case("send(fetch)", Network)]
#[case("new XMLHttpRequest()", Network)]
#[case("new WebSocket(u)", Network)]
#[case("navigator.sendBeacon(u, d)", Network)]
#[case("require('https')", Network)]
#[case("import got from 'got'", Network)]
#[case("import('node:net')", Network)]
#[case("import x from 'https://example.com/x.js'", Network)]
#[case("https.get(u)", Network)]
#[case("const {exec} = require('child_process')", Process)]
#[case("import cp from 'node:child_process'", Process)]
#[case("require('child_' + 'process')", Process)]
#[case("const r = require; r('child_process')", Process)]
#[case("module.require('child_process')", Process)]
#[case("process.mainModule.require('child_process')", Process)]
#[case("require(atob('Y2hpbGRfcHJvY2Vzcw=='))", Process)]
#[case("require(Buffer.from('6368696c645f70726f63657373', 'hex').toString())", Process)]
#[case("require('ssecorp_dlihc'.split('').reverse().join(''))", Process)]
#[case("require?.('child_process')", Process)]
#[case("cp.execSync('ls')", Process)]
#[case("process.binding('spawn_sync')", Process)]
#[case("process['dlopen'](m, f)", Process)]
#[case("import fs from 'fs/promises'", FileSystem)]
#[case("fs.writeFileSync(a, b)", FileSystem)]
#[case("process.env.HOME", Environment)]
#[case("process['env']", Environment)]
#[case("process?.env?.HOME", Environment)]
#[case("const { env } = process", Environment)]
#[case("const p = process; p.env[k]", Environment)]
#[case("import { env } from 'process'; env.HOME", Environment)]
#[case("require('os').homedir()", Environment)]
#[case("import { hostname } from 'os'; hostname()", Environment)]
#[case("read(home + '/.npmrc')", Environment)]
#[case("x('AWS_SECRET_ACCESS_KEY')", Environment)]
#[case("eval(x)", DynamicCode)]
#[case("({ e: eval }).e(x)", DynamicCode)]
#[case("module.constructor.prototype._compile.call(module, x, 'y')", DynamicCode)]
#[case("(function (e = eval) { e(x) })()", DynamicCode)]
#[case("class A { z = eval }", DynamicCode)]
#[case("for (const e of [eval]) e(x)", DynamicCode)]
#[case("(r => r(y))(require)", DynamicCode)]
#[case("[require].forEach(f => f(y))", DynamicCode)]
#[case("(0 || require)(y)", DynamicCode)]
#[case("class A { static r = require }", DynamicCode)]
#[case("try { throw require } catch (r) { r(y) }", DynamicCode)]
#[case("({ f: fetch }).f(u)", Network)]
#[case("(0, eval)(x)", DynamicCode)]
#[case("const e = eval; e(x)", DynamicCode)]
#[case("globalThis['ev' + 'al'](x)", DynamicCode)]
#[case("new Function('a', b)", DynamicCode)]
#[case("Function(b)()", DynamicCode)]
#[case("setTimeout('x()', 1)", DynamicCode)]
#[case("require('vm').runInNewContext(x)", DynamicCode)]
#[case("module._compile(x, 'y')", DynamicCode)]
#[case("[]['constructor']['constructor'](x)()", DynamicCode)]
#[case("(function(){}).constructor(x)", DynamicCode)]
#[case("Object.getPrototypeOf(async function(){}).constructor(x)", DynamicCode)]
#[case("[].filter.constructor('return 1')()", DynamicCode)]
#[case("[]['fil' + 'ter']['constr' + 'uctor'](x)()", DynamicCode)]
#[case("[].filter.constructor`x```", DynamicCode)]
#[case("''.at.constructor(x)()", DynamicCode)]
#[case("const list = []; const F = list.map.constructor; F(x)", DynamicCode)]
#[case("/x/.test.constructor(x)()", DynamicCode)]
#[case("(() => {}).constructor(x)", DynamicCode)]
#[case("(async()=>{}).constructor(x)()", DynamicCode)]
#[case("(async function*(){}).__proto__.constructor(x)", DynamicCode)]
#[case("(class {}).constructor(x)", DynamicCode)]
#[case("function f() {}\nnew f.constructor(x)", DynamicCode)]
#[case("class A {}\nA.constructor(x)", DynamicCode)]
#[case("const f = () => {}; const { constructor: F } = f; F(x)", DynamicCode)]
#[case("const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor; new AsyncFunction(x)", DynamicCode)]
#[case("Function.prototype.constructor(x)", DynamicCode)]
#[case("globalThis.Function.constructor(x)", DynamicCode)]
#[case("Math.max.constructor(x)()", DynamicCode)]
#[case("parseInt.constructor(x)", DynamicCode)]
#[case("Array.prototype.map.constructor(x)", DynamicCode)]
#[case("this.constructor.constructor(x)()", DynamicCode)]
#[case("x.toString.constructor(y)()", DynamicCode)]
#[case("Function.constructor.call(null, x)", DynamicCode)]
#[case("console.log.constructor(x)()", DynamicCode)]
#[case("new console.log.constructor(x)", DynamicCode)]
#[case("process.exit.constructor(x)", DynamicCode)]
#[case("new process.exit.constructor(x)", DynamicCode)]
#[case("Buffer.from.constructor(x)", DynamicCode)]
#[case("URL.constructor(x)", DynamicCode)]
#[case("new AbortController.constructor(x)", DynamicCode)]
#[case("require('util').inspect.constructor(x)", DynamicCode)]
#[case("import { inspect } from 'node:util'; new inspect.constructor(x)", DynamicCode)]
#[case("new Map().set.constructor(x)()", DynamicCode)]
#[case("const o = { m() {} }; o.m.constructor(x)", DynamicCode)]
#[case("new o.m.constructor(x)()", DynamicCode)]
#[case("f.constructor(x)()", DynamicCode)]
#[case("f.constructor('return process')", DynamicCode)]
#[case("const C = o.m.constructor; C(x)", DynamicCode)]
#[case("let C; for (const f of list) C = f.constructor; C(x)()", DynamicCode)]
#[case("let C; for (const f of list) C = f.constructor; new C('return this')", DynamicCode)]
#[case("const { constructor: C } = o.m; C(x)()", DynamicCode)]
#[case("for (const k of keys) f[k]('return process.env')", DynamicCode)]
#[case("arguments.callee.constructor(x)", DynamicCode)]
#[case("function f() {}\nReflect.get(f, 'constructor')(x)", DynamicCode)]
#[case("Reflect.get(f, 'constructor')('return 1')", DynamicCode)]
#[case("[][['fil' + 'ter']][['construct' + 'or']](x)", DynamicCode)]
#[case("import('node:module').then(m => m._load('child_process'))", Process)]
#[case("import('node:module').then(m => m._load(x))", DynamicCode)]
#[case("Reflect.construct(Function, [x])", DynamicCode)]
#[case("Reflect.apply(eval, null, [x])", DynamicCode)]
#[case("globalThis['eval'](x)", DynamicCode)]
#[case("(1, eval)?.(x)", DynamicCode)]
#[case("eval.call(null, x)", DynamicCode)]
#[case("window.fetch = g", Patching)]
#[case("fetch = g", Patching)]
#[case("XMLHttpRequest.prototype.open = g", Patching)]
#[case("window.ethereum.request = g", Patching)]
#[case("ethereum.request = g", Patching)]
#[case("Object.defineProperty(window, 'fetch', { value: g })", Patching)]
#[case("const http = require('http'); http.request = g", Patching)]
#[case("require('module')._load = g", Patching)]
#[case("atob('aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8=')", EncodedPayload)]
#[case("x = '\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61\\x61'", EncodedPayload)]
#[case("_0x1a2b(_0x1a2c, _0x1a2d, _0x1a2e)", EncodedPayload)]
#[case("send('0x52908400098527886E0F7030069857D2E4169EE7')", WalletAddress)]
#[case("send('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq')", WalletAddress)]
#[case("send('1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa')", WalletAddress)]
#[case("send('TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW')", WalletAddress)]
fn a_capability_is_seen(#[case] text: &str, #[case] expected: Capability) {
    assert!(kinds(text).contains(&expected), "{:?}", signals(text, SourceKind::Unstated));
}

#[rstest]
#[case("// eval(x)\nlet a = 'eval(x)'")]
#[case("class User { fetch() { return 1 } }\nnew User().fetch()")]
#[case("function fetch(u) { return u }\nfetch(1)")]
#[case("import { fetch } from './mine.js'; fetch(1)")]
#[case("user.fetch('x'); client.request('y'); re.exec(text); db.open()")]
#[case("typeof fetch === 'function'")]
#[case("setTimeout(() => {}, 1); setTimeout(go, 1)")]
#[case("x instanceof Function; Function.prototype.call(x); a.constructor(b); this.constructor.name")]
#[case("this.constructor(a); new this.constructor(b); return_(super_.constructor(c))")]
#[case("const thing = make(); new thing.constructor(a); thing.constructor.from(b)")]
#[case("[].constructor(3); 'a'.constructor(b); new [].constructor(3); [].length.constructor(1)")]
#[case("Object.prototype.constructor(a); new Array.prototype.constructor(b); Math.PI.constructor(c)")]
#[case("class A { clone() { return new this.constructor(this) } }\nA.prototype.constructor = A; A.from.constructor")]
#[case("function F() {}\nF.prototype = { constructor: F }; x instanceof F.constructor; typeof F.constructor")]
#[case("const AsyncFunction = (async () => {}).constructor; x instanceof AsyncFunction")]
#[case("const copy = a.constructor(); const other = a.b.constructor(); new a.constructor(a.length)")]
#[case("const C = a.constructor; new C(b); const D = Object.getPrototypeOf(x).constructor; new D(x)")]
#[case("new error.constructor('failed (code 3): ' + error.message); new error.constructor('No such file.')")]
#[case("this.parent.constructor(a); super.m.constructor(a); this._load(b)")]
#[case("Parent.prototype.constructor(a); node.parent.constructor({}); a.b.constructor(c.length)")]
#[case("const { constructor } = this; new constructor(a); new o.p.constructor(a, b)")]
#[case("const of = a.b.constructor(3); handlers[name]('hello (world)'); f[k](a)(b)")]
#[case("process.stdout.constructor.name; process.stdout.constructor === Object")]
#[case("import { thing } from './mine'; new thing.constructor(a); new thing.part.constructor(b)")]
#[case("Reflect.apply(f, null, []); Reflect.construct(F, [x]); html`<p>${x}</p>`")]
#[case("process.env.NODE_ENV === 'production'")]
#[case("process.cwd(); process.exit(1)")]
#[case("const has = Function.call.bind(Object.prototype.hasOwnProperty); has(a, b)")]
#[case("require('path'); require('os').EOL; require('./fs'); require('events')")]
#[case("import type { Server } from 'http'")]
#[case("exports.fetch = 1; my.XMLHttpRequest = 2; a.ethereum = 3")]
#[case("const http = {}; http.request = g")]
#[case("x('0x0000'); x('0x0000000000000000000000000000000000000000')")]
#[case("x('thisIsAVeryLongIdentifierInCamelCase'); x('1234567890123456789012345678')")]
#[case("x('3f786850e387550fdab836ed7e6dc881de23001b')")]
#[case("x('data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ')")]
#[case("atob('aGk='); atob(x)")]
#[case("x = '\\x1b[31m'; y = '\\u00e9'")]
#[case("x([1, 2, 3, 4])")]
#[case("_0x1 = 1; _0xgg = 2")]
fn look_alikes_are_left_alone(#[case] text: &str) {
    let found = signals(text, SourceKind::TypeScript);
    assert!(found.is_empty(), "{found:?}");
}

fn base64_text(length: usize) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 7_usize;
    let next = |_| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        char::from(alphabet[(state >> 16) % 64])
    };
    (0..length).map(next).collect()
}

#[test]
fn payloads_are_long_and_dense() {
    let has = |text: String| kinds(&text).contains(&EncodedPayload);
    assert!(has(format!("x('{}')", base64_text(200))));
    assert!(has(format!("x('{}' + '{}')", base64_text(120), base64_text(120))));
    assert!(has(format!("x('data:image/png;base64,{}')", base64_text(400))));
    assert!(has(format!("x(`{}`)", base64_text(400))));
    assert!(has(format!("x('{}')", "0123456789abcdef".repeat(20))));
    assert!(has(format!("x([{}])", "17, 200, ".repeat(200))));
    assert!(has(format!("x([{}])", "'c2Vj1a', ".repeat(80))));
    assert!(!has(format!("x('{}')", base64_text(150))));
    assert!(!has(format!("x('{}')", "a".repeat(400))));
    assert!(!has(format!("x('{}')", "the quick brown fox jumps over the lazy dog, again. ".repeat(10))));
    assert!(!has(format!("x('{}')", "/some/long/path/to/a/file".repeat(20))));
    assert!(!has(format!("x([{}])", "1000, 2.5, ".repeat(200))));
    assert!(!has(format!("x([{}])", "'monday', 'tuesday', ".repeat(80))));
}

#[test]
fn lines_and_order_are_those_of_the_file() {
    let text = "let a\nfetch(1)\n\nfetch(2)\neval(3)\n";
    let found = signals(text, SourceKind::Unstated);
    let told: Vec<_> = found.iter().map(|it| (it.capability, it.line, it.evidence.as_str())).collect();
    assert_eq!(told, [(DynamicCode, 5, "eval()"), (Network, 2, "fetch()")]);
}

#[test]
fn ranges_know_what_is_imported_around_them() {
    let text = "const c = require('child_process');\nc.exec('x');\nfetch(1)\n";
    let start = text.find("c.exec").unwrap();
    let found = signals_within(text, SourceKind::Unstated, std::slice::from_ref(&(start..start + 12)));
    let expected = Signal { capability: Process, line: 2, evidence: "child_process.exec()".to_owned() };
    assert_eq!(found, [expected]);
}

#[test]
fn pieces_keep_their_lines() {
    let pieces = [(10, "let a = 1\nfetch(a)"), (40, "run() { return eval(this.x) }"), (50, "} require('fs'")];
    let found = signals_of_pieces(&pieces, SourceKind::Unstated);
    let told: Vec<_> = found.iter().map(|signal| (signal.capability, signal.line)).collect();
    assert_eq!(told, [(DynamicCode, 40), (Network, 11), (FileSystem, 50)]);
    let pieces = [(3, "const c = require('child_process')"), (9, "c.exec('x')")];
    let found = signals_of_pieces(&pieces, SourceKind::Unstated);
    assert!(found.iter().any(|signal| signal.line == 9 && signal.capability == Process), "{found:?}");
    assert!(signals_of_pieces(&[], SourceKind::Unstated).is_empty());
}

#[rstest]
#[case("} eval(x)", DynamicCode)]
#[case("} new Function(x)", DynamicCode)]
#[case("} window.fetch(x)", Network)]
#[case("} require('child_' + 'process')", Process)]
#[case("} import x from 'fs'", FileSystem)]
#[case("} process['env'].X", Environment)]
#[case("} window.fetch = x", Patching)]
#[case("} '0x52908400098527886E0F7030069857D2E4169EE7'", WalletAddress)]
#[case("} _0x1a2b _0x1a2c _0x1a2d _0x1a2e", EncodedPayload)]
fn a_syntax_error_silences_nothing(#[case] text: &str, #[case] expected: Capability) {
    assert!(kinds(text).contains(&expected), "{:?}", signals(text, SourceKind::Unstated));
}

#[rstest]
#[case("} // eval(x)")]
#[case("} user.fetch(x); function fetch() {}")]
#[case("} 'eval(x)'")]
#[case("} window.fetch == x")]
fn look_alikes_in_broken_text_are_left_alone(#[case] text: &str) {
    assert!(kinds(text).is_empty(), "{:?}", signals(text, SourceKind::Unstated));
}

#[test]
fn every_capability_has_its_place_among_many() {
    let text: String = (0..100).map(|index| format!("process.env.V{index};\n")).collect();
    let found = signals(&format!("{text}fetch(1)\n"), SourceKind::Unstated);
    assert_eq!(found.len(), 32);
    assert!(found.iter().any(|signal| signal.capability == Network));
}

#[test]
fn deep_nesting_and_long_sums_are_bounded() {
    for (open, close) in
        [("[", "]"), ("f(", ")"), ("'a'+", ""), ("a.b(", ")"), ("()=>{", "}"), ("a[", "]"), ("`${", "}`")]
    {
        for depth in [1_000, 20_000, 60_000] {
            let text = format!("{}a{};eval(x)", open.repeat(depth), close.repeat(depth));
            assert!(kinds(&text).contains(&DynamicCode), "{open} {depth}");
        }
    }
    let scopes = format!("{}{}{}", "()=>{".repeat(10_000), "b(c);".repeat(100_000), "}".repeat(10_000));
    assert!(kinds(&format!("{scopes};eval(x)")).contains(&DynamicCode));
    let doubled: String = (0..200).map(|index| format!("var a{}=a{index}+a{index};", index + 1)).collect();
    assert!(kinds(&format!("var a0='abcdefgh';{doubled}eval(x)")).contains(&DynamicCode));
}

proptest! {
    #[test]
    fn every_text_has_an_answer(text in ".{0,300}", at in 0_usize..300) {
        for kind in [SourceKind::Unstated, SourceKind::TypeScript] {
            let lines = text.split('\n').count();
            let found = signals(&text, kind);
            prop_assert!(found.len() <= 32);
            prop_assert!(found.iter().all(|signal| (1..=lines).contains(&signal.line)));
            signals_within(&text, kind, std::slice::from_ref(&(at..at + 10)));
            signals_of_pieces(&[(5, &text), (9, &text)], kind);
        }
        looks(&text);
    }
}
