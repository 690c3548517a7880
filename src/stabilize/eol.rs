use crate::package::is_document;

/// What is known to read CRLF as LF, by its extension.
const EXTENSIONS: &[&str] = &[
    "adoc", "astro", "babelrc", "cjs", "cmd", "coffee", "css", "csv", "cts", "ejs", "eslintrc", "flow", "graphql",
    "hbs", "htm", "html", "ini", "js", "json", "json5", "jsonc", "jsx", "less", "liquid", "map", "markdown", "md",
    "mdx", "mjs", "mts", "mustache", "njk", "proto", "pug", "rst", "sass", "scss", "styl", "svelte", "svg", "toml",
    "ts", "tsx", "txt", "vue", "xml", "bat", "gyp", "yaml", "yml",
];
/// Files without an extension of which the same is known.
const NAMES: [&str; 6] =
    [".editorconfig", ".eslintignore", ".gitattributes", ".gitignore", ".npmignore", ".prettierrc"];

/// Those whose language reads `\` before CRLF as `\` before LF, by its specification.
const CONTINUED: [&str; 12] = ["cjs", "css", "cts", "js", "json", "json5", "jsonc", "jsx", "map", "mjs", "mts", "ts"];

/// Those that are read as programs, style sheets, pages or prose alone.
const MARKED: [&str; 16] = [
    "cjs", "css", "cts", "htm", "html", "js", "jsx", "less", "markdown", "md", "mjs", "mts", "scss", "ts", "tsx", "vue",
];

/// Programs that run JavaScript or TypeScript, as a `#!` line names them.
const INTERPRETERS: [&str; 8] = ["babel-node", "bun", "deno", "node", "nodejs", "ts-node", "ts-node-esm", "tsx"];
/// Options of `env` that take no word of their own.
const ENV_OPTIONS: [&str; 7] = ["-", "-S", "--split-string", "-i", "--ignore-environment", "-v", "--debug"];

/// Replaces CRLF by LF, drops a leading byte order mark of programs and prose, and supplies a missing final newline; text only.
///
/// No language of these files gives them a meaning: JavaScript itself reads CRLF as LF, in template literals too. A
/// shell does not: there a CR is a character as any other, and a `\` before it joins no lines. So a file must be known
/// by its name, must not name another interpreter in its first line, and outside of scripts, style sheets and JSON must
/// not hold such a line end. A lone CR is kept, because it ends a `//` comment; a file with CR CR LF or a CR at its end is left alone, because it has no
/// single reading.
pub(super) fn stabilize(path: &str, content: &[u8]) -> Option<Vec<u8>> {
    let mut text = std::str::from_utf8(content).ok()?;
    if !is_known(path, text) || !is_continued(path) && text.contains("\\\r\n") {
        return None;
    }
    if text.contains('\0') || text.contains("\r\r\n") || text.ends_with('\r') {
        return None;
    }
    if ignores_byte_order_mark(path) {
        text = text.strip_prefix('\u{feff}').unwrap_or(text);
    }
    // Where none is skipped, or after the one that is, it is a character of the text.
    if text.starts_with('\u{feff}') {
        return None;
    }
    let mut result = text.replace("\r\n", "\n");
    if !result.ends_with('\n') {
        result.push('\n');
    }
    Some(result.into_bytes())
}

/// Whether everything that reads the file skips a byte order mark; `JSON.parse` and what splits data into lines do not.
fn ignores_byte_order_mark(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|end| MARKED.contains(&&*end))
}

/// Whether a `\` at the end of a line means the same before either line end.
fn is_continued(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|end| CONTINUED.contains(&&*end))
}

/// Whether line ends have no meaning in a file, by its name and by the interpreter that it names.
fn is_known(path: &str, text: &str) -> bool {
    let line = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    if let Some(command) = line.strip_prefix("#!") {
        return interpreter(command).is_some_and(|name| INTERPRETERS.contains(&name));
    }
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    is_document(path) || NAMES.contains(&name.as_str()) || extension.is_some_and(|end| EXTENSIONS.contains(&end))
}

/// The name of the program that a `#!` line runs, the line's start left out; what is passed to it does not count.
///
/// `None` where `env` is asked for what is not known here, as the next word then may be anything.
fn interpreter(command: &str) -> Option<&str> {
    let name = |program: &'_ str| program.rfind('/').map_or(0, |slash| slash + 1);
    let mut words = command.split([' ', '\t']).filter(|word| !word.is_empty());
    let first = words.next()?;
    if &first[name(first)..] != "env" {
        return Some(&first[name(first)..]);
    }
    let program = words.find(|word| !ENV_OPTIONS.contains(word) && !is_variable(word))?;
    (!program.starts_with('-') && !program.contains('=')).then(|| &program[name(program)..])
}

/// Whether `env` reads the word as a variable that it sets; with another `PATH` any program may have any name.
fn is_variable(word: &str) -> bool {
    word.contains('=') && !word.starts_with(['-', '=']) && !word.starts_with("PATH=")
}

#[cfg(test)]
mod tests {
    fn stabilize(content: &[u8]) -> Option<Vec<u8>> {
        super::stabilize("a.js", content)
    }

