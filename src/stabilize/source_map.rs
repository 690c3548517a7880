use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::build_path::{components, is_build_directory};
use super::javascript::SourceKind;
use super::{Passed, Sides};

/// How a source map inside a script begins.
const INLINE: [&str; 2] = [
    "//# sourceMappingURL=data:application/json;base64,",
    "//# sourceMappingURL=data:application/json;charset=utf-8;base64,",
];

/// Reduces the paths of a source map's `sources` and `file` to what both sides have in common, and drops `sourceRoot`.
///
/// For `.map` files and for a map inside a script, as the comment on its last line. No engine runs a source map. Still
/// only the places where the sources lay may differ: both maps must have the same members in the same order and the
/// same number of sources; each pair of paths must end alike; what is cut off must be `..`, the build's directory or
/// one that looks like it. In the sources' contents CRLF counts as LF: a checkout on Windows has other line ends than
/// the commit. All else, mappings and names too, is compared as it is.
pub(super) fn stabilize(sides: &Sides<'_>) -> Option<Passed> {
    let (published, candidate) =
        (std::str::from_utf8(sides.published).ok()?, std::str::from_utf8(sides.candidate).ok()?);
    let directory = &sides.context.build_directory;
    if sides.path.ends_with(".map") {
        let (published, candidate) = maps(published, candidate, directory)?;
        return Some((published.into_bytes(), candidate.into_bytes()));
    }
    SourceKind::of(sides.path)?;
    let (published, candidate) = (Inline::read(published)?, Inline::read(candidate)?);
    let stable = maps(&published.map, &candidate.map, directory)?;
    Some((published.with(&stable.0), candidate.with(&stable.1)))
}

/// A script whose last line is a comment that holds its map.
struct Inline<'t> {
    code: &'t str,
    map: String,
    after: &'t str,
}

impl<'t> Inline<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let content = text.trim_end_matches(['\n', ' ']);
        let after = &text[content.len()..];
        // A line that begins so and holds nothing but the letters of base 64 cannot end a template or a comment that
        // it may lie in, so in a valid script it is a comment.
        let start = content.rfind('\n').map_or(0, |at| at + 1);
        let line = &content[start..];
        let encoded = INLINE.iter().find_map(|prefix| line.strip_prefix(prefix))?;
        let map = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        Some(Self { code: &content[..start], map, after })
    }

    fn with(&self, map: &str) -> Vec<u8> {
        [self.code, INLINE[0], &STANDARD.encode(map), self.after].concat().into_bytes()
    }
}

/// The members of an object as they are written.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// One source map, its paths read.
struct Map {
    members: Vec<(String, Box<RawValue>)>,
    sources: Vec<Option<String>>,
    contents: Option<Vec<Option<String>>>,
    file: Option<String>,
}

impl Map {
    /// `None` for what is no source map of version 3, has a member twice, or is one of several sections.
    fn read(text: &str) -> Option<Self> {
        let Members(mut members) = serde_json::from_str(text).ok()?;
        let mut names = HashSet::new();
        if !members.iter().all(|(name, _)| names.insert(name.as_str())) {
            return None;
        }
        let value = |name: &str| members.iter().find(|(other, _)| other == name).map(|(_, value)| value.get());
        if value("version")? != "3" {
            return None;
        }
        value("mappings")?;
        let mut sources: Vec<Option<String>> = serde_json::from_str(value("sources")?).ok()?;
        let contents = value("sourcesContent").map(serde_json::from_str::<Option<Vec<Option<String>>>>);
        let contents = contents.transpose().ok()?.flatten().map(with_lf);
        let text = |name: &str| value(name).map(serde_json::from_str::<Option<String>>).transpose();
        let (root, file) = (text("sourceRoot").ok()?.flatten(), text("file").ok()?.flatten());
        if let Some(root) = root.filter(|root| !root.is_empty()) {
            let root = root.trim_end_matches('/');
            for source in sources.iter_mut().flatten() {
                *source = format!("{root}/{source}");
            }
        }
        members.retain(|(name, _)| name != "sourceRoot");
        Some(Self { members, sources, contents, file })
    }

