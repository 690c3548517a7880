//! Collects signals, each once, and chooses those that are told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Capability, Counts, Signal};

/// Most signals that are told.
pub(super) const MAXIMUM_SIGNALS: usize = 32;
/// Most signals that are chosen from.
const MAXIMUM_COLLECTED: usize = 10_000;
/// Longest evidence, characters.
const MAXIMUM_EVIDENCE: usize = 80;

/// Signals by capability and evidence, with the first byte at which each was seen.
#[derive(Debug, Default)]
pub(super) struct Found {
    first: BTreeMap<(Capability, String), usize>,
    /// How often each was seen.
    counts: Counts,
    /// Where signals count; everywhere if empty.
    spans: Vec<Range<usize>>,
    obfuscator_names: BTreeSet<String>,
}

impl Found {
    pub(super) fn within(spans: &[Range<usize>]) -> Self {
        Self { spans: spans.to_vec(), ..Self::default() }
    }

    pub(super) fn add(&mut self, capability: Capability, at: usize, evidence: impl Into<String>) {
        if self.first.len() >= MAXIMUM_COLLECTED
            || !self.spans.is_empty() && !self.spans.iter().any(|span| span.contains(&at))
        {
            return;
        }
        let mut evidence: String = evidence.into();
        if let Some((end, _)) = evidence.char_indices().nth(MAXIMUM_EVIDENCE) {
            evidence.truncate(end);
            evidence.push('…');
        }
        *self.counts.entry((capability, evidence.clone())).or_default() += 1;
        let first = self.first.entry((capability, evidence)).or_insert(at);
        *first = at.min(*first);
    }

    /// Adds what was found in a text that begins at `start`.
    pub(super) fn extend(&mut self, other: Self, start: usize) {
        for ((capability, evidence), at) in other.first {
            self.add(capability, at + start, evidence);
        }
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        for name in other.obfuscator_names {
            self.obfuscator_name(&name, start);
        }
    }

    /// As if the first bytes had not been there.
    pub(super) fn moved_back(mut self, bytes: usize) -> Self {
        for at in self.first.values_mut() {
            *at = at.saturating_sub(bytes);
        }
        self
    }

    /// Four different names of this kind are no chance.
    pub(super) fn obfuscator_name(&mut self, name: &str, at: usize) {
        if self.obfuscator_names.len() < 4
            && self.obfuscator_names.insert(name.to_owned())
            && self.obfuscator_names.len() == 4
        {
            self.add(Capability::EncodedPayload, at, "names like `_0x1a2b3c`");
        }
    }

    /// Each capability with each evidence.
    pub(super) fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// The signals in order, at most [`MAXIMUM_SIGNALS`]: the first of each capability, the second of each, and so on.
    pub(super) fn finish(self, line: &dyn Fn(usize) -> usize) -> Vec<Signal> {
        let mut signals: Vec<Signal> = self
            .first
            .into_iter()
            .map(|((capability, evidence), at)| Signal { capability, line: line(at), evidence })
            .collect();
        signals.sort();
        if signals.len() > MAXIMUM_SIGNALS {
            let mut ranked: Vec<(usize, Signal)> = signals
                .chunk_by(|one, other| one.capability == other.capability)
                .flat_map(|group| group.iter().cloned().enumerate())
                .collect();
            ranked.sort();
            ranked.truncate(MAXIMUM_SIGNALS);
            signals = ranked.into_iter().map(|(_, signal)| signal).collect();
            signals.sort();
        }
        signals
    }
}

/// Where lines begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1).collect())
    }

    /// The line that holds the byte, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at) + 1
    }
}
