use std::collections::HashSet;

use super::entries::{Entries, ListError, MAX_ENTRIES, Place, subject, text};

/// Reads a list: a purl or `npm:name[@version]` a line; empty lines and what follows a `#` are passed over.
pub fn read_list(bytes: &[u8]) -> Result<Entries, ListError> {
    let (mut entries, mut seen) = (Entries::default(), HashSet::new());
    for (index, line) in text(bytes)?.lines().enumerate() {
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        if seen.len() + entries.rejected_count >= MAX_ENTRIES {
            return Err(ListError::TooMany);
        }
        match subject(line) {
            Ok(subject) => {
                if seen.insert(subject.clone()) {
                    entries.subjects.push(subject);
                }
            }
            Err(error) => entries.reject(Place::Line(index + 1), error),
        }
    }
    entries.finish()
}

/// The entry of a line: a `#` inside a word is a purl's own.
pub(super) fn without_comment(line: &str) -> &str {
    let comments = line.match_indices('#').map(|(at, _)| at);
    let start = comments.into_iter().find(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    line[..start.unwrap_or(line.len())].trim()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entries::EntryError;
    use super::*;
    use crate::package::Subject;

    fn names(entries: &Entries) -> Vec<String> {
        entries.subjects.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_list_has_one_package_a_line_and_comments() {
        let list = b"\xef\xbb\xbf# swept every night\npkg:npm/%40babel/core@7.28.0\r\n\n  npm:chalk  # the newest\nnpm:chalk\n";
        let entries = read_list(list).unwrap();
        assert_eq!(names(&entries), ["npm:@babel/core@7.28.0", "npm:chalk"]);
        assert_eq!(entries.rejected_count, 0);
    }

    #[test]
    fn wrong_lines_are_told_with_their_number_and_the_rest_goes_on() {
        let entries = read_list(b"npm:a\nchalk\n# x\npkg:gem/rails@1.0.0\npkg:npm/b#lib\nnpm:b@1.0.0").unwrap();
        assert_eq!(names(&entries), ["npm:a", "npm:b@1.0.0"]);
        let places: Vec<Place> = entries.rejected.iter().map(|rejected| rejected.place).collect();
        assert_eq!(places, [Place::Line(2), Place::Line(4), Place::Line(5)]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert!(matches!(read_list(b"# nothing\n"), Err(ListError::Empty)));
        assert!(matches!(read_list(b"\xff\xfe"), Err(ListError::Text(_))));
        let Err(ListError::NothingUsable(first)) = read_list(b"<!doctype html>\n<p>") else { panic!() };
        assert_eq!(first.place, Place::Line(1));
        let long = format!("npm:{}\n", "a".repeat(1 << 20));
        let Err(ListError::NothingUsable(first)) = read_list(long.as_bytes()) else { panic!() };
        assert_eq!(first.error, EntryError::TooLong);
    }

    #[test]
    fn few_of_many_wrong_lines_are_kept() {
        let entries = read_list(format!("npm:a\n{}", "?\n".repeat(1000)).as_bytes()).unwrap();
        assert_eq!((entries.rejected.len(), entries.rejected_count), (20, 1000));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read_list(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(
            names in prop::collection::vec(("(@[a-z]{1,8}/)?[a-z][a-z0-9._-]{0,12}", prop::option::of("[0-9]{1,2}\\.[0-9]\\.[0-9](-rc\\.1)?")), 1..20)
        ) {
            let mut subjects: Vec<Subject> = Vec::new();
            let mut list = String::new();
            for (name, version) in names {
                let text = version.map_or_else(|| format!("npm:{name}"), |version| format!("npm:{name}@{version}"));
                let Ok(subject) = text.parse::<Subject>() else { continue };
                list.push_str(&format!("  {text}\t# comment\n\n"));
                if !subjects.contains(&subject) {
                    subjects.push(subject);
                }
            }
            if !subjects.is_empty() {
                prop_assert_eq!(read_list(list.as_bytes()).unwrap().subjects, subjects);
            }
        }
    }
}
