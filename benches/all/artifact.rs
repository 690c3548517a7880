//! Reading archives: inflate, parse, hash.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use tarproof::artifact::{ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_tarball};
use tarproof::demo::build_tarball;

use crate::generate;

/// Small and large archives, with either way of hashing, on one thread and two, in git and not.
pub(crate) fn reading(criterion: &mut Criterion) {
    for (size, count, file_size) in [("small", 40, 3_000), ("large", 2_000, 16_000)] {
        let tree = generate::package(count, file_size);
        let unpacked: usize = tree.values().map(|file| file.content.len()).sum();
        let tarball = build_tarball(&tree, &[]).expect("the paths are short");
        let mut group = criterion.benchmark_group(format!("artifact/{size}"));
        group.throughput(Throughput::Bytes(unpacked as u64));
        if size == "large" {
            group.sample_size(20);
        }
        let cases = [
            ("plain", CollisionCheck::ByHost, SourceContent::Same, false),
            ("plain, two threads", CollisionCheck::ByHost, SourceContent::Same, true),
            ("plain, not in git", CollisionCheck::ByHost, SourceContent::Unknown, false),
            ("collision-detecting", CollisionCheck::EveryFile, SourceContent::Same, false),
        ];
        for (name, collisions, content, threaded) in cases {
            let source = move |_: &str, _: &_| content;
            let options = ReadOptions {
                limits: ArtifactLimits::default(),
                collisions,
                source: &source,
                aside: None,
                digests: true,
                threaded,
            };
            group.bench_function(name, |bencher| {
                bencher.iter(|| read_tarball(black_box(tarball.as_slice()), &options).expect("the archive is sound"));
            });
        }
    }
}
