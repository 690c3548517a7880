//! What the analyses cost, beside reading the package that they are about.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;
use tarproof::artifact::{ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_tarball};
use tarproof::capability::{looks, signals};
use tarproof::demo::{Tree, TreeFile, build_tarball};
use tarproof::reach::{ReachLimits, ReachMap};
use tarproof::stabilize::javascript::SourceKind;

use crate::generate::Numbers;

/// A module that imports its neighbours and has functions of the usual kinds; it parses, unlike random words.
fn module(index: usize, count: usize, size: usize) -> Vec<u8> {
    let mut numbers = Numbers::new(index as u64);
    let mut text = String::from("'use strict';\nconst path = require('path');\n");
    for near in 1..4 {
        let other = (index + near) % count;
        let _ = writeln!(text, "const module{other} = require('./module{other}');");
    }
    let mut function = 0;
    while text.len() < size {
        function += 1;
        let (one, other) = (numbers.below(1_000), numbers.below(1_000));
        let _ = write!(
            text,
            "\n/** Does step {function}. */\nfunction step{function}(options, values) {{\n  const limit = options.limit || {one};\n  \
             if (values.length > limit) {{\n    throw new Error('too many values: ' + values.length + ` of ${{limit}}`);\n  }}\n  \
             return values.map((value, index) => value.key === 'k{other}' ? path.join(value.root, '{one}') : index * {other});\n}}\n\
             exports.step{function} = step{function};\n"
        );
    }
    text.into_bytes()
}

fn package(count: usize, size: usize) -> Tree {
    let manifest = r#"{"name":"generated","version":"1.0.0","main":"module0.js"}"#;
    let mut tree: Tree = (0..count)
        .map(|index| {
            let file = TreeFile { content: module(index, count, size), ..TreeFile::text("") };
            (format!("module{index}.js"), file)
        })
        .collect();
    tree.insert("package.json".to_owned(), TreeFile::text(manifest));
    tree
}

/// Reach and signals of whole packages, and reading those packages, so that one can be told in terms of the other.
pub(crate) fn analysing(criterion: &mut Criterion) {
    for (name, count, size) in [("many files", 300, 6_000), ("one bundle", 1, 800_000)] {
        let tree = package(count, size);
        let unpacked: usize = tree.values().map(|file| file.content.len()).sum();
        let tarball = build_tarball(&tree, &[]).expect("the paths are short");
        let paths: BTreeSet<&str> = tree.keys().map(String::as_str).collect();
        let manifest = serde_json::json!({ "main": "module0.js" });
        let mut group = criterion.benchmark_group(format!("analysis/{name}"));
        group.throughput(Throughput::Bytes(unpacked as u64)).sample_size(20);
        group.bench_function("reading", |bencher| {
            let source = |_: &str, _: &_| SourceContent::Same;
            let options = ReadOptions {
                limits: ArtifactLimits::default(),
                collisions: CollisionCheck::ByHost,
                source: &source,
                aside: None,
                digests: true,
                threaded: false,
            };
            bencher.iter(|| read_tarball(black_box(tarball.as_slice()), &options).expect("the archive is sound"));
        });
        group.bench_function("reach", |bencher| {
            bencher.iter(|| {
                let mut read = |path: &str| tree.get(path).map(|file| Cow::Borrowed(file.content.as_slice()));
                ReachMap::of(black_box(&manifest), &paths, &mut read, None, ReachLimits::default())
            });
        });
        // What an attack, or a careless release, usually looks like: nearly everything is the source's own.
        let changed = format!("module{}.js", count / 2);
        let cases = [("reach of a changed module", changed.as_str()), ("reach of a document", "notes.md")];
        for (case, name) in cases {
            let (wanted, mut paths) = (BTreeSet::from([name]), paths.clone());
            paths.insert(name);
            group.bench_function(case, |bencher| {
                bencher.iter(|| {
                    let mut read = |path: &str| tree.get(path).map(|file| Cow::Borrowed(file.content.as_slice()));
                    ReachMap::of(black_box(&manifest), &paths, &mut read, Some(&wanted), ReachLimits::default())
                });
            });
        }
        let texts: Vec<&str> =
            tree.values().map(|file| std::str::from_utf8(&file.content).expect("it was made of text")).collect();
        // The least that anything can cost which is told from the syntax tree.
        group.bench_function("parsing alone", |bencher| {
            bencher.iter(|| {
                let mut arena = Allocator::default();
                let mut statements = 0;
                for text in &texts {
                    statements += Parser::new(&arena, black_box(text), SourceType::cjs()).parse().program.body.len();
                    arena.reset();
                }
                statements
            });
        });
        group.bench_function("signals", |bencher| {
            bencher
                .iter(|| texts.iter().map(|text| signals(black_box(text), SourceKind::Unstated).len()).sum::<usize>());
        });
        group.bench_function("looks", |bencher| {
            bencher.iter(|| texts.iter().filter(|text| looks(black_box(text)).minified).count());
        });
    }
}
