/// An error and its causes in one line; libgit2's in its own words alone.
pub(crate) fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        match inner.downcast_ref::<git2::Error>() {
            // Without its class and code, which mean nothing to a user.
            Some(error) => text.push_str(error.message()),
            None => text.push_str(&inner.to_string()),
        }
        cause = inner.source();
    }
    text
}
