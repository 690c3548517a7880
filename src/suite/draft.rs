//! A release that is about to be published, and changes to it.

use serde_json::{Map, Value};

use crate::demo::{Change, CommitDescription, Edit, RepositoryDescription};

/// What is planted: a function that nothing calls and that does nothing.
pub(super) const PAYLOAD: &str =
    "function inertLookAlike() { return 'inert look-alike, never called: collector.example'; }\n";

/// A release that is about to be published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The npm name.
    pub name: String,
    /// The version that the registry lists it as.
    pub version: String,
    /// The archive's members in their order.
    pub members: Vec<Member>,
    /// Blocks between the last member and the end of the tar archive.
    pub before_end: Vec<u8>,
    /// Bytes after the end of the tar archive, before compression.
    pub after_archive: Vec<u8>,
    /// Bytes after the compressed stream.
    pub after_compressed: Vec<u8>,
    /// The world around it; `None` where registry and repository are real and cannot be changed.
    pub world: Option<DraftWorld>,
}

/// What a draft can change besides its archive.
#[derive(Debug, Clone)]
pub struct DraftWorld {
    /// What the registry's document states over what the manifest says.
    pub metadata: Map<String, Value>,
    /// The manifest that the registry's document is made of; the archive's own unless stated.
    pub stated_manifest: Option<Vec<u8>>,
    /// The package's folder in the repository, with a final slash unless it is the root.
    pub folder: String,
    /// The repository.
    pub repository: RepositoryDescription,
    /// Whether [`Self::repository`] is another one than the honest package's.
    pub repository_changed: bool,
    /// Where the changed repository is, if the honest one remains at its address.
    pub address: Option<String>,
    /// The label of the commit that the registry names, or a full id.
    pub git_head: Option<String>,
    /// Whether the honest release was verified before, so that the cache remembers its tags.
    pub seen_before: bool,
}

/// One member of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path below the root folder.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whether it is executable.
    pub executable: bool,
    /// What it is.
    pub kind: MemberKind,
    /// A record that names it, where the header has another name.
    pub record: Option<NameRecord>,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A file.
    File,
    /// A symbolic link to this target.
    SymbolicLink(String),
    /// A hard link to this member, root folder included.
    HardLink(String),
}

/// A record in front of a member that gives its path; the header says another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameRecord {
    /// An extended header with the key `path`; its value is what the header of the member says.
    Pax(String),
    /// A long name in GNU's way; likewise.
    Gnu(String),
}

impl Member {
    /// A file.
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: content.into(), executable: false, kind: MemberKind::File, record: None }
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok()
    }
}