    #[test]
    fn line_ends_mark_and_final_newline_do_not_count() {
        assert_eq!(stabilize(b"\xef\xbb\xbfa\r\nb\r\n"), stabilize(b"a\nb"));
    }

    #[test]
    fn a_mark_counts_where_something_reads_it() {
        assert!(super::stabilize("a.js", b"\xef\xbb\xbfa\n").is_some());
        assert_eq!(super::stabilize("a.js", b"\xef\xbb\xbf\xef\xbb\xbfa\n"), None);
        for path in ["a.json", "package.json", "a.txt", "a.yml", "a.map", "LICENSE", ".npmignore", "binding.gyp"] {
            assert_eq!(super::stabilize(path, b"\xef\xbb\xbfa\n"), None, "{path}");
        }
    }

    #[test]
    fn only_files_that_are_known_are_touched() {
        let text = b"a\r\nb\r\n";
        for path in ["a.js", "LICENSE", "lib/a.d.ts", ".npmignore", "a.css"] {
            assert!(super::stabilize(path, text).is_some(), "{path}");
        }
        for path in ["a.sh", "bin/run", "Makefile", "a.pl", "configure.ac"] {
            assert_eq!(super::stabilize(path, text), None, "{path}");
        }
    }

    #[test]
    fn what_could_change_the_meaning_is_kept() {
        // A lone CR ends the comment, so the second line would run.
        assert_ne!(stabilize(b"// a\rrun()"), stabilize(b"// a\nrun()"));
        assert_ne!(stabilize(b"// a\rrun()"), stabilize(b"// arun()"));
        assert_ne!(stabilize(b"a\n\n"), stabilize(b"a\n"));
        assert_eq!(stabilize(b"\x00\r\n"), None);
        // The second line would be a command of its own.
        assert_eq!(super::stabilize("a.txt", b"echo a \\\r\n  b\r\n"), None);
        assert_eq!(stabilize(b"#!/bin/sh\necho a\n"), None);
        assert!(stabilize(b"#!/usr/bin/env node\r\nrun()\r\n").is_some());
        // With the newline supplied it would be a CRLF, and so another text the second time.
        assert_eq!(stabilize(b"\xef\xbb\xbfa\r"), None);
    }

    #[test]
    fn a_script_continues_a_line_before_either_line_end() {
        for path in ["a.js", "a.min.mjs", "a.css", "a.d.ts", "a.json"] {
            let stabilized = super::stabilize(path, b"`a \\\r\n b`\r\n");
            assert_eq!(stabilized.as_deref(), Some(&b"`a \\\n b`\n"[..]), "{path}");
        }
        for path in ["a.bat", "a.yml", "LICENSE", "a.gyp", "js"] {
            assert_eq!(super::stabilize(path, b"`a \\\r\n b`\r\n"), None, "{path}");
        }
        assert_eq!(stabilize(b"#!/bin/sh\r\na \\\r\n b\r\n"), None);
    }

    #[test]
    fn the_program_of_the_first_line_decides_and_not_what_is_passed_to_it() {
        let is_read = |line: &str| stabilize(format!("#!{line}\nrun\r\n").as_bytes()).is_some();
        for line in [
            "/usr/bin/env node",
            " /usr/bin/env node",
            "/usr/bin/env\tnodejs --harmony",
            "/usr/local/bin/node",
            "node",
            "/usr/bin/env -S node --import tsx",
            "/usr/bin/env -S -i NODE_OPTIONS=--harmony /opt/bin/node",
            "/usr/bin/env -S deno run",
            "/usr/bin/env ts-node",
        ] {
            assert!(is_read(line), "{line}");
        }
        for line in [
            " /usr/bin/env -S bash -c nodejs",
            "/bin/sh node",
            "/opt/node/bin/bash",
            "/usr/bin/env -S bash /usr/bin/node",
            "/usr/bin/env bash-node/",
            "/usr/bin/env nodesh",
            "/usr/bin/env -u node bash",
            "/usr/bin/env -C node bash",
            "/usr/bin/env -S PATH=/node node",
            "/usr/bin/env -S A=node bash",
            "/usr/bin/env --node",
            "/usr/bin/env",
            "",
        ] {
            assert!(!is_read(line), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_a_shell_is_passed_makes_it_no_other_program(
            shell in "(/(bin|node)/)?(env -S |env |/usr/bin/env -i )?(/node/)?(sh|bash|python3|perl)",
            passed in "( |\t)[ -~\t]{0,20}(node|deno|bun|tsx)[ -~]{0,10}",
        ) {
            proptest::prop_assert_eq!(stabilize(format!("#!{shell}{passed}\nrun\r\n").as_bytes()), None);
        }

        #[test]
        fn a_pass_never_reaches_past_line_ends(content in "[a\\r\\n \u{feff}]{0,40}") {
            let Some(once) = stabilize(content.as_bytes()) else { return Ok(()) };
            let visible = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['\r', '\n', '\u{feff}'], "");
            proptest::prop_assert_eq!(visible(&once), visible(content.as_bytes()));
            proptest::prop_assert_eq!(stabilize(&once), Some(once));
        }
    }
}
