use crate::cli::arguments::{Common, Demo};
use crate::cli::error::CliError;

pub(super) fn run(_command: &Demo, _common: &Common) -> Result<u8, CliError> {
    Ok(0)
}
