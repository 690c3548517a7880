//! Splits a shell script into its commands, where that is plain to see.
//!
//! Only the shapes that scripts in manifests and workflows usually have are understood: commands joined by `&&`, `;`
//! or line ends. Anything with control flow, sub-shells or here-documents is left whole.

/// Longest script that is split.
const MAX_LENGTH: usize = 16 << 10;
/// Most commands of one script.
const MAX_COMMANDS: usize = 100;

/// One command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// As it is written, with what it is piped into.
    pub(super) text: String,
    /// Its words up to the first `|` or `||`, quotes removed, assignments before them taken off.
    pub(super) words: Vec<String>,
    /// The assignments before its words.
    pub(super) assignments: Vec<(String, String)>,
    /// Where its output is redirected to.
    pub(super) redirect: Option<String>,
}

/// A script as far as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Script {
    /// One command after the other; the first failure ends it.
    Sequence(Vec<Command>),
    /// Something else.
    Whole,
}

/// Splits a script.
pub(super) fn split(script: &str) -> Script {
    if script.len() > MAX_LENGTH {
        return Script::Whole;
    }
    let script = script.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut reader = Reader::default();
    for line in script.lines() {
        if !reader.line(line) || reader.commands.len() > MAX_COMMANDS {
            return Script::Whole;
        }
    }
    if reader.quote.is_some() || reader.depth > 0 { Script::Whole } else { Script::Sequence(reader.commands) }
}

#[derive(Default)]
struct Reader {
    commands: Vec<Command>,
    text: String,
    words: Vec<String>,
    word: Option<String>,
    quote: Option<char>,
    /// Open `$(`.
    depth: usize,
    /// Behind the first `|` or `||` of a command, whose words then are another program's.
    behind_pipe: bool,
    redirect: Option<String>,
    awaits_redirect: bool,
}

const CONTROL: [&str; 12] = ["if", "for", "while", "until", "case", "function", "{", "}", "select", "!", "[[", "eval"];

impl Reader {
    /// Reads one line; `false` where it is not understood.
    fn line(&mut self, line: &str) -> bool {
        let characters: Vec<char> = line.chars().collect();
        let mut index = 0;
        while index < characters.len() {
            let character = characters[index];
            let next = characters.get(index + 1).copied();
            index += 1;
            if let Some(quote) = self.quote {
                self.text.push(character);
                if character == '\\' && quote == '"' && next.is_some() {
                    self.text.extend(next);
                    self.push_word(next.unwrap_or_default());
                    index += 1;
                } else if character == quote {
                    self.quote = None;
                } else {
                    self.push_word(character);
                }
                continue;
            }
            match (character, next) {
                ('\\', Some(escaped)) => {
                    self.text.push(character);
                    self.text.push(escaped);
                    self.push_word(escaped);
                    index += 1;
                }
                ('\'' | '"', _) => {
                    self.quote = Some(character);
                    self.text.push(character);
                    self.word.get_or_insert_default();
                }
                ('$', Some('(')) => {
                    self.depth += 1;
                    self.text.push_str("$(");
                    self.push_word('$');
                    self.push_word('(');
                    index += 1;
                }
                (')', _) if self.depth > 0 => {
                    self.depth -= 1;
                    self.text.push(')');
                    self.push_word(')');
                }
                (_, _) if self.depth > 0 => {
                    self.text.push(character);
                    self.push_word(character);
                }
                ('(' | ')' | '`', _) | ('<', Some('<')) => return false,
                ('#', _) if self.word.is_none() => break,
                ('&', Some('&')) => {
                    index += 1;
                    if !self.end_command() {
                        return false;
                    }
                }
                (';', _) => {
                    if next == Some(';') || !self.end_command() {
                        return false;
                    }
                }
                ('|', _) => {
                    self.end_word();
                    self.behind_pipe = true;
                    self.text.push('|');
                    if next == Some('|') {
                        self.text.push('|');
                        index += 1;
                    }
                }
                ('>', _) => {
                    // `2>&1` and `2>/dev/null` say nothing about the output.
                    let of_errors = self.word.as_deref() == Some("2");
                    if of_errors {
                        self.word = None;
                    }
                    self.end_word();
                    self.text.push('>');
                    match next {
                        Some('>') => {
                            self.text.push('>');
                            index += 1;
                            self.awaits_redirect = true;
                        }
                        Some('&') => {
                            self.text.push('&');
                            index += 1;
                            while let Some(digit) = characters.get(index).filter(|digit| digit.is_ascii_digit()) {
                                self.text.push(*digit);
                                index += 1;
                            }
                        }
                        _ => self.awaits_redirect = !of_errors,
                    }
                }
                // A job in the background.
                ('&', _) if !self.text.ends_with(['>', '&']) => return false,
                (character, _) if character.is_whitespace() => {
                    self.text.push(character);
                    self.end_word();
                }
                (character, _) => {
                    self.text.push(character);
                    self.push_word(character);
                }
            }
        }
        if self.quote.is_some() || self.depth > 0 {
            self.text.push('\n');
            self.push_word('\n');
            return true;
        }
        // `&&` and `|` at a line's end continue on the next.
        let ends_open = line.trim_end().ends_with(['|', '&']);
        ends_open || self.end_command()
    }

