use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::StoreError;

/// Where a store's database is.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// An SQLite file, which is made where there is none.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgresql(Url),
}

/// Where a store's objects are.
#[derive(Clone, PartialEq, Eq)]
pub enum ObjectsAddress {
    /// The store's own database.
    Database,
    /// A folder, which is made where there is none.
    Folder(PathBuf),
    /// A bucket and a prefix of an S3-compatible service, `s3://BUCKET/PREFIX`.
    Bucket(Url),
}

impl StoreAddress {
    /// Reads a path, `sqlite:PATH`, or `postgresql://…`.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let refused = |reason: &str| StoreError::Address { text: redacted(text), reason: reason.to_owned() };
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" | ":memory:" => Err(refused("it names no file")),
                path => Ok(Self::Sqlite(path.into())),
            };
        }
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => {
                let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
                Ok(Self::Postgresql(url))
            }
            Some(_) => Err(refused("it is neither a path nor an address of SQLite or PostgreSQL")),
            None if text.is_empty() => Err(refused("it is empty")),
            None if ["postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme)) => {
                Err(refused("`//` follows the scheme"))
            }
            None => Ok(Self::Sqlite(text.into())),
        }
    }

    /// Where the objects are unless the user says so; `None` where several machines share the database.
    pub fn objects(&self) -> Option<ObjectsAddress> {
        match self {
            Self::Sqlite(path) => {
                // Where earlier versions kept them, if any.
                let beside = beside(path, "objects");
                let is_used = beside.join("sha256").is_dir();
                Some(if is_used { ObjectsAddress::Folder(beside) } else { ObjectsAddress::Database })
            }
            Self::Postgresql(_) => None,
        }
    }
}

impl ObjectsAddress {
    /// Reads a path or `s3://BUCKET/PREFIX`.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let refused = |reason: &str| StoreError::Address { text: redacted(text), reason: reason.to_owned() };
        match text.split_once("://") {
            Some(("s3", _)) => match Url::parse(text) {
                Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                    Err(refused("it takes no credentials, which come from the variables `AWS_…`"))
                }
                Ok(url) if url.host_str().is_some_and(|bucket| !bucket.is_empty()) => Ok(Self::Bucket(url)),
                _ => Err(refused("it names no bucket")),
            },
            Some(_) => Err(refused("it is neither a path nor `s3://BUCKET/PREFIX`")),
            None if text.is_empty() => Err(refused("it is empty")),
            None => Ok(Self::Folder(Path::new(text).to_owned())),
        }
    }
}

/// What belongs to an SQLite file: its whole name and another ending, which no other file's can be.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The address without passwords; of what cannot be read only the scheme.
fn redacted(text: &str) -> String {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_scheme = |scheme: &str| scheme.len() > 1 && scheme.bytes().all(is_letter);
    let Some((scheme, rest)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return text.to_owned();
    };
    match Url::parse(text) {
        Ok(url) if rest.starts_with("//") => without_passwords(url).to_string(),
        _ if rest.starts_with("//") || scheme.starts_with("postgres") => format!("{scheme}:…"),
        _ => text.to_owned(),
    }
}

fn without_passwords(mut url: Url) -> Url {
    if url.password().is_some() {
        // Fails only for addresses that can hold none.
        let _ = url.set_password(Some("****"));
    }
    if url.query().is_some() {
        let given = url.clone();
        // Parameters are named as in the variables of clients, and may be passwords, too.
        let shown = given.query_pairs().map(|(name, value)| {
            let is_secret = name.to_ascii_lowercase().contains("password");
            (name, if is_secret { "****".into() } else { value })
        });
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    url
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "{}", path.display()),
            Self::Postgresql(url) => formatter.write_str(&redacted(url.as_str())),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StoreAddress({self})")
    }
}

impl fmt::Display for ObjectsAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => formatter.write_str("in the database"),
            Self::Folder(path) => write!(formatter, "{}", path.display()),
            Self::Bucket(url) => formatter.write_str(&redacted(url.as_str())),
        }
    }
}

impl fmt::Debug for ObjectsAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ObjectsAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_addresses_are_told_apart() {
        let parse = |text| StoreAddress::parse(text);
        assert_eq!(parse("a/b.db").unwrap(), StoreAddress::Sqlite("a/b.db".into()));
        assert_eq!(parse("sqlite:///tmp/b.db").unwrap(), StoreAddress::Sqlite("/tmp/b.db".into()));
        assert_eq!(parse("sqlite:b.db").unwrap(), StoreAddress::Sqlite("b.db".into()));
        assert!(matches!(parse("postgres://host/db").unwrap(), StoreAddress::Postgresql(_)));
        for text in ["", "sqlite:", "sqlite::memory:", "mysql://host/db", "postgresql://[/db"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("a/store.db").unwrap().objects(), Some(ObjectsAddress::Database));
        assert!(matches!(ObjectsAddress::parse("s3://bucket/deep").unwrap(), ObjectsAddress::Bucket(_)));
        assert!(ObjectsAddress::parse("s3:///deep").is_err());
        assert!(ObjectsAddress::parse("ftp://host/deep").is_err());
    }

    #[test]
    fn no_password_is_shown() {
        let address = StoreAddress::parse("postgresql://me:secret@host/db").unwrap();
        assert_eq!(address.to_string(), "postgresql://me:****@host/db");
        assert!(!format!("{address:?}").contains("secret"));
        let refused = StoreAddress::parse("mysql://me:secret@host/db").unwrap_err();
        assert!(!refused.to_string().contains("secret"));
    }

    #[test]
    fn what_belongs_to_a_file_is_no_other_files() {
        let names = |text: &str| beside(Path::new(text), "lock");
        assert_eq!(names("yarn.db"), Path::new("yarn.db.lock"));
        assert_ne!(names("x.lock"), Path::new("x.lock"));
        assert_ne!(beside(Path::new("a.one"), "objects"), beside(Path::new("a.two"), "objects"));
    }

    #[test]
    fn no_password_is_shown_wherever_it_stands() {
        for text in [
            "postgresql://me:SECRET@host/db",
            "postgresql://me@host/db?password=SECRET&sslmode=require",
            "postgresql://me:SEC RET@[bad/db?x=SECRET",
            "postgresql://me:SECRET@127.0.0.1:99999/db",
            "postgres:me:SECRET@host/db",
            "other://me:SECRET@host",
        ] {
            let shown = match StoreAddress::parse(text) {
                Ok(address) => address.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(!shown.contains("SECRET") && !shown.contains("SEC RET"), "{shown}");
            assert!(matches!(StoreAddress::parse(text), Ok(StoreAddress::Postgresql(_)) | Err(_)));
        }
        let refused = ObjectsAddress::parse("s3://key:SECRET@bucket").unwrap_err().to_string();
        assert!(!refused.contains("SECRET"), "{refused}");
        assert_eq!(redacted("postgresql://h/d?sslmode=require"), "postgresql://h/d?sslmode=require");
        assert_eq!(redacted("C:\\stores\\a.db"), "C:\\stores\\a.db");
    }
}
