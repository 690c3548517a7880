//! What was caught, as tables and as data.

use std::fmt::Write as _;

use serde::Serialize;

use super::judge::{Outcome, Quiet};
use super::transformation::Transformation;
use crate::finding::Risk;

/// The outcome of the whole suite.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which form this is.
    pub schema: &'static str,
    /// How much was caught, and how quiet it is otherwise.
    pub summary: Summary,
    /// One row for each transformation.
    pub transformations: Vec<Row>,
    /// One row for each honest release.
    pub honest: Vec<HonestRow>,
}

/// Counts over everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Transformed packages that were caught.
    pub caught: usize,
    /// Transformed packages.
    pub transformed: usize,
    /// Honest releases that are explained and raise nothing above low.
    pub quiet: usize,
    /// Honest releases.
    pub honest: usize,
}

/// One transformation over all packages that it fits.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What kind of change it is.
    pub group: String,
    /// Packages in which it was caught.
    pub caught: usize,
    /// Packages that it fits.
    pub packages: usize,
    /// The rule that caught it most often, or the verdict where no rule has to.
    pub first_rule: Option<String>,
    /// The median risk of what caught it.
    pub median_risk: Option<&'static str>,
    /// Where and why it was not caught.
    pub misses: Vec<Miss>,
}

/// A package in which a transformation was not caught.
#[derive(Debug, Clone, Serialize)]
pub struct Miss {
    /// The package.
    pub package: String,
    /// Why not.
    pub problem: String,
}

/// One honest release.
#[derive(Debug, Clone, Serialize)]
pub struct HonestRow {
    /// The package.
    pub package: String,
    /// The version.
    pub version: String,
    /// The verdict.
    pub verdict: String,
    /// Why it is not quiet.
    pub problem: Option<String>,
}

impl Report {
    /// Sums up.
    pub fn new(transformations: &[Transformation], outcomes: &[Outcome], honest: Vec<Quiet>) -> Self {
        let transformations: Vec<Row> = transformations.iter().map(|one| Row::new(one, outcomes)).collect();
        let honest: Vec<HonestRow> = honest.into_iter().map(HonestRow::from).collect();
        let summary = Summary {
            caught: transformations.iter().map(|row| row.caught).sum(),
            transformed: transformations.iter().map(|row| row.packages).sum(),
            quiet: honest.iter().filter(|row| row.problem.is_none()).count(),
            honest: honest.len(),
        };
        Self { schema: "tarproof-attack-suite/v1", summary, transformations, honest }
    }

    /// Whether everything was caught and nothing else was said.
    pub fn is_complete(&self) -> bool {
        let Summary { caught, transformed, quiet, honest } = self.summary;
        caught == transformed && quiet == honest && transformed > 0
    }

    /// The one line that says it all.
    pub fn last_line(&self) -> String {
        let Summary { caught, transformed, quiet, honest } = self.summary;
        format!("recall {caught}/{transformed}, honest {quiet}/{honest} quiet")
    }

    /// Two tables, what was missed, and the last line.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:<30}  {:<8}  {:>7}  {:<34}  median risk", "transformation", "kind", "caught", "by");
        for row in &self.transformations {
            let caught = format!("{}/{}", row.caught, row.packages);
            let (rule, risk) = (row.first_rule.as_deref().unwrap_or("-"), row.median_risk.unwrap_or("-"));
            let _ = writeln!(out, "{:<30}  {:<8}  {caught:>7}  {rule:<34}  {risk}", row.id, row.group);
            for miss in &row.misses {
                let _ = writeln!(out, "    missed in {}: {}", miss.package, miss.problem);
            }
        }
        let _ = writeln!(out, "\n{:<30}  {:<10}  {:<12}  remark", "honest package", "version", "verdict");
        for row in &self.honest {
            let remark = row.problem.as_deref().unwrap_or("quiet");
            let _ = writeln!(out, "{:<30}  {:<10}  {:<12}  {remark}", row.package, row.version, row.verdict);
        }
        let _ = writeln!(out, "\n{}", self.last_line());
        out
    }

    /// The tables as Markdown, as `docs/attack-suite.md` holds them.
    pub fn markdown(&self) -> String {
        let mut out = "| transformation | what is changed | kind | caught | by | median risk |\n\
                       |---|---|---|---|---|---|\n"
            .to_owned();
        for row in &self.transformations {
            let (rule, risk) = (row.first_rule.as_deref().unwrap_or("-"), row.median_risk.unwrap_or("-"));
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {}/{} | {rule} | {risk} |",
                row.id, row.title, row.group, row.caught, row.packages
            );
        }
        out.push_str("\n| honest package | releases | verdicts | quiet |\n|---|---|---|---|\n");
        for group in self.honest.chunk_by(|one, other| one.package == other.package) {
            let mut verdicts: Vec<&str> = group.iter().map(|row| row.verdict.as_str()).collect();
            verdicts.dedup();
            let quiet = group.iter().filter(|row| row.problem.is_none()).count();
            let versions: Vec<&str> = group.iter().map(|row| row.version.as_str()).collect();
            let package = group.first().map_or("", |row| row.package.as_str());
            let _ = writeln!(
                out,
                "| `{package}` | {} | {} | {quiet}/{} |",
                versions.join(", "),
                verdicts.join(", "),
                group.len()
            );
        }
        let _ = writeln!(out, "\n{}", self.last_line());
        out
    }
}

impl Row {
    fn new(transformation: &Transformation, outcomes: &[Outcome]) -> Self {
        let own: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.transformation == transformation.id).collect();
        let caught: Vec<&&Outcome> = own.iter().filter(|outcome| outcome.problem.is_none()).collect();
        let mut risks: Vec<Risk> = caught.iter().filter_map(|outcome| Some(outcome.caught_by.as_ref()?.risk)).collect();
        risks.sort_unstable();
        let names = caught.iter().map(|outcome| match &outcome.caught_by {
            Some(found) => found.rule.to_owned(),
            None => outcome.verdict.clone(),
        });
        let misses = own
            .iter()
            .filter_map(|outcome| Some(Miss { package: outcome.package.clone(), problem: outcome.problem.clone()? }));
        Self {
            id: transformation.id,
            title: transformation.title,
            group: transformation.group.to_string(),
            caught: caught.len(),
            packages: own.len(),
            first_rule: most_frequent(names),
            median_risk: risks.get(risks.len() / 2).map(|risk| risk.id()),
            misses: misses.collect(),
        }
    }
}

/// Of equally frequent names the first in the alphabet.
fn most_frequent(names: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(name, _)| name)
}

impl From<Quiet> for HonestRow {
    fn from(quiet: Quiet) -> Self {
        Self { package: quiet.package, version: quiet.version, verdict: quiet.verdict, problem: quiet.problem }
    }
}
