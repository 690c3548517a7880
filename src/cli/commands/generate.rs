use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::Arguments;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::verdict::exit;

pub(super) fn completions(shell: clap_complete::Shell) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "tarproof", &mut script);
    output::write(None, &String::from_utf8_lossy(&script))?;
    Ok(exit::EXPLAINED)
}

pub(super) fn man(directory: &Path) -> Result<u8, CliError> {
    let written =
        std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Arguments::command(), directory));
    written.map_err(|error| {
        CliError::environment(anyhow::Error::new(error).context(format!("cannot write to `{}`", directory.display())))
    })?;
    Ok(exit::EXPLAINED)
}
