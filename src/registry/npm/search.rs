//! The registry's search, for the packages of a scope or of a maintainer.

use std::collections::HashSet;

use serde::Deserialize;
use url::Url;

use super::{NpmRegistry, RegistryError};
use crate::package::{NameError, PackageName};

/// What one request asks for; the npm registry sends no more at once.
const PAGE: usize = 250;
/// Most results that are looked at.
const MAX_RESULTS: usize = 10_000;

/// Whose packages are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchTerm {
    /// Those of a scope; it is kept as some name in it, because registries and credentials belong to scopes.
    Scope(PackageName),
    /// Those that an account may publish, in the registry that serves names without a scope.
    Maintainer(String),
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchResult {
    /// The packages, in the registry's order.
    pub names: Vec<PackageName>,
    /// Whether the registry has told all of them; it ends after 10,000, and many registries sooner.
    pub is_complete: bool,
}

impl SearchTerm {
    /// The packages of a scope such as `@babel`; the `@` may be left out.
    pub fn scope(text: &str) -> Result<Self, NameError> {
        let scope = text.strip_prefix('@').unwrap_or(text);
        let malformed = |_| NameError::Malformed(text.to_owned());
        PackageName::parse(&format!("@{scope}/package")).map(Self::Scope).map_err(malformed)
    }

    /// The packages of an account.
    pub fn maintainer(text: &str) -> Result<Self, NameError> {
        // An account may have the name of a package without a scope, and nothing else that a search would read as syntax.
        match PackageName::parse(text) {
            Ok(name) if name.scope().is_none() => Ok(Self::Maintainer(text.to_owned())),
            Ok(_) => Err(NameError::Malformed(text.to_owned())),
            Err(error) => Err(error),
        }
    }

    /// As the registry's search reads it.
    fn query(&self) -> String {
        match self {
            Self::Scope(name) => format!("scope:{}", name.scope().unwrap_or_default()),
            Self::Maintainer(account) => format!("maintainer:{account}"),
        }
    }

    /// Whether a result is what was asked for: searches are generous.
    fn fits(&self, name: &PackageName, package: &FoundPackage) -> bool {
        match self {
            Self::Scope(own) => name.scope() == own.scope(),
            Self::Maintainer(account) => {
                // Not every registry says who they are.
                package.maintainers.is_empty()
                    || package.maintainers.iter().any(|one| one.username.as_deref() == Some(account))
            }
        }
    }

    /// A name in the registry that is asked.
    fn some_name(&self) -> PackageName {
        match self {
            Self::Scope(name) => name.clone(),
            Self::Maintainer(_) => PackageName::parse("package").expect("a plain word is a name"),
        }
    }
}

impl std::fmt::Display for SearchTerm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scope(name) => write!(formatter, "the scope `@{}`", name.scope().unwrap_or_default()),
            Self::Maintainer(account) => write!(formatter, "the maintainer `{account}`"),
        }
    }
}

impl NpmRegistry {
    /// Asks the registry's search, page by page; at most 10,000 results are looked at.
    pub async fn search(&self, term: &SearchTerm) -> Result<SearchResult, RegistryError> {
        let name = term.some_name();
        let registry = self.address(&name);
        let (mut names, mut seen, mut from) = (Vec::new(), HashSet::new(), 0);
        loop {
            let url = search_url(registry, &term.query(), from);
            let page: Page = self.json_answer(url, &name, "the result of a search").await?;
            let (before, count) = (seen.len(), page.objects.len());
            for Found { package } in page.objects {
                let Ok(name) = PackageName::parse(&package.name) else { continue };
                if seen.insert(name.clone()) && term.fits(&name, &package) {
                    names.push(name);
                }
            }
            from += count;
            let is_end = page.total.map_or(count < PAGE, |total| total <= from as u64);
            // Nothing new: a registry that knows no pages sends the first one for ever.
            if is_end || seen.len() == before || from >= MAX_RESULTS {
                return Ok(SearchResult { names, is_complete: is_end });
            }
        }
    }
}

fn search_url(registry: &Url, query: &str, from: usize) -> Url {
    let mut url = registry.clone();
    let path = format!("{}-/v1/search", url.path());
    url.set_path(&path);
    url.query_pairs_mut()
        .clear()
        .append_pair("text", query)
        .append_pair("size", &PAGE.to_string())
        .append_pair("from", &from.to_string());
    url
}

#[derive(Debug, Deserialize)]
struct Page {
    objects: Vec<Found>,
    total: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Found {
    package: FoundPackage,
}

#[derive(Debug, Deserialize)]
struct FoundPackage {
    name: String,
    #[serde(default)]
    maintainers: Vec<Account>,
}

#[derive(Debug, Deserialize)]
struct Account {
    username: Option<String>,
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
