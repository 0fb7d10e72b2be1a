//! What is asked of git, on the operator's machine.

use crate::shell::Command;

/// Prints the directory's commit; fails outside a repository, prints `HEAD` in one without commits.
pub fn revision() -> Command {
    git(["rev-parse", "HEAD"])
}

/// Prints the root of the working tree.
pub fn root() -> Command {
    git(["rev-parse", "--show-toplevel"])
}

/// Prints what differs from the commit, one file per line; nothing if all is committed.
pub fn uncommitted_changes() -> Command {
    git(["status", "--porcelain"])
}

/// Prints who takes a lock; fails if git was not told.
pub fn user_name() -> Command {
    git(["config", "user.name"])
}

/// Prints who is named in the audit log and to hooks; fails if git was not told.
pub fn user_email() -> Command {
    git(["config", "user.email"])
}

pub(super) fn git<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    Command::new("git").words(words)
}
