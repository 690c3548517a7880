//! Where a build left the package, if the plan's own directory cannot be the published one.

use std::path::Path;

use serde_json::Value;
use tarproof_sandbox::Session;

use crate::package::{Release, without_byte_order_mark};
use crate::rebuild::Plan;
use crate::rebuild::main_files;
use crate::rebuild::plan::Pack;
use crate::source::tree::join;

/// Directories that builds commonly fill, beside those that `.gitignore` names.
const USUAL: [&str; 9] = ["dist", "build", "lib", "npm", "out", "package", "pkg", "publish", "release"];
/// Most directories that are looked into.
const MAX_PLACES: usize = 64;
/// Largest manifest that is read, bytes.
const MAX_MANIFEST: u64 = 4 << 20;

/// The plan that packs what the build left elsewhere; `None` where the plan's own directory can be published.
///
/// npm refuses a manifest that is `private`, and nobody publishes a directory that lacks its manifest's own `main`. A
/// build behind one fills another directory for the release, and where is nowhere stated: the directory is recognised by
/// a manifest with the release's name and version, and by that `main`. `read` gives the commit's files.
pub(super) fn plan(
    session: &Session,
    plan: &Plan,
    release: &Release,
    read: &dyn Fn(&str) -> Option<String>,
) -> Option<Plan> {
    let inside = |name: &str| join(plan.pack.place(), name);
    let own = parse(read(&inside("package.json"))?.as_bytes())?;
    let has_main = |place: &str| {
        main_files(&own).iter().any(|file| {
            let path = format!("{}/{}", plan.source_directory(), join(place, file));
            session.open_file(Path::new(&path)).is_ok()
        })
    };
    // What packing itself runs may still make it.
    let lacks_main = !plan.pack.scripts && !main_files(&own).is_empty() && !has_main(plan.pack.place());
    if !is_private(&own) && !lacks_main {
        return None;
    }
    let is_the_release = |place: &String| {
        let path = format!("{}/{place}/package.json", plan.source_directory());
        let manifest = session.read(Path::new(&path), MAX_MANIFEST).ok().and_then(|content| parse(&content));
        manifest.is_some_and(|manifest| {
            let text = |key: &str| manifest.get(key).and_then(Value::as_str);
            text("name") == Some(release.name.as_str())
                && text("version") == Some(release.version.as_str())
                && !is_private(&manifest)
                && (is_private(&own) || has_main(place))
        })
    };
    let ignored = read(&inside(".gitignore")).unwrap_or_default();
    let ignored = ignored.lines().filter_map(plain_directory).map(str::to_owned);
    let mut places = ignored.chain(USUAL.map(str::to_owned)).map(|name| inside(&name)).take(MAX_PLACES);
    let found = places.find(is_the_release)?;
    let mut because = plan.because.clone();
    because.push(format!(
        "{} in `{}`: the build wrote the release's manifest to `{}`",
        if is_private(&own) { "`private`" } else { "`main` is not there" },
        inside("package.json").escape_debug(),
        found.escape_debug()
    ));
    let pack = Pack { directory: found, prepublish_only: false, scripts: false, ..plan.pack.clone() };
    Some(Plan { because, pack, ..plan.clone() })
}

fn parse(content: &[u8]) -> Option<Value> {
    serde_json::from_slice(without_byte_order_mark(content)).ok()
}

/// Whether npm refuses to publish this manifest.
pub(crate) fn is_private(manifest: &Value) -> bool {
    manifest.get("private") == Some(&Value::Bool(true))
}

/// A line of an ignore file that names one directory and nothing else.
fn plain_directory(line: &str) -> Option<&str> {
    let name = line.trim().trim_matches('/');
    let is_plain = !name.is_empty() && name != "node_modules" && !name.contains(['*', '?', '[', '\\', '!', '#']);
    (is_plain && name.split('/').all(|part| !matches!(part, "" | "." | ".."))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_directories_are_read() {
        let lines =
            ["/npmDist", "dist/", "  packages/a/out ", "node_modules", "*.log", "!keep", "# note", "../up", "a//b", ""];
        let found: Vec<_> = lines.into_iter().filter_map(plain_directory).collect();
        assert_eq!(found, ["npmDist", "dist", "packages/a/out"]);
    }
}
