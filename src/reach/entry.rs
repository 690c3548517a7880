//! The entry points that manifests name.

use serde_json::{Map, Value};

use super::Reach;
use super::command::named;
use super::files::Files;
use super::resolve::{in_manifest, visit_targets};
use super::walk::is_only_read;

/// Scripts that run when the package is installed from a registry or, the last ones, where it is worked on: what a
/// registry serves is never prepared again.
const LIFECYCLE: [&str; 6] = ["preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"];
/// Fields whose files run in the place of `main` under one tool or another.
const MAIN_FIELDS: [&str; 12] = [
    "module",
    "browser",
    "react-native",
    "jsnext:main",
    "es2015",
    "esnext",
    "fesm2015",
    "source",
    "svelte",
    "unpkg",
    "jsdelivr",
    "electron",
];
/// Fields, and conditions of `exports`, with files that are no programs.
const STYLE_FIELDS: [&str; 4] = ["style", "sass", "less", "css"];
/// Most scripts that call each other.
const MAXIMUM_SCRIPTS: usize = 200;

/// A file that something outside of the package runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'f> {
    pub(super) reach: Reach,
    pub(super) path: &'f str,
    /// What names it, and what that goes through.
    pub(super) names: Vec<String>,
}

pub(super) struct Entries<'e, 'f> {
    files: &'e Files<'f>,
    found: Vec<Entry<'f>>,
    is_open: bool,
}

impl<'e, 'f> Entries<'e, 'f> {
    /// Reads the package's manifest and those of bundled packages; also tells whether a script that runs at installation
    /// names what cannot be told.
    pub(super) fn of(files: &'e Files<'f>) -> (Vec<Entry<'f>>, bool) {
        let mut entries = Self { files, found: Vec::new(), is_open: false };
        for (folder, manifest) in files.manifests() {
            let is_own = folder.is_empty();
            if !is_own && !is_package_folder(folder) {
                continue;
            }
            let source = if is_own { "package.json".to_owned() } else { format!("{folder}/package.json") };
            entries.lifecycle(folder, manifest, &source);
            entries.commands(folder, manifest, &source);
            if is_own {
                entries.main(manifest);
                entries.exports(manifest);
                entries.imports(manifest);
                entries.types(manifest);
            }
        }
        (entries.found, entries.is_open)
    }

    fn add(&mut self, reach: Reach, path: Option<&'f str>, names: &[String]) {
        if let Some(path) = path {
            self.found.push(Entry { reach, path, names: names.to_vec() });
        }
    }

    fn lifecycle(&mut self, folder: &str, manifest: &Value, source: &str) {
        let scripts = manifest.get("scripts");
        let script = |name: &str| scripts.and_then(|scripts| scripts.get(name)).and_then(Value::as_str);
        let mut queue: Vec<(String, Vec<String>)> =
            LIFECYCLE.iter().map(|hook| ((*hook).to_owned(), vec![format!("{source} scripts.{hook}")])).collect();
        let mut at = 0;
        while at < queue.len() && at < MAXIMUM_SCRIPTS {
            let (name, names) = queue[at].clone();
            at += 1;
            let Some(command) = script(&name) else { continue };
            let found = named(self.files, folder, scripts, command);
            let is_installed = !names[0].ends_with("prepare");
            if is_installed && !folder.is_empty() {
                // Whatever the command names, that it is run at all is up to this file.
                self.add(Reach::Install, self.files.exact(source), &names);
            }
            self.is_open |= found.is_open && is_installed;
            for path in found.files {
                let reach = if is_installed { Reach::Install } else { Reach::Reachable };
                self.add(reach, Some(path), &names);
            }
            for called in found.scripts {
                for script in [format!("pre{called}"), called.clone(), format!("post{called}")] {
                    if queue.len() < 3 * MAXIMUM_SCRIPTS && queue.iter().all(|(other, _)| *other != script) {
                        let way = names.iter().cloned().chain([format!("{source} scripts.{script}")]).collect();
                        queue.push((script, way));
                    }
                }
            }
        }
        let gyp = self.files.join(folder, "binding.gyp").and_then(|path| self.files.exact(&path));
        if gyp.is_some() && script("install").is_none() && script("preinstall").is_none() {
            // npm runs this of its own accord then.
            self.add(Reach::Install, gyp, &["node-gyp rebuild".to_owned()]);
        }
    }

    fn commands(&mut self, folder: &str, manifest: &Value, source: &str) {
        let command = |target: &str| in_manifest(self.files, folder, target);
        let mut found = Vec::new();
        match manifest.get("bin") {
            Some(Value::String(target)) => found.push((format!("{source} bin"), command(target))),
            Some(Value::Object(bins)) => {
                for (name, target) in bins {
                    if let Some(target) = target.as_str() {
                        found.push((format!("{source} bin.{name}"), command(target)));
                    }
                }
            }
            Some(Value::Array(bins)) => {
                found.extend(bins.iter().filter_map(Value::as_str).map(|bin| (format!("{source} bin"), command(bin))));
            }
            _ => {
                let directory = manifest.get("directories").and_then(|directories| directories.get("bin"));
                if let Some(directory) = directory.and_then(Value::as_str).and_then(|bin| self.files.join(folder, bin))
                {
                    let name = format!("{source} directories.bin");
                    found.extend(self.files.below(&directory).map(|path| (name.clone(), Some(path))));
                }
            }
        }
        for (name, path) in found {
            self.add(Reach::Command, path, &[name]);
        }
    }

