//! Workflow files of GitHub Actions, read into jobs and steps with their expressions resolved as far as they can be.

use crate::pack::{Node, NodeKind, SourceTree};
use std::collections::BTreeMap;

use serde_json::Value;

use super::commit::{Commit, at, join, text_at};
use super::expand::UNKNOWN;

/// Most workflow files that are read.
const MAX_FILES: usize = 60;
/// Most steps of one job.
const MAX_STEPS: usize = 1_000;

/// Texts that stand for expressions.
pub(super) type Values = BTreeMap<String, String>;

/// One workflow file.
#[derive(Debug)]
pub(super) struct WorkflowFile {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) jobs: Vec<Job>,
}

/// One job.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) needs: Vec<String>,
    pub(super) steps: Vec<WorkflowStep>,
}

/// One step, its surroundings' settings applied.
#[derive(Debug, Clone, Default)]
pub(super) struct WorkflowStep {
    pub(super) run: Option<String>,
    pub(super) uses: Option<String>,
    pub(super) with: Values,
    pub(super) environment: Values,
    pub(super) directory: String,
}

/// Reads every workflow of the commit; `preferred` picks a matrix's Node.
pub(super) fn read_all(commit: &Commit<'_>, version: &str, preferred_node: u32) -> Vec<WorkflowFile> {
    let paths = paths(commit.tree());
    paths.iter().filter_map(|path| read(commit, path, version, preferred_node, 0)).collect()
}

/// The paths of the commit's workflows, as far as they are read.
pub(super) fn paths(tree: &dyn SourceTree) -> Vec<String> {
    const DIRECTORY: &str = ".github/workflows";
    let is_workflow = |node: &Node| {
        matches!(node.kind, NodeKind::File { .. }) && (node.name.ends_with(".yml") || node.name.ends_with(".yaml"))
    };
    let nodes = tree.list(DIRECTORY).into_iter().filter(is_workflow).take(MAX_FILES);
    nodes.map(|node| join(DIRECTORY, &node.name)).collect()
}

fn read(commit: &Commit<'_>, path: &str, version: &str, preferred_node: u32, depth: usize) -> Option<WorkflowFile> {
    let file = commit.yaml(path)?;
    let mut values = Values::from([
        ("github.workspace".to_owned(), ".".to_owned()),
        ("github.ref_name".to_owned(), format!("v{version}")),
        ("github.event.release.tag_name".to_owned(), format!("v{version}")),
    ]);
    add_environment(&mut values, file.get("env"));
    let environment = environment(file.get("env"), &values);
    let directory = default_directory(&file).unwrap_or_default();
    let mut jobs = Vec::new();
    for (id, job) in file.get("jobs").and_then(Value::as_object).into_iter().flatten().take(100) {
        let needs = match job.get("needs") {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => names.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
            _ => Vec::new(),
        };
        if let Some(uses) = text_at(job, &["uses"]).and_then(|uses| uses.strip_prefix("./"))
            && depth == 0
            && let Some(called) = read(commit, uses, version, preferred_node, depth + 1)
        {
            let steps = called.jobs.into_iter().flat_map(|job| job.steps).take(MAX_STEPS).collect();
            jobs.push(Job { id: id.clone(), needs, steps });
            continue;
        }
        let mut values = values.clone();
        add_matrix(&mut values, at(job, &["strategy", "matrix"]), preferred_node);
        add_environment(&mut values, job.get("env"));
        let surroundings = Surroundings {
            environment: merged(&environment, self::environment(job.get("env"), &values)),
            directory: default_directory(job).unwrap_or_else(|| directory.clone()),
        };
        let mut steps = Vec::new();
        let listed = job.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for step in listed.iter().take(MAX_STEPS) {
            add_step(commit, step, &values, &surroundings, 0, &mut steps);
        }
        if listed.len() > MAX_STEPS || steps.len() > MAX_STEPS {
            commit.give_up("more steps");
        }
        jobs.push(Job { id: id.clone(), needs, steps });
    }
    let name = text_at(&file, &["name"]).unwrap_or_default().to_owned();
    Some(WorkflowFile { path: path.to_owned(), name, jobs })
}

struct Surroundings {
    environment: Values,
    directory: String,
}

fn default_directory(value: &Value) -> Option<String> {
    text_at(value, &["defaults", "run", "working-directory"]).map(str::to_owned)
}

fn merged(first: &Values, second: Values) -> Values {
    let mut all = first.clone();
    all.extend(second);
    all
}

