//! Stage 7c: what is written out line by line: of the most urgent findings first, and of each file what matters most.

use std::collections::HashMap;

use crate::artifact::{ArtifactContents, ArtifactEntry};
use crate::compare::{
    AddedText, FileDiff, FocusLine, LineEnds, LineOrigin, PublishedContents, RebuiltFile, added_lines,
    diff_texts_around, line_origins,
};
use crate::finding::Finding;
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::source::git::{Completeness, SourceRepository};
use crate::source::match_commit::CommitMatch;
use crate::source::seen_lines::{SeenLines, WantedLines, seen_lines};
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::source::Discovery;
use crate::verify::{Context, Shown};

/// Most lines of one file that are looked for in the history.
const MAX_LINES: usize = 20_000;
/// Most lines of one file that are told apart by how much they matter.
const MAX_FOCUS: usize = 32;
/// What is found in it names the key and both values, so that its lines say no more.
const MANIFEST: &str = "package.json";

/// Stage 7c: writes differences out, once it is known which of them matter; `read` holds what was read already.
#[expect(clippy::too_many_arguments, reason = "everything that the stages before established")]
pub(in crate::verify) fn show(
    matched: &Option<CommitMatch>,
    discovery: &Discovery,
    contents: &ArtifactContents,
    outcome: &mut Outcome,
    findings: &[Finding],
    read: HashMap<Box<str>, Vec<u8>>,
    artifact: &ArtifactFile,
    claim: &Claim,
    context: &Context,
) {
    let (Some(matched), Some(source), Some(compared)) = (matched, discovery.repository(), &outcome.compared) else {
        return;
    };
    let urgent = by_file(findings);
    let choice = choose(&claim.shown, &compared.ledger, contents, &urgent);
    let published = PublishedContents::new(artifact.path.clone(), context.limits).knowing(read);
    let showing = Showing { shown: &claim.shown, contents, published, source, matched, urgent: &urgent };
    outcome.diffs = showing.diffs(&choice, &mut outcome.rebuilt);
}

/// What the findings about one file say of it.
struct Urgency<'a> {
    /// Where the first stands among all that are not excepted.
    place: usize,
    /// The one that knows most of what the file does.
    telling: &'a Finding,
}

fn by_file(findings: &[Finding]) -> HashMap<&str, Urgency<'_>> {
    let mut files: HashMap<&str, Urgency<'_>> = HashMap::new();
    for (place, finding) in findings.iter().filter(|finding| finding.excepted.is_none()).enumerate() {
        let Some(path) = finding.path.as_deref() else { continue };
        let known = files.entry(path).or_insert(Urgency { place, telling: finding });
        if finding.signals.len() > known.telling.signals.len() {
            known.telling = finding;
        }
    }
    files
}

/// The files of which something is written out, most urgent first.
struct Choice<'a> {
    shown: Vec<&'a LedgerFile>,
    /// Those that are only named.
    named: Vec<&'a LedgerFile>,
}

fn choose<'a>(
    shown: &Shown,
    ledger: &'a Ledger,
    contents: &ArtifactContents,
    urgent: &HashMap<&str, Urgency<'_>>,
) -> Choice<'a> {
    let mut files: Vec<&LedgerFile> = match shown {
        Shown::Excerpts | Shown::Pages | Shown::Unexplained => ledger.unexplained().collect(),
        Shown::File(path) => ledger.file(path).into_iter().collect(),
        // Of an explained file nobody asks where its lines come from.
        Shown::Origins(path) => ledger.unexplained().filter(|file| *file.path == **path).collect(),
    };
    files.retain(|file| contents.entry(&file.path).is_some_and(ArtifactEntry::is_file));
    files.sort_by_key(|file| urgent.get(&*file.path).map_or(usize::MAX, |urgency| urgency.place));
    if !shown.is_report() {
        return Choice { shown: files, named: Vec::new() };
    }
    let telling = |file: &LedgerFile| urgent.get(&*file.path).map(|urgency| urgency.telling);
    let is_output = |file: &LedgerFile| matches!(file.explanation, Explanation::ArtifactOnly { ignored_by_git: true });
    // What was not looked into, a build would have to explain first.
    files.retain(|file| !is_output(file) || telling(file).is_some_and(|finding| finding.reach.is_some()));
    let first = files.iter().map(|file| &*file.path).find(|path| *path != MANIFEST);
    let matters = |file: &LedgerFile| {
        first == Some(&*file.path) || telling(file).is_some_and(|finding| !finding.signals.is_empty())
    };
    // Build output says little and is large.
    files.retain(|file| !is_output(file) || matters(file));
    // What is new as a whole is not read again only to show how it begins.
    let is_at_hand = |file: &LedgerFile| {
        let is_new = matches!(file.explanation, Explanation::ArtifactOnly { .. });
        !is_new || contents.entry(&file.path).is_some_and(|entry| entry.content.is_some())
    };
    let room = shown.depth().files;
    let (mut shown, mut named): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| matters(file) || is_at_hand(file));
    shown.truncate(room);
    named.truncate(room - shown.len());
    Choice { shown, named }
}

