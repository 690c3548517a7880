//! Changes that hide from readers and from tools that compare what they see.

use super::{ADDED, MODIFIED, expect};
use crate::finding::Risk;
use crate::suite::draft::{Draft, PAYLOAD};
use crate::suite::transformation::{Expected, Group, Planted, Transformation};

const fn disguise(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::Disguise, expected, apply }
}

/// Which of the two runs depends on the machine.
const MAIN_NAME: Expected = expect(&["name-collision"], Risk::High);
const NAME: Expected = expect(&["name-collision", "file-not-in-source", "bidi-or-invisible-text"], Risk::Medium);

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    disguise("behind-line-ends", "payload behind other line ends in the whole file", MODIFIED, |draft| {
        let path = draft.append_payload(&draft.main_code()?)?;
        draft
            .edit(&path, |text| {
                let unix = text.replace("\r\n", "\n");
                Some(if text.contains("\r\n") { unix } else { unix.replace('\n', "\r\n") })
            })
            .map(Planted::at)
    }),
    disguise("far-to-the-right", "payload behind 500 spaces", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft
            .edit(&path, |text| {
                let end = text.find(';')? + 1;
                Some(format!("{}{}{}{}", &text[..end], " ".repeat(500), PAYLOAD.trim_end(), &text[end..]))
            })
            .map(Planted::at)
    }),
    disguise("below-blank-lines", "payload below spaces at line ends and 300 blank lines", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft
            .edit(&path, |text| {
                let spaced: String = text.lines().map(|line| format!("{line}  \n")).collect();
                Some(format!("{spaced}{}{PAYLOAD}", "\n".repeat(300)))
            })
            .map(Planted::at)
    }),
    disguise("reformatted", "payload in a file that was indented anew", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft
            .edit(&path, |text| {
                let indented: String = text
                    .lines()
                    .map(|line| {
                        let depth = line.len() - line.trim_start_matches(' ').len();
                        format!("{}{}\n", " ".repeat(depth * 2), line.trim_start_matches(' '))
                    })
                    .collect();
                Some(format!("{indented}{PAYLOAD}"))
            })
            .map(Planted::at)
    }),
    disguise("unicode-escapes", "payload named in unicode escapes", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft
            .append(
                &path,
                "var \\u0069nertLookAlike = '\\x63\\x6f\\x6c\\x6c\\x65\\x63\\x74\\x6f\\x72\\x2e\\x65\\x78';\n",
            )
            .map(Planted::at)
    }),
    disguise("bidirectional-text", "code between characters that turn its direction", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft.append(&path, "/* \u{202e} } \u{2066}if (false)\u{2069} \u{2066} inert look-alike */\n").map(Planted::at)
    }),
    disguise("zero-width-characters", "a payload of characters without width", MODIFIED, |draft| {
        let path = draft.main_code()?;
        let hidden: String = "inert"
            .bytes()
            .flat_map(|byte| (0..8).map(move |bit| if byte >> bit & 1 == 1 { '\u{200d}' } else { '\u{200b}' }))
            .collect();
        draft.append(&path, &format!("var inertLookAlike = '{hidden}';\n")).map(Planted::at)
    }),
    disguise("homoglyph-identifier", "a variable named with a letter of another script", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft.append(&path, "var m\u{43e}dule_ = 'inert look-alike';\n").map(Planted::at)
    }),
    disguise("encoded-payload", "a payload as encoded text", MODIFIED, |draft| {
        let path = draft.main_code()?;
        let encoded = "aW5lcnQgbG9vay1hbGlrZSwgbmV2ZXIgY2FsbGVkOiBjb2xsZWN0b3IuZXhhbXBsZQ".repeat(8);
        draft.append(&path, &format!("var inertLookAlike = '{encoded}';\n")).map(Planted::at)
    }),
    disguise(
        "fake-source-map-comment",
        "payload behind a comment that looks like an inline source map",
        MODIFIED,
        |draft| {
            let path = draft.main_code()?;
            let comment = format!("//# sourceMappingURL=data:application/json;base64,{}", "e30".repeat(60));
            draft.append(&path, &format!("{comment}\n{PAYLOAD}")).map(Planted::at)
        },
    ),
    disguise("other-case", "a file with the same name in other case", NAME, |draft| {
        let path = draft.main_code()?;
        let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
        let mut letters = name.chars();
        let first: String = letters.next()?.to_uppercase().collect();
        let other = join(folder, &format!("{first}{}", letters.as_str()));
        let added = draft.add(&other, PAYLOAD)?;
        Some(Planted { paths: vec![added, path] })
    }),
    disguise("main-in-other-case", "the main file's name in other case, beside harmless ones", MAIN_NAME, |draft| {
        let path = draft.manifest()?.get("main")?.as_str()?.trim_start_matches("./").to_owned();
        draft.file(&path)?;
        for number in 0..12 {
            draft.add(&format!("docs/inert-{number}.md"), "Inert.\n")?;
            draft.add(&format!("docs/Inert-{number}.md"), "inert.\n")?;
        }
        let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
        let added = draft.add(&join(folder, &name.to_uppercase()), PAYLOAD)?;
        Some(Planted { paths: vec![added, path] })
    }),
    disguise("homoglyph-name", "a file name with a letter of another script", NAME, |draft| {
        let path = draft.main_code()?;
        let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
        let looks_alike = [('i', '\u{456}'), ('e', '\u{435}'), ('o', '\u{43e}'), ('a', '\u{430}')];
        let (letter, other) = looks_alike.iter().find(|(letter, _)| name.contains(*letter))?;
        let other = join(folder, &name.replacen(*letter, &other.to_string(), 1));
        draft.add(&other, PAYLOAD).map(Planted::at)
    }),
    disguise("decomposed-name", "a file name in decomposed letters", NAME, |draft| {
        use unicode_normalization::UnicodeNormalization as _;
        let composed = draft.find(|member| member.path.nfd().ne(member.path.chars()));
        let Some(composed) = composed else { return draft.add("cafe\u{301}.js", PAYLOAD).map(Planted::at) };
        let added = draft.add(&composed.nfd().collect::<String>(), PAYLOAD)?;
        Some(Planted { paths: vec![added, composed] })
    }),
    disguise("code-in-markdown", "code in a .md file that is required", ADDED, |draft| {
        require_added(draft, "notes/design.md")
    }),
    disguise("code-in-text-file", "code in a .txt file that is required", ADDED, |draft| {
        require_added(draft, "notes/thanks.txt")
    }),
    disguise("code-without-extension", "code in a file named like a licence", ADDED, |draft| {
        require_added(draft, "LICENSE-THIRD-PARTY")
    }),
    disguise("code-in-image", "code in a file named like an image", ADDED, |draft| {
        require_added(draft, "assets/logo.png")
    }),
];

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Adds a file that does not look like code, and a line in the main file that loads it as code.
fn require_added(draft: &mut Draft, path: &str) -> Option<Planted> {
    require_line(draft, path)?;
    draft.add(path, PAYLOAD).map(Planted::at)
}

/// A line in the main file that loads a file of the package.
pub(super) fn require_line(draft: &mut Draft, path: &str) -> Option<String> {
    let main = draft.main_code()?;
    let up = "../".repeat(main.matches('/').count());
    let specifier = if up.is_empty() { format!("./{path}") } else { format!("{up}{path}") };
    let line = match draft.text(&main)?.contains("export ") {
        true => format!("import '{specifier}';\n"),
        false => format!("require('{specifier}');\n"),
    };
    draft.append(&main, &line)
}
