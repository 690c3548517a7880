//! Reads an honest tarball into members, and writes members that no packer would write.

use std::io::Read as _;

use super::draft::{Draft, Member, MemberKind, NameRecord};
use crate::demo::TarballError;
use crate::pack::npm::archive::{BLOCK, END_OF_ARCHIVE, Member as Header, gzip, member_header};

/// Type bytes of records in front of the member that they are about, and of a hard link.
const PAX: u8 = b'x';
const GNU_LONG_NAME: u8 = b'L';
const HARD_LINK: u8 = b'1';

/// More than any package of the suite unpacks to.
const MAX_UNPACKED: u64 = 256 << 20;

/// Why a tarball cannot be taken apart.
#[derive(Debug, thiserror::Error)]
#[error("cannot take the tarball apart")]
pub struct ArchiveReadError(#[from] std::io::Error);

/// The files of an honest tarball, in its order.
pub fn read_members(tarball: &[u8]) -> Result<Vec<Member>, ArchiveReadError> {
    let stream = flate2::read::MultiGzDecoder::new(tarball).take(MAX_UNPACKED);
    let mut archive = tar::Archive::new(stream);
    let mut members = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((_, path)) = path.trim_start_matches("./").split_once('/') else { continue };
        let mut member = Member::file(path, Vec::new());
        member.executable = entry.header().mode()? & 0o111 != 0;
        entry.read_to_end(&mut member.content)?;
        members.push(member);
    }
    Ok(members)
}

/// Packs a draft as it stands.
pub(super) fn write_tarball(draft: &Draft) -> Result<Vec<u8>, TarballError> {
    let mut bytes = Vec::new();
    for member in &draft.members {
        append(&mut bytes, member)?;
    }
    bytes.extend_from_slice(&draft.before_end);
    bytes.extend(END_OF_ARCHIVE);
    bytes.extend_from_slice(&draft.after_archive);
    let mut compressed = gzip(&bytes)?;
    compressed.extend_from_slice(&draft.after_compressed);
    Ok(compressed)
}

/// The block or blocks of one member, without an end of the archive.
pub(super) fn append(bytes: &mut Vec<u8>, member: &Member) -> Result<(), TarballError> {
    let path = format!("package/{}", member.path);
    let name = match &member.record {
        None if member_header(&path, Header::File { mode: 0, size: 0 }).is_ok() => path,
        None => {
            // As npm does where a path fits no header.
            append_record(bytes, PAX, &pax_record("path", &path))?;
            path.chars().take(60).filter(char::is_ascii).collect()
        }
        Some(NameRecord::Pax(name)) => {
            append_record(bytes, PAX, &pax_record("path", &path))?;
            format!("package/{name}")
        }
        Some(NameRecord::Gnu(name)) => {
            append_record(bytes, GNU_LONG_NAME, format!("{path}\0").as_bytes())?;
            format!("package/{name}")
        }
    };
    match &member.kind {
        MemberKind::File => {
            let mode = if member.executable { 0o755 } else { 0o644 };
            bytes.extend(member_header(&name, Header::File { mode, size: member.content.len() as u64 })?);
            append_content(bytes, &member.content);
        }
        MemberKind::SymbolicLink(target) => {
            bytes.extend(member_header(&name, Header::Link { target: target.as_bytes() })?);
        }
        MemberKind::HardLink(target) => {
            bytes.extend(with_type(member_header(&name, Header::Link { target: target.as_bytes() })?, HARD_LINK));
        }
    }
    Ok(())
}

/// A member that says something of others.
fn append_record(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) -> Result<(), TarballError> {
    let header = member_header("PaxHeader/record", Header::File { mode: 0o644, size: content.len() as u64 })?;
    bytes.extend(with_type(header, kind));
    append_content(bytes, content);
    Ok(())
}

/// A global extended header that renames everything after it.
pub(super) fn global_record(key: &str, value: &str) -> Result<Vec<u8>, TarballError> {
    let mut bytes = Vec::new();
    append_record(&mut bytes, b'g', &pax_record(key, value))?;
    Ok(bytes)
}

fn append_content(bytes: &mut Vec<u8>, content: &[u8]) {
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
}

/// A record's length counts its own digits.
fn pax_record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length += 1;
    }
    format!("{length} {key}={value}\n").into_bytes()
}

/// The same header with another type and the sum that goes with it.
fn with_type(mut header: [u8; BLOCK], kind: u8) -> [u8; BLOCK] {
    header[156] = kind;
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o} \0").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(members: Vec<Member>) -> Draft {
        Draft::new("wood-plane", "1.1.0", members)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut tool = Member::file("bin/run.sh", "#!/bin/sh\n");
        tool.executable = true;
        let long = Member::file(format!("{}.js", "x".repeat(300)), "long");
        let members = vec![Member::file("package.json", "{}"), tool, long];
        assert_eq!(read_members(&write_tarball(&draft(members.clone())).unwrap()).unwrap(), members);
    }

    #[test]
    fn records_name_the_member_behind_them() {
        for record in [NameRecord::Pax("a.txt".to_owned()), NameRecord::Gnu("a.txt".to_owned())] {
            let mut member = Member::file("index.js", "x");
            member.record = Some(record);
            let tarball = write_tarball(&draft(vec![member])).unwrap();
            assert_eq!(read_members(&tarball).unwrap()[0].path, "index.js");
        }
    }

    #[test]
    fn links_are_no_files() {
        let mut link = Member::file("a", "");
        link.kind = MemberKind::HardLink("package/b".to_owned());
        assert!(read_members(&write_tarball(&draft(vec![link])).unwrap()).unwrap().is_empty());
        assert!(ArchiveReadError::from(std::io::Error::other("x")).to_string().contains("tarball"));
        assert!(read_members(b"no archive").is_err());
    }
}
