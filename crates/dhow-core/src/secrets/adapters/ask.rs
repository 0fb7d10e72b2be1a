//! A question to another program, and its answer.

use super::NotFetched;
use crate::secrets::Secret;
use crate::shell::Command;
use std::collections::BTreeMap;

/// What an adapter knows of and can do to the outside.
pub struct Outside<'a> {
    /// The environment of the process.
    pub env: &'a BTreeMap<String, String>,
    /// Runs a program to its end.
    pub ask: &'a mut dyn FnMut(&Ask) -> Answer,
}

/// A program to run, with our standard input, so that it can ask for a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Its words; only literal text and secrets.
    pub command: Command,
    /// What it finds in its environment besides ours.
    pub env: Vec<(&'static str, Secret)>,
    /// What becomes of what it says.
    pub manner: Manner,
}

/// What becomes of what a program says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Its standard output is the answer; standard error is for the user.
    Ask,
    /// As [`Manner::Ask`], and what it complains of is not shown: a failure is an answer, too.
    Probe,
    /// All it says is for the user, who is logging in.
    Login,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It could not be started.
    NotStarted,
    /// It ended with a failure.
    Failed,
    /// It succeeded; what it printed (nothing, after [`Manner::Login`]).
    Printed(Secret),
}

impl Answer {
    fn printed(self) -> Option<Secret> {
        if let Answer::Printed(text) = self { Some(text) } else { None }
    }
}

impl Outside<'_> {
    /// The answer, if it succeeds.
    pub(super) fn answer(&mut self, command: Command) -> Option<Secret> {
        self.ask(command, Manner::Ask, Vec::new()).printed()
    }

    /// The answer of a program that finds these in its environment.
    pub(super) fn answer_with(
        &mut self,
        env: Vec<(&'static str, Secret)>,
        command: Command,
    ) -> Option<Secret> {
        self.ask(command, Manner::Ask, env).printed()
    }

    /// The answer, if it succeeds; nothing is shown if it does not.
    pub(super) fn probe(&mut self, command: Command) -> Option<Secret> {
        self.ask(command, Manner::Probe, Vec::new()).printed()
    }

    /// Did the user log in?
    pub(super) fn logs_in(&mut self, command: Command) -> bool {
        self.ask(command, Manner::Login, Vec::new()).printed().is_some()
    }

    /// Checks that a program is there before it is needed: `op --version`.
    pub(super) fn needs(&mut self, program: &str, word: &str, tool: &'static str) -> Result<(), NotFetched> {
        let version = self.probe(Command::new(program).word(word));
        version.map(|_| ()).ok_or(NotFetched::NotInstalled(tool))
    }

    /// Runs a program to its end.
    pub(super) fn ask(
        &mut self,
        command: Command,
        manner: Manner,
        env: Vec<(&'static str, Secret)>,
    ) -> Answer {
        (self.ask)(&Ask { command, env, manner })
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
