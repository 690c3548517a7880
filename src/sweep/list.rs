use std::io::{BufRead, Read as _};

use crate::package::{Subject, SubjectError};

/// Longest line, bytes.
const MAX_LINE: u64 = 4_096;
/// Most lines.
const MAX_LINES: usize = 5_000_000;

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be read at all.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// It is too long.
    #[error("it has more than {MAX_LINES} lines")]
    TooLong,
    /// A line is too long.
    #[error("line {number} is longer than {MAX_LINE} bytes")]
    LongLine {
        /// Counted from 1.
        number: usize,
    },
    /// A line names no package.
    #[error("line {number}")]
    Subject {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: SubjectError,
    },
}

/// Reads a list of packages, one a line as a purl or `npm:name@version`; `#` begins a comment. Repetitions are dropped.
pub fn read_list(source: &mut (impl BufRead + ?Sized)) -> Result<Vec<Subject>, ListError> {
    let (mut subjects, mut seen) = (Vec::new(), std::collections::HashSet::new());
    for number in 1.. {
        let mut bytes = Vec::new();
        (&mut *source).take(MAX_LINE + 1).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        if number > MAX_LINES {
            return Err(ListError::TooLong);
        }
        if bytes.len() as u64 > MAX_LINE {
            return Err(ListError::LongLine { number });
        }
        let text = String::from_utf8_lossy(&bytes);
        // A purl has no `#` but before a subpath, which no package has.
        let text = text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        let subject: Subject = text.parse().map_err(|source| ListError::Subject { number, source })?;
        if seen.insert(subject.clone()) {
            subjects.push(subject);
        }
    }
    Ok(subjects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let subjects = read_list(&mut text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(subjects.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn comments_and_repetitions_are_left_out() {
        let text = "# the top\n\nnpm:chalk@5.6.2  # why\npkg:npm/%40babel/core\r\nnpm:chalk@5.6.2\nnpm:left";
        assert_eq!(read(text).unwrap(), ["npm:chalk@5.6.2", "npm:@babel/core", "npm:left"]);
    }

    #[test]
    fn what_is_no_package_is_named_by_its_line() {
        assert_eq!(read("npm:a\nchalk\n").unwrap_err(), "line 2");
        assert_eq!(read(&format!("npm:a\n{}", "x".repeat(5_000))).unwrap_err(), "line 2 is longer than 4096 bytes");
        assert!(read("\u{0}\u{1b}[2J\n").is_err());
    }
}