/// What there is to write out, and from what.
struct Showing<'a> {
    shown: &'a Shown,
    contents: &'a ArtifactContents,
    published: PublishedContents,
    source: &'a SourceRepository,
    matched: &'a CommitMatch,
    urgent: &'a HashMap<&'a str, Urgency<'a>>,
}

impl Showing<'_> {
    fn diffs(&self, choice: &Choice<'_>, rebuilt: &mut [RebuiltFile]) -> Vec<FileDiff> {
        self.published.prepare(choice.shown.iter().filter_map(|file| self.contents.entry(&file.path)));
        let mut origins = self.origins(choice, rebuilt);
        let mut diffs = Vec::new();
        for file in &choice.shown {
            let origins = origins.remove(&*file.path).unwrap_or_default();
            let focus = self.focus(&file.path, &origins);
            let diff = match rebuilt.iter_mut().find(|made| made.path == *file.path) {
                // What a rebuild made is nearer to the published file than anything in git.
                Some(made) => {
                    let diff = self.with_rebuilt(made, &focus);
                    made.difference.focus(&focus, &diff);
                    diff
                }
                None => self.with_source(file, &focus),
            };
            diffs.push(FileDiff { origins, ..diff });
        }
        let named = choice.named.iter().map(|file| {
            let note = format!("not shown here ({} bytes); `tarproof diff` shows it", file.size);
            FileDiff::noted(&file.path, note)
        });
        diffs.extend(named);
        diffs
    }

    fn with_source(&self, file: &LedgerFile, focus: &[FocusLine]) -> FileDiff {
        let Some(published) = self.published.get(self.contents, &file.path) else {
            let note = format!("the published file is too large to diff ({} bytes)", file.size);
            return FileDiff::noted(&file.path, note);
        };
        let candidate = self.candidate(file);
        diff_texts_around(&file.path, candidate.as_deref(), Some(&published), self.shown.depth(), focus)
    }

    fn with_rebuilt(&self, made: &RebuiltFile, focus: &[FocusLine]) -> FileDiff {
        let published = self.published.get(self.contents, &made.path).filter(|_| !focus.is_empty());
        match made.candidate.as_ref().zip(published) {
            Some((candidate, published)) => {
                let candidate = Some(candidate.as_bytes());
                diff_texts_around(&made.path, candidate, Some(&published), self.shown.depth(), focus)
            }
            None => made.diff.clone(),
        }
    }

    fn candidate(&self, file: &LedgerFile) -> Option<Vec<u8>> {
        self.source.read_blob(file.counterpart.as_ref()?.blob)
    }

    /// The lines that matter: of signals, the strongest first, then those that the repository never had.
    fn focus(&self, path: &str, origins: &[LineOrigin]) -> Vec<FocusLine> {
        if !self.shown.is_report() {
            return Vec::new();
        }
        let signals = self.urgent.get(path).map(|urgency| urgency.telling.strongest_signals()).unwrap_or_default();
        let signals = signals.into_iter().map(|signal| FocusLine { line: signal.line, text: signal.evidence.clone() });
        let never_seen = origins.iter().filter(|origin| origin.place.is_none());
        let never_seen = never_seen.map(|origin| FocusLine { line: origin.lines.0, text: String::new() });
        signals.chain(never_seen).take(MAX_FOCUS).collect()
    }

    /// Where the repository had the lines that only the published files have, by path.
    ///
    /// What a rebuild made says where lines come from without that, and a patch has no place for it.
    fn origins<'a>(&self, choice: &Choice<'a>, rebuilt: &[RebuiltFile]) -> HashMap<&'a str, Vec<LineOrigin>> {
        // Where only the release's trees are, the history says nothing.
        if !self.shown.is_report() || self.source.completeness() == Completeness::Trees {
            return HashMap::new();
        }
        let is_rebuilt = |file: &LedgerFile| rebuilt.iter().any(|made| made.path == *file.path);
        let added: Vec<Added<'a>> =
            choice.shown.iter().filter(|file| !is_rebuilt(file)).filter_map(|file| self.added(file)).collect();
        let lines = |file: &Added<'_>| file.runs.iter().flat_map(|run| run.text.lines()).count();
        let wanted: Vec<WantedLines<'_>> = added
            .iter()
            .map(|file| WantedLines {
                path: file.source_path,
                lines: file.runs.iter().flat_map(|run| run.text.lines()).take(MAX_LINES).collect(),
            })
            .collect();
        let seen = seen_lines(self.source, &self.matched.winner.commit, &wanted);
        let origins = |(file, mut seen): (&Added<'a>, SeenLines)| {
            seen.complete &= lines(file) < MAX_LINES;
            (file.path, line_origins(&file.runs, &seen))
        };
        added.iter().zip(seen).map(origins).collect()
    }

    fn added<'a>(&self, file: &'a LedgerFile) -> Option<Added<'a>> {
        let candidate = self.candidate(file)?;
        let published = self.published.get(self.contents, &file.path)?;
        let (published, candidate) = (std::str::from_utf8(&published).ok()?, std::str::from_utf8(&candidate).ok()?);
        let source_path = &file.counterpart.as_ref()?.path;
        Some(Added { path: &file.path, source_path, runs: added_lines(published, candidate, LineEnds::of(&file.path)) })
    }
}

