use std::collections::VecDeque;

/// The median is that of so many last ones, so that a watch of months needs no more memory than one of hours.
const KEPT: usize = 10_000;

/// How long after their publication releases had a verdict.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    last: VecDeque<u64>,
    worst: u64,
}

impl Latencies {
    /// Adds a release and returns the seconds between its publication and its verdict, both in seconds since 1970.
    ///
    /// A publication in the future, by a clock that is not ours, counts as none ago.
    pub fn add(&mut self, published_at: i64, verdict_at: i64) -> u64 {
        let seconds = u64::try_from(verdict_at.saturating_sub(published_at)).unwrap_or_default();
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(seconds);
        self.worst = self.worst.max(seconds);
        seconds
    }

    /// How many of the last 10,000 there were.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The median of the last 10,000, seconds; of an even number the upper one of the middle two.
    pub fn median(&self) -> Option<u64> {
        let mut sorted: Vec<u64> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// The longest of all, seconds.
    pub fn worst(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_worst_are_told() {
        let mut latencies = Latencies::default();
        assert_eq!((latencies.median(), latencies.worst()), (None, None));
        for (published, verdict) in [(100, 130), (100, 110), (100, 400)] {
            latencies.add(published, verdict);
        }
        assert_eq!((latencies.median(), latencies.worst()), (Some(30), Some(300)));
        assert_eq!(latencies.add(500, 400), 0);
        assert_eq!(latencies.add(i64::MIN, i64::MAX), i64::MAX.unsigned_abs());
    }

    #[test]
    fn what_is_long_ago_is_forgotten_except_the_worst() {
        let mut latencies = Latencies::default();
        latencies.add(0, 1000);
        for _ in 0..KEPT {
            latencies.add(0, 5);
        }
        assert_eq!((latencies.len(), latencies.median(), latencies.worst()), (KEPT, Some(5), Some(1000)));
    }
}
