//! Looks into what is not explained: when it runs, and what it can do.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;

use serde_json::Value;

use crate::artifact::{ArtifactContents, machine_code, read_entries};
use crate::capability::Counts;
use crate::compare::{LineEnds, added_lines, line_runs, removed_lines};
use crate::finding::{FileKind, UnexplainedText, is_alarming};
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::reach::{Reach, ReachLimits, ReachMap, References, is_compiled, may_refer, reads_as_program};
use crate::source::git::SourceRepository;
use crate::stabilize::javascript::SourceKind;
use crate::verify::Context;
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::programs::{Program, Unread, tell};
use crate::verify::stages::source::Discovery;
use crate::yara::YaraRules;

/// Largest file that is looked into, bytes.
pub(super) const FILE_SIZE: u64 = 4 << 20;
/// Most bytes of published files that are held at a time.
pub(super) const HELD_SIZE: u64 = 32 << 20;
/// Most unexplained files that are looked into, those that run first; of the others it is said that nothing is known.
const MAX_FILES: usize = 20_000;
/// Most unexplained programs that are read at once; each keeps what it refers to.
const MAX_PROGRAMS: usize = 10_000;

/// What was found about the unexplained files.
#[derive(Debug, Default)]
pub(in crate::verify) struct Examined {
    /// What they say, by path.
    pub(in crate::verify) texts: Vec<UnexplainedText>,
    pub(in crate::verify) reach: Option<ReachMap>,
    /// The files that were looked for: of others the walk may not have come to an end.
    wanted: BTreeSet<String>,
    /// The published manifest.
    pub(in crate::verify) manifest: Option<Value>,
    /// Contents that were read.
    pub(in crate::verify) held: HashMap<Box<str>, Vec<u8>>,
    /// What makes build output urgent: of each such file that is not inert, all of it.
    pub(super) alarming: HashMap<String, Counts>,
}

impl Examined {
    /// Whether it is known when a file takes effect.
    pub(in crate::verify) fn is_wanted(&self, path: &str) -> bool {
        self.wanted.contains(path)
    }

    /// Whether the file may take effect, as far as is known.
    pub(super) fn may_run(&self, path: &str) -> bool {
        self.reach.as_ref().is_none_or(|reach| reach.reach(path) != Reach::Inert)
    }
}

/// Reads the unexplained files and follows the package's imports; nothing is done where all is explained.
///
/// `aside` is what was put aside while the artifact was read.
pub(in crate::verify) fn examine(
    discovery: &Discovery,
    contents: &ArtifactContents,
    aside: HashMap<Box<str>, Vec<u8>>,
    outcome: &Outcome,
    artifact: &ArtifactFile,
    context: &Context,
) -> Examined {
    let Some(ledger) = outcome.compared.as_ref().map(|compared| &compared.ledger) else { return Examined::default() };
    let paths: BTreeSet<&str> = contents.files().map(|entry| &*entry.path).collect();
    let unexplained = || looked_into(outcome).filter(|file| paths.contains(&*file.path));
    if unexplained().next().is_none() {
        return Examined::default();
    }
    let manifest = contents.parsed_manifest();
    let held = held(contents, aside, ledger, discovery, artifact, context);
    let files = Files { ledger, source: discovery.repository(), held };
    let known = manifest.clone().unwrap_or(Value::Null);
    let wanted = unexplained().map(|file| &*file.path).collect();
    let mut programs = programs(unexplained(), &files, outcome, context);
    let references: HashMap<&str, &References> =
        programs.iter().map(|(path, program)| (*path, &program.references)).collect();
    let limits = ReachLimits::default();
    let mut read = |path: &str| files.read(path);
    let reach = ReachMap::with_references(&known, &paths, &mut read, &references, Some(&wanted), limits);
    let mut first: Vec<(Reach, &LedgerFile)> = unexplained().map(|file| (reach.reach(&file.path), file)).collect();
    first.sort_by_key(|(reach, _)| *reach);
    let mut alarming = HashMap::new();
    let text = |(index, (reach, file)): (usize, (Reach, &LedgerFile))| {
        if index >= MAX_FILES {
            return unread(file, reach);
        }
        let text = text(file, programs.remove(&*file.path), &files, outcome, reach)?;
        let is_output = is_output(file, outcome);
        let mut all = text.1;
        all.retain(|(capability, _), _| is_alarming(*capability));
        if is_output && reach != Reach::Inert && !all.is_empty() {
            alarming.insert(file.path.to_string(), all);
        }
        Some(text.0)
    };
    let mut texts: Vec<UnexplainedText> = first.into_iter().enumerate().filter_map(text).collect();
    texts.sort_by(|first, second| first.path.cmp(&second.path));
    if let Some(mut scanner) = context.yara.as_ref().map(YaraRules::scanner) {
        for text in &mut texts {
            text.yara = files.read(&text.path).map(|content| scanner.scan(&content)).unwrap_or_default();
        }
    }
    let wanted = wanted.into_iter().map(str::to_owned).collect();
    Examined { texts, reach: Some(reach), wanted, manifest, held: files.held, alarming }
}

