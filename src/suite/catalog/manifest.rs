//! Keys of the manifest that decide what an import reaches, and all others.

use serde_json::{Map, Value, json};

use super::expect;
use crate::finding::Risk;
use crate::suite::draft::{Draft, PAYLOAD};
use crate::suite::transformation::{Expected, Group, Planted, Transformation};

pub(super) const fn manifest(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::Manifest, expected, apply }
}

const ENTRY_POINT: Expected = expect(&["entry-point-differs"], Risk::High);
const DEPENDENCY: Expected = expect(&["dependency-added"], Risk::High);
/// No registry keeps what stands there.
const ELSEWHERE: Expected = expect(&["dependency-added"], Risk::Critical);
const ELSEWHERE_NOW: Expected = expect(&["manifest-differs"], Risk::Critical);
/// Another range of a known dependency is no new dependency.
const DIFFERS: Expected = expect(&["manifest-differs", "dependency-added"], Risk::Medium);
/// Nothing that an installation or an import looks at.
const HARMLESS: Expected = expect(&["manifest-differs"], Risk::Low);

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    manifest("main-redirected", "main names an added file", ENTRY_POINT, |draft| {
        with_file(draft, "./inert.js", |manifest, file| {
            manifest.insert("main".to_owned(), file.into());
            Some(())
        })
    }),
    manifest("module-added", "module names an added file", ENTRY_POINT, |draft| {
        with_file(draft, "./inert.js", |manifest, file| {
            manifest.insert("module".to_owned(), file.into());
            Some(())
        })
    }),
    manifest("exports-condition", "one more condition, the first, in exports", ENTRY_POINT, |draft| {
        with_file(draft, "./inert.js", |manifest, file| {
            let exports = manifest.get_mut("exports")?;
            let conditions = match exports.get(".") {
                Some(_) => exports.get_mut(".")?,
                None => exports,
            };
            *conditions = json!({ "node": file, "default": conditions.clone() });
            Some(())
        })
    }),
    manifest("exports-reordered", "the conditions of exports in another order", ENTRY_POINT, |draft| {
        edit(draft, |manifest| {
            let exports = manifest.get_mut("exports")?;
            let conditions = match exports.get(".") {
                Some(_) => exports.get_mut(".")?,
                None => exports,
            };
            let conditions = conditions.as_object_mut().filter(|map| map.len() > 1)?;
            *conditions = std::mem::take(conditions).into_iter().rev().collect();
            Some(())
        })
    }),
    manifest("exports-added", "exports where there were none", ENTRY_POINT, |draft| {
        with_file(draft, "./inert.js", |manifest, file| absent(manifest, "exports", json!({ "node": file })))
    }),
    manifest("imports-changed", "a private name for an added file", ENTRY_POINT, |draft| {
        with_file(draft, "./inert.js", |manifest, file| match manifest.get_mut("imports") {
            Some(imports) => {
                *imports.as_object_mut()?.values_mut().next()? = file.into();
                Some(())
            }
            None => set_in(manifest, "imports", "#inert", file.into()),
        })
    }),
    manifest("browser-map", "another file for browsers", ENTRY_POINT, |draft| {
        let main = draft.main_code()?;
        with_file(draft, "./inert.js", |manifest, file| set_in(manifest, "browser", &format!("./{main}"), file.into()))
    }),
    manifest("types-changed", "types names an added file", ENTRY_POINT, |draft| {
        with_file(draft, "./inert.d.ts", |manifest, file| {
            manifest.insert("types".to_owned(), file.into());
            Some(())
        })
    }),
    manifest("type-changed", "code is read as another kind of module", ENTRY_POINT, |draft| {
        edit(draft, |manifest| {
            let kind = if manifest.get("type").is_some_and(|kind| kind == "module") { "commonjs" } else { "module" };
            manifest.insert("type".to_owned(), kind.into());
            Some(())
        })
    }),
    manifest("dependency-added", "a dependency added", DEPENDENCY, |draft| {
        edit(draft, |manifest| set_in(manifest, "dependencies", "inert-look-alike", json!("^1.0.0")))
    }),
    manifest("dependency-from-git", "a dependency from a repository added", ELSEWHERE, |draft| {
        let url = json!("git+https://git.example/suite/inert-look-alike.git");
        edit(draft, |manifest| set_in(manifest, "dependencies", "inert-look-alike", url))
    }),
    manifest("dependency-from-address", "a dependency that is fetched from an address", ELSEWHERE_NOW, |draft| {
        edit(draft, |manifest| {
            let range = manifest.get_mut("dependencies")?.as_object_mut()?.values_mut().next()?;
            *range = json!("https://collector.example/-/inert-look-alike-1.0.0.tgz");
            Some(())
        })
    }),
    manifest("dependency-range", "another range of a dependency", DIFFERS, |draft| {
        edit(draft, |manifest| {
            *manifest.get_mut("dependencies")?.as_object_mut()?.values_mut().next()? = json!("99.0.1");
            Some(())
        })
    }),
    manifest("dependency-aliased", "another package under a dependency's name", DIFFERS, |draft| {
        edit(draft, |manifest| {
            let range = manifest.get_mut("dependencies")?.as_object_mut()?.values_mut().next()?;
            *range = json!("npm:inert-look-alike@1.0.0");
            Some(())
        })
    }),
    manifest("optional-dependency-added", "an optional dependency added", DEPENDENCY, |draft| {
        edit(draft, |manifest| set_in(manifest, "optionalDependencies", "inert-look-alike", json!("1.0.0")))
    }),
    manifest("peer-dependency-added", "a peer dependency added", DEPENDENCY, |draft| {
        edit(draft, |manifest| set_in(manifest, "peerDependencies", "inert-look-alike", json!("*")))
    }),
    manifest("bundled-dependency-added", "a bundled dependency added", DEPENDENCY, |draft| {
        edit(draft, |manifest| {
            let list = manifest.entry("bundleDependencies").or_insert_with(|| json!([]));
            list.as_array_mut()?.push(json!("inert-look-alike"));
            Some(())
        })
    }),
    manifest("overrides-added", "overrides added", DIFFERS, |draft| {
        edit(draft, |manifest| set_in(manifest, "overrides", "inert-look-alike", json!("1.0.0")))
    }),
    manifest("publish-config-added", "publishConfig added", HARMLESS, |draft| {
        edit(draft, |manifest| set_in(manifest, "publishConfig", "access", json!("public")))
    }),
    manifest("workspaces-added", "workspaces added", HARMLESS, |draft| {
        edit(draft, |manifest| absent(manifest, "workspaces", json!(["inert"])))
    }),
    manifest("engines-changed", "other engines", HARMLESS, |draft| {
        edit(draft, |manifest| set_in(manifest, "engines", "node", json!(">=20.11")))
    }),
    manifest("os-changed", "other operating systems", HARMLESS, |draft| {
        edit(draft, |manifest| absent(manifest, "os", json!(["linux", "darwin", "win32"])))
    }),
    manifest("side-effects-added", "sideEffects added, which bundlers resolve by", BUNDLER, |draft| {
        edit(draft, |manifest| absent(manifest, "sideEffects", json!(["./index.js"])))
    }),
    manifest("unknown-key-added", "a key that nobody knows", HARMLESS, |draft| {
        edit(draft, |manifest| absent(manifest, "inertLookAlike", json!("collector.example")))
    }),
    manifest("key-stated-twice", "main stated twice", TWICE, |draft| {
        draft.add("inert.js", PAYLOAD)?;
        let path = draft.edit("package.json", |text| {
            let main = text.lines().find(|line| line.starts_with("  \"main\":"))?;
            Some(text.replacen(main, &format!("  \"main\": \"./inert.js\",\n{main}"), 1))
        })?;
        Some(Planted::at(path))
    }),
    manifest("manifest-no-json", "a manifest that only forgiving parsers read", UNREADABLE, |draft| {
        // A registry that cannot read the manifest serves nothing, so it is told what the source says.
        let honest = draft.file("package.json")?.content.clone();
        let path = draft.edit("package.json", |text| Some(text.replacen('{', "{ // inert look-alike\n", 1)))?;
        if let Some(world) = &mut draft.world {
            world.stated_manifest = Some(honest);
        }
        Some(Planted::at(path))
    }),
];

