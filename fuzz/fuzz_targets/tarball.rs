//! Any bytes as an artifact: read within the limits, the same way each time, with only safe paths.
#![no_main]

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use tarproof::artifact::{
    ArtifactLimits, BlobHasher, CollisionCheck, EntryPath, ReadOptions, SourceContent, read_entries, read_tarball,
};

const BLOCK: usize = 512;
const LIMITS: ArtifactLimits = ArtifactLimits {
    compressed_size: 1 << 20,
    unpacked_size: 2 << 20,
    entries: 100,
    ratio: 50,
    retained_size: 4 << 10,
};

/// Reads instructions out of `data` and writes members with sound checksums, which chance would never find.
fn archive(mut data: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    while let [kind, mode, size, shape, rest @ ..] = data {
        let name_length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let name = &rest[..name_length.min(100)];
        let content = rest.get(name_length + 1..).unwrap_or_default();
        let size = usize::from(*size) * if shape & 1 == 0 { 1 } else { 17 };
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(format!("{:07o}\0", u32::from(*mode) << 1).as_bytes());
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[156] = *kind;
        if shape & 2 == 0 {
            header[257..265].copy_from_slice(b"ustar\x0000");
        }
        if shape & 4 != 0 {
            header[157..157 + name.len()].copy_from_slice(name);
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        let (content, after) = content.split_at(size.min(content.len()));
        archive.extend(content);
        if shape & 8 == 0 {
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
        if shape & 16 != 0 {
            archive.extend([0; 2 * BLOCK]);
        }
        data = after;
    }
    archive
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let mut artifact = match choice % 4 {
        0 => data.to_vec(),
        1 => archive(data),
        2 => gzip(data),
        _ => gzip(&archive(data)),
    };
    if choice & 0x80 != 0 {
        artifact.truncate(artifact.len() - artifact.len() / 5);
    }
    if choice & 0x40 != 0 {
        artifact.extend_from_slice(data);
    }
    let read = |threaded| {
        let source =
            |path: &str, _: &_| if path.len() % 2 == 0 { SourceContent::Different } else { SourceContent::Unknown };
        let collisions = CollisionCheck::EveryFile;
        read_tarball(
            artifact.as_slice(),
            &ReadOptions { limits: LIMITS, collisions, source: &source, aside: None, digests: true, threaded },
        )
    };
    let once = read(false);
    if choice & 0x20 != 0 {
        assert_eq!(read(true).ok().as_ref(), once.as_ref().ok());
    }
    let Ok(contents) = once else { return };

    assert_eq!(contents.compressed_size, artifact.len() as u64);
    assert!(contents.unpacked_size <= LIMITS.unpacked_size && contents.entries.len() as u64 <= LIMITS.entries);
    assert!(contents.entries.windows(2).all(|pair| pair[0].path < pair[1].path));
    let retained: usize = contents.entries.iter().flat_map(|entry| &entry.content).map(|content| content.len()).sum();
    assert!(retained <= LIMITS.retained_size);

    let wanted: BTreeSet<&str> = contents.files().map(|file| &*file.path).collect();
    let again = read_entries(artifact.as_slice(), LIMITS, &wanted, u64::MAX).expect("read before");
    for file in contents.files() {
        assert_eq!(EntryPath::from_package(&file.path).expect("a file's path is valid").as_str(), &*file.path);
        let content = &again[&file.path];
        assert_eq!(content.len() as u64, file.size);
        assert_eq!(BlobHasher::hash(CollisionCheck::ByHost, content), file.blob);
        assert!(file.content.as_ref().is_none_or(|kept| **kept == **content));
    }
});
