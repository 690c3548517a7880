//! A cheap test that ends most comparisons of a path with a pattern before they begin.
//!
//! Nearly every rule spells out how some component begins or ends, and nearly no path has such a component. So a
//! [`Fingerprint`] notes the first and the last characters of components: a pattern can only match a path whose
//! fingerprint covers its own. The test may let a path through in vain, and must never stop one that matches.

/// With which ASCII characters components begin and end, letter case aside; one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    first: u128,
    last: u128,
}

impl Fingerprint {
    /// Of no components at all; as a demand it demands nothing.
    pub(super) const EMPTY: Self = Self { first: 0, last: 0 };
    /// Covers every pattern; as a demand no ordinary path covers it.
    pub(super) const FULL: Self = Self { first: u128::MAX, last: u128::MAX };

    /// Of one name in a path. Outside ASCII letters fold in several ways, so such a name covers everything.
    pub(super) fn of_name(name: &str) -> Self {
        if name.is_ascii() { Self::of_ends(name.bytes().next(), name.bytes().next_back()) } else { Self::FULL }
    }

    /// What a text in a pattern demands of the name that it is to equal.
    pub(super) fn of_text(text: &str) -> Self {
        if text.is_ascii() { Self::of_name(text) } else { Self::EMPTY }
    }

    /// What a text in a pattern demands of the name that is to end with it.
    pub(super) fn of_suffix(text: &str) -> Self {
        Self { first: 0, ..Self::of_text(text) }
    }

    /// What a first and a last character, each only where it is known, demand.
    pub(super) fn of_ends(first: Option<u8>, last: Option<u8>) -> Self {
        let bit = |byte: Option<u8>| byte.filter(u8::is_ascii).map_or(0, |byte| 1 << byte.to_ascii_lowercase());
        Self { first: bit(first), last: bit(last) }
    }

    /// Of the components of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { first: self.first | other.first, last: self.last | other.last }
    }

    /// What both demand.
    pub(super) fn or(self, other: Self) -> Self {
        Self { first: self.first & other.first, last: self.last & other.last }
    }

    /// Whether a path with this fingerprint may match a pattern with that demand.
    pub(super) fn covers(self, demand: Self) -> bool {
        demand.first & !self.first == 0 && demand.last & !self.last == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::extglob::Dialect;
    use super::super::pattern::{Extent, Pattern};
    use super::super::program::Budget;
    use super::*;

    fn of_path(path: &str) -> Fingerprint {
        path.split('/').map(Fingerprint::of_name).fold(Fingerprint::EMPTY, Fingerprint::and)
    }

    fn demand(pattern: &str) -> Fingerprint {
        Pattern::parse(pattern, Dialect::StarMayBeEmpty).unwrap().demand
    }

    #[test]
    fn the_usual_rules_are_decided_without_a_comparison() {
        for pattern in ["**/.git", "**/CVS/**", ".*.swp", "._*", "*.orig", "/build/config.gypi", "/.wafpickle-*", ".*"]
        {
            assert!(!of_path("/src/locale/index.ts").covers(demand(pattern)), "{pattern}");
        }
        assert!(of_path("/src/cvS/a").covers(demand("**/CVS/**")));
        assert!(of_path("/a").covers(demand("{a,b}")));
        assert!(of_path("/ſ").covers(demand("s")));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]
        #[test]
        fn whatever_matches_is_covered(
            pattern in "[a-cC.*?!@+(){}|,/\\[\\]^\\\\kſK-]{0,10}|[*]{0,2}/?[ac.*]{1,4}/?[a.*!()]{0,4}",
            path in "/?[a-cC.kſK/]{1,8}/?",
        ) {
            let Ok(pattern) = Pattern::parse(&pattern, Dialect::StarMayBeEmpty) else { return Ok(()) };
            let parts: Vec<&str> = path.split('/').collect();
            if pattern.matches(&parts, Extent::Whole, &Budget::new(1_000_000)) {
                proptest::prop_assert!(of_path(&path).covers(pattern.demand), "{:?}", pattern);
            }
        }
    }
}
