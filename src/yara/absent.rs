//! What stands in the engine's place in a program that was built without it.

use std::path::Path;

use super::{YaraError, YaraScan};

/// Compiled rules; there are none without an engine.
#[derive(Debug, Clone)]
pub enum YaraRules {}

impl YaraRules {
    /// Says how to get a program that can.
    pub fn read(_: &Path) -> Result<Self, YaraError> {
        Err(YaraError::NotBuilt)
    }

    /// How many rules are passed over.
    pub fn ignored(&self) -> usize {
        match *self {}
    }

    /// Begins with the files of one package.
    pub fn scanner(&self) -> YaraScanner {
        match *self {}
    }
}

/// Scans the files of one package.
#[derive(Debug)]
pub enum YaraScanner {}

impl YaraScanner {
    /// Scans one file.
    pub fn scan(&mut self, _: &[u8]) -> YaraScan {
        match *self {}
    }
}
