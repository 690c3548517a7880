//! Prints the plans inferred for one commit of a local repository, for judging them by reading.
//!
//! `cargo run --example infer_plans -- REPOSITORY COMMIT DIRECTORY NAME VERSION [PUBLISHED-AT]`

#![allow(clippy::print_stdout, reason = "it is a tool for developers")]

use tarproof::package::{CommitId, PackageName, Version};
use tarproof::rebuild::strategy::{Claims, Inputs, infer};
use tarproof::source::RepositoryLocation;
use tarproof::source::git::SourceRepository;
use tarproof::source::tree::CommitTree;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, commit, directory, name, version, rest @ ..] = arguments.as_slice() else {
        return Err("six arguments are needed".into());
    };
    let location = RepositoryLocation::from_user(repository)?;
    let source = SourceRepository::open_path(&location)?;
    let tree = CommitTree::of_commit(&source, &CommitId::parse(commit)?).ok_or("no such commit")?;
    let claims = Claims { published_at: rest.first().map(|text| text.parse()).transpose()?, ..Claims::default() };
    let inputs = Inputs {
        tree: &tree,
        directory: directory.trim_matches('.'),
        name: &PackageName::parse(name)?,
        version: &Version::parse(version)?,
        claims: &claims,
        residue: &[],
    };
    match infer(&inputs) {
        Ok(plans) => {
            for plan in plans {
                println!("{}", toml::to_string(&plan)?);
            }
        }
        Err(reason) => println!("no plan: {reason}"),
    }
    Ok(())
}
