//! Looks into what is not explained: when it runs, and what it can do.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::ops::Range;

use serde_json::Value;

use crate::artifact::{ArtifactContents, machine_code, read_entries};
use crate::capability::{looks, signals_within};
use crate::compare::{added_code, added_lines, line_runs, removed_lines};
use crate::finding::UnexplainedText;
use crate::ledger::{Ledger, LedgerFile};
use crate::reach::{Reach, ReachLimits, ReachMap, is_compiled, may_refer, reads_as_program};
use crate::source::git::SourceRepository;
use crate::stabilize::javascript::SourceKind;
use crate::verify::Context;
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::source::Discovery;
use crate::yara::YaraRules;

/// Largest file that is looked into, bytes.
pub(super) const FILE_SIZE: u64 = 4 << 20;
/// Most bytes of published files that are held at a time.
pub(super) const HELD_SIZE: u64 = 32 << 20;
/// Most unexplained files that are looked into, those that run first.
const MAX_FILES: usize = 200;

/// What was found about the unexplained files.
#[derive(Debug, Default)]
pub(in crate::verify) struct Examined {
    pub(in crate::verify) texts: Vec<UnexplainedText>,
    pub(in crate::verify) reach: Option<ReachMap>,
    /// The files that were looked for: of others the walk may not have come to an end.
    wanted: BTreeSet<String>,
    /// The published manifest.
    pub(in crate::verify) manifest: Option<Value>,
}

impl Examined {
    /// Whether it is known when a file takes effect.
    pub(in crate::verify) fn is_wanted(&self, path: &str) -> bool {
        self.wanted.contains(path)
    }
}

/// Reads the unexplained files and follows the package's imports; nothing is done where all is explained.
pub(in crate::verify) fn examine(
    discovery: &Discovery,
    contents: &ArtifactContents,
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
    let files =
        Files { ledger, source: discovery.repository(), held: held(contents, ledger, discovery, artifact, context) };
    let known = manifest.clone().unwrap_or(Value::Null);
    let wanted = unexplained().map(|file| &*file.path).collect();
    let reach = ReachMap::of(&known, &paths, &mut |path| files.read(path), Some(&wanted), ReachLimits::default());
    let mut first: Vec<(Reach, &LedgerFile)> = unexplained().map(|file| (reach.reach(&file.path), file)).collect();
    first.sort_by_key(|(reach, _)| *reach);
    let mut texts: Vec<UnexplainedText> =
        first.into_iter().take(MAX_FILES).filter_map(|(reach, file)| text(file, &files, outcome, reach)).collect();
    if let Some(mut scanner) = context.yara.as_ref().map(YaraRules::scanner) {
        for text in &mut texts {
            text.yara = files.read(&text.path).map(|content| scanner.scan(&content)).unwrap_or_default();
        }
    }
    let wanted = wanted.into_iter().map(str::to_owned).collect();
    Examined { texts, reach: Some(reach), wanted, manifest }
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
    let (mut held, mut again, mut room) = (HashMap::new(), BTreeSet::new(), HELD_SIZE);
    for file in wanted.into_iter().filter(|file| file.size <= FILE_SIZE) {
        let Some(rest) = room.checked_sub(file.size) else { continue };
        room = rest;
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

/// What one file holds that neither the source nor a rebuild has.
fn text(file: &LedgerFile, files: &Files<'_>, outcome: &Outcome, reach: Reach) -> Option<UnexplainedText> {
    let path = file.path.to_string();
    // What runs is read as its interpreter reads it, whatever bytes stand between.
    let is_program = SourceKind::of(&file.path).is_some() || reach != Reach::Inert && may_refer(&file.path);
    let Some(content) = files.read(&file.path) else {
        // What is loaded as it is has no signals anyway.
        let is_run = reach < Reach::Reachable && !is_compiled(&file.path) && !file.path.ends_with(".json");
        let is_unread = (is_program || is_run) && file.size > 0;
        return is_unread.then(|| UnexplainedText { path, is_unread, ..UnexplainedText::default() });
    };
    let published = match std::str::from_utf8(&content) {
        Ok(text) if !text.contains('\0') => text.to_owned(),
        _ => {
            let text = String::from_utf8_lossy(&content);
            // The comments of a program that is called an image may hold any byte.
            let is_program = is_program || reach != Reach::Inert && reads_as_program(text.as_bytes());
            if !is_program || machine_code(&content).is_some() {
                return Some(UnexplainedText { path, is_binary: true, ..UnexplainedText::default() });
            }
            text.into_owned()
        }
    };
    // What a rebuild made is nearer to the published file than anything in git.
    let rebuilt = outcome.rebuilt.iter().find(|made| made.path == *file.path);
    let candidate = match rebuilt {
        Some(made) => made.candidate.clone(),
        None => files.source_text(file),
    };
    let removed = candidate.as_ref().map(|candidate| removed_lines(&published, candidate)).unwrap_or_default();
    let (text, lines) = match &candidate {
        Some(candidate) => {
            let added = added_lines(&published, candidate);
            let lines = line_runs(&added);
            (added.into_iter().map(|run| run.text).collect(), lines)
        }
        None => (published.clone(), vec![(1, published.lines().count().max(1))]),
    };
    // Whatever it is called, what an import reaches is read as a program.
    let runs = reach != Reach::Inert;
    let is_data = file.path.ends_with(".json");
    let kind = SourceKind::of(&file.path).or((runs && !is_data).then_some(SourceKind::Unstated));
    let Some(kind) = kind else {
        return Some(UnexplainedText { path, text, lines, removed, ..UnexplainedText::default() });
    };
    let spans: Vec<Range<usize>> = match &candidate {
        Some(candidate) => added_code(&published, candidate, kind),
        None => std::iter::once(0..published.len()).collect(),
    };
    let code: String =
        spans.iter().filter_map(|span| published.get(span.clone())).flat_map(|code| [code, "\n"]).collect();
    let looks = looks(&code);
    let signals = if spans.is_empty() { Vec::new() } else { signals_within(&published, kind, &spans) };
    Some(UnexplainedText {
        path,
        text,
        lines,
        removed,
        signals,
        minified: looks.minified,
        obfuscated: looks.obfuscated,
        ..UnexplainedText::default()
    })
}
