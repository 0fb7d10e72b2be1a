//! What has to hold of the sources, and is checked rather than remembered.

use super::sources::{Source, crates};
use std::collections::BTreeSet;
use std::process::Command;

const CRATES: [&str; 3] = ["dhow-core", "dhow", "dhow-proxy"];

#[test]
fn the_core_can_only_decide() {
    let doing =
        ["tokio", "std::process", "std::env", "std::fs", "std::thread", "std::io", "Instant", "SystemTime"];
    let core = Source::of("dhow-core");
    let found: Vec<String> =
        doing.iter().flat_map(|what| core.iter().flat_map(|source| source.mentions(what))).collect();
    assert!(found.is_empty(), "dhow-core does no I/O and reads no clock:\n{}", found.join("\n"));
}

#[test]
fn nothing_below_the_core_can_do_anything() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "dhow-core",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{lib}",
        ])
        .arg("--offline")
        .current_dir(crates())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let found: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let json = ["serde_json", "serde", "serde_core", "itoa", "memchr", "zmij"];
    let ruby = ["ruby_prism", "ruby_prism_sys", "regex", "regex_automata", "regex_syntax", "aho_corasick"];
    let known = ["dhow_core", "base64", "libyaml_safer", "thiserror", "thiserror_impl"];
    let known = known.into_iter().chain(json).chain(ruby).collect::<BTreeSet<_>>();
    let new: Vec<_> = found.difference(&known).collect();
    assert!(new.is_empty(), "dhow-core depends on {new:?}: does it keep to computing? Then name it here");
}

/// Files at the edge, and what they are for.
const EDGES: [(&str, &str); 11] = [
    ("dhow/src/images", "the local Docker, layers on disk"),
    ("dhow/src/init.rs", "writes a new project"),
    ("dhow/src/interrupt.rs", "signals"),
    ("dhow/src/project", "reads the project"),
    ("dhow/src/report/human.rs", "the terminal"),
    ("dhow/src/report/log_file.rs", "the log of a run"),
    ("dhow/src/session.rs", "puts a run together"),
    ("dhow/src/start.rs", "the process"),
    ("dhow/src/verbs/interactive.rs", "hands the terminal over"),
    ("dhow/src/verbs/output.rs", "prints, asks"),
    ("dhow/src/world", "the world"),
];

#[test]
fn the_outside_is_touched_at_the_edges_only() {
    let touching =
        ["process::Command", "env::var", "env::home_dir", "std::fs", "tokio::fs", "io::stdin", "io::stdout"];
    let is_inside = |source: &&Source| !EDGES.iter().any(|(edge, _)| source.path.starts_with(edge));
    let sources = Source::of("dhow");
    let inside: Vec<&Source> = sources.iter().filter(is_inside).collect();
    let found: Vec<String> =
        touching.iter().flat_map(|what| inside.iter().flat_map(|source| source.mentions(what))).collect();
    assert!(found.is_empty(), "not at the edge:\n{}", found.join("\n"));
}

#[test]
fn every_edge_is_there() {
    let sources = Source::of("dhow");
    let gone = EDGES.iter().filter(|(edge, _)| !sources.iter().any(|source| source.path.starts_with(edge)));
    assert_eq!(gone.map(|(edge, _)| edge).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn every_file_says_what_it_is_for() {
    let sources = CRATES.iter().flat_map(|krate| Source::of(krate));
    let silent: Vec<String> =
        sources.filter(|source| !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert!(silent.is_empty(), "without a first line `//! …`: {silent:?}");
}

/// Longer than a file should be, and why.
const LONG: [(&str, &str); 1] = [("dhow/src/cli.rs", "every command in one list")];

#[test]
fn files_are_short() {
    let sources = CRATES.iter().flat_map(|krate| Source::of(krate));
    let long: BTreeSet<String> =
        sources.filter(|source| source.text.lines().count() > 400).map(|source| source.path).collect();
    let known: BTreeSet<String> = LONG.iter().map(|(path, _)| (*path).to_string()).collect();
    assert_eq!(
        long, known,
        "files over 400 lines, tests left out, and those that are known to be (left, right)"
    );
}
