//! Keys of the manifest that decide what runs at installation, or as a command.

use serde_json::{Value, json};

use super::expect;
use super::manifest::{edit, manifest, set_in};
use crate::finding::Risk;
use crate::suite::draft::{Draft, PAYLOAD};
use crate::suite::transformation::{Expected, Planted, Transformation};

const SCRIPT: Expected = expect(&["install-script-added"], Risk::High);
const SCRIPT_DIFFERS: Expected = expect(&["install-script-differs"], Risk::High);
const BIN: Expected = expect(&["bin-added"], Risk::High);
const KNOWN_BIN: Expected = expect(&["bin-added"], Risk::Critical);
const BIN_DIFFERS: Expected = expect(&["entry-point-differs"], Risk::High);
const OTHER: Expected = expect(&["manifest-differs", "install-script-added"], Risk::Medium);

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    manifest("script-preinstall", "scripts.preinstall added", SCRIPT, |draft| script_added(draft, "preinstall")),
    manifest("script-install", "scripts.install added", SCRIPT, |draft| script_added(draft, "install")),
    manifest("script-postinstall", "scripts.postinstall added", SCRIPT, |draft| script_added(draft, "postinstall")),
    manifest("script-prepare", "scripts.prepare added", SCRIPT, |draft| script_added(draft, "prepare")),
    manifest("script-uninstall", "scripts.uninstall added", OTHER, |draft| script_added(draft, "uninstall")),
    manifest("script-install-changed", "another text in scripts.install", SCRIPT_DIFFERS, |draft| {
        edit(draft, |manifest| {
            let script = manifest.get_mut("scripts")?.get_mut("install")?;
            *script = json!(format!("{} && node inert.js", script.as_str()?));
            Some(())
        })
    }),
    manifest("script-install-removed", "scripts.install removed", SCRIPT_DIFFERS, |draft| {
        edit(draft, |manifest| manifest.get_mut("scripts")?.as_object_mut()?.shift_remove("install").map(drop))
    }),
    manifest("gypfile", "gypfile set", OTHER, |draft| {
        edit(draft, |manifest| match manifest.contains_key("gypfile") {
            true => None,
            false => manifest.insert("gypfile".to_owned(), json!(true)).map_or(Some(()), |_| None),
        })
    }),
    manifest("bin-added", "a command added", BIN, |draft| {
        draft.add("inert.js", PAYLOAD)?;
        edit(draft, |manifest| match manifest.get_mut("bin") {
            Some(Value::Object(commands)) => {
                commands.insert("gti".to_owned(), json!("inert.js"));
                Some(())
            }
            Some(_) => None,
            None => set_in(manifest, "bin", "gti", json!("inert.js")),
        })
    }),
    manifest("known-bin-added", "a command of a well-known name among many", KNOWN_BIN, |draft| {
        draft.add("inert.js", PAYLOAD)?;
        edit(draft, |manifest| {
            for number in 0..12 {
                set_in(manifest, "bin", &format!("inert-{number:02}"), json!("inert.js"))?;
            }
            set_in(manifest, "bin", "npm", json!("inert.js"))
        })
    }),
    manifest("bin-redirected", "a command that starts another file", BIN_DIFFERS, |draft| {
        draft.add("inert.js", PAYLOAD)?;
        edit(draft, |manifest| {
            let command = manifest.get_mut("bin")?.as_object_mut()?.values_mut().next()?;
            *command = json!("inert.js");
            Some(())
        })
    }),
    manifest("directories-bin", "a folder of commands", BIN_FOLDER, |draft| {
        draft.add("commands/gti", "#!/usr/bin/env node\n")?;
        edit(draft, |manifest| set_in(manifest, "directories", "bin", json!("commands")))
    }),
    manifest("files-changed", "another list of published files", OTHER, |draft| {
        edit(draft, |manifest| {
            let files = manifest.entry("files").or_insert_with(|| json!(["**"]));
            files.as_array_mut()?.push(json!("inert"));
            Some(())
        })
    }),
];

const BIN_FOLDER: Expected = expect(&["bin-added", "entry-point-differs", "manifest-differs"], Risk::Medium);

fn script_added(draft: &mut Draft, name: &str) -> Option<Planted> {
    draft.add("inert.js", PAYLOAD)?;
    edit(draft, |manifest| {
        if manifest.get("scripts").is_some_and(|scripts| scripts.get(name).is_some()) {
            return None;
        }
        set_in(manifest, "scripts", name, json!("node inert.js"))
    })
}
