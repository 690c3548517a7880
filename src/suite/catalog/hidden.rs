//! Files that hide that they run, or what they can do, from whoever ranks them.

use serde_json::{Map, Value, json};

use super::disguise::require_line;
use super::expect;
use crate::finding::Risk;
use crate::suite::draft::{Draft, PAYLOAD};
use crate::suite::transformation::{Expected, Group, Planted, Transformation, VerdictIs};

const fn hidden(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::Disguise, expected, apply }
}

/// A build may have made the file, and no build is run.
const BUILT: Expected = Expected {
    rules: &["file-not-in-source"],
    risk: Risk::Critical,
    verdict: VerdictIs::Exactly("inconclusive(rebuild-off)"),
};

/// Unexplained code that runs and does what attacks do, or may.
const ALARMING: Expected = expect(&["file-modified"], Risk::Critical);
/// A file that runs when the package is imported.
const RUNS: Expected = expect(&["file-not-in-source"], Risk::High);
/// The same, with code that runs texts.
const RUNS_TEXT: Expected = expect(&["file-not-in-source"], Risk::Critical);
/// A document that may run, where other documents are low.
const MAY_RUN: Expected = expect(&["file-not-in-source"], Risk::Medium);

/// More than is read of one file, bytes.
const TOO_LARGE: usize = 5 << 20;

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    hidden(
        "build-output-at-installation",
        "a file that looks like build output and runs at installation",
        BUILT,
        |draft| {
            commit_build(draft, |scripts| {
                scripts.insert("postinstall".to_owned(), json!("node dist/inert.js"));
            })?;
            draft.add("dist/inert.js", PAYLOAD).map(Planted::at)
        },
    ),
    hidden("padded-main", "payload behind more blanks than anybody reads in the main file", ALARMING, |draft| {
        let path = draft.main_code()?;
        draft.append(&path, &format!("{}\n{PAYLOAD}", " ".repeat(TOO_LARGE))).map(Planted::at)
    }),
    hidden("image-loads-code", "a file named like an image that is required and requires another", RUNS, |draft| {
        require_line(draft, "assets/logo.png")?;
        let inner = if is_module(draft)? { "import '../lib/inert.js';\n" } else { "require('../lib/inert.js');\n" };
        draft.add("assets/logo.png", inner)?;
        draft.add("lib/inert.js", PAYLOAD).map(Planted::at)
    }),
    hidden("image-with-odd-bytes", "code in a required file named like an image, with odd bytes", RUNS_TEXT, |draft| {
        require_line(draft, "assets/logo.png")?;
        let text = "*/ function inertLookAlike(text) { return console.log.constructor(text)(); }\n";
        draft.add("assets/logo.png", [b"/*\0\xff".as_slice(), text.as_bytes()].concat()).map(Planted::at)
    }),
    hidden(
        "document-by-unknown-name",
        "code in a .md file, and an import of a name that nobody knows",
        MAY_RUN,
        |draft| {
            let line = if is_module(draft)? { "import(name)" } else { "require(name)" };
            let document = beside_main(draft, "inert.md")?;
            append_function(draft, &format!("var name = process.argv[7]; return {line};"))?;
            draft.add(&document, ACTING).map(Planted::at)
        },
    ),
    hidden(
        "document-in-own-folder",
        "code in a .md file, and an import of whatever lies in the folder",
        MAY_RUN,
        |draft| {
            if is_module(draft)? {
                return None;
            }
            let document = beside_main(draft, "inert.md")?;
            let each =
                "require('fs').readdirSync(__dirname).forEach(function (name) { require(__dirname + '/' + name); });";
            append_function(draft, each)?;
            draft.add(&document, ACTING).map(Planted::at)
        },
    ),
    hidden(
        "document-behind-hook",
        "data in a .md file, and a hook that decides what an import of it is",
        MAY_RUN,
        |draft| {
            let document = beside_main(draft, "inert.md")?;
            let hook = match is_module(draft)? {
                true => "import('node:module').then(({ registerHooks }) => registerHooks({}));",
                false => "require.extensions['.md'] = require.extensions['.js'];",
            };
            append_function(draft, hook)?;
            draft.add(&document, "Inert look-alike: collector.example.\n").map(Planted::at)
        },
    ),
    hidden("name-in-escapes", "code in a .md file that a URL with escapes names", RUNS, |draft| {
        if !is_module(draft)? {
            return None;
        }
        let document = beside_main(draft, "inert.md")?;
        append_function(draft, "return new URL('./%69nert%2emd', import.meta.url);")?;
        draft.add(&document, ACTING).map(Planted::at)
    }),
    hidden("name-in-parts", "code in a .md file whose name is put together of parts further down", RUNS, |draft| {
        let document = beside_main(draft, "inert.md")?;
        let line = if is_module(draft)? { "import(name)" } else { "require(name)" };
        append_function(draft, &format!("var name = inertFolder + inertName; return {line};"))?;
        let main = draft.main_code()?;
        draft.append(&main, "var inertFolder = './ine', inertName = 'rt.md';\n")?;
        draft.add(&document, ACTING).map(Planted::at)
    }),
    hidden("script-or-module", "code after a line that a script and a module read differently", ALARMING, |draft| {
        if is_module(draft)? {
            return None;
        }
        let main = draft.main_code()?;
        draft.append(&main, "var inertA = 1, inertB = 1;\ninertA <!-- inertB\n")?;
        append_function(draft, "return globalThis['ev' + 'al'](text);")
    }),
    hidden("among-very-many", "text run by the main file, and hundreds of other new files", ALARMING, |draft| {
        for number in 0..260 {
            draft.add(&format!("lib/inert-{number}.js"), "/* Inert. */\n")?;
        }
        append_function(draft, "return [].filter.constructor(text)();")
    }),
    hidden("constructor-of-global", "text run by the constructor of a function of the runtime", ALARMING, |draft| {
        append_function(draft, "return console.log.constructor(text)();")
    }),
    hidden("constructor-of-method", "text run by the constructor of an object's method", ALARMING, |draft| {
        append_function(draft, "var thing = { act() {} }; return thing.act.constructor(text);")
    }),
    hidden("constructor-of-module", "text run by the constructor of a function of a module", ALARMING, |draft| {
        let module = if is_module(draft)? { "(await import('util'))" } else { "require('util')" };
        append_function(draft, &format!("return new ({module}.inspect.constructor)(text);"))
    }),
    hidden("constructor-in-brackets", "text run by a constructor named in brackets and pieces", ALARMING, |draft| {
        append_function(draft, "return [][['fil' + 'ter']][['construct' + 'or']](text)();")
    }),
    hidden("constructor-by-reflection", "text run by a constructor got by reflection", ALARMING, |draft| {
        append_function(draft, "return Reflect.get(inertLookAlike, 'constructor')(text);")
    }),
    hidden("constructor-in-a-loop", "text run by a constructor found in a loop", ALARMING, |draft| {
        append_function(
            draft,
            "var made; for (var one of [text, inertLookAlike]) made = one.constructor; return made(text)();",
        )
    }),
    hidden("loader-of-module", "a module got from Node's loader", ALARMING, |draft| {
        append_function(draft, "return import('node:module').then(found => found._load('child_process'));")
    }),
];

