use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tarproof::demo::{Case, World};

/// A world and the directory that it lives in.
#[derive(Debug)]
pub(crate) struct TestWorld {
    // Dropped first, so that the registry ends before its directory goes.
    world: World,
    directory: tempfile::TempDir,
}

impl TestWorld {
    /// A world of these descriptions alone.
    pub(crate) fn of_cases(cases: Vec<Case>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = World::build_cases(directory.path(), cases).unwrap();
        Self { world, directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl std::ops::Deref for TestWorld {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// The world of all embedded cases, shared by the tests that run at this moment.
///
/// Statics are never dropped, so the static holds the world weakly: the last test to end removes it from disk.
pub(crate) fn shared_world() -> Arc<TestWorld> {
    static SHARED: Mutex<Weak<TestWorld>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let world = Arc::new(TestWorld::of_cases(tarproof::demo::all_cases().unwrap()));
        *shared = Arc::downgrade(&world);
        world
    })
}
