use super::Wanted;
use crate::package::{Ecosystem, Subject};
use crate::rebuild::lockfile::Closure;

/// The releases that a lockfile names, with the content that it states.
pub fn wanted_of(closure: &Closure) -> Vec<Wanted> {
    let mut wanted = Vec::with_capacity(closure.len());
    for (name, releases) in closure.packages() {
        for locked in releases {
            let version = Some(locked.version.clone());
            let subject = Subject { ecosystem: Ecosystem::Npm, name: name.clone(), version };
            wanted.push(Wanted { subject, integrity: locked.integrity.clone() });
        }
    }
    wanted
}