impl Draft {
    /// A draft of members alone.
    pub fn new(name: &str, version: &str, members: Vec<Member>) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            members,
            before_end: Vec::new(),
            after_archive: Vec::new(),
            after_compressed: Vec::new(),
            world: None,
        }
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.path == path && member.kind == MemberKind::File)
    }

    /// Whether anything has this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.members.iter().any(|member| member.path == path)
    }

    /// Adds a file that was not there; `None` where the path is taken.
    pub(super) fn add(&mut self, path: &str, content: impl Into<Vec<u8>>) -> Option<String> {
        if self.has(path) {
            return None;
        }
        self.members.push(Member::file(path, content));
        Some(path.to_owned())
    }

    /// Removes the member at `path`.
    pub(super) fn remove(&mut self, path: &str) -> Option<Member> {
        let index = self.members.iter().position(|member| member.path == path)?;
        Some(self.members.remove(index))
    }

    /// Changes the bytes of the file at `path`.
    pub(super) fn rewrite(&mut self, path: &str, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Option<String> {
        let member = self.members.iter_mut().find(|member| member.path == path)?;
        let changed = change(&member.content)?;
        if changed == member.content {
            return None;
        }
        member.content = changed;
        Some(path.to_owned())
    }

    /// Changes the text of the file at `path`, which must be UTF-8.
    pub(super) fn edit(&mut self, path: &str, change: impl FnOnce(&str) -> Option<String>) -> Option<String> {
        self.rewrite(path, |content| Some(change(std::str::from_utf8(content).ok()?)?.into_bytes()))
    }

    /// The first file whose path fits, in the order of paths.
    pub(super) fn find(&self, fits: impl Fn(&Member) -> bool) -> Option<String> {
        let mut paths: Vec<&str> = self
            .members
            .iter()
            .filter(|member| member.kind == MemberKind::File && fits(member))
            .map(|member| member.path.as_str())
            .collect();
        paths.sort_unstable();
        paths.first().map(|path| (*path).to_owned())
    }

    /// The first file with one of these ends.
    pub(super) fn find_ending(&self, ends: &[&str]) -> Option<String> {
        self.find(|member| ends.iter().any(|end| member.path.ends_with(end)))
    }

    /// The file that an import of the package reaches, as its manifest says it; else the first code there is.
    pub(super) fn main_code(&self) -> Option<String> {
        let manifest = self.manifest()?;
        let named = ["main", "module", "exports", "bin"].iter().filter_map(|key| first_text(manifest.get(*key)?));
        named
            .chain(["index.js"])
            .map(|path| path.trim_start_matches("./"))
            .flat_map(|path| [path.to_owned(), format!("{path}.js"), format!("{path}/index.js")])
            .find(|path| is_code(path) && self.file(path).is_some())
            .or_else(|| self.find(|member| is_code(&member.path) && !member.path.starts_with("node_modules/")))
    }

    /// The manifest, as it stands.
    pub(super) fn manifest(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.file("package.json")?.content).ok()
    }

    /// Changes the manifest; line ends stay as they were.
    pub(super) fn edit_manifest(&mut self, change: impl FnOnce(&mut Map<String, Value>) -> Option<()>) -> Option<()> {
        self.edit_json("package.json", change)
    }

    /// Changes a JSON object.
    pub(super) fn edit_json(
        &mut self,
        path: &str,
        change: impl FnOnce(&mut Map<String, Value>) -> Option<()>,
    ) -> Option<()> {
        self.edit(path, |text| {
            let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
            change(&mut object)?;
            let mut changed = serde_json::to_string_pretty(&object).ok()? + "\n";
            if text.contains("\r\n") {
                changed = changed.replace('\n', "\r\n");
            }
            Some(changed)
        })?;
        Some(())
    }

    /// The commit that the release comes from, to be changed.
    pub(super) fn release_commit(&mut self) -> Option<&mut CommitDescription> {
        let version = self.version.clone();
        let world = self.world.as_mut()?;
        world.repository_changed = true;
        world.repository.commits.iter_mut().find(|commit| commit.label == version)
    }

    /// Makes `text` the content of a file in the commit that the release comes from.
    pub(super) fn commit_file(&mut self, path: &str, text: String) -> Option<()> {
        let path = format!("{}{path}", self.world.as_ref()?.folder);
        self.release_commit()?.files.insert(path, Edit::Text(text));
        Some(())
    }

    /// Adds a commit on top of the release's, with the payload at the end of the file at `path`.
    pub(super) fn commit_payload(
        &mut self,
        label: &str,
        reference: &str,
        path: &str,
    ) -> Option<&mut CommitDescription> {
        let parent = self.version.clone();
        let world = self.world.as_mut()?;
        let edit = Edit::Change(Change { append: Some(PAYLOAD.to_owned()), ..Change::default() });
        world.repository_changed = true;
        let commits = &mut world.repository.commits;
        commits.push(CommitDescription {
            label: label.to_owned(),
            message: Some("Improve".to_owned()),
            on: Some(reference.to_owned()),
            parent: Some(parent),
            day: Some(1),
            tags: Vec::new(),
            annotated_tags: Vec::new(),
            files: [(format!("{}{path}", world.folder), edit)].into(),
        });
        commits.last_mut()
    }

    /// Puts the payload at the end of a file.
    pub(super) fn append_payload(&mut self, path: &str) -> Option<String> {
        self.append(path, PAYLOAD)
    }

    /// Puts text at the end of a file; line ends are the file's.
    pub(super) fn append(&mut self, path: &str, text: &str) -> Option<String> {
        self.edit(path, |content| {
            let text = if content.contains("\r\n") { text.replace('\n', "\r\n") } else { text.to_owned() };
            let gap = if content.is_empty() || content.ends_with('\n') { "" } else { "\n" };
            Some(format!("{content}{gap}{text}"))
        })
    }

    /// The content of the file at `path`, if it is text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.file(path)?.text()
    }
}

/// Whether a path is one of code that Node loads by its name.
pub(super) fn is_code(path: &str) -> bool {
    [".js", ".cjs", ".mjs"].iter().any(|end| path.ends_with(end))
}

/// The first text in a value, however deep.
fn first_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(list) => list.iter().find_map(first_text),
        Value::Object(map) => map.values().find_map(first_text),
        _ => None,
    }
}
