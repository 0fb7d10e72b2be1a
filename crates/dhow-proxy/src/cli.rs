//! The command line: kamal-proxy's commands and flags, with its error texts and exit codes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its terminal")]

mod commands;
mod flags;
mod help;
mod run;
mod table;

use std::process::ExitCode;

use crate::control::{self, Reply, Request};
use crate::credentials;
use commands::{Asked, Command};

/// Runs the program with its arguments (the program's name left out).
///
/// Success says nothing, but for `list` and help. A failure is one `Error: …` on standard error, and exit code 1.
pub fn main(arguments: Vec<String>) -> ExitCode {
    match perform(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &[String]) -> Result<(), String> {
    // kamal-proxy makes its data directory whatever the command; a deploy's certificate path points into it.
    let data = crate::state::data_directory();
    let Some((command, arguments)) = Command::find(arguments)? else {
        print!("{}", help::overview());
        return Ok(());
    };
    match command.parse(&arguments, &data)? {
        Asked::Help => print!("{}", help::of(command)),
        Asked::Run(options) => run::run(&options, &data)?,
        Asked::Credentials(service) => credentials::keep(&data, &service, std::io::stdin())?,
        Asked::Daemon(request) => show(ask(&request)?),
    }
    Ok(())
}

fn ask(request: &Request) -> Result<Option<String>, String> {
    let reply = control::call(&control::socket_path(), request)?;
    match (reply, request) {
        (Reply { error: Some(error), .. }, _) => Err(error),
        (Reply { services, .. }, Request::List) => Ok(Some(table::render(&services))),
        (Reply { inventory: Some(inventory), .. }, _) => {
            let text = serde_json::to_string_pretty(&inventory).map_err(|error| error.to_string())?;
            Ok(Some(text + "\n"))
        }
        _ => Ok(None),
    }
}

fn show(output: Option<String>) {
    if let Some(output) = output {
        print!("{output}");
    }
}
