//! The commands: how one is found, and what its arguments ask for.

mod requests;
mod table;

use std::path::Path;

use super::flags::{Arguments, Flag, Kind, parse_number, parse_switch};
use super::run::RunOptions;
use crate::control::Request;
use requests::{deployment, rollout, rollout_set};
use table::COMMANDS;

/// A command of the program.
#[derive(Debug, PartialEq)]
pub struct Command {
    /// Its words: `deploy`, `rollout set`.
    pub name: &'static str,
    /// Another word for it.
    pub alias: Option<&'static str>,
    /// What it does, in a line.
    pub about: &'static str,
    arity: Arity,
    flags: Flags,
}

#[derive(Debug, PartialEq)]
enum Arity {
    Any,
    None,
    Service,
}

struct Flags(&'static [Flag]);

/// What a command line asks for.
pub enum Asked {
    /// The command's help.
    Help,
    /// To be the daemon.
    Run(RunOptions),
    /// To keep what standard input holds, for this service.
    Credentials(String),
    /// Something of the daemon.
    Daemon(Box<Request>),
}

impl Command {
    /// All commands, in the order of the help.
    pub fn all() -> &'static [Command] {
        COMMANDS
    }

    /// The command that the arguments name, and what is left of them. `None` means that help is wanted.
    pub fn find(arguments: &[String]) -> Result<Option<(&'static Command, Vec<String>)>, String> {
        let (words, mut rest) = match arguments.iter().position(|argument| !argument.starts_with('-')) {
            None => return without_command(arguments),
            Some(at) => (&arguments[at..], arguments[..at].to_vec()),
        };
        let (word, mut following) = (words[0].as_str(), &words[1..]);
        let mut name = word.to_owned();
        if word == "help" {
            let help = ["--help".to_owned()];
            return match following {
                [] => Ok(None),
                topic => Self::find(&[topic, &help].concat()),
            };
        }
        if word == "rollout" {
            let Some((second, after)) = following.split_first() else { return Ok(None) };
            name = format!("rollout {second}");
            following = after;
        }
        rest.extend_from_slice(following);
        match COMMANDS.iter().find(|command| command.name == name || command.alias == Some(word)) {
            Some(command) => Ok(Some((command, rest))),
            None if word == "rollout" => Ok(None),
            None => Err(unknown(word)),
        }
    }

    /// The command's flags, for its help.
    pub fn flags(&self) -> &'static [Flag] {
        self.flags.0
    }

    /// How it is called, for its help.
    pub fn usage(&self) -> String {
        let service = if self.arity == Arity::Service { " <service>" } else { "" };
        format!("kamal-proxy {}{service} [flags]", self.name)
    }

    /// What these arguments ask for; `data` is the data directory. The error is kamal-proxy's text.
    pub fn parse(&'static self, arguments: &[String], data: &Path) -> Result<Asked, String> {
        let defaults = if self.name == "run" { environment(self.flags.0) } else { Vec::new() };
        let arguments = Arguments::read(self.flags.0, arguments, &defaults)?;
        if arguments.wants_help {
            return Ok(Asked::Help);
        }
        self.check_count(&arguments)?;
        let service = arguments.positional.first().cloned().unwrap_or_default();
        let request = match self.name {
            "run" => return Ok(Asked::Run(RunOptions::from(&arguments))),
            "credentials" => return Ok(Asked::Credentials(service)),
            "deploy" => Request::Deploy(Box::new(deployment(service, &arguments, data)?)),
            "remove" => Request::Remove { service },
            "list" if arguments.switch("json") => Request::Inventory,
            "list" => Request::List,
            "resume" => Request::Resume { service },
            "pause" => Request::Pause {
                service,
                drain_timeout: arguments.duration("drain-timeout"),
                max_pause: arguments.duration("max-pause"),
            },
            "stop" => Request::Stop {
                service,
                drain_timeout: arguments.duration("drain-timeout"),
                message: arguments.text("message"),
            },
            "upgrade" => Request::Upgrade {
                program: Some(arguments.text("program")).filter(|path| !path.is_empty()).map(Into::into),
                drain_timeout: arguments.duration("drain-timeout"),
            },
            "rollout deploy" => Request::RolloutDeploy(rollout(service, &arguments)?),
            "rollout set" => rollout_set(service, &arguments)?,
            _ => Request::RolloutStop { service },
        };
        Ok(Asked::Daemon(Box::new(request)))
    }

    fn check_count(&self, arguments: &Arguments) -> Result<(), String> {
        match (&self.arity, arguments.positional.as_slice()) {
            (Arity::Any, _) | (Arity::None, []) | (Arity::Service, [_]) => Ok(()),
            (Arity::None, [extra, ..]) => {
                Err(format!("unknown command {extra:?} for \"kamal-proxy {}\"", self.name))
            }
            (Arity::Service, given) => Err(format!("accepts 1 arg(s), received {}", given.len())),
        }
    }
}

fn without_command(arguments: &[String]) -> Result<Option<(&'static Command, Vec<String>)>, String> {
    Arguments::read(&[], arguments, &[]).map(|_| None)
}

fn unknown(word: &str) -> String {
    let near: String = COMMANDS
        .iter()
        .filter(|command| !command.name.contains(' ') && is_near(word, command.name))
        .map(|command| format!("\t{}\n", command.name))
        .collect();
    let hint = if near.is_empty() { near } else { format!("\nDid you mean this?\n{near}\n") };
    format!("unknown command {word:?} for \"kamal-proxy\"\n{hint}Run 'kamal-proxy --help' for usage.")
}

/// Whether a word was probably meant as this name: it begins it, or at most two letters are wrong.
fn is_near(word: &str, name: &str) -> bool {
    name.starts_with(&word.to_lowercase()) || edits(&word.to_lowercase(), name) <= 2
}

/// Levenshtein's distance.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// Defaults of `run` from the environment. The first variable that is set counts; one that does not parse does not.
fn environment(flags: &[Flag]) -> Vec<(&'static str, String)> {
    let value = |flag: &Flag| {
        let name = flag.name.replace('-', "_").to_uppercase();
        let set = |name: String| std::env::var(name).ok().filter(|value| !value.is_empty());
        let value = set(format!("KAMAL_PROXY_{name}")).or_else(|| set(name))?;
        let is_valid = match flag.kind {
            Kind::Switch => parse_switch(&value).is_ok(),
            _ => parse_number(&value).is_ok(),
        };
        is_valid.then_some((flag.name, value))
    };
    let without =
        ["http3", "take-over", "drain-timeout", "proxy-protocol", "status", "max-connections-per-client"];
    flags.iter().filter(|flag| !without.contains(&flag.name)).filter_map(value).collect()
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|flag| flag.name)).finish()
    }
}

impl PartialEq for Flags {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}
