//! Reading archives: inflate, parse, hash.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use tarproof::artifact::{ArtifactLimits, CollisionCheck, ReadOptions, read_tarball};
use tarproof::demo::build_tarball;

use crate::generate;

/// Small and large archives, with either way of hashing, wholly expected and wholly unexpected.
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
            ("plain", CollisionCheck::ByHost, true),
            ("collision-detecting", CollisionCheck::EveryFile, true),
            ("plain, unexpected", CollisionCheck::ByHost, false),
        ];
        for (name, collisions, expected) in cases {
            let is_expected = move |_: &str, _: &_| expected;
            let options = ReadOptions { limits: ArtifactLimits::default(), collisions, is_expected: &is_expected };
            group.bench_function(name, |bencher| {
                bencher.iter(|| read_tarball(black_box(tarball.as_slice()), &options).expect("the archive is sound"));
            });
        }
    }
}
