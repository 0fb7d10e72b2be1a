//! Help, printed to standard output.

use super::commands::Command;
use super::flags::{Flag, Kind};

/// Help of the program.
pub fn overview() -> String {
    let mut text = String::from(
        "HTTP proxy for zero downtime deployments\n\nUsage:\n  kamal-proxy [command]\n\nCommands:\n",
    );
    for command in Command::all() {
        let names =
            command.alias.map_or(command.name.to_owned(), |alias| format!("{}, {alias}", command.name));
        text.push_str(&format!("  {names:16} {}\n", command.about));
    }
    text + "\nUse \"kamal-proxy [command] --help\" for more about a command.\n"
}

/// Help of a command.
pub fn of(command: &Command) -> String {
    let mut text = format!("{}\n\nUsage:\n  {}\n\nFlags:\n", command.about, command.usage());
    for flag in command.flags() {
        let kind = match flag.kind {
            Kind::Switch => "",
            Kind::Text => " string",
            Kind::Number => " int",
            Kind::Duration => " duration",
            Kind::List => " strings",
            Kind::Texts => " stringArray",
        };
        let left = format!("--{}{kind}", flag.name);
        text.push_str(&format!("  {left:36} {}{}\n", flag.help, default(flag)));
    }
    text + "  -h, --help                           Show this help\n"
}

fn default(flag: &Flag) -> String {
    match flag.default {
        "" | "0" | "false" => String::new(),
        value => format!(" (default {value})"),
    }
}
