//! `docker logs` of any container, filtered on the host.

use crate::shell::{Command, Script, Word, docker, sh};

/// Which lines of a container's log are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `--since`: a time or an age (`30m`).
    pub since: Option<String>,
    /// `--tail`.
    pub lines: Option<u32>,
    /// Only lines that match this pattern of `grep`.
    pub grep: Option<String>,
    /// More options of `grep`, as words of a shell: `-C 5`.
    pub grep_options: Option<String>,
    /// Goes on as the container writes.
    pub follow: bool,
    /// Docker's time before each line.
    pub timestamps: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            since: None,
            lines: None,
            grep: None,
            grep_options: None,
            follow: false,
            timestamps: true,
        }
    }
}

impl LogOptions {
    /// The logs of a container, both its streams joined.
    pub(super) fn of(&self, container: &Word) -> Script {
        let logs = docker(["logs"])
            .words(self.timestamps.then_some("--timestamps"))
            .words(self.since.iter().flat_map(|since| ["--since", since]))
            .words(self.lines.iter().flat_map(|lines| ["--tail".to_string(), lines.to_string()]))
            .words(self.follow.then_some("--follow"))
            .word(container.clone());
        let logs = Script::ErrorsToOutput(Box::new(logs.into()));
        match &self.grep {
            Some(pattern) => logs.pipe(self.filter(pattern)),
            None => logs,
        }
    }

    fn filter(&self, pattern: &str) -> Command {
        let grep = if self.follow { sh::<&str>(GREP_BY_LINE, []) } else { Command::new("grep") };
        grep.words(self.grep_options.as_ref().map(Word::raw)).option("-e", pattern)
    }
}

/// Into a pipe `grep` writes by the block, so that followed lines come late; BusyBox has no option against it.
const GREP_BY_LINE: &str = r#"if echo x | grep --line-buffered x > /dev/null 2>&1; then
  exec grep --line-buffered "$@"
fi
exec grep "$@""#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::added;

    fn shows(logs: &LogOptions) -> String {
        logs.of(&Word::literal("shop-web-1")).to_string()
    }

    #[test]
    fn both_streams_with_timestamps_by_default() {
        assert_eq!(shows(&LogOptions::default()), "docker logs --timestamps shop-web-1 2>&1");
    }

    #[test]
    fn the_container_can_be_found_by_a_script() {
        let newest = Word::output_of(docker(["ps", "--latest", "--quiet"]));
        assert_eq!(
            LogOptions::default().of(&newest).to_string(),
            "docker logs --timestamps \"$(docker ps --latest --quiet)\" 2>&1"
        );
    }

    #[test]
    fn lines_are_chosen_by_docker() {
        let all = LogOptions {
            since: Some("5m".to_string()),
            lines: Some(100),
            follow: true,
            timestamps: false,
            ..LogOptions::default()
        };
        assert_eq!(shows(&all), "docker logs --since 5m --tail 100 --follow shop-web-1 2>&1");
    }

    #[test]
    fn a_pattern_is_quoted_and_its_options_are_words() {
        let matching = LogOptions {
            grep: Some("it's -x".to_string()),
            grep_options: Some("-C 5".to_string()),
            ..LogOptions::default()
        };
        let plain = shows(&LogOptions::default());
        assert_eq!(shows(&matching), format!(r"{{ {plain}; }} | grep -C 5 -e 'it'\''s -x'"));
    }

    #[test]
    fn followed_lines_are_not_held_back_by_grep() {
        let followed = LogOptions { follow: true, ..LogOptions::default() };
        let matching = LogOptions { grep: Some("GET".to_string()), ..followed.clone() };
        let filter = added(&format!("{{ {}; }}", shows(&followed)), &shows(&matching));
        assert!(filter.starts_with("| sh -c") && filter.ends_with("sh -e GET"), "{filter}");
    }
}