    fn write(&self) -> Option<String> {
        let mut members = Vec::new();
        for (name, value) in &self.members {
            let value = match name.as_str() {
                "sources" => serde_json::to_string(&self.sources).ok()?,
                "sourcesContent" if self.contents.is_some() => serde_json::to_string(&self.contents).ok()?,
                "file" if self.file.is_some() => serde_json::to_string(&self.file).ok()?,
                _ => value.get().to_owned(),
            };
            members.push(format!("{}:{value}", serde_json::to_string(name).ok()?));
        }
        Some(format!("{{{}}}", members.join(",")))
    }
}

fn with_lf(contents: Vec<Option<String>>) -> Vec<Option<String>> {
    contents
        .into_iter()
        .map(|content| content.map(|text| if text.contains("\r\r") { text } else { text.replace("\r\n", "\n") }))
        .collect()
}

fn maps(published: &str, candidate: &str, directory: &str) -> Option<(String, String)> {
    let (mut published, mut candidate) = (Map::read(published)?, Map::read(candidate)?);
    if published.sources.len() != candidate.sources.len() {
        return None;
    }
    let pairs = published.sources.iter_mut().zip(candidate.sources.iter_mut());
    for pair in pairs.chain([(&mut published.file, &mut candidate.file)]) {
        if let (Some(left), Some(right)) = pair
            && let Some(common) = common_tail(left, right, directory)
        {
            left.clone_from(&common);
            *right = common;
        }
    }
    Some((published.write()?, candidate.write()?))
}

/// What two paths end in, if all that is before it are places of the build.
fn common_tail(left: &str, right: &str, directory: &str) -> Option<String> {
    if left == right {
        return None;
    }
    let ((left_absolute, left), (right_absolute, right)) = (components(left), components(right));
    let is_common = |(left, right): &(&&str, &&str)| left == right && **left != "..";
    let common = left.iter().rev().zip(right.iter().rev()).take_while(is_common).count();
    let tail = &left[left.len() - common..];
    if tail.is_empty() {
        return None;
    }
    let (_, ours) = components(directory);
    let is_place = |is_absolute: bool, names: &[&str]| {
        if is_absolute {
            // The end of the directory may be a part of what both have in common.
            !ours.is_empty() && ours.starts_with(names) || is_build_directory(&path(names))
        } else {
            names.iter().all(|name| *name == "..")
        }
    };
    let (left, right) = (&left[..left.len() - common], &right[..right.len() - common]);
    (is_place(left_absolute, left) && is_place(right_absolute, right)).then(|| tail.join("/"))
}

