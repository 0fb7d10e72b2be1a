//! A page: Markdown whose fenced blocks are files, servers and command lines with what they do.

use super::expected::{Expected, merge};
use super::play::play;
use super::scene::Scene;
use std::fs;
use std::path::{Path, PathBuf};

/// Plays a page. It holds if what happens is what is written; `UPDATE=1` writes what happens instead.
pub fn check(name: &str) {
    let path = directory().join(format!("{name}.md"));
    let written = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let happened = happen(&written);
    if happened == written {
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, happened).unwrap();
        return;
    }
    panic!(
        "{} does not happen as written (UPDATE=1 rewrites it: review the difference)\n{}",
        path.display(),
        difference(&written, &happened)
    );
}

/// Where the pages are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// The page as it is after all its commands were played.
fn happen(page: &str) -> String {
    let mut scene = Scene::default();
    let mut after = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        after += &format!("{line}\n");
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match info {
            "console" => after += &console(&scene, &block),
            _ => {
                scene.set(info, &block);
                after.extend(block.iter().map(|line| format!("{line}\n")));
            }
        }
        after += "```\n";
    }
    after
}

/// Each command line of a block with what it does.
fn console(scene: &Scene, block: &[&str]) -> String {
    let commands = block.chunk_by(|_, next| !next.starts_with("> "));
    let played = commands.map(|command| {
        let (line, expected) = command.split_first().expect("chunks are not empty");
        let line = line.strip_prefix("> ").expect("a console block begins with `> dhow …`");
        let actual = play(scene, line);
        assert_eq!(actual, play(scene, line), "the same command did something else the second time: {line}");
        let gap = if expected.last() == Some(&"") { "\n" } else { "" };
        format!("> {line}\n{}{gap}", merge(&Expected::read(expected), &actual))
    });
    played.collect()
}

/// The first lines that differ, with those before.
fn difference(written: &str, happened: &str) -> String {
    let (written, happened): (Vec<&str>, Vec<&str>) = (written.lines().collect(), happened.lines().collect());
    let same = written.iter().zip(&happened).take_while(|(a, b)| a == b).count();
    let excerpt = |mark: char, lines: &[&str], from: usize, to: usize| -> String {
        let lines = lines.iter().take(to).skip(from);
        lines.map(|line| format!("{mark} {line}\n")).collect()
    };
    [
        excerpt(' ', &written, same.saturating_sub(5), same),
        excerpt('-', &written, same, same + 6),
        excerpt('+', &happened, same, same + 6),
    ]
    .concat()
}
