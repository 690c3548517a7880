//! Packs a tree the way npm does, or on purpose differently, with the same bytes every time.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use super::case::ArchiveEntry;
use super::tree::{Tree, TreeFileKind};

/// The moment npm gives every member: 1985-10-26 08:15 UTC.
const MEMBER_TIME: u64 = 499_162_500;

const BLOCK: usize = 512;

/// Two empty blocks.
pub(crate) const END_OF_ARCHIVE: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Why a tarball cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// A name or link target does not fit its header field.
    #[error("`{0}` is too long for a member's header")]
    TooLong(String),
    /// Writing failed, which memory does not do.
    #[error("cannot write the archive")]
    Write(#[from] std::io::Error),
}

/// Packs `tree` under `package/` in npm's order, then `entries` as they stand.
pub fn build_tarball(tree: &Tree, entries: &[ArchiveEntry]) -> Result<Vec<u8>, TarballError> {
    let mut archive = Vec::new();
    let mut paths: Vec<&String> = tree.keys().collect();
    paths.sort_by_cached_key(|path| packing_order(path));
    for path in paths {
        let file = &tree[path];
        let name = format!("package/{path}");
        match file.kind {
            TreeFileKind::Regular => append_file(&mut archive, &name, 0o644, &file.content)?,
            TreeFileKind::Executable => append_file(&mut archive, &name, 0o755, &file.content)?,
            TreeFileKind::Link => archive.extend(member_header(&name, Member::Link { target: &file.content })?),
        }
    }
    for entry in entries {
        match &entry.link {
            Some(target) => {
                archive.extend(member_header(&entry.path, Member::Link { target: target.as_bytes() })?);
            }
            None => append_file(&mut archive, &entry.path, 0o644, entry.text.as_bytes())?,
        }
    }
    archive.extend(END_OF_ARCHIVE);
    gzip(&archive)
}

/// Compresses as npm does: best level, no name, no time, no operating system.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>, TarballError> {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// npm orders by extension, then base name, then whole path, ignoring case first.
fn packing_order(path: &str) -> (String, String, String) {
    let base = path.rsplit('/').next().unwrap_or(path);
    let extension = match base.rfind('.') {
        None | Some(0) => "",
        Some(dot) => &base[dot..],
    };
    (extension.to_lowercase(), base.to_lowercase(), path.to_owned())
}

fn append_file(archive: &mut Vec<u8>, path: &str, mode: u32, content: &[u8]) -> Result<(), TarballError> {
    archive.extend(member_header(path, Member::File { mode, size: content.len() as u64 })?);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    Ok(())
}

/// What a member's header says besides its name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Member<'a> {
    /// An ordinary file.
    File { mode: u32, size: u64 },
    /// A symbolic link.
    Link { target: &'a [u8] },
}

/// Writes a member's header block with the spaces and gaps that npm's packer leaves.
///
/// A tar library would refuse the very names that some cases are about, and fills numbers differently.
pub(crate) fn member_header(path: &str, member: Member<'_>) -> Result<[u8; BLOCK], TarballError> {
    let (mode, size, type_flag, target): (_, _, _, &[u8]) = match member {
        Member::File { mode, size } => (mode, size, b'0', b""),
        Member::Link { target } => (0o777, 0, b'2', target),
    };
    // Ten digits and a space reach to 1 GiB; the bomb needs the eleventh.
    let size = if size >> 30 == 0 { format!("{size:010o} ") } else { format!("{size:011o}") };
    let mut block = [0; BLOCK];
    put(&mut block[..100], path.as_bytes())?;
    put(&mut block[100..108], format!("{mode:06o} ").as_bytes())?;
    put(&mut block[124..136], size.as_bytes())?;
    put(&mut block[136..148], format!("{MEMBER_TIME:010o} ").as_bytes())?;
    put(&mut block[148..156], b"        ")?;
    block[156] = type_flag;
    put(&mut block[157..257], target)?;
    put(&mut block[257..265], b"ustar\x0000")?;
    put(&mut block[329..337], b"000000 ")?;
    put(&mut block[337..345], b"000000 ")?;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block[148..156], format!("{sum:06o} \0").as_bytes())?;
    Ok(block)
}

fn put(field: &mut [u8], value: &[u8]) -> Result<(), TarballError> {
    field
        .get_mut(..value.len())
        .ok_or_else(|| TarballError::TooLong(String::from_utf8_lossy(value).into_owned()))?
        .copy_from_slice(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::demo::tree::TreeFile;

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
        let entries = archive.entries().unwrap();
        entries.map(|entry| String::from_utf8_lossy(&entry.unwrap().path_bytes()).into_owned()).collect()
    }

    #[test]
    fn members_come_in_npm_order_with_npm_headers() {
        let tree: Tree = ["README.md", "package.json", "LICENSE", "lib/b.js", "a.js"]
            .map(|path| (path.to_owned(), TreeFile::text(path)))
            .into();
        let bytes = build_tarball(&tree, &[]).unwrap();
        let expected = ["LICENSE", "a.js", "lib/b.js", "package.json", "README.md"];
        assert_eq!(names(&bytes), expected.map(|path| format!("package/{path}")));
        assert_eq!(&bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut first = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!((first.header().mode().unwrap(), first.header().mtime().unwrap()), (0o644, MEMBER_TIME));
        // As npm 11 writes them: numbers end in a space, and there is no owner.
        assert_eq!(&first.header().as_bytes()[100..116], b"000644 \0\0\0\0\0\0\0\0\0");
        let mut text = String::new();
        first.read_to_string(&mut text).unwrap();
        assert_eq!(text, "LICENSE");
    }

    #[test]
    fn raw_members_keep_names_a_packer_would_refuse() {
        let entry = ArchiveEntry { path: "package/../../evil".to_owned(), text: String::new(), link: None };
        let bytes = build_tarball(&Tree::new(), &[entry]).unwrap();
        assert_eq!(names(&bytes), ["package/../../evil"]);
        let long = ArchiveEntry { path: "x".repeat(101), text: String::new(), link: None };
        assert!(matches!(build_tarball(&Tree::new(), &[long]), Err(TarballError::TooLong(_))));
    }
}
