//! npm's choice of files over a large tree in memory.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use serde_json::json;
use tarproof::pack::npm::packlist::select_files;
use tarproof::pack::{Node, NodeKind, SourceTree};

/// Directories with their children, and the few contents that matter.
#[derive(Debug, Default)]
struct MemoryTree {
    directories: BTreeMap<String, BTreeMap<String, NodeKind>>,
    contents: BTreeMap<String, &'static str>,
}

impl MemoryTree {
    fn add(&mut self, path: &str, content: &'static str) {
        self.contents.insert(path.to_owned(), content);
        let (mut path, mut kind) = (path, NodeKind::File { executable: false });
        loop {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            self.directories.entry(directory.to_owned()).or_default().insert(name.to_owned(), kind);
            if directory.is_empty() {
                return;
            }
            (path, kind) = (directory, NodeKind::Directory);
        }
    }
}

impl SourceTree for MemoryTree {
    fn list(&self, directory: &str) -> Vec<Node> {
        let children = self.directories.get(directory).into_iter().flatten();
        children.map(|(name, &kind)| Node { name: name.clone(), kind }).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.contents.get(path).map(|content| content.as_bytes().to_vec())
    }
}

const NPM_IGNORE: &str = "*.test.ts\n/docs\n!/docs/index.md\n**/__snapshots__/**\ntypedoc.json\n.github/\ncoverage\n\
                          *.log\n/scripts/**/*.sh\n[Tt]humbs.db\n";

/// 5,000 files four directories deep, with a list of files, an ignore file, and neither.
pub(crate) fn selecting(criterion: &mut Criterion) {
    let mut plain = MemoryTree::default();
    for index in 0..1_000 {
        let directory = format!("src/locale/group-{}/part-{index}", index / 50);
        for name in ["index.ts", "index.test.ts", "types.d.ts", "README.md", "__snapshots__"] {
            plain.add(&format!("{directory}/{name}"), "");
        }
    }
    plain.add("package.json", "{}");
    plain.add("LICENSE.md", "");
    let mut ignoring = MemoryTree { directories: plain.directories.clone(), contents: plain.contents.clone() };
    ignoring.add(".npmignore", NPM_IGNORE);

    let bare = json!({"name": "generated", "version": "1.0.0"});
    let listing =
        json!({"name": "generated", "version": "1.0.0", "files": ["src/**/*.ts", "!**/*.test.ts", "src/locale"]});
    let mut group = criterion.benchmark_group("packlist/5000 files");
    group.throughput(Throughput::Elements(5_000)).sample_size(30);
    for (name, tree, manifest) in
        [("plain", &plain, &bare), ("files", &plain, &listing), ("npmignore", &ignoring, &bare)]
    {
        assert!(select_files(tree, "", manifest).files.len() > 1_000);
        group.bench_function(name, |bencher| bencher.iter(|| select_files(black_box(tree), "", manifest)));
    }
}
