//! A clean clone to build from, kept between builds, so that only what is committed gets into the image.

use crate::commands::git::git;
use crate::shell::{Command, Script, sh};

/// Where clones of a project are kept under the system's temporary directory. `digest` is the SHA-256 of the project's
/// path in hex, so that two checkouts of a service do not meet.
pub fn clone_directory(temporary: &str, service: &str, digest: &str) -> String {
    format!("{temporary}/kamal-clones/{service}-{}", digest.get(..13).unwrap_or(digest))
}

/// Clones the repository with its submodules into a directory of its own name under `parent`.
pub fn clone(root: &str, parent: &str) -> Script {
    Script::and([
        Command::new("mkdir").option("-p", parent).into(),
        git(["-C", parent, "clone", root, "--recurse-submodules"]).into(),
    ])
}

/// Brings an existing clone to a revision, without anything else in it.
pub fn reset(clone: &str, root: &str, revision: &str) -> Script {
    let in_clone = |words: &[&str]| Script::from(git(["-C", clone].into_iter().chain(words.iter().copied())));
    Script::and([
        in_clone(&["remote", "set-url", "origin", root]),
        in_clone(&["fetch", "origin"]),
        in_clone(&["reset", "--hard", revision]),
        in_clone(&["clean", "-fdx"]),
        in_clone(&["submodule", "update", "--init"]),
        in_clone(&["gc", "--auto", "--quiet"]),
    ])
}

/// Succeeds if a clone is at a revision and has nothing else in it.
pub fn is_clean_at(clone: &str, revision: &str) -> Command {
    sh(IS_CLEAN_AT, [clone, revision])
}

/// `$1` clone, `$2` revision.
const IS_CLEAN_AT: &str = r#"changes=$(git -C "$1" status --porcelain) && [ -z "$changes" ] &&
head=$(git -C "$1" rev-parse HEAD) && [ "$head" = "$2" ]"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkouts_of_a_service_have_two_clones() {
        assert_eq!(
            clone_directory("/tmp", "shop", "0123456789abcdef0123"),
            "/tmp/kamal-clones/shop-0123456789abc"
        );
    }

    #[test]
    fn a_clone_is_made_once_and_then_reset() {
        assert_eq!(
            clone("/home/ann/shop", "/tmp/kamal-clones/shop-1").to_string(),
            "mkdir -p /tmp/kamal-clones/shop-1 && git -C /tmp/kamal-clones/shop-1 clone /home/ann/shop \
             --recurse-submodules"
        );
        assert_eq!(
            reset("/c", "/home/ann/shop", "abc").to_string(),
            "git -C /c remote set-url origin /home/ann/shop && git -C /c fetch origin \
             && git -C /c reset --hard abc && git -C /c clean -fdx && git -C /c submodule update --init \
             && git -C /c gc --auto --quiet"
        );
    }
}
