//! `npm pack`'s choice of files, worked out from a source tree without running Node or npm.
//!
//! It answers which files of a package directory npm would put into the tarball, and why. It packs nothing, rewrites
//! nothing and reads only ignore files and manifests. Start at [`select_files`].
//!
//! The phases: [`manifest`] brings `package.json` into the shape that npm's packer sees; [`rules`] turns it and the
//! ignore files into ordered patterns; [`walk`] goes through the directories and asks the rules of every level;
//! [`bundle`] repeats this for bundled dependencies that are in the tree. [`pattern`], [`component`], [`extglob`],
//! [`program`] and [`braces`] are the glob dialect, [`fingerprint`] spares most of its work, [`workspaces`] finds the enclosing workspace root, and [`git_ignore`] is git's own,
//! different idea of an ignored path.
//!
//! The rules are npm's, quirks included, because only the same mistakes give the same file list. The recorded answers
//! of npm in `tests/recorded/packlist.json` hold this module to it.
//!
//! # Deviations
//!
//! - A bundled dependency reached through a symbolic link is reported as unavailable, not followed.
//! - Workspace patterns are matched without regard to letter case.
//! - POSIX character classes use the standard library's Unicode properties, which differ from JavaScript's for a few
//!   hundred letters outside ASCII.
//! - Of two files with one name below `directories.bin` npm forces only the last one that the file system happens to
//!   list; we force both.
//! - npm fails over a backslash in the name of a bundled file; we list it.
//! - npm fails over workspaces that share a name or have a broken manifest; we do not read them all to find out.
//! - A path that begins like `c:` loses that in npm's tarball; here it keeps it.
//! - Patterns with thousands of alternatives or hundreds of copied negations, and trees whose walk costs more than a fixed amount of work, end in a
//!   [`Refusal`].

mod braces;
mod bundle;
mod character_class;
mod component;
mod extglob;
mod fingerprint;
mod git_ignore;
mod javascript;
mod manifest;
mod pattern;
mod program;
mod rules;
mod select;
mod session;
mod walk;
mod workspaces;

pub use git_ignore::{GitIgnores, git_ignored};
pub use select::{
    NpmGeneration, PackOptions, Refusal, SelectedFile, Selection, SelectionReason, select_files, select_files_as,
};
