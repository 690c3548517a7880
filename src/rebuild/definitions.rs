//! Plans that people wrote for packages whose build cannot be inferred, as files in a directory.
//!
//! `npm/NAME/RANGE.toml` (`npm/@scope/name/RANGE.toml`) holds one plan, or several in order; RANGE is an npm range
//! with `_` for every blank, such as `1.2.3`, `^4` or `>=2_<3`. The file whose range holds the version counts; where
//! several do, the one that comes first by name. `docs/rebuild-plans.md` shows one.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nodejs_semver::Range;
use serde::Deserialize;

use super::plan::Plan;
use crate::package::{Ecosystem, PackageName, Version, line_of};

/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Most files of one package.
const MAX_FILES: usize = 1_000;

/// A directory of definitions.
#[derive(Debug, Clone)]
pub struct Definitions {
    root: PathBuf,
}

/// What a definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The file.
    pub path: PathBuf,
    /// Its plans, in order.
    pub plans: Vec<Plan>,
}

/// Why definitions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The directory is not there.
    #[error("the definitions directory `{}` cannot be read", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be read.
    #[error("the definition `{}` cannot be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file is larger than any definition.
    #[error("the plan file `{}` is larger than {MAX_BYTES} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file's name is not a range.
    #[error("the name of the definition `{}` is not a range of versions", .path.display())]
    Range {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold a plan.
    #[error("the plan file `{}` holds no plan: {reason}", .path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its place.
        reason: String,
    },
    /// A plan's format is not ours.
    #[error("the plan file `{}` has format {found}, this program knows {}", .path.display(), Plan::FORMAT)]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Several {
    plan: Vec<Plan>,
}

impl Definitions {
    /// Opens a directory of definitions.
    pub fn open(root: &Path) -> Result<Self, DefinitionError> {
        std::fs::read_dir(root).map_err(|source| DefinitionError::Directory { path: root.to_owned(), source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// Finds the definition for a release; `None` where there is none.
    pub fn find(&self, name: &PackageName, version: &Version) -> Result<Option<Definition>, DefinitionError> {
        let directory = self.root.join(Ecosystem::Npm.to_string()).join(name.as_str());
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DefinitionError::Directory { path: directory, source }),
        };
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in entries.take(MAX_FILES) {
            let entry = entry.map_err(|source| DefinitionError::Directory { path: directory.clone(), source })?;
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "toml" || extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        for path in files {
            if holds(&path, version)? {
                let plans = read(&path)?;
                return Ok(Some(Definition { path, plans }));
            }
        }
        Ok(None)
    }
}

fn holds(path: &Path, version: &Version) -> Result<bool, DefinitionError> {
    let wrong = || DefinitionError::Range { path: path.to_owned() };
    let text = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(wrong)?.replace('_', " ");
    if text == version.as_str() {
        return Ok(true);
    }
    let range = Range::parse(&text).map_err(|_| wrong())?;
    let parsed = nodejs_semver::Version::parse(version.as_str()).map_err(|_| wrong())?;
    Ok(range.satisfies(&parsed))
}

/// Reads one or several plans from a file, TOML or JSON by its name.
pub fn read(path: &Path) -> Result<Vec<Plan>, DefinitionError> {
    let of_file = |source| DefinitionError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(of_file)?;
    // A device says that it is empty.
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(of_file)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(DefinitionError::TooLarge { path: path.to_owned() });
    }
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let plans = if is_json { parse_json(&text) } else { parse_toml(&text) };
    let plans = plans.map_err(|reason| DefinitionError::Plan { path: path.to_owned(), reason })?;
    match plans.iter().find(|plan| plan.format != Plan::FORMAT) {
        Some(plan) => Err(DefinitionError::Format { path: path.to_owned(), found: plan.format }),
        None => Ok(plans),
    }
}

/// One plan is the document itself; several are its `plan` tables.
fn parse_toml(text: &str) -> Result<Vec<Plan>, String> {
    let reason = |error: toml::de::Error| {
        let line = line_of(text, error.span().map_or(0, |span| span.start));
        format!("line {line}: {}", error.message())
    };
    let table: toml::Table = toml::from_str(text).map_err(reason)?;
    if table.contains_key("plan") {
        toml::from_str(text).map(|several: Several| several.plan).map_err(reason)
    } else {
        toml::from_str(text).map(|plan| vec![plan]).map_err(reason)
    }
}

fn parse_json(text: &str) -> Result<Vec<Plan>, String> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    serde_json::from_str(text).map(|plan| vec![plan]).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"
format = 1
strategy = "written"
clock = 1700000000

[tools.node]
version = "20"
from = "written"

[tools.npm]
version = "10"
from = "written"

[tools.package-manager]
name = "pnpm"

[tools.package-manager.version]
version = "9"
from = "written"

[install]
directory = "."
lockfile = "pnpm-lock.yaml"
mode = "frozen"

[[steps]]
run = "pnpm run build"

[pack]
directory = "packages/a"
with = "pnpm"
"#;