fn add_step(
    commit: &Commit<'_>,
    step: &Value,
    values: &Values,
    surroundings: &Surroundings,
    depth: usize,
    steps: &mut Vec<WorkflowStep>,
) {
    if text_at(step, &["if"]).is_some_and(|condition| is_elsewhere(&resolve_names(condition, values))) {
        return;
    }
    let mut values = values.clone();
    add_environment(&mut values, step.get("env"));
    let with = environment(step.get("with"), &values);
    let uses = text_at(step, &["uses"]).map(str::to_owned);
    if let Some(local) = uses.as_deref().and_then(|uses| uses.strip_prefix("./"))
        && depth == 0
    {
        let names = ["action.yml", "action.yaml"];
        if let Some(action) = names.iter().find_map(|name| commit.yaml(&join(local.trim_end_matches('/'), name))) {
            for (name, input) in action.get("inputs").and_then(Value::as_object).into_iter().flatten().take(50) {
                let given = with.get(name).cloned().or_else(|| scalar(input.get("default")?));
                values.insert(format!("inputs.{name}"), given.unwrap_or_default());
            }
            let inner = at(&action, &["runs", "steps"]).and_then(Value::as_array);
            for step in inner.into_iter().flatten().take(MAX_STEPS) {
                add_step(commit, step, &values, surroundings, depth + 1, steps);
            }
            return;
        }
    }
    let shell = text_at(step, &["shell"]).unwrap_or("bash");
    let runs_here = !["pwsh", "powershell", "cmd", "python"].iter().any(|other| shell.starts_with(other));
    let run = text_at(step, &["run"]).filter(|_| runs_here).map(|run| substitute(run, &values));
    let directory = text_at(step, &["working-directory"]).map(|directory| substitute(directory, &values));
    steps.push(WorkflowStep {
        run,
        uses,
        with,
        environment: merged(&surroundings.environment, environment(step.get("env"), &values)),
        directory: directory.unwrap_or_else(|| surroundings.directory.clone()),
    });
}

/// Whether a condition is met only after a failure, or on another system.
fn is_elsewhere(condition: &str) -> bool {
    let text: String = condition.chars().filter(|character| !character.is_whitespace()).collect();
    let text = text.replace('"', "'");
    text.contains("failure()")
        || text.contains("cancelled()")
        || text.contains("=='Windows'")
        || text.contains("=='macOS'")
        || text.contains("=='windows-latest'")
        || text.contains("=='macos-latest'")
        || text == "false"
}

fn resolve_names(condition: &str, values: &Values) -> String {
    let inner = condition.trim().strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(condition);
    let Some((name, rest)) = inner.trim().split_once("==") else { return inner.to_owned() };
    match values.get(name.trim()) {
        Some(value) if rest.trim() == format!("'{value}'") => "true".to_owned(),
        Some(_) if rest.trim().starts_with('\'') && !rest.contains("||") => "false".to_owned(),
        _ => inner.to_owned(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Makes `env` known to expressions.
fn add_environment(values: &mut Values, environment: Option<&Value>) {
    for (name, value) in environment.and_then(Value::as_object).into_iter().flatten().take(100) {
        if let Some(text) = scalar(value) {
            let text = substitute(&text, values);
            values.insert(format!("env.{name}"), text);
        }
    }
}

/// The variables of a map, without those whose value is not known.
fn environment(map: Option<&Value>, values: &Values) -> Values {
    let entries = map.and_then(Value::as_object).into_iter().flatten().take(100);
    let known = entries.filter_map(|(name, value)| Some((name.clone(), substitute(&scalar(value)?, values))));
    known.filter(|(_, value)| !value.contains(UNKNOWN)).collect()
}

/// Picks one value of each dimension.
fn add_matrix(values: &mut Values, matrix: Option<&Value>, preferred_node: u32) {
    let Some(matrix) = matrix.and_then(Value::as_object) else { return };
    for (name, list) in matrix.iter().take(50) {
        if let Some(list) = list.as_array().filter(|_| name != "include" && name != "exclude") {
            let texts: Vec<String> = list.iter().filter_map(scalar).collect();
            let starts = |text: &&String| text.trim_start_matches('v').starts_with(&preferred_node.to_string());
            let chosen = match name.to_ascii_lowercase() {
                name if name.contains("node") => texts.iter().find(starts).or(texts.last()),
                name if name.contains("os") || name.contains("platform") => {
                    texts.iter().find(|text| text.contains("ubuntu") || text.contains("linux")).or(texts.first())
                }
                _ => texts.first(),
            };
            if let Some(text) = chosen {
                values.insert(format!("matrix.{name}"), text.clone());
            }
        }
    }
    let included = matrix.get("include").and_then(Value::as_array).into_iter().flatten().next();
    for (name, value) in included.and_then(Value::as_object).into_iter().flatten().take(50) {
        if let Some(text) = scalar(value) {
            values.entry(format!("matrix.{name}")).or_insert(text);
        }
    }
}

/// Replaces `${{ … }}` by what is known, and by a mark where nothing is.
pub(super) fn substitute(text: &str, values: &Values) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        result.push_str(before);
        let Some((expression, behind)) = after.split_once("}}") else {
            result.push(UNKNOWN);
            return result;
        };
        // `a || 'b'`: the first that is known.
        let value = expression.split("||").find_map(|part| {
            let part = part.trim();
            let literal = part.strip_prefix('\'').and_then(|part| part.strip_suffix('\''));
            literal.map(str::to_owned).or_else(|| values.get(part).cloned())
        });
        match value {
            Some(value) => result.push_str(&value),
            None => result.push(UNKNOWN),
        }
        rest = behind;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_resolved_or_marked() {
        let values = Values::from([("matrix.node".to_owned(), "20".to_owned())]);
        assert_eq!(substitute("a ${{ matrix.node }} b", &values), "a 20 b");
        assert_eq!(substitute("${{ steps.x.outputs.y || 'z' }}", &values), "z");
        assert_eq!(substitute("x ${{ secrets.Y }}", &values), format!("x {UNKNOWN}"));
        assert_eq!(substitute("x ${{ open", &values), format!("x {UNKNOWN}"));
    }
}
