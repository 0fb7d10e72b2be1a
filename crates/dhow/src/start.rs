//! From the process's arguments to its exit status.

use crate::cli::{Cli, Global};
use crate::{project, verbs};
use clap::{Args, FromArgMatches, Parser};
use dhow_core::config::{KAMALS_COMMANDS, is_caught_panic};
use std::io::Write;

/// Runs dhow and ends the process.
pub fn main() -> ! {
    keep_caught_panics_quiet();
    let words: Vec<String> = std::env::args().collect();
    // Everywhere else `--version` names the app's version.
    let words = if words[1..] == ["--version"] { vec![words[0].clone(), "version".into()] } else { words };
    let cli = match Cli::try_parse_from(expand_alias(words)) {
        Ok(cli) => cli,
        Err(usage) => {
            // A reader that has gone away has seen enough.
            let _nobody_reads = usage.print();
            std::process::exit(i32::from(usage.use_stderr()));
        }
    };
    let status = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(verbs::run(cli)),
        Err(error) => {
            let _nobody_reads = writeln!(std::io::stderr(), "error: dhow cannot start: {error}");
            1
        }
    };
    // Without waiting for a read of standard input that may never end.
    std::process::exit(status.into());
}

fn keep_caught_panics_quiet() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|location| is_caught_panic(location.file())) {
            usual(panic);
        }
    }));
}

/// Replaces an alias by its words (kamal-commands 1.3). An alias of exactly this name wins over an abbreviated command, and
/// over one that only dhow has: Kamal knows of no conflict there.
fn expand_alias(mut words: Vec<String>) -> Vec<String> {
    // An alias may lead to another; one that leads to itself ends here.
    for _ in 0..8 {
        let Some(name) = words.get(1).filter(|word| !word.starts_with('-') && !is_command(word)) else {
            break;
        };
        let aliases = project::aliases(&options_of(&words));
        let Some(expansion) = aliases.get(name).and_then(|text| shlex::split(text)) else { break };
        words.splice(1..2, expansion);
    }
    words
}

fn is_command(word: &str) -> bool {
    word == "help" || KAMALS_COMMANDS.contains(&word)
}

/// `-c` and `-d` wherever they stand, as far as the line can be understood before the alias is known.
fn options_of(words: &[String]) -> Global {
    let command =
        Global::augment_args(clap::Command::new("dhow").disable_help_flag(true)).ignore_errors(true);
    let line = words.iter().filter(|word| word.as_str() != "--help");
    let matches = command.try_get_matches_from(line).unwrap_or_default();
    Global::from_arg_matches(&matches).unwrap_or_default()
}
