//! What is said where a thread fails.

use crate::stabilize::javascript::PARSER_THREAD;

/// Keeps quiet about parsers that fail over a file.
///
/// Hostile text finds assertions of a parser. The thread that reads it ends then, the file counts as one that cannot be
/// read, and there is nothing to tell a user.
pub fn quiet_parsers() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some(PARSER_THREAD) {
            tracing::debug!(%panic, "a file cannot be parsed");
        } else {
            usual(panic);
        }
    }));
}
