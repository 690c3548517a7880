//! npm's archive format: the order of members, their headers, and the compression around them.
//!
//! The tar stream is byte by byte what npm writes for the same files, but for paths that need an extended header;
//! those are refused.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

/// The moment npm gives every member: 1985-10-26 08:15 UTC.
pub(crate) const MEMBER_TIME: u64 = 499_162_500;

/// Members begin and end at a multiple of this.
pub(crate) const BLOCK: usize = 512;

/// Two empty blocks.
pub(crate) const END_OF_ARCHIVE: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Why an archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A name or link target does not fit its header field.
    #[error("`{0}` is too long for a member's header")]
    TooLong(String),
    /// Writing failed, which memory does not do.
    #[error("cannot write the archive")]
    Write(#[from] io::Error),
}

/// Compresses as npm does: best level, no name, no time, no operating system.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = gzip_to(Vec::new());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Compresses in the same way what is written to it.
pub(crate) fn gzip_to<W: Write>(output: W) -> GzEncoder<W> {
    GzBuilder::new().mtime(0).operating_system(255).write(output, Compression::best())
}

/// npm orders by extension, then base name, then whole path, ignoring case first.
pub(crate) fn packing_order(path: &str) -> (String, String, String) {
    let base = path.rsplit('/').next().unwrap_or(path);
    let extension = match base.rfind('.') {
        None | Some(0) => "",
        Some(dot) => &base[dot..],
    };
    (extension.to_lowercase(), base.to_lowercase(), path.to_owned())
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
pub(crate) fn member_header(path: &str, member: Member<'_>) -> Result<[u8; BLOCK], ArchiveError> {
    let (mode, size, type_flag, target): (_, _, _, &[u8]) = match member {
        Member::File { mode, size } => (mode, size, b'0', b""),
        Member::Link { target } => (0o777, 0, b'2', target),
    };
    // Ten digits and a space reach to 1 GiB; the bomb needs the eleventh.
    let size = if size >> 30 == 0 { format!("{size:010o} ") } else { format!("{size:011o}") };
    let mut block = [0; BLOCK];
    let (prefix, name) = split(path).ok_or_else(|| ArchiveError::TooLong(path.to_owned()))?;
    put(&mut block[..100], name.as_bytes())?;
    put(&mut block[100..108], format!("{mode:06o} ").as_bytes())?;
    put(&mut block[124..136], size.as_bytes())?;
    put(&mut block[136..148], format!("{MEMBER_TIME:010o} ").as_bytes())?;
    put(&mut block[148..156], b"        ")?;
    block[156] = type_flag;
    put(&mut block[157..257], target)?;
    put(&mut block[257..265], b"ustar\x0000")?;
    put(&mut block[329..337], b"000000 ")?;
    put(&mut block[337..345], b"000000 ")?;
    put(&mut block[345..500], prefix.as_bytes())?;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block[148..156], format!("{sum:06o} \0").as_bytes())?;
    Ok(block)
}

fn put(field: &mut [u8], value: &[u8]) -> Result<(), ArchiveError> {
    field
        .get_mut(..value.len())
        .ok_or_else(|| ArchiveError::TooLong(String::from_utf8_lossy(value).into_owned()))?
        .copy_from_slice(value);
    Ok(())
}

/// A path as prefix and name, split as late as npm splits it; `None` where no split fits.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() < 100 {
        return Some(("", path));
    }
    path.rmatch_indices('/')
        .map(|(slash, _)| (&path[..slash], &path[slash + 1..]))
        .take_while(|(_, name)| name.len() <= 100)
        .find(|(prefix, _)| prefix.len() <= 155)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_split_where_a_slash_allows_it() {
        let name = |path: &str| {
            let block = member_header(path, Member::File { mode: 0o644, size: 0 }).unwrap();
            let header = tar::Header::from_byte_slice(&block);
            String::from_utf8(header.path_bytes().into_owned()).unwrap()
        };
        for path in ["a/b".to_owned(), format!("{}/b.js", "x".repeat(120)), format!("{}b.js", "dir/".repeat(40))] {
            assert_eq!(name(&path), path);
        }
        for path in ["x".repeat(101), format!("{}/x", "y".repeat(200)), "dir/".repeat(80)] {
            assert!(matches!(
                member_header(&path, Member::File { mode: 0o644, size: 0 }),
                Err(ArchiveError::TooLong(_))
            ));
        }
    }
}
