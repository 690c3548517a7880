//! The build log: what every command wrote, with headings, up to a size, kept in the cache.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// The end of the output that is kept in memory to tell why a command failed, bytes.
const TAIL: usize = 16 << 10;
/// Longest line that is quoted, characters.
const LINE: usize = 300;

/// The end of a log that is read again at most, bytes.
const READ: u64 = 256 << 10;
/// What a line of ours begins with.
const HEADING: &str = "--- ";

/// The log at `path` in brief: below each heading the last lines, at most `count`. A `…` stands for what was left out.
pub(super) fn excerpt(path: &Path, count: usize) -> std::io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(READ);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.take(READ).read_to_end(&mut end)?;
    let text = String::from_utf8_lossy(&end);
    // It may begin in the middle of a line.
    let mut lines = text.lines().skip(usize::from(start > 0)).peekable();
    let mut excerpt = Vec::new();
    let mut is_cut = start > 0;
    while lines.peek().is_some() {
        excerpt.extend(lines.next_if(|line| line.starts_with(HEADING)).map(cut));
        let mut last = VecDeque::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with(HEADING)) {
            last.push_back(line);
            if last.len() > count {
                last.pop_front();
                is_cut = true;
            }
        }
        excerpt.extend(is_cut.then(|| "…".to_owned()));
        excerpt.extend(last.into_iter().map(cut));
        is_cut = false;
    }
    Ok(excerpt)
}

fn cut(line: &str) -> String {
    line.chars().take(LINE).collect()
}

/// A build log while it is written.
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    tail: Vec<u8>,
}

impl Log {
    /// Begins the log at `path`. That it cannot be written is no reason not to build.
    pub(super) fn create(path: PathBuf) -> Self {
        let open = || {
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
            File::create(&path)
        };
        let file = open().map_err(|error| tracing::warn!(path = %path.display(), %error, "no build log")).ok();
        Self { path, file, tail: Vec::new() }
    }

    /// Where it is, if it could be written.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.file.is_some().then(|| self.path.clone())
    }

    /// Writes a line of ours and begins a new tail.
    pub(super) fn heading(&mut self, line: &str) {
        self.tail.clear();
        if let Some(file) = &mut self.file {
            // A full disk shows in the next command, too.
            let _ = writeln!(file, "{HEADING}{line}");
        }
    }

    /// Writes how the last command ended.
    pub(super) fn heading_after(&mut self, line: &str) {
        if let Some(file) = &mut self.file {
            let _ = writeln!(file, "{HEADING}{line}");
        }
    }

    /// Writes what a command wrote.
    pub(super) fn output(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file {
            let _ = file.write_all(shown(bytes).as_bytes());
        }
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// The last command's output as it was written, its end if it is long.
    pub(super) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.tail).into_owned()
    }

    /// The first line of the last command's output that `tells`.
    pub(super) fn line_that(&self, tells: impl Fn(&str) -> bool) -> Option<String> {
        let tail = self.tail();
        let found = tail.lines().map(str::trim).find(|line| tells(line))?;
        Some(cut(found))
    }

    /// The line of the last command's output that tells most about its failure.
    pub(super) fn telling_line(&self) -> Option<String> {
        let tail = self.tail();
        let lines = || tail.lines().map(str::trim).filter(|line| !line.is_empty());
        let tells = |line: &&str| {
            let lower = line.to_ascii_lowercase();
            let noise = lower.contains("a complete log of this run")
                || lower == "\"error\": {"
                || lower.contains("npm-debug.log")
                || lower.contains("_logs/");
            lower.contains("err") && !noise && !lower.ends_with("code lifecycle") && lower != "npm err!"
        };
        // An error with its name says more than a word in a command line or in a stack.
        let names = |line: &&str| tells(line) && (line.contains("Error: ") || line.contains("error TS"));
        let found = lines().find(names).or_else(|| lines().find(tells)).or_else(|| lines().next_back())?;
        Some(cut(found))
    }
}

/// What a command wrote, for people: nothing in it moves their cursor.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).replace("\r\n", "\n").chars() {
        let obeyed = character.is_control() && !matches!(character, '\n' | '\t');
        if obeyed || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            text.extend(character.escape_unicode());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::run::symptoms::wants_network;

    #[test]
    fn the_host_that_a_script_wanted_is_quoted_and_not_what_npm_writes_around_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = Log::create(directory.path().join("build.log"));
        log.output(
            b"building\n  getaddrinfo ENOTFOUND r.example\n{\n  \"error\": {\n    \"summary\": \"command failed\"\n",
        );
        assert_eq!(log.line_that(wants_network).as_deref(), Some("getaddrinfo ENOTFOUND r.example"));
        log.heading("another command");
        log.output(b"{\n  \"error\": {\n  }\n}\nnpm error code 1\n");
        assert_eq!(log.line_that(wants_network), None);
        assert_eq!(log.telling_line().as_deref(), Some("npm error code 1"));
    }

    #[test]
    fn the_end_of_what_each_command_wrote_is_read_again_and_never_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("build.log");
        let mut log = Log::create(path.clone());
        log.heading("one");
        log.output(b"a\nb\nc\n");
        log.heading_after("exit 0");
        log.heading("two");
        log.output(b"d\n");
        assert_eq!(excerpt(&path, 2).unwrap(), ["--- one", "…", "b", "c", "--- exit 0", "--- two", "d"]);
        log.output("long ".repeat(1 << 20).as_bytes());
        log.output(b"\nend\n");
        assert_eq!(excerpt(&path, 2).unwrap(), ["…", "end"]);
        assert!(excerpt(&directory.path().join("gone"), 1).is_err());
    }

    #[test]
    fn a_log_moves_no_cursor() {
        assert_eq!(shown(b"a\x1b[2J\tb\r\nc\rd\n"), "a\\u{1b}[2J\tb\nc\\u{d}d\n");
        assert_eq!(shown("\u{202e}x".as_bytes()), "\\u{202e}x");
    }
}
