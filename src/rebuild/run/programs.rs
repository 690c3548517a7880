//! What a sandbox shows below `/toolchain`.

use std::io;
use std::path::Path;

use tarproof_sandbox::Mount;

use super::{Failure, FailureKind};
use crate::rebuild::commands::{InsideFile, Phases, TOOLCHAIN};
use crate::rebuild::toolchain::Toolchain;

/// The directory that appears as `/toolchain`: the small programs of ours, and a place for each tool.
pub(super) struct Programs {
    pub(super) directory: tempfile::TempDir,
    pub(super) mounts: Vec<Mount>,
}

impl Programs {
    pub(super) fn prepare(phases: &Phases, toolchain: Option<&Toolchain>, place: &Path) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::new(FailureKind::NoSandbox, format!("no directory for the tools: {error}"));
        // In the record's own place: what a killed run leaves goes with the next one.
        std::fs::create_dir_all(place).map_err(failed)?;
        let directory = tempfile::tempdir_in(place).map_err(failed)?;
        let tools = || toolchain.into_iter().flat_map(Toolchain::tools);
        let relative = |file: &InsideFile| Path::new(&file.path).strip_prefix(TOOLCHAIN).map(Path::to_owned).ok();
        for file in &phases.files {
            let Some(relative) = relative(file) else { continue };
            let path = directory.path().join(relative);
            std::fs::create_dir_all(path.parent().unwrap_or(directory.path())).map_err(failed)?;
            std::fs::write(&path, &file.content).map_err(failed)?;
            readable(&path, file.mode).map_err(failed)?;
        }
        for tool in tools() {
            std::fs::create_dir_all(directory.path().join(tool.name.as_str())).map_err(failed)?;
        }
        for entry in walkdir::WalkDir::new(directory.path()).into_iter().filter_map(Result::ok) {
            if entry.file_type().is_dir() {
                readable(entry.path(), 0o755).map_err(failed)?;
            }
        }
        let unusable = |error: tarproof_sandbox::MountError| Failure::new(FailureKind::NoSandbox, error.to_string());
        let mut mounts = vec![Mount::read_only(directory.path(), TOOLCHAIN).map_err(unusable)?];
        for tool in tools() {
            mounts.push(Mount::read_only(&tool.directory, tool.mount_point()).map_err(unusable)?);
        }
        Ok(Self { directory, mounts })
    }
}

/// Nothing inside has the rights of whoever starts it.
fn readable(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}
