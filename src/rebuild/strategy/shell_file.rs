//! Shell files of the repository that build, where nothing else says how: no script, no workflow, no Makefile.

use std::collections::BTreeSet;

use super::assemble::Way;
use super::commit::join;
use super::expand::{Kept, Whole, whole};
use super::infer::Scene;
use super::shell::quote;
use crate::rebuild::main_files;

/// Directories in which such files lie, themselves or one below.
const PLACES: [&str; 6] = ["scripts", "script", "bin", "build", "tools", "ci"];
/// What they are called, best first.
const NAMES: [&str; 4] = ["package.sh", "build.sh", "dist.sh", "compile.sh"];
/// Most files that are read.
const MAX_FILES: usize = 20;
/// Most ways.
const MAX_WAYS: usize = 2;

/// Ways to build by a shell file.
///
/// A name proves little, so there are none unless the `main` of the commit's own manifest is published and not in the
/// commit: such a package is built by something. A file that is added to any other release does not wait for a build.
pub(super) fn ways(scene: &Scene<'_>) -> Vec<Way> {
    if !has_unexplained_main(scene) {
        return Vec::new();
    }
    let below = |place: &str| {
        let inside = scene.commit.directories(&join(scene.directory, place));
        inside.into_iter().map(|name| join(place, &name)).collect::<Vec<_>>()
    };
    let places = PLACES.iter().flat_map(|place| [vec![(*place).to_owned()], below(place)].concat());
    let mut files: Vec<(usize, String)> = places
        .flat_map(|place| {
            let names = scene.commit.files(&join(scene.directory, &place));
            names.into_iter().map(move |name| join(&place, &name)).collect::<Vec<_>>()
        })
        .filter_map(|file| {
            let rank = NAMES.iter().position(|name| file.rsplit('/').next() == Some(name))?;
            Some((rank, file))
        })
        .collect();
    files.sort();
    let builds = |(_, file): &(usize, String)| {
        let text = scene.commit.text(&join(scene.directory, file))?;
        let shell = if text.lines().next().is_some_and(|first| first.contains("bash")) { "bash" } else { "sh" };
        (whole(&text) == Whole::Builds).then(|| way(scene, file, shell))
    };
    files.iter().take(MAX_FILES).filter_map(builds).take(MAX_WAYS).collect()
}

fn way(scene: &Scene<'_>, file: &str, shell: &str) -> Way {
    let run = format!("{shell} {}", quote(file));
    let step = Kept {
        directory: scene.directory.to_owned(),
        leaves: BTreeSet::from([format!("{}\n{run}", scene.directory)]),
        run,
        environment: Default::default(),
        builds: true,
        fallback: false,
    };
    Way {
        strategy: "shell-file",
        because: vec![format!("nothing else builds, and `main` is not in git: {}", join(scene.directory, file))],
        steps: vec![step],
        published: None,
        builds_needed: true,
        with_lifecycle: true,
    }
}

/// Whether what the commit's manifest names as `main` is published, and the commit does not hold it.
fn has_unexplained_main(scene: &Scene<'_>) -> bool {
    let files = scene.commit.manifest(scene.directory).map(|manifest| main_files(&manifest)).unwrap_or_default();
    files.iter().any(|file| scene.residue.contains(file))
        && !files.iter().any(|file| scene.commit.is_file(&join(scene.directory, file)))
}

#[cfg(test)]
mod tests {
    use crate::rebuild::strategy::Claims;
    use crate::rebuild::strategy::test_tree::{PUBLISHED, infer_with, outline};

    #[test]
    fn a_shell_file_builds_where_nothing_else_makes_what_is_published() {
        let manifest = r#"{"name":"a","version":"1.0.0","main":"./index.cjs","devDependencies":{"typescript":"5"}}"#;
        let packing = "#!/bin/bash\nif [ -z \"$X\" ]; then npx tsc --outDir lib; fi\n";
        let releasing = "#!/bin/bash\nnpx tsc\nnpm publish\n";
        let claims = Claims { published_at: Some(PUBLISHED), ..Claims::default() };
        let first_of = |files: &[(&str, &str)], residue: &[&str]| {
            let residue: Vec<String> = residue.iter().map(|path| (*path).to_owned()).collect();
            outline(&infer_with("", "a", files, &claims, &residue).unwrap()[0])
        };
        let first = |files: &[(&str, &str)]| first_of(files, &["index.cjs", "lib/a.js"]);
        let files = [
            ("package.json", manifest),
            ("scripts/build/build.sh", "echo nothing\n"),
            ("scripts/build/package.sh", packing),
            ("tools/dist.sh", releasing),
        ];
        assert_eq!(first(&files), "shell-file loose\n$ bash scripts/build/package.sh\npack . Npm");
        let plain = "plain-pack no install\npack . Npm";
        assert_eq!(first(&[&files[..], &[("index.cjs", "")]].concat()), plain, "what is published is in git");
        assert_eq!(first(&[files[0], files[1], files[3]]), plain, "what publishes is not run");
        assert_eq!(first_of(&files, &["lib/a.js"]), plain, "no `main` is published");
        let scripted = manifest.replace(r#""main""#, r#""scripts":{"prepare":"tsc"},"main""#);
        let scripted = [("package.json", scripted.as_str()), files[2]];
        assert!(first(&scripted).starts_with("lifecycle"), "a script of the manifest says how");
        let odd = [files[0], ("scripts/a;b/build.sh", packing)];
        assert!(first(&odd).contains("$ bash 'scripts/a;b/build.sh'"), "{}", first(&odd));
    }
}