    fn definitions(files: &[(&str, &str)]) -> (tempfile::TempDir, Definitions) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let definitions = Definitions::open(directory.path()).unwrap();
        (directory, definitions)
    }

    fn find(definitions: &Definitions, name: &str, version: &str) -> Result<Option<Definition>, DefinitionError> {
        definitions.find(&PackageName::parse(name).unwrap(), &Version::parse(version).unwrap())
    }

    #[test]
    fn the_range_in_a_name_chooses() {
        let later = PLAN.replace("written", "later");
        let files = [("npm/@a/b/>=1_<2.toml", PLAN), ("npm/@a/b/^2.toml", &later), ("npm/@a/b/README.md", "")];
        let (_directory, definitions) = definitions(&files);
        let strategy = |version| {
            find(&definitions, "@a/b", version).unwrap().map(|definition| definition.plans[0].strategy.clone())
        };
        assert_eq!(strategy("1.5.0").as_deref(), Some("written"));
        assert_eq!(strategy("2.0.1").as_deref(), Some("later"));
        assert_eq!(strategy("3.0.0"), None);
        assert!(find(&definitions, "other", "1.0.0").unwrap().is_none());
    }

    #[test]
    fn a_plan_reads_the_same_in_every_form() {
        let plan: Plan = toml::from_str(PLAN).unwrap();
        let json = serde_json::to_string(&vec![&plan, &plan]).unwrap();
        let several = [
            "[[plan]]\n",
            &toml::to_string(&plan).unwrap().replace("\n[", "\n[plan.").replace("[plan.[steps]]", "[[plan.steps]]"),
        ]
        .concat();
        let files = [("npm/a/1.0.0.json", json.as_str()), ("npm/b/1.toml", &several)];
        let (_directory, definitions) = definitions(&files);
        assert_eq!(find(&definitions, "a", "1.0.0").unwrap().unwrap().plans, [plan.clone(), plan.clone()]);
        assert_eq!(find(&definitions, "b", "1.2.3").unwrap().unwrap().plans, [plan]);
    }

    #[test]
    fn mistakes_are_named_with_their_file() {
        let unknown = PLAN.replace("clock =", "clok =");
        let future = PLAN.replace("format = 1", "format = 9");
        let huge = "#".repeat(2 << 20);
        let files = [
            ("npm/unknown/1.toml", unknown.as_str()),
            ("npm/future/1.toml", &future),
            ("npm/huge/1.toml", &huge),
            ("npm/range/not a range!.toml", PLAN),
        ];
        let (_directory, definitions) = definitions(&files);
        let message = |name: &str| find(&definitions, name, "1.0.0").unwrap_err().to_string();
        assert!(message("unknown").contains("unknown field `clok`") && message("unknown").contains("1.toml"));
        assert!(message("future").contains("has format 9"));
        assert!(message("huge").contains("larger"));
        assert!(message("range").contains("not a range"));
        assert!(matches!(Definitions::open(Path::new("no/such/place")), Err(DefinitionError::Directory { .. })));
    }

    #[test]
    fn the_samples_are_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions");
        let mut seen = 0;
        for entry in walkdir::WalkDir::new(root) {
            let path = entry.unwrap().into_path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                read(&path).unwrap();
                seen += 1;
            }
        }
        assert!(seen > 0);
    }
}