/// Reads the unexplained programs, on all processors that are idle.
///
/// None where there are very many: then the walk reads them as it comes to them.
fn programs<'a>(
    unexplained: impl Iterator<Item = &'a LedgerFile>,
    files: &'a Files<'_>,
    outcome: &Outcome,
    context: &Context,
) -> HashMap<&'a str, Program> {
    let kind = |file: &LedgerFile| SourceKind::of(&file.path).filter(|kind| *kind != SourceKind::Declarations);
    let found: Vec<_> = unexplained.filter_map(|file| Some((file, kind(file)?))).collect();
    if found.len() > MAX_PROGRAMS {
        return HashMap::new();
    }
    let unread = found.into_iter().filter_map(|(file, kind)| {
        let (content, candidate) = (files.read(&file.path)?, candidate(file, files, outcome));
        Some(Unread { path: &file.path, kind, content, candidate, is_measured: true })
    });
    let mut unread: Vec<Unread<'_>> = unread.collect();
    unread.sort_by_key(|file| std::cmp::Reverse(file.content.len()));
    let read = context.processors.each(&unread, Unread::read);
    unread.iter().map(|file| file.path).zip(read).collect()
}

fn candidate(file: &LedgerFile, files: &Files<'_>, outcome: &Outcome) -> Option<String> {
    // What a rebuild made is nearer to the published file than anything in git.
    match outcome.rebuilt.iter().find(|made| made.path == *file.path) {
        Some(made) => made.candidate.clone(),
        None => files.source_text(file),
    }
}

/// Whether only the artifact has the file, and the commit says that it comes out of a build.
pub(super) fn is_output(file: &LedgerFile, outcome: &Outcome) -> bool {
    matches!(file.explanation, Explanation::ArtifactOnly { .. }) && outcome.output.contains(&*file.path)
}

/// The unexplained files, those that a build may have made among them: whatever a rebuild would say of them, they are
/// what gets installed.
pub(in crate::verify) fn looked_into(outcome: &Outcome) -> impl Iterator<Item = &LedgerFile> {
    outcome.compared.iter().flat_map(|compared| compared.ledger.unexplained())
}

/// The contents of published files: unexplained ones, and others that git has not at hand.
struct Files<'a> {
    ledger: &'a Ledger,
    source: Option<&'a SourceRepository>,
    held: HashMap<Box<str>, Vec<u8>>,
}

impl Files<'_> {
    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        if let Some(content) = self.held.get(path) {
            return Some(Cow::Borrowed(content));
        }
        let blob = self.ledger.file(path)?.blob?;
        self.source?.local_blob(blob).map(Cow::Owned)
    }

    fn source_text(&self, file: &LedgerFile) -> Option<String> {
        let counterpart = file.counterpart.as_ref()?;
        let content = self.source?.read_blob(counterpart.blob)?;
        Some(String::from_utf8_lossy(&content).into_owned())
    }
}

/// One pass over the artifact for all that will be asked for, unexplained files first.
///
/// Of files that refer to nothing, such as source maps, as many as are looked into.
fn held(
    contents: &ArtifactContents,
    aside: HashMap<Box<str>, Vec<u8>>,
    ledger: &Ledger,
    discovery: &Discovery,
    artifact: &ArtifactFile,
    context: &Context,
) -> HashMap<Box<str>, Vec<u8>> {
    let at_hand = |file: &&LedgerFile| {
        let found = discovery.repository().zip(file.blob).is_some_and(|(source, blob)| source.has_blob(blob));
        file.explanation.is_explained() && found
    };
    let mut wanted: Vec<&LedgerFile> = ledger.files.iter().filter(|file| !at_hand(file)).collect();
    // What is loaded as it is comes before what is only read.
    wanted.sort_by_key(|file| (file.explanation.is_explained(), !may_refer(&file.path), !is_compiled(&file.path)));
    let mut others = MAX_FILES;
    wanted.retain(|file| {
        let is_kept = may_refer(&file.path) || !file.explanation.is_explained() && others > 0;
        others -= usize::from(is_kept && !may_refer(&file.path));
        is_kept
    });
    let (mut held, mut again, mut room) = (aside, BTreeSet::new(), HELD_SIZE);
    for file in wanted.into_iter().filter(|file| file.size <= FILE_SIZE) {
        let Some(rest) = room.checked_sub(file.size) else { continue };
        room = rest;
        if held.contains_key(&file.path) {
            continue;
        }
        let kept = contents.entry(&file.path).and_then(|entry| entry.content.as_deref());
        let manifest = contents.manifest.as_deref().filter(|_| &*file.path == "package.json");
        match kept.or(manifest) {
            Some(content) => {
                held.insert(file.path.clone(), content.to_vec());
            }
            None => {
                again.insert(&*file.path);
            }
        }
    }
    if again.is_empty() {
        return held;
    }
    let read = File::open(&artifact.path)
        .map_err(|error| error.to_string())
        .and_then(|file| read_entries(file, context.limits, &again, FILE_SIZE).map_err(|error| error.to_string()));
    match read {
        Ok(contents) => held.extend(contents),
        Err(error) => tracing::warn!(artifact = %artifact.path.display(), %error, "the artifact cannot be read again"),
    }
    held
}

