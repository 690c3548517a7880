//! Whether a text names a file at all, told without parsing it.
//!
//! Most unexplained files are documents, lockfiles and source maps that nothing refers to. To say so of one of them,
//! every file of the package would have to be parsed; looking for its name takes a hundredth of that.

use memchr::memmem::Finder;

/// What stands before the name of a source map in a comment that no program reads, in lower case.
const SOURCE_MAP_COMMENT: &[u8] = b"sourcemappingurl=";
/// Shortest beginning of a name that is looked for by itself, bytes.
const BEGINNING: usize = 2;

/// The ways in which a program may name certain files.
pub(super) struct Names {
    /// Whole names: they count wherever they stand.
    whole: Vec<Finder<'static>>,
    /// Folders: they count where a text ends or goes on with something computed.
    folders: Vec<Finder<'static>>,
    /// How names begin, and the names: as much of them as stands there counts where a text ends.
    beginnings: Vec<(Finder<'static>, Vec<u8>)>,
    /// Names without their endings: they count where a text or a word ends.
    stems: Vec<Finder<'static>>,
}

impl Names {
    /// Names of the files at `paths`; `others` are all files of the package.
    ///
    /// `may_be_left_out` tells whether a file may be named without its ending.
    pub(super) fn of<'p>(
        paths: impl IntoIterator<Item = &'p str>,
        others: impl Fn(&str) -> bool,
        may_be_left_out: impl Fn(&str) -> bool,
    ) -> Self {
        let (mut whole, mut folder_names, mut beginnings, mut stems) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for path in paths {
            // Some file systems do not tell letters apart, and neither does the resolution.
            let path = &*path.to_ascii_lowercase();
            let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
            whole.push(name.to_owned());
            // A file may name what lies beside it by its own name and an ending: `__filename + '.map'`.
            let ends = name.match_indices('.').map(|(at, _)| at).filter(|at| *at > 0);
            let start = path.len() - name.len();
            whole.extend(ends.filter(|at| others(&path[..start + at])).map(|at| name[at..].to_owned()));
            folder_names.extend(folders.split('/').filter(|folder| !folder.is_empty()).map(str::to_owned));
            beginnings.push(name.to_owned());
            if let Some((stem, extension)) = name.rsplit_once('.').filter(|_| may_be_left_out(path)) {
                stems.push(stem.to_owned());
                // TypeScript's sources are imported by the names of what they become.
                let written = extension.replace("ts", "js");
                whole.push(format!("{stem}.{}", written.replace("jsx", "js")));
                whole.push(format!("{stem}.{written}"));
            }
        }
        let finders = |mut names: Vec<String>| {
            names.sort_unstable();
            names.dedup();
            names.into_iter().map(|name| Finder::new(name.as_bytes()).into_owned()).collect()
        };
        let beginnings = beginnings.into_iter().map(|name| {
            let start = &name.as_bytes()[..BEGINNING.min(name.len())];
            (Finder::new(start).into_owned(), name.into_bytes())
        });
        Self {
            beginnings: beginnings.collect(),
            whole: finders(whole),
            folders: finders(folder_names),
            stems: finders(stems),
        }
    }

    /// How many texts have to be looked for.
    pub(super) fn len(&self) -> usize {
        self.whole.len() + self.folders.len() + self.beginnings.len() + self.stems.len()
    }

    /// Whether `text` may name one of the files.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        let text = &*text.to_ascii_lowercase();
        let is_named = |finder: &Finder<'_>| finder.find_iter(text).any(|at| !is_in_source_map_comment(text, at));
        let ends = |finder: &Finder<'_>, end: fn(&[u8]) -> bool| {
            finder.find_iter(text).any(|at| end(&text[at + finder.needle().len()..]))
        };
        let begins = |(finder, name): &(Finder<'_>, Vec<u8>)| {
            finder.find_iter(text).any(|at| {
                let common = text[at..].iter().zip(name).take_while(|(one, other)| one == other).count();
                at.checked_sub(1).is_some_and(|before| is_start_of_name(text[before]))
                    && is_end_of_constant(&text[at + common..])
            })
        };
        self.whole.iter().any(is_named)
            || self.folders.iter().any(|finder| ends(finder, is_end_of_constant))
            || self.beginnings.iter().any(begins)
            || self.stems.iter().any(|finder| ends(finder, is_end_of_word))
    }
}

fn is_in_source_map_comment(text: &[u8], at: usize) -> bool {
    let word = text[..at].iter().rposition(u8::is_ascii_whitespace).map_or(0, |end| end + 1);
    text[word..at].starts_with(SOURCE_MAP_COMMENT)
}

fn is_start_of_name(before: u8) -> bool {
    matches!(before, b'/' | b'\\' | b'\'' | b'"' | b'`' | b'}')
}

/// Whether the text of a constant ends here, or a star or a placeholder follows.
fn is_end_of_constant(rest: &[u8]) -> bool {
    let separators = rest.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
    match &rest[separators..] {
        [b'\'' | b'"' | b'`' | b'*', ..] => true,
        rest => rest.starts_with(b"${"),
    }
}

fn is_end_of_word(rest: &[u8]) -> bool {
    rest.first().is_none_or(u8::is_ascii_whitespace) || is_end_of_constant(rest)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("require('./dist/notes.md')", true)]
    #[case("read(dir + 'notes.md')", true)]
    #[case("see notes.md for more", true)]
    #[case("join(__dirname, 'texts', name)", true)]
    #[case("`./texts/${name}`", true)]
    #[case("'texts/*'", true)]
    #[case("join(__dirname, 'lang-' + x)", true)]
    #[case("f(__filename + '.js.map')", true)]
    #[case("texts of all kinds", false)]
    #[case("require('./texts/other.js')", false)]
    #[case("x('/la' + 'ng-en.txt')", true)]
    #[case("read(__dirname + '/not' + x)", true)]
    #[case("require('./Notes.MD')", true)]
    #[case("import './tool.js'", true)]
    #[case("import './view.js'", true)]
    #[case("x('language')", false)]
    #[case("x('l')", false)]
    #[case("require('./config/rules')", true)]
    #[case("exec('node config/rules --all')", true)]
    #[case("import './tool.js'", true)]
    #[case("x.rules=tool.x", false)]
    #[case("a.js.map", true)]
    #[case("code\n//# sourceMappingURL=a.js.map", false)]
    #[case("code\n//# sourceMappingURL=a.js.map\nf('a.js.map')", true)]
    fn names_are_found_in_every_form(#[case] text: &str, #[case] expected: bool) {
        let names = Names::of(
            ["notes.md", "texts/lang-en.txt", "a.js.map", "rules.json", "tool.ts", "View.tsx"],
            |path| path == "a",
            |path| path.ends_with("json") || path.ends_with("ts") || path.ends_with("tsx"),
        );
        assert_eq!(names.are_in(text.as_bytes()), expected);
    }
}