const BUNDLER: Expected = expect(&["entry-point-differs", "manifest-differs"], Risk::Medium);
const TWICE: Expected = expect(&["entry-point-differs", "manifest-differs"], Risk::Medium);
const UNREADABLE: Expected = expect(&["manifest-unreadable"], Risk::High);

/// Changes the manifest, at whose path it is then found.
pub(super) fn edit(draft: &mut Draft, change: impl FnOnce(&mut Map<String, Value>) -> Option<()>) -> Option<Planted> {
    draft.edit_manifest(change).map(|()| Planted::at("package.json"))
}

/// Adds a file and then changes the manifest, which names it.
fn with_file(
    draft: &mut Draft,
    file: &str,
    change: impl FnOnce(&mut Map<String, Value>, &str) -> Option<()>,
) -> Option<Planted> {
    draft.add(file.trim_start_matches("./"), PAYLOAD)?;
    edit(draft, |manifest| change(manifest, file))
}

/// Sets one entry of a map, which is made where there is none.
pub(super) fn set_in(manifest: &mut Map<String, Value>, map: &str, key: &str, value: Value) -> Option<()> {
    let map = manifest.entry(map).or_insert_with(|| json!({})).as_object_mut()?;
    map.insert(key.to_owned(), value);
    Some(())
}

/// Sets a key that is not there.
fn absent(manifest: &mut Map<String, Value>, key: &str, value: Value) -> Option<()> {
    match manifest.contains_key(key) {
        true => None,
        false => {
            manifest.insert(key.to_owned(), value);
            Some(())
        }
    }
}