/// What one file holds that neither the source nor a rebuild has, and everything that can do.
fn text(
    file: &LedgerFile,
    program: Option<Program>,
    files: &Files<'_>,
    outcome: &Outcome,
    reach: Reach,
) -> Option<(UnexplainedText, Counts)> {
    let alone = |text: UnexplainedText| Some((text, Counts::new()));
    let path = file.path.to_string();
    // What runs is read as its interpreter reads it, whatever bytes stand between.
    let is_program = may_be_program(file, reach);
    let Some(content) = files.read(&file.path) else { return unread(file, reach).and_then(alone) };
    let published = match std::str::from_utf8(&content) {
        Ok(text) if !text.contains('\0') => Cow::Borrowed(text),
        _ => {
            let text = String::from_utf8_lossy(&content);
            // The comments of a program that is called an image may hold any byte.
            let is_program = is_program || reach != Reach::Inert && reads_as_program(text.as_bytes());
            if !is_program || machine_code(&content).is_some() {
                return alone(UnexplainedText { path, is_binary: true, ..UnexplainedText::default() });
            }
            Cow::Owned(text.into_owned())
        }
    };
    let candidate = candidate(file, files, outcome);
    let ends = LineEnds::of(&file.path);
    let removed = candidate.as_ref().map(|candidate| removed_lines(&published, candidate, ends)).unwrap_or_default();
    // A program under the name of prose was not put there to be read.
    let is_disguised = || FileKind::of(&file.path) == FileKind::Document && reads_as_program(published.as_bytes());
    let kind = program_kind(&file.path, reach).or_else(|| is_disguised().then_some(SourceKind::Unstated));
    let told = kind.map(|kind| {
        let told = program.and_then(|program| program.told);
        told.unwrap_or_else(|| tell(&published, candidate.as_deref(), kind))
    });
    let (text, lines) = match &candidate {
        Some(candidate) => {
            let added = added_lines(&published, candidate, ends);
            let lines = line_runs(&added);
            (added.into_iter().map(|run| run.text).collect(), lines)
        }
        None => {
            let lines = vec![(1, published.lines().count().max(1))];
            (published.into_owned(), lines)
        }
    };
    let Some(told) = told else {
        return alone(UnexplainedText { path, text, lines, removed, ..UnexplainedText::default() });
    };
    // Only an import has what has no name of a program read as one.
    let is_imported = reach == Reach::Import && !content.starts_with(b"#!");
    let is_unparsed = told.abilities.is_of_words && (SourceKind::of(&file.path).is_some() || is_imported);
    let text = UnexplainedText {
        path,
        text,
        lines,
        removed,
        is_unparsed,
        signals: told.abilities.signals,
        minified: told.looks.minified,
        obfuscated: told.looks.obfuscated,
        ..UnexplainedText::default()
    };
    Some((text, told.abilities.all))
}

/// A file of which nothing is known; `None` where that hides nothing.
fn unread(file: &LedgerFile, reach: Reach) -> Option<UnexplainedText> {
    // What is loaded as it is has no signals anyway.
    let is_run = reach < Reach::Reachable && !is_compiled(&file.path) && !file.path.ends_with(".json");
    let is_unread = (may_be_program(file, reach) || is_run) && file.size > 0;
    is_unread.then(|| UnexplainedText { path: file.path.to_string(), is_unread, ..UnexplainedText::default() })
}

fn may_be_program(file: &LedgerFile, reach: Reach) -> bool {
    SourceKind::of(&file.path).is_some() || reach != Reach::Inert && may_refer(&file.path)
}

/// What a text is read as to tell what it can do; `None` where nothing runs it.
fn program_kind(path: &str, reach: Reach) -> Option<SourceKind> {
    let runs = reach != Reach::Inert;
    match SourceKind::of(path) {
        // Compilers read it, and what it imports and names is gone when anything runs.
        Some(SourceKind::Declarations) if !runs => None,
        Some(kind) => Some(kind),
        // Whatever it is called, what an import reaches is read as a program.
        None => (runs && !path.ends_with(".json")).then_some(SourceKind::Unstated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read_as_programs_where_something_leads_to_them() {
        assert_eq!(program_kind("a.d.ts", Reach::Inert), None);
        assert_eq!(program_kind("a.d.ts", Reach::Reachable), Some(SourceKind::Declarations));
        assert_eq!(program_kind("a.ts", Reach::Inert), Some(SourceKind::TypeScript));
        assert_eq!(program_kind("a.md", Reach::Inert), None);
        assert_eq!(program_kind("a.md", Reach::Import), Some(SourceKind::Unstated));
        assert_eq!(program_kind("a.json", Reach::Import), None);
    }
}