/// Lines that only a published file has.
struct Added<'a> {
    path: &'a str,
    /// The file of the commit that they are missing in.
    source_path: &'a str,
    runs: Vec<AddedText>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::EntryKind;
    use crate::capability::{Capability, Signal};
    use crate::finding::Rule;
    use crate::package::Sha256Digest;
    use crate::reach::Reach;

    fn modified(path: &str) -> LedgerFile {
        LedgerFile::of(path, Explanation::Modified { keys: Vec::new(), same_as: None, rebuilt: false })
    }

    fn added(path: &str, ignored_by_git: bool) -> LedgerFile {
        LedgerFile::of(path, Explanation::ArtifactOnly { ignored_by_git })
    }

    fn contents_of(ledger: &Ledger) -> ArtifactContents {
        let entry = |file: &LedgerFile| ArtifactEntry {
            path: file.path.clone(),
            kind: EntryKind::File,
            size: 1,
            executable: false,
            blob: None,
            blob_with_lf: None,
            sha256: None,
            machine_code: None,
            content: (!file.path.starts_with("large")).then(|| (*b"x").into()),
        };
        ArtifactContents {
            entries: ledger.files.iter().map(entry).collect(),
            anomalies: Vec::new(),
            manifest: None,
            aside: HashMap::new(),
            sha256: Sha256Digest([0; 32]),
            compressed_size: 1,
            unpacked_size: 1,
        }
    }

    fn finding(path: &str) -> Finding {
        Finding { reach: Some(Reach::Import), ..Finding::new(Rule::FileModified, Some(path), "differs") }
    }

    fn chosen(shown: &Shown, mut files: Vec<LedgerFile>, findings: &[Finding]) -> (Vec<String>, Vec<String>) {
        files.sort_by(|first, second| first.path.cmp(&second.path));
        let ledger = Ledger { files, source_only: None };
        let choice = choose(shown, &ledger, &contents_of(&ledger), &by_file(findings));
        let paths = |files: &[&LedgerFile]| files.iter().map(|file| file.path.to_string()).collect();
        (paths(&choice.shown), paths(&choice.named))
    }

    #[test]
    fn the_files_of_the_first_findings_are_shown_however_many_differ() {
        let mut files: Vec<LedgerFile> = (0..50).map(|number| modified(&format!("lib/{number:02}.js"))).collect();
        files.push(added("zz.js", false));
        let findings = [finding("zz.js"), finding("lib/49.js"), finding("lib/48.js")];
        for shown in [Shown::Excerpts, Shown::Pages, Shown::Unexplained] {
            let (paths, _) = chosen(&shown, files.clone(), &findings);
            assert_eq!(paths.len(), shown.depth().files.min(51));
            assert_eq!(paths[..4], ["zz.js", "lib/49.js", "lib/48.js", "lib/00.js"], "{shown:?}");
        }
    }

    #[test]
    fn an_excepted_finding_is_no_reason() {
        let excepted = Finding { excepted: Some("reviewed".to_owned()), ..finding("b.js") };
        let (paths, _) =
            chosen(&Shown::Excerpts, vec![modified("a.js"), modified("b.js")], &[excepted, finding("a.js")]);
        assert_eq!(paths, ["a.js", "b.js"]);
    }

    #[test]
    fn large_new_files_and_build_output_are_shown_only_where_they_matter() {
        let files = || {
            let new = ["large1.js", "large2.js", "large3.js"].map(|path| added(path, false));
            let built = ["out1.js", "out2.js", "out3.js"].map(|path| added(path, true));
            new.into_iter().chain(built).collect::<Vec<_>>()
        };
        let signal = Signal { capability: Capability::Process, line: 3, evidence: String::new() };
        let signalling = |path: &str| Finding { signals: vec![signal.clone()], ..finding(path) };
        let findings = [finding("large2.js"), finding("large1.js"), signalling("large3.js"), signalling("out3.js")];
        let (shown, named) = chosen(&Shown::Excerpts, files(), &findings);
        assert_eq!(
            (shown, named),
            (vec!["large2.js".into(), "large3.js".into(), "out3.js".into()], vec!["large1.js".into()])
        );
        let (shown, _) = chosen(&Shown::Excerpts, files(), &[finding("out2.js")]);
        assert_eq!(shown, ["out2.js"]);
        // Nobody looked into what a build would have to explain first.
        let unknown = Finding { reach: None, ..finding("out2.js") };
        let (shown, _) = chosen(&Shown::Excerpts, vec![added("out2.js", true)], &[unknown]);
        assert!(shown.is_empty());
    }
}
