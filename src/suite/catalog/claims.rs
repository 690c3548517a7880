//! What the registry or the repository says, rather than what is in the archive.

use serde_json::json;

use super::expect;
use super::manifest::set_in;
use crate::demo::{Change, CommitDescription, Edit};
use crate::finding::Risk;
use crate::suite::draft::Draft;
use crate::suite::transformation::{Expected, Group, Planted, Transformation, VerdictIs};

const fn claim(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::Claim, expected, apply }
}

const CONFUSION: Expected = expect(&["manifest-confusion"], Risk::High);
const MODIFIED: Expected = expect(&["file-modified"], Risk::Medium);
const UNREACHABLE: Expected = expect(&["commit-unreachable"], Risk::High);
/// Every file is the tag's, and a stale `gitHead` is common among honest releases.
const MISSING: Expected = Expected { rules: &["commit-missing"], risk: Risk::Low, verdict: VerdictIs::Any };
/// The files are the tag's, which moved: only the memory of the cache can tell.
const MOVED: Expected = Expected { rules: &["tag-moved"], risk: Risk::High, verdict: VerdictIs::Any };
/// The repository that the release names holds every byte, and that of the releases before does not.
const SWITCHED: Expected = expect(&["repository-changed"], Risk::High);
/// The owner of the honest packages' repositories, and somebody else.
const OWNER: &str = "/suite/";
const STRANGER: &str = "/somebody-else/";
const FOREIGN: Expected = expect(&["repository-mismatch", "file-modified", "file-not-in-source"], Risk::Medium);

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    claim("dependency-in-metadata-only", "a dependency that only the registry states", CONFUSION, |draft| {
        let mut dependencies = draft.manifest()?.get("dependencies").cloned().unwrap_or_else(|| json!({}));
        dependencies.as_object_mut()?.insert("inert-look-alike".to_owned(), json!("1.0.0"));
        draft.world.as_mut()?.metadata.insert("dependencies".to_owned(), dependencies);
        Some(Planted::at("package.json"))
    }),
    claim("dependency-in-archive-only", "a dependency that only the archive states", CONFUSION, |draft| {
        stated_otherwise(draft, |manifest| set_in(manifest, "dependencies", "inert-look-alike", json!("1.0.0")))
    }),
    claim("script-in-metadata-only", "an install script that only the registry states", CONFUSION, |draft| {
        let world = draft.world.as_mut()?;
        world.metadata.insert("scripts".to_owned(), json!({ "postinstall": "node inert.js" }));
        world.metadata.insert("hasInstallScript".to_owned(), json!(true));
        Some(Planted::at("package.json"))
    }),
    claim("script-in-archive-only", "an install script that only the archive states", CONFUSION, |draft| {
        stated_otherwise(draft, |manifest| set_in(manifest, "scripts", "postinstall", json!("node inert.js")))
    }),
    claim("command-in-metadata-only", "a command that only the registry states", CONFUSION, |draft| {
        draft.world.as_mut()?.metadata.insert("bin".to_owned(), json!({ "gti": "index.js" }));
        Some(Planted::at("package.json"))
    }),
    claim("version-in-archive", "another version inside of the archive", CONFUSION, |draft| {
        stated_otherwise(draft, |manifest| manifest.insert("version".to_owned(), json!("9.9.9")).map(drop))
    }),
    claim("name-in-archive", "another name inside of the archive", CONFUSION, |draft| {
        stated_otherwise(draft, |manifest| manifest.insert("name".to_owned(), json!("inert-look-alike")).map(drop))
    }),
    claim("tag-moved-to-payload", "the tag, seen before, now names a commit with the payload", MOVED, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path)?;
        let tags = std::mem::take(&mut draft.release_commit()?.tags);
        draft.commit_payload("moved", "refs/heads/side", &path)?.tags = tags;
        let world = draft.world.as_mut()?;
        world.git_head = Some("moved".to_owned());
        world.seen_before = true;
        Some(Planted::in_release())
    }),
    claim("tag-moved-away", "the tag names another commit, so that nothing fits", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path)?;
        let tags = std::mem::take(&mut draft.release_commit()?.tags);
        let world = draft.world.as_mut()?;
        world.repository.commits.first_mut()?.tags.extend(tags);
        world.git_head = None;
        Some(Planted::at(path))
    }),
    claim("unreachable-commit", "gitHead names a commit that only a pull request reaches", UNREACHABLE, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path)?;
        draft.commit_payload("imposter", "refs/pull/7/head", &path)?;
        draft.world.as_mut()?.git_head = Some("imposter".to_owned());
        Some(Planted::in_release())
    }),
    claim("unknown-commit", "gitHead names a commit that does not exist", MISSING, |draft| {
        draft.world.as_mut()?.git_head = Some("5".repeat(40));
        Some(Planted::in_release())
    }),
    claim("version-without-tag", "a version that no tag and no commit has", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path)?;
        let world = draft.world.as_mut()?;
        world.git_head = None;
        draft.version = "1.1.7".to_owned();
        draft.edit_manifest(|manifest| manifest.insert("version".to_owned(), json!("1.1.7")).map(drop))?;
        Some(Planted::at(path))
    }),
    claim("side-branch-with-payload", "gitHead names a branch beside the tag that holds the payload", SIDE, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path)?;
        draft.commit_payload("side", "refs/heads/side", &path)?;
        draft.world.as_mut()?.git_head = Some("side".to_owned());
        Some(Planted { paths: Vec::new() })
    }),
    claim("switched-repository", "another repository is named, made to fit", SWITCHED, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path)?;
        let owned = |text: &str| text.contains(OWNER).then(|| text.replace(OWNER, STRANGER));
        draft.edit("package.json", owned)?;
        let manifest =
            Edit::Change(Change { replace: vec![(OWNER.to_owned(), STRANGER.to_owned())], ..Change::default() });
        let tags = std::mem::take(&mut draft.release_commit()?.tags);
        let commit = draft.commit_payload("switched", "refs/heads/main", &path)?;
        commit.tags = tags;
        let world = draft.world.as_mut()?;
        let (folder, label) = (world.folder.clone(), "switched".to_owned());
        world.repository.commits.last_mut()?.files.insert(format!("{folder}package.json"), manifest);
        let (_, name) = world.repository.name.split_once('/')?;
        world.address = Some(format!("https://git.example{STRANGER}{name}"));
        world.git_head = Some(label);
        Some(Planted::in_release())
    }),
    claim("borrowed-repository", "the repository is somebody else's", FOREIGN, |draft| {
        let world = draft.world.as_mut()?;
        world.repository_changed = true;
        let stranger: CommitDescription = CommitDescription {
            label: "stranger".to_owned(),
            message: None,
            on: None,
            parent: None,
            day: Some(0),
            tags: vec!["v0.1.0".to_owned()],
            annotated_tags: Vec::new(),
            files: [
                (
                    "package.json".to_owned(),
                    Edit::Text("{ \"name\": \"somebody-elses\", \"version\": \"0.1.0\" }\n".to_owned()),
                ),
                ("main.js".to_owned(), Edit::Text("module.exports = 1;\n".to_owned())),
            ]
            .into(),
        };
        world.repository.commits = vec![stranger];
        world.git_head = None;
        Some(Planted { paths: Vec::new() })
    }),
];

/// Two commits are claimed to be the release's, and the files are those of the one without a tag.
/// Who can push a branch can change the source, and an honest release from beside its tag looks the same.
const SIDE: Expected = Expected { rules: &["claims-disagree"], risk: Risk::Low, verdict: VerdictIs::Any };

/// Changes the manifest in the archive, while the registry goes on stating what it was.
fn stated_otherwise(
    draft: &mut Draft,
    change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>) -> Option<()>,
) -> Option<Planted> {
    let honest = draft.file("package.json")?.content.clone();
    draft.edit_manifest(change)?;
    draft.world.as_mut()?.stated_manifest = Some(honest);
    Some(Planted::at("package.json"))
}