fn path(names: &[&str]) -> String {
    let joined = names.join("/");
    if joined.as_bytes().get(1) == Some(&b':') { joined } else { format!("/{joined}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stabilize::RebuildContext;

    fn equal(path: &str, published: &str, candidate: &str) -> bool {
        let context = RebuildContext { build_directory: "/build/work".to_owned(), published_at: None };
        let sides = Sides { path, published: published.as_bytes(), candidate: candidate.as_bytes(), context: &context };
        let Some((left, right)) = stabilize(&sides) else { return false };
        let again = Sides { path, published: &left, candidate: &right, context: &context };
        assert_eq!(stabilize(&again), Some((left.clone(), right.clone())), "idempotent");
        left == right
    }

    fn map(sources: &str) -> String {
        format!("{{\"version\":3,\"sources\":[{sources}],\"sourcesContent\":[\"a()\"],\"mappings\":\"AAAA\"}}")
    }

    #[test]
    fn where_the_sources_lay_does_not_count() {
        let theirs = ["/ho", "me/runner/work/x/x"].concat();
        for (published, candidate) in [
            ("\"../src/a.ts\"".to_owned(), "\"../../src/a.ts\""),
            (format!("\"{theirs}/src/a.ts\""), "\"/build/work/src/a.ts\""),
            (format!("\"file://{theirs}/src/a.ts\""), "\"../src/a.ts\""),
            ("\"./src/a.ts\",null".to_owned(), "\"src/a.ts\",null"),
            ("\"..\\\\src\\\\a.ts\"".to_owned(), "\"../src/a.ts\""),
            ("\"D:\\\\a\\\\x\\\\src\\\\a.ts\"".to_owned(), "\"/build/work/src/a.ts\""),
        ] {
            assert!(equal("a.js.map", &map(&published), &map(candidate)), "{published}");
        }
        let root = map("\"a.ts\"").replace("\"version\"", "\"sourceRoot\":\"/build/work/\",\"version\"");
        assert!(equal("a.d.ts.map", &root, &map("\"/build/work/a.ts\"")));
        let inline = |sources: &str| format!("a()\n{}{}\n", INLINE[0], STANDARD.encode(map(sources)));
        assert!(equal("a.js", &inline("\"../a.ts\""), &inline("\"a.ts\"")));
        assert!(equal("a.js", &inline("\"../a.ts\"").replace("json;", "json;charset=utf-8;"), &inline("\"a.ts\"")));
    }

    #[test]
    fn the_line_ends_of_sources_do_not_count() {
        let lines = |ends: &str| map("\"a.ts\"").replace("a()", &format!("a(){ends}b(){ends}"));
        assert!(equal("a.js.map", &lines("\\r\\n"), &lines("\\n")));
        // A lone carriage return ends a line of a script, too.
        assert!(!equal("a.js.map", &lines("\\r"), &lines("\\n")));
        assert!(!equal("a.js.map", &lines("\\r\\r\\n"), &lines("\\n")));
        assert!(!equal("a.js.map", &lines("\\r\\n"), &lines("\\n").replace("b()", "c()")));
    }

    #[test]
    fn content_and_other_paths_are_kept() {
        let map_a = map("\"../a.ts\"");
        for other in [
            map("\"../b.ts\""),
            map("\"https://example.org/a.ts\""),
            map("\"/etc/a.ts\""),
            map("\"../lib/a.ts\""),
            map("\"a.ts\",\"b.ts\""),
            map_a.replace("a()", "b()"),
            map_a.replace("AAAA", "AAAC"),
            map_a.replace("\"version\"", "\"x_run\":1,\"version\""),
            map_a.replace("\"version\"", "\"sources\":[\"a.ts\"],\"version\""),
            map_a.replace("\"version\":3", "\"version\":4"),
        ] {
            assert!(!equal("a.js.map", &map_a, &other), "{other}");
        }
        let inline =
            |code: &str, tail: &str| format!("{code}\n{}{}{tail}", INLINE[0], STANDARD.encode(map("\"a.ts\"")));
        assert!(equal("a.js", &inline("a()", ""), &inline("a()", "")));
        assert!(!equal("a.js", &inline("a()", ""), &inline("b()", "")));
        assert!(!equal("a.js", &inline("a()", "\nb()"), &inline("a()", "")));
        assert!(!equal("a.js", &inline("a()", "`;b()"), &inline("a()", "")));
        // Two maps: a reader that takes the first sees another one.
        assert!(!equal("a.js", &inline(&inline("a()", ""), ""), &inline("a()", "")));
        assert!(!equal("a.css", &inline("a()", ""), &inline("a()", "")));
    }

    #[test]
    fn deep_or_odd_maps_are_left_alone() {
        let deep = format!("{{\"version\":3,\"mappings\":\"\",\"sources\":[],\"x\":{}}}", "[".repeat(100_000));
        for text in ["", "[]", "{}", "{\"version\":3}", deep.as_str()] {
            assert!(!equal("a.map", text, text), "{}", &text[..text.len().min(30)]);
        }
    }
}
