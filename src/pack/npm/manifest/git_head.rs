//! `lerna-git-head`: lerna writes the commit it published from into the manifest.

use super::context::Context;
use super::delta::Delta;

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let (["gitHead"], Some(id)) = (delta.path, delta.published_text()) else {
        return false;
    };
    let full = id.len() == 40 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    full && (context.input.commit == Some(id) || context.workspace.knows_commit(id))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::support::{COMMIT, Case, KNOWN_COMMIT, paths, rules};

    fn head(id: &Value) -> Case {
        Case::of(&json!({"name": "a"})).published(&json!({"name": "a", "gitHead": id}))
    }

    #[test]
    fn accepts_the_matched_commit_and_reachable_ones() {
        assert_eq!(rules(&head(&json!(COMMIT)).run()), ["lerna-git-head"]);
        assert_eq!(rules(&head(&json!(KNOWN_COMMIT)).run()), ["lerna-git-head"]);
    }

    #[test]
    fn a_head_elsewhere_is_a_difference() {
        for id in [json!("f".repeat(40)), json!(COMMIT[..12]), json!(COMMIT.to_uppercase()), json!(""), json!([COMMIT])]
        {
            assert_eq!(paths(&head(&id).run()), ["gitHead"], "{id}");
        }
        let renamed = Case::of(&json!({"name": "a"})).published(&json!({"name": "a", "githead": COMMIT}));
        assert_eq!(paths(&renamed.run()), ["githead"]);
    }
}
