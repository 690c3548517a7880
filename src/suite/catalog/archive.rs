//! Archives that are built as no packer builds them.

use super::{AMBIGUOUS, MODIFIED, expect};
use crate::finding::Risk;
use crate::pack::npm::archive::{END_OF_ARCHIVE, gzip};
use crate::suite::archive::{append, global_record};
use crate::suite::draft::{Draft, Member, NameRecord, PAYLOAD};
use crate::suite::transformation::{Expected, Group, Planted, Transformation, VerdictIs};

const fn archive(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::Archive, expected, apply }
}

const DUPLICATE: Expected = expect(&["duplicate-entry"], Risk::High);
/// Installers keep the honest content, which comes last.
const DUPLICATE_FIRST: Expected = Expected { rules: &["duplicate-entry"], risk: Risk::High, verdict: VerdictIs::Any };
const OUTSIDE: Expected = expect(&["unsafe-path"], Risk::High);

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    archive("duplicate-entry-last", "a path twice, the payload last", DUPLICATE, |draft| {
        let path = draft.main_code()?;
        draft.members.push(Member::file(path.clone(), PAYLOAD));
        Some(Planted::at(path))
    }),
    archive("duplicate-entry-first", "a path twice, the payload first", DUPLICATE_FIRST, |draft| {
        let path = draft.main_code()?;
        draft.members.insert(0, Member::file(path.clone(), PAYLOAD));
        Some(Planted::at(path))
    }),
    archive("duplicate-by-detour", "a path twice, once with a detour", DUPLICATE, |draft| {
        let path = draft.main_code()?;
        draft.members.push(Member::file(format!("./{path}"), PAYLOAD));
        Some(Planted::at(path))
    }),
    archive("pax-path", "an extended header that names another file", MODIFIED, |draft| {
        renamed_by(draft, NameRecord::Pax("notes.txt".to_owned()))
    }),
    archive("gnu-long-name", "a long name that names another file", MODIFIED, |draft| {
        renamed_by(draft, NameRecord::Gnu("notes.txt".to_owned()))
    }),
    archive("global-pax-path", "a global header that renames what follows", AMBIGUOUS, |draft| {
        draft.before_end = global_record("path", "package/index.js").ok()?;
        append(&mut draft.before_end, &Member::file("notes.txt", PAYLOAD)).ok()?;
        Some(Planted::in_release())
    }),
    archive("path-outside", "a path that leaves the package", OUTSIDE, |draft| {
        draft.members.push(Member::file("../../inert.js", PAYLOAD));
        Some(Planted::at("package/../../inert.js"))
    }),
    archive("members-after-end", "members behind the end of the archive", AMBIGUOUS, |draft| {
        append(&mut draft.after_archive, &Member::file("inert.js", PAYLOAD)).ok()?;
        draft.after_archive.extend(END_OF_ARCHIVE);
        Some(Planted::in_release())
    }),
    archive("second-gzip-member", "a second archive behind the first", AMBIGUOUS, |draft| {
        let mut second = Vec::new();
        append(&mut second, &Member::file("inert.js", PAYLOAD)).ok()?;
        second.extend(END_OF_ARCHIVE);
        draft.after_compressed = gzip(&second).ok()?;
        Some(Planted::in_release())
    }),
    archive("data-after-gzip", "bytes behind the compressed stream", AMBIGUOUS, |draft| {
        draft.after_compressed = PAYLOAD.into();
        Some(Planted::in_release())
    }),
];

/// The main file, whose header calls it something else.
fn renamed_by(draft: &mut Draft, record: NameRecord) -> Option<Planted> {
    let path = draft.main_code()?;
    draft.append_payload(&path)?;
    draft.members.iter_mut().find(|member| member.path == path)?.record = Some(record);
    Some(Planted::at(path))
}
