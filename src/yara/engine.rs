//! Rules through yara-x, within bounds: rules may be as hostile as what they are held against.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use yara_x::{Compiler, MetaValue, ScanError, Scanner, SourceCode};

use super::{FILE_TIME, PACKAGE_TIME, YaraError, YaraMatch, YaraScan};
use crate::package::line_of;

/// Most files of rules.
const MAX_FILES: usize = 2_000;
/// Most bytes of rules.
const MAX_BYTES: u64 = 16 << 20;
/// Longest time that rules are compiled.
const COMPILE_TIME: Duration = Duration::from_secs(60);
/// Stack of the thread that compiles.
const STACK_SIZE: usize = 64 << 20;
/// Most rules that are told of one file.
const MAX_MATCHES: usize = 50;
/// Longest description, characters.
const DESCRIPTION_LENGTH: usize = 200;
/// Modules of YARA that are not built in, because they read executables; rules that need them are passed over.
const MODULES: [&str; 14] = [
    "androguard",
    "console",
    "crx",
    "cuckoo",
    "dex",
    "dotnet",
    "elf",
    "lnk",
    "macho",
    "magic",
    "pe",
    "time",
    "vt",
    "zip",
];

/// Compiled rules; cheap to clone.
#[derive(Clone)]
pub struct YaraRules {
    rules: Arc<yara_x::Rules>,
    ignored: usize,
}

impl fmt::Debug for YaraRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("YaraRules").field("ignored", &self.ignored).finish_non_exhaustive()
    }
}

impl YaraRules {
    /// Compiles the files `*.yar` and `*.yara` of a directory, not of those below it.
    ///
    /// Each file is a namespace of its own, and includes are refused.
    pub fn read(directory: &Path) -> Result<Self, YaraError> {
        let sources = sources(directory)?;
        let (sender, receiver) = sync_channel(1);
        // Compiling cannot be interrupted. If it takes too long, the thread ends with the process.
        let compiling = thread::Builder::new().name("yara".to_owned()).stack_size(STACK_SIZE).spawn(move || {
            // Nobody listens any more if it took too long.
            let _ = sender.send(compile(&sources));
        });
        let read = |source| YaraError::Read { path: directory.to_owned(), source };
        compiling.map_err(read)?;
        let too_slow = || YaraError::TooSlow { path: directory.to_owned(), seconds: COMPILE_TIME.as_secs() };
        match receiver.recv_timeout(COMPILE_TIME) {
            Ok(compiled) => compiled,
            Err(RecvTimeoutError::Timeout) => Err(too_slow()),
            Err(RecvTimeoutError::Disconnected) => Err(read(std::io::Error::other("the compiler of rules broke down"))),
        }
    }

    /// How many rules are passed over, because they need a module that reads executables.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// Begins with the files of one package.
    pub fn scanner(&self) -> YaraScanner<'_> {
        YaraScanner { scanner: Scanner::new(&self.rules), left: PACKAGE_TIME }
    }
}

/// The files of rules with their contents, in the order of their names.
fn sources(directory: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, YaraError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| YaraError::Read { path, source }
    };
    let too_large = || YaraError::TooLarge { path: directory.to_owned(), files: MAX_FILES, bytes: MAX_BYTES };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(at(directory))? {
        let path = entry.map_err(at(directory))?.path();
        let is_rules = path.extension().is_some_and(|end| end == OsStr::new("yar") || end == OsStr::new("yara"));
        if is_rules && path.is_file() {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(too_large());
        }
    }
    if paths.is_empty() {
        return Err(YaraError::NoRules(directory.to_owned()));
    }
    paths.sort();
    let (mut sources, mut room) = (Vec::new(), MAX_BYTES);
    for path in paths {
        let size = std::fs::metadata(&path).map_err(at(&path))?.len();
        room = room.checked_sub(size).ok_or_else(too_large)?;
        let content = std::fs::read(&path).map_err(at(&path))?;
        sources.push((path, content));
    }
    Ok(sources)
}

fn compile(sources: &[(PathBuf, Vec<u8>)]) -> Result<YaraRules, YaraError> {
    let mut compiler = Compiler::new();
    compiler.enable_includes(false).switch_all_warnings(false);
    for module in MODULES {
        compiler.ignore_module(module);
    }
    for (path, content) in sources {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        compiler.new_namespace(&name);
        let added = compiler.add_source(SourceCode::from(content.as_slice()).with_origin(name.as_ref())).map(drop);
        added.map_err(|error| {
            let label = error.labels().next();
            let at = label.as_ref().map_or(0, |label| label.span().start());
            let what = label.map(|label| label.text().to_owned()).filter(|text| !text.is_empty());
            let what = what.map(|text| format!(": {text}")).unwrap_or_default();
            let line = line_of(&String::from_utf8_lossy(content), at);
            YaraError::Invalid { path: path.clone(), line, reason: format!("{}{what}", error.title()) }
        })?;
    }
    let ignored = compiler.ignored_rules().len();
    Ok(YaraRules { rules: Arc::new(compiler.build()), ignored })
}

/// Scans the files of one package, as long as there is time for them.
pub struct YaraScanner<'r> {
    scanner: Scanner<'r>,
    left: Duration,
}

impl fmt::Debug for YaraScanner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("YaraScanner").field("left", &self.left).finish_non_exhaustive()
    }
}

