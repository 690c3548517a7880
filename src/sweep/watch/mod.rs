//! New releases of many packages, as soon as the registry shows them.
//!
//! [`Watch::round`] asks for packuments with conditions, so that one that did not change costs the registry a line and us
//! nothing. A change feed, where the user names one, says which packages to ask about; it is a hint, and now and then all
//! are asked about anyway. What was seen is remembered in the store, and only after it was handed on: a watch that is
//! killed hands on twice rather than never. [`follow`] does that again and again, queues what is found, and lets it be
//! verified.

mod cursor;
mod feed;
mod follow;
mod latency;
mod look;
mod round;

pub use follow::{FollowSettings, Followed, News, follow};
pub use latency::Latencies;
pub use look::Found;
pub use round::{Round, Unseen, Watch, WatchError};
