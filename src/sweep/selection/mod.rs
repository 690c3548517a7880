//! From what the user states to exact releases.
//!
//! A list, a ranking or a lockfile is read into [`Wanted`] packages; a scope or a maintainer is asked of the registry.
//! [`select`] then finds out which releases these are. Lists and rankings come from anywhere: sizes are bounded, every
//! entry is parsed, and one that names nothing is told with its place while the rest goes on. Start at [`select`].

mod entries;
mod json;
mod list;
mod lockfile;
mod ranking;
mod select;
mod table;
mod versions;

pub use entries::{Entries, EntryError, ListError, MAX_LIST_BYTES, Place, Rejected};
pub use list::read_list;
pub use lockfile::wanted_of;
pub use ranking::read_ranking;
pub use select::{Resolved, Selected, Selection, UnresolvedError, Wanted, select};
pub use versions::VersionChoice;