impl YaraScanner<'_> {
    /// Scans one file.
    pub fn scan(&mut self, content: &[u8]) -> YaraScan {
        let stopped = |reason: String| YaraScan { matches: Vec::new(), stopped: Some(reason) };
        // The engine counts in whole seconds.
        if self.left < Duration::from_secs(1) {
            return stopped(format!("the files before it took {} s", PACKAGE_TIME.as_secs()));
        }
        let limit = self.left.min(FILE_TIME);
        let begin = Instant::now();
        self.scanner.set_timeout(limit);
        let scanned = self
            .scanner
            .scan(content)
            .map(|results| results.matching_rules().take(MAX_MATCHES).map(|rule| told(&rule, content)).collect());
        self.left = self.left.saturating_sub(begin.elapsed());
        match scanned {
            Ok(matches) => YaraScan { matches, stopped: None },
            Err(ScanError::Timeout) => stopped(format!("it took more than {} s", limit.as_secs())),
            Err(error) => stopped(error.to_string()),
        }
    }
}

fn told(rule: &yara_x::Rule<'_, '_>, content: &[u8]) -> YaraMatch {
    let first = rule.patterns().flat_map(|pattern| pattern.matches().next().map(|seen| seen.range().start)).min();
    let before = |at: usize| content.get(..at).unwrap_or(content);
    let description = rule.metadata().find_map(|(key, value)| match value {
        MetaValue::String(text) if key == "description" => Some(text.chars().take(DESCRIPTION_LENGTH).collect()),
        _ => None,
    });
    YaraMatch {
        rule: rule.identifier().to_owned(),
        file: rule.namespace().to_owned(),
        line: first.map(|at| before(at).iter().filter(|byte| **byte == b'\n').count() + 1),
        description,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(files: &[(&str, &str)]) -> Result<YaraRules, YaraError> {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        YaraRules::read(directory.path())
    }

    fn names(scan: &YaraScan) -> Vec<(&str, &str, Option<usize>)> {
        scan.matches.iter().map(|found| (found.rule.as_str(), found.file.as_str(), found.line)).collect()
    }

    const EVIL: &str = r#"rule evil { meta: description = "says evil" strings: $a = "evil(" condition: $a }"#;

    #[test]
    fn a_rule_matches_where_its_pattern_is_and_not_elsewhere() {
        let rules = rules(&[("a.yar", EVIL), ("b.yara", EVIL), ("c.txt", "no rules")]).unwrap();
        let mut scanner = rules.scanner();
        let scan = scanner.scan(b"a()\nb()\nevil()\nevil()");
        assert_eq!(names(&scan), [("evil", "a.yar", Some(3)), ("evil", "b.yara", Some(3))]);
        assert_eq!(scan.matches[0].description.as_deref(), Some("says evil"));
        assert_eq!(scanner.scan(b"a()\nb()\n"), YaraScan::default());
    }

    #[test]
    fn an_error_names_file_and_line() {
        let text = "rule fine { condition: true }\n\nrule broken {\n  condition: $nothing\n}\n";
        let error = rules(&[("a.yar", EVIL), ("z.yar", text)]).unwrap_err().to_string();
        assert!(error.contains("z.yar") && error.contains("line 4: unknown pattern"), "{error}");
        let error = rules(&[("a.yar", "include \"/etc/passwd\"\n")]).unwrap_err().to_string();
        assert!(error.contains("line 1: include statements not allowed"), "{error}");
        assert!(matches!(rules(&[("a.txt", EVIL)]), Err(YaraError::NoRules(_))));
        assert!(matches!(YaraRules::read(Path::new("absent")), Err(YaraError::Read { .. })));
    }

    #[test]
    fn rules_about_executables_are_counted_and_passed_over() {
        let text = "import \"pe\"\nimport \"hash\"\nrule pe { condition: pe.is_pe }\n\
                    rule known { condition: hash.md5(0, filesize) == \"0cc175b9c0f1b6a831c399e269772661\" }";
        let rules = rules(&[("a.yar", text)]).unwrap();
        assert_eq!(rules.ignored(), 1);
        assert_eq!(names(&rules.scanner().scan(b"a")), [("known", "a.yar", None)]);
    }

    #[test]
    fn what_takes_too_long_is_stopped_and_said() {
        let slow =
            "rule slow { condition: for any i in (0..1000000000) : (for any j in (0..1000000000) : (i * j == -1)) }";
        let rules = rules(&[("a.yar", slow)]).unwrap();
        let mut scanner = rules.scanner();
        scanner.left = Duration::from_secs(1);
        let scan = scanner.scan(b"text");
        assert!(scan.matches.is_empty() && scan.stopped.is_some(), "{scan:?}");
        assert_eq!(scanner.scan(b"text").stopped.as_deref(), Some("the files before it took 60 s"));
    }

    #[test]
    fn very_many_rules_are_refused_and_very_many_matches_cut() {
        let all: String =
            (0..MAX_MATCHES + 9).map(|number| format!("rule r{number} {{ condition: true }}\n")).collect();
        assert_eq!(rules(&[("a.yar", &all)]).unwrap().scanner().scan(b"").matches.len(), MAX_MATCHES);
        let large = " ".repeat(usize::try_from(MAX_BYTES).unwrap() + 1);
        assert!(matches!(rules(&[("a.yar", &large)]), Err(YaraError::TooLarge { .. })));
    }
}