    fn main(&mut self, manifest: &Value) {
        let main = manifest.get("main").and_then(Value::as_str).filter(|main| !main.is_empty());
        let found = main.and_then(|main| in_manifest(self.files, "", main));
        match found {
            Some(path) => self.add(Reach::Import, Some(path), &["package.json main".to_owned()]),
            // Node falls back to the index where `main` names nothing.
            None => {
                let index = ["index.js", "index.json", "index.node"].iter().find_map(|name| self.files.named(name));
                self.add(Reach::Import, index, &["package.json main (index.js by default)".to_owned()]);
            }
        }
        for field in MAIN_FIELDS {
            match manifest.get(field) {
                Some(Value::String(target)) => {
                    self.add(Reach::Import, in_manifest(self.files, "", target), &[format!("package.json {field}")]);
                }
                Some(Value::Object(map)) => self.substitutes(field, map),
                _ => {}
            }
        }
        for field in STYLE_FIELDS {
            if let Some(target) = manifest.get(field).and_then(Value::as_str) {
                self.add(Reach::Reachable, in_manifest(self.files, "", target), &[format!("package.json {field}")]);
            }
        }
    }

    /// What takes the place of `main` runs on import; the rest waits for what it replaces.
    fn substitutes(&mut self, field: &str, map: &Map<String, Value>) {
        for (key, target) in map {
            let path = target.as_str().and_then(|target| in_manifest(self.files, "", target));
            let reach = if key == "." { Reach::Import } else { Reach::Reachable };
            self.add(reach, path, &[format!("package.json {field}[{key:?}]")]);
        }
    }

    fn exports(&mut self, manifest: &Value) {
        let Some(exports) = manifest.get("exports") else { return };
        match exports.as_object() {
            Some(map) if map.keys().any(|key| key.starts_with('.')) => {
                for (subpath, value) in map {
                    self.exported(&format!("exports[{subpath:?}]"), subpath, value);
                }
            }
            _ => self.exported("exports", ".", exports),
        }
    }

    fn exported(&mut self, label: &str, subpath: &str, value: &Value) {
        let mut found: Vec<(Reach, String, &'f str)> = Vec::new();
        visit_targets(value, 16, &mut String::new(), &mut |conditions, target| {
            let reach = match subpath {
                _ if conditions.contains(".types") => Reach::Inert,
                // No runtime has these conditions.
                "." if !conditions.split('.').any(|condition| STYLE_FIELDS.contains(&condition)) => Reach::Import,
                _ => Reach::Reachable,
            };
            let Some(target_path) = self.files.join("", target) else { return };
            let label = format!("package.json {label}{conditions}");
            if target.contains('*') {
                // What a pattern takes in with all the rest is run by nobody if it is only read.
                let own = target.rsplit('*').next().is_some_and(|end| end.contains('.'));
                let matched = self.files.matching(&target_path).into_iter().map(|(path, _)| {
                    (if is_only_read(path) && !own { Reach::Inert } else { reach }, label.clone(), path)
                });
                found.extend(matched);
            } else if target.ends_with('/') {
                found.extend(self.files.below(&target_path).map(|path| (reach, label.clone(), path)));
            } else {
                found.extend(self.files.complete(&target_path).map(|path| (reach, label, path)));
            }
        });
        for (reach, name, path) in found {
            self.add(reach, Some(path), &[name]);
        }
    }

    /// Private names are for the package's own files, wherever those are; nothing is inert because of them.
    fn imports(&mut self, manifest: &Value) {
        for (name, value) in manifest.get("imports").and_then(Value::as_object).into_iter().flatten() {
            self.exported(&format!("imports[{name:?}]"), name, value);
        }
    }

    /// Types never run.
    fn types(&mut self, manifest: &Value) {
        for field in ["types", "typings"] {
            if let Some(target) = manifest.get(field).and_then(Value::as_str) {
                let path = self.files.join("", target).and_then(|path| {
                    let with = ["", ".d.ts", "/index.d.ts"];
                    with.iter().find_map(|end| self.files.named(&format!("{path}{end}")))
                });
                self.add(Reach::Inert, path, &[format!("package.json {field}")]);
            }
        }
        let mut found = Vec::new();
        if let Some(versions) = manifest.get("typesVersions") {
            visit_targets(versions, 16, &mut String::new(), &mut |_, target| {
                found
                    .extend(self.files.join("", target).map(|target| self.files.matching(&target)).unwrap_or_default());
            });
        }
        for (path, _) in found {
            // A folder's name with a star may stand for programs as well, and those are told elsewhere.
            self.add(Reach::Inert, Some(path), &["package.json typesVersions".to_owned()]);
        }
    }
}

/// Whether a folder is that of a bundled package: `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
fn is_package_folder(folder: &str) -> bool {
    let Some((_, name)) = folder.rsplit_once("node_modules/") else { return false };
    let slashes = name.matches('/').count();
    slashes == usize::from(name.starts_with('@'))
}
