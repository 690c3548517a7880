use std::sync::OnceLock;

use tarproof::demo::{BuiltRelease, Expectation};
use tarproof::verify::{Request, Verification, VerifyError, verify};

use super::program::normalize;
use super::{TestContext, TestWorld, block_on, request_for, shared_world};

/// What came of every release of the world that has an expectation; each is verified once for all tests.
#[derive(Debug)]
pub(crate) struct VerifiedWorld {
    // Not the world itself: a static is never dropped, and the world would stay on disk.
    registry: String,
    directory: String,
    outcomes: Vec<Result<Verification, VerifyError>>,
}

/// One release, what was expected of it, and what came of it.
pub(crate) type VerifiedCase<'a> = (&'a BuiltRelease, &'a Expectation, &'a Result<Verification, VerifyError>);

impl VerifiedWorld {
    /// In the order of the cases of `world`, which is any world of all embedded cases.
    pub(crate) fn cases<'a>(&'a self, world: &'a TestWorld) -> impl Iterator<Item = VerifiedCase<'a>> {
        world.expected().zip(&self.outcomes).map(|((release, expectation), outcome)| (release, expectation, outcome))
    }

    /// Replaces what differs between worlds and versions.
    pub(crate) fn normalize(&self, world: &TestWorld, text: &str) -> String {
        let text = text.replace(&self.registry, "[REGISTRY]/").replace(&self.directory, "[WORLD]");
        normalize(world, &text)
    }
}

/// The verified world of all embedded cases.
pub(crate) fn verified_world() -> &'static VerifiedWorld {
    static VERIFIED: OnceLock<VerifiedWorld> = OnceLock::new();
    VERIFIED.get_or_init(|| {
        let world = shared_world();
        let test = TestContext::of_world(&world);
        let outcome = |(release, _): (&BuiltRelease, _)| {
            let request = Request { digests: true, ..request_for(release) };
            block_on(verify(&request, &test.context))
        };
        VerifiedWorld {
            registry: world.registry_url().to_owned(),
            directory: world.directory().display().to_string(),
            outcomes: world.expected().map(outcome).collect(),
        }
    })
}
