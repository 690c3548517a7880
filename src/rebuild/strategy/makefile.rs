//! Makefiles: what a release target does, as shell commands.
//!
//! Only explicit rules are read. Variables of make's own stay unresolved, and a line that needs one is left to make.

use std::collections::BTreeMap;

use super::scripts;

/// Largest Makefile that is read, bytes.
const MAX_BYTES: usize = 256 << 10;
/// Most rules.
const MAX_RULES: usize = 500;
/// Deepest target inside of targets.
const MAX_DEPTH: usize = 4;

/// A rule: what it needs, and its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    needs: Vec<String>,
    lines: Vec<String>,
}

/// The explicit rules of a Makefile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Makefile {
    rules: BTreeMap<String, Rule>,
}

impl Makefile {
    /// Reads the rules; what is malformed says nothing.
    pub(super) fn parse(text: &str) -> Self {
        let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
        let mut current: Vec<String> = Vec::new();
        let text = text.get(..MAX_BYTES).unwrap_or(text).replace("\\\n", " ");
        for line in text.lines() {
            if let Some(recipe) = line.strip_prefix('\t') {
                let recipe = recipe.trim_start_matches(['@', '-', '+', ' ']).trim_end();
                for target in current.iter().filter(|_| !recipe.is_empty() && !recipe.starts_with('#')) {
                    rules.entry(target.clone()).or_default().lines.push(recipe.to_owned());
                }
                continue;
            }
            let line = line.split(" #").next().unwrap_or_default().trim_end();
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            current.clear();
            let Some((targets, rest)) = line.split_once(':').filter(|(_, rest)| !rest.starts_with('=')) else {
                continue;
            };
            let is_plain = |name: &&str| !name.is_empty() && !name.contains(['$', '%', '=', '(']);
            if line.starts_with(' ') || targets.contains('=') || rules.len() > MAX_RULES {
                continue;
            }
            current = targets.split_whitespace().filter(is_plain).map(str::to_owned).collect();
            let needs = rest.trim_start_matches(':').split(';').next().unwrap_or_default();
            for target in &current {
                let rule = rules.entry(target.clone()).or_default();
                rule.needs.extend(needs.split_whitespace().map(str::to_owned));
            }
        }
        Self { rules }
    }

    /// The first target whose lines, or those of what it needs, publish.
    pub(super) fn release(&self) -> Option<&str> {
        let publishes = |rule: &Rule| {
            let is_publish = |line: &String| line.contains("npm publish") || line.contains("yarn publish");
            rule.lines.iter().any(is_publish)
        };
        let mut found: Vec<&str> =
            self.rules.iter().filter(|(_, rule)| publishes(rule)).map(|(name, _)| name.as_str()).collect();
        // The plain one among `release-major`, `release-patch` and the like is as good as another.
        found.sort_by_key(|name| (!scripts::is_release_name(name), name.len()));
        found.first().copied()
    }

    /// The target that builds, by its name.
    pub(super) fn build(&self) -> Option<&str> {
        ["build", "dist", "compile", "all"].into_iter().find(|name| self.rules.contains_key(*name))
    }

    /// The commands of a target, those that it needs first, as a script.
    pub(super) fn script(&self, target: &str) -> String {
        let mut lines = Vec::new();
        self.collect(target, 0, &mut lines);
        lines.join("\n")
    }

    fn collect(&self, target: &str, depth: usize, lines: &mut Vec<String>) {
        let Some(rule) = self.rules.get(target).filter(|_| depth < MAX_DEPTH && lines.len() < 100) else { return };
        for need in rule.needs.iter().filter(|need| !is_check(need)) {
            self.make(need, depth, lines);
        }
        for line in &rule.lines {
            let line = line.replace("$(MAKE)", "make").replace("${MAKE}", "make");
            match line.strip_prefix("make ").map(str::split_whitespace).map(Iterator::collect::<Vec<_>>).as_deref() {
                Some([inner]) if is_check(inner) => {}
                Some([inner]) => self.make(inner, depth, lines),
                _ if line.contains("$(") || line.contains("${") || line.contains("$@") => {}
                _ => lines.push(line.replace("$$", "$")),
            }
        }
    }

    /// A target by its name; one that only names others is replaced by those that do not check.
    fn make(&self, target: &str, depth: usize, lines: &mut Vec<String>) {
        let Some(rule) = self.rules.get(target) else {
            if !target.contains('$') {
                lines.push(format!("make {target}"));
            }
            return;
        };
        let publishes = rule.lines.iter().any(|line| line.contains(" publish"));
        if (rule.lines.is_empty() && rule.needs.iter().any(|need| is_check(need))) || publishes {
            self.collect(target, depth + 1, lines);
        } else if !rule.lines.is_empty() || !rule.needs.is_empty() {
            lines.push(format!("make {target}"));
        }
    }
}

fn is_check(target: &str) -> bool {
    scripts::is_test_name(target) || matches!(target, "clean" | "distclean" | "node_modules" | "install" | "hint")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "X := 1\nall: lint build test\n\nlint:\n\teslint .\n\nbuild: bundle \\\n  config test-build # all\n\nbundle: $(SRC)\n\t@mkdir -p out\n\tnode bundle.js\nconfig: out/package.json\nout/%: %\n\tcp $< $@\ntest-build:\n\tmocha\n.PHONY: all\nrelease-minor release-patch:\n\t$(MAKE) clean\n\t$(MAKE) all\n\tgit commit -am x; true\n\t$(XYZ) --increment $(@:release-%=%)\n\t$(MAKE) config\n\tcd out/ && npm publish\n";

    #[test]
    fn a_release_is_followed_without_what_only_checks() {
        let makefile = Makefile::parse(TEXT);
        assert_eq!(makefile.release(), Some("release-minor"));
        let expected = "make bundle\nmake config\ngit commit -am x; true\nmake config\ncd out/ && npm publish";
        assert_eq!(makefile.script("release-minor"), expected);
        assert_eq!(makefile.build(), Some("build"));
        assert_eq!(makefile.script("build"), "make bundle\nmake config");
    }

    #[test]
    fn what_is_no_makefile_says_nothing() {
        for text in ["", "\t\t", "a", "a:", ":::", "x = y: z", "a: a\n\tmake a\n"] {
            let makefile = Makefile::parse(text);
            assert_eq!(makefile.release(), None, "{text}");
            let _ = makefile.script("a");
        }
    }
}
