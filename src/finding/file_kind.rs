//! What a file is, by its name and its first bytes.

use crate::package::is_document;

/// What kind of file an unexplained difference is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A program in a form that imports lead to.
    Code,
    /// Takes effect in ways that imports do not show: machine code, or what decides over installed versions.
    Unfollowed,
    /// Types without code (`.d.ts`, `.flow`).
    Declaration,
    /// Where built code came from.
    SourceMap,
    /// Prose.
    Document,
    /// Anything else; programs may read it.
    Data,
}

/// Names of machine code and of what virtual machines run.
const BINARY: [&str; 11] = ["node", "wasm", "exe", "dll", "so", "dylib", "bin", "a", "o", "jar", "pyc"];
/// Names of what a shell runs, and the shell.
const SHELL: [(&str, &str); 10] = [
    ("sh", "a shell"),
    ("bash", "bash"),
    ("zsh", "zsh"),
    ("fish", "fish"),
    ("command", "a shell"),
    ("bat", "the Windows command prompt"),
    ("cmd", "the Windows command prompt"),
    ("ps1", "PowerShell"),
    ("psm1", "PowerShell"),
    ("vbs", "the Windows script host"),
];
/// Programs of a first line (`#!`) that make a file a script for a shell or another language than JavaScript.
const INTERPRETERS: [&str; 12] =
    ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "pwsh", "python", "perl", "ruby", "php"];
const CODE: [&str; 14] =
    ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "coffee", "vue", "svelte", "py", "rb", "html"];
/// Names of what programs read and no machine runs: images, fonts, sound and plain data.
const MEDIA: [&str; 27] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "bmp", "woff", "woff2", "ttf", "otf", "eot", "mp3",
    "mp4", "wav", "ogg", "pdf", "css", "json", "xml", "yml", "yaml", "csv", "toml", "lock",
];

impl FileKind {
    /// The kind of the file at `path`.
    pub fn of(path: &str) -> Self {
        let name = file_name(path);
        let extension = extension(path);
        let is = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if path == "npm-shrinkwrap.json" || has_binary_name(path) {
            Self::Unfollowed
        } else if is(&[".d.ts", ".d.mts", ".d.cts", ".js.flow"]) {
            Self::Declaration
        } else if extension == "map" {
            Self::SourceMap
        } else if is_document(path) {
            Self::Document
        } else if CODE.contains(&&*extension) || SHELL.iter().any(|(end, _)| *end == extension) || !name.contains('.') {
            Self::Code
        } else {
            Self::Data
        }
    }

    /// Whether programs read a file of this name and no machine runs it: images, fonts, sound and plain data.
    pub fn is_media(path: &str) -> bool {
        path.contains('.') && MEDIA.contains(&&*extension(path))
    }

    /// Whether people or their tools read it and nothing runs it by itself.
    pub fn is_read_only(self) -> bool {
        matches!(self, Self::Declaration | Self::SourceMap | Self::Document)
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase()
}

fn extension(path: &str) -> String {
    path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// Whether `path` ends as JavaScript that Node or a browser runs.
pub(super) fn is_javascript(path: &str) -> bool {
    matches!(&*extension(path), "js" | "mjs" | "cjs")
}

/// Whether the name alone says that a machine runs it.
pub(super) fn has_binary_name(path: &str) -> bool {
    BINARY.contains(&&*extension(path))
}

/// Whether the name says that it is text, an image, a font or another thing that no machine runs directly.
pub(super) fn hides_machine_code(path: &str) -> bool {
    !has_binary_name(path)
        && (FileKind::of(path).is_read_only()
            || FileKind::is_media(path)
            || path.contains('.') && CODE.contains(&&*extension(path)))
}

/// What runs the file, if that is a shell or another interpreter than Node.
pub(super) fn shell(path: &str, content: Option<&[u8]>) -> Option<&'static str> {
    let by_line = content.and_then(|content| {
        let line = content.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line.get(..line.len().min(256))?).ok()?;
        // `#!/usr/bin/env -S python3 -u`: the first word that is no option and not `env` itself.
        let mut words = line.split_ascii_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
        let program = words.find(|word| *word != "env" && !word.starts_with('-') && !word.contains('='))?;
        let program = program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        INTERPRETERS.into_iter().find(|known| *known == program)
    });
    by_line.or_else(|| {
        let extension = extension(path);
        SHELL.iter().find(|(end, _)| path.contains('.') && *end == extension).map(|(_, name)| *name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_names() {
        for (path, expected) in [
            ("index.js", FileKind::Code),
            ("bin/tool", FileKind::Code),
            ("install.ps1", FileKind::Code),
            ("build/addon.node", FileKind::Unfollowed),
            ("npm-shrinkwrap.json", FileKind::Unfollowed),
            ("examples/npm-shrinkwrap.json", FileKind::Data),
            ("lib/index.d.ts", FileKind::Declaration),
            ("lib/index.d.mts", FileKind::Declaration),
            ("lib/index.js.map", FileKind::SourceMap),
            ("README.md", FileKind::Document),
            ("LICENSE", FileKind::Document),
            ("logo.png", FileKind::Data),
            ("data.json", FileKind::Data),
        ] {
            assert_eq!(FileKind::of(path), expected, "{path}");
        }
    }

    #[test]
    fn some_names_hide_machine_code() {
        for path in ["logo.PNG", "README.md", "LICENSE", "lib/index.js", "lib/index.js.map", "data.json", "a.woff2"] {
            assert!(hides_machine_code(path), "{path}");
        }
        for path in ["bin/tool", "tool-1.2", "addon.node", "lib.so.1", "core.bin", "png"] {
            assert!(!hides_machine_code(path), "{path}");
        }
    }

    #[test]
    fn scripts_are_told_by_name_and_first_line() {
        for (path, content, expected) in [
            ("run.sh", "echo", Some("a shell")),
            ("run.PS1", "", Some("PowerShell")),
            ("run", "#!/bin/bash\n", Some("bash")),
            ("run", "#!/usr/bin/env -S python3.11 -u\n", Some("python")),
            ("cli.js", "#!/usr/bin/env node\n", None),
            ("sh", "", None),
            ("index.js", "'use strict'", None),
        ] {
            assert_eq!(shell(path, Some(content.as_bytes())), expected, "{path} {content}");
        }
        assert_eq!(shell("run.cmd", None), Some("the Windows command prompt"));
    }
}
