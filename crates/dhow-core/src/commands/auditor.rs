//! The audit log on every server: who did what, when.

use super::server;
use crate::config::Config;
use crate::shell::{Command, Script};

/// Appends a line. `at` is RFC 3339 in UTC with whole seconds; the role is named where the text is about one.
pub fn record(config: &Config, performer: &str, at: &str, role: Option<&str>, text: &str) -> Script {
    let tags = [Some(at), Some(performer), config.destination.as_deref(), role];
    let tags: String = tags.into_iter().flatten().map(|tag| format!("[{tag}] ")).collect();
    let line = Command::new("printf").word(r"%s\n").word(format!("{tags}{text}"));
    Script::and([
        server::make_run_directory().into(),
        Script::AppendTo(file(config).into(), Box::new(line.into())),
    ])
}

/// Prints the last 50 lines, nothing if nothing was done yet.
pub fn tail(config: &Config) -> Script {
    let exists = Command::new("test").option("-e", file(config));
    Script::from(exists).if_then(Command::new("tail").option("-n", "50").word(file(config)))
}

fn file(config: &Config) -> String {
    format!("{}/{}-audit.log", server::RUN_DIRECTORY, config.app())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{config, staging};

    const AT: &str = "2026-01-02T03:04:05Z";

    #[test]
    fn a_line_says_when_who_and_what() {
        assert_eq!(
            record(&config(), "dev@example.com", AT, None, "Pruned images").to_string(),
            "mkdir -p .kamal && { printf '%s\\n' '[2026-01-02T03:04:05Z] [dev@example.com] Pruned images' \
             >> .kamal/shop-audit.log; }"
        );
    }

    #[test]
    fn destination_and_role_are_named_where_there_are_any() {
        let line = record(&staging(), "dev", AT, Some("web"), "Booted app version 2").to_string();
        assert!(
            line.contains("'[2026-01-02T03:04:05Z] [dev] [staging] [web] Booted app version 2'"),
            "{line}"
        );
        assert!(line.ends_with(">> .kamal/shop-staging-audit.log; }"), "{line}");
    }

    #[test]
    fn a_log_not_yet_there_is_empty() {
        assert_eq!(
            tail(&config()).to_string(),
            "if test -e .kamal/shop-audit.log; then tail -n 50 .kamal/shop-audit.log; fi"
        );
    }
}
