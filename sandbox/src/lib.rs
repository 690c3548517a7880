//! The trust boundary: the only crate that may run fetched code, and the only one that may use `unsafe`.
//!
//! Nothing runs code yet. What is here is the policy: what a run may see, write and use, as plain values
//! that whoever asks for a run must fill in completely. There is no default that allows anything, and no
//! policy that means "without isolation".

mod policy;

pub use policy::{Environment, Limits, LimitsError, Mount, MountError, NetworkPolicy, Policy};
