//! What one selection carries from package to package: whose rules apply, what may still be spent, what went wrong.

use std::collections::BTreeSet;

use super::program::Budget;
use super::select::{NpmGeneration, Refusal};

/// State of one selection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) generation: NpmGeneration,
    pub(super) budget: Budget,
    pub(super) unavailable: BTreeSet<String>,
    pub(super) refusals: BTreeSet<Refusal>,
}

impl Session {
    /// Starts a selection that may cost this many steps.
    pub(super) fn new(generation: NpmGeneration, steps: u64) -> Self {
        Self { generation, budget: Budget::new(steps), unavailable: BTreeSet::new(), refusals: BTreeSet::new() }
    }
}