    fn push_word(&mut self, character: char) {
        self.word.get_or_insert_default().push(character);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.awaits_redirect) {
            self.redirect.get_or_insert(word);
        } else if !self.behind_pipe {
            self.words.push(word);
        }
    }

    fn end_command(&mut self) -> bool {
        self.end_word();
        let text = std::mem::take(&mut self.text).trim().to_owned();
        let mut words = std::mem::take(&mut self.words);
        self.behind_pipe = false;
        self.awaits_redirect = false;
        let redirect = self.redirect.take();
        if text.is_empty() {
            return true;
        }
        if words.first().is_some_and(|word| CONTROL.contains(&word.as_str())) {
            return false;
        }
        let mut assignments = Vec::new();
        while let Some((name, value)) = words.first().and_then(|word| assignment(word)) {
            assignments.push((name, value));
            words.remove(0);
        }
        self.commands.push(Command { text, words, assignments, redirect });
        true
    }
}

/// Splits `NAME=value`.
pub(super) fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

/// A word as the shell reads it back.
pub(super) fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        match split(script) {
            Script::Sequence(commands) => commands.into_iter().map(|command| command.text).collect(),
            Script::Whole => panic!("`{script}` was not understood"),
        }
    }

    #[test]
    fn chains_and_lines_are_split() {
        assert_eq!(texts("a && b; c\n# no\nd # e\n"), ["a", "b", "c", "d"]);
        assert_eq!(texts("tsc -p 'a && b' && echo \"x; y\""), ["tsc -p 'a && b'", "echo \"x; y\""]);
        assert_eq!(texts("a &&\n  b\nc \\\n  --d"), ["a", "b", "c    --d"]);
        assert_eq!(texts("x || y && z | w"), ["x || y", "z | w"]);
        assert_eq!(texts("cd $(git rev-parse && pwd) && husky"), ["cd $(git rev-parse && pwd)", "husky"]);
    }

    #[test]
    fn words_assignments_and_redirections_are_taken_apart() {
        let Script::Sequence(commands) = split("A=1 B='2 3' node x.js 2>&1 | tee log > \"out file\"") else { panic!() };
        assert_eq!(commands[0].words, ["node", "x.js"]);
        assert_eq!(commands[0].assignments, [("A".into(), "1".into()), ("B".into(), "2 3".into())]);
        assert_eq!(commands[0].redirect.as_deref(), Some("out file"));
        let Script::Sequence(commands) = split("echo '{}' > dist/cjs/package.json 2>/dev/null") else { panic!() };
        assert_eq!(commands[0].redirect.as_deref(), Some("dist/cjs/package.json"));
    }

    #[test]
    fn what_is_more_than_a_sequence_is_left_whole() {
        for script in [
            "if true; then a; fi",
            "(cd x && a)",
            "a & b",
            "cat <<EOF\nx\nEOF",
            "f() { a; }",
            "a `b`",
            "echo 'open",
            "for x in *; do y; done",
            "a $(b",
            "case x in esac",
        ] {
            assert_eq!(split(script), Script::Whole, "{script}");
        }
        assert_eq!(split(&"a;".repeat(10_000)), Script::Whole);
    }

    #[test]
    fn quoting_is_read_back() {
        for word in ["plain", "", "it's", "a b", "$x"] {
            let Script::Sequence(commands) = split(&format!("echo {}", quote(word))) else { panic!("{word}") };
            assert_eq!(commands[0].words[1], word);
        }
    }
}