/// A program that does nothing.
const ACTING: &str = "String('inert look-alike: collector.example');\n";

/// Adds to the main file a function that nothing calls.
fn append_function(draft: &mut Draft, body: &str) -> Option<Planted> {
    let main = draft.main_code()?;
    let start = if body.contains("await ") { "async " } else { "" };
    draft.append(&main, &format!("{start}function inertLookAlike(text) {{ {body} }}\n")).map(Planted::at)
}

fn is_module(draft: &Draft) -> Option<bool> {
    Some(draft.text(&draft.main_code()?)?.contains("export "))
}

/// A path in the main file's folder.
fn beside_main(draft: &Draft, name: &str) -> Option<String> {
    let main = draft.main_code()?;
    Some(main.rsplit_once('/').map_or_else(|| name.to_owned(), |(folder, _)| format!("{folder}/{name}")))
}

/// Gives the release's commit a build whose output git ignores.
fn commit_build(draft: &mut Draft, change: impl FnOnce(&mut Map<String, Value>)) -> Option<()> {
    draft.edit_manifest(|manifest| {
        let scripts = manifest.entry("scripts").or_insert_with(|| json!({})).as_object_mut()?;
        scripts.insert("build".to_owned(), json!("node build.js"));
        change(scripts);
        if let Some(files) = manifest.get_mut("files").and_then(Value::as_array_mut) {
            files.push(json!("dist"));
        }
        Some(())
    })?;
    let manifest = draft.text("package.json")?.to_owned();
    draft.commit_file("package.json", manifest)?;
    draft.commit_file(".gitignore", "dist/\n".to_owned())
}
