use crate::cli::arguments::{Format, Packlist};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::pack::SourceTree as _;
use crate::pack::npm::packlist::select_files;
use crate::package::without_byte_order_mark;
use crate::report::printable::printable;
use crate::source::RepositoryLocation;
use crate::source::git::SourceRepository;
use crate::source::tree::{CommitTree, join};
use crate::verdict::exit;

pub(super) fn run(command: &Packlist) -> Result<u8, CliError> {
    let location = RepositoryLocation::from_user(&command.repository).map_err(CliError::usage)?;
    let source = SourceRepository::open_path(&location).map_err(CliError::environment)?;
    let unknown = |error: git2::Error| CliError::usage(anyhow::Error::new(error).context("cannot find the commit"));
    let object = source.repository().revparse_single(&command.commit).map_err(unknown)?;
    let commit = object.peel_to_commit().map_err(unknown)?;
    let tree = CommitTree::of_tree(&source, commit.tree_id());
    let directory = crate::source::location::clean_directory(&command.directory).unwrap_or_default();
    let manifest = tree.read(&join(&directory, "package.json"));
    let manifest =
        manifest.ok_or_else(|| CliError::usage(anyhow::anyhow!("there is no `package.json` in the commit")))?;
    let manifest: serde_json::Value =
        serde_json::from_slice(without_byte_order_mark(&manifest)).map_err(CliError::usage)?;
    let selection = select_files(&tree, &directory, &manifest);
    let paths: Vec<&String> = selection.files.keys().collect();
    let text = match command.format {
        Format::Json => output::json(&paths)?,
        Format::Terminal => paths.iter().map(|path| format!("{}\n", printable(path))).collect(),
    };
    output::write(None, &text)?;
    for refusal in &selection.refusals {
        output::note(&format!("the list is not complete: {}\n", printable(&refusal.to_string())));
    }
    for path in &selection.unavailable {
        output::note(&format!("the list may be wrong: `{}` cannot be read\n", printable(path)));
    }
    let complete = selection.refusals.is_empty() && selection.unavailable.is_empty();
    Ok(if complete { exit::EXPLAINED } else { exit::INCONCLUSIVE })
}
