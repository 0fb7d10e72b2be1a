//! All that may differ from Kamal, and why.

use super::case::PROXY_IMAGE;

/// Words that stand for each other, dhow's and Kamal's: the proxy that dhow brings along, under whatever version dhow has,
/// runs with the words that Kamal has for its own.
pub const WORDS: &[(&str, &str)] = &[(PROXY_IMAGE, "basecamp/kamal-proxy:v0.9.2")];

/// A difference on purpose.
struct Accepted {
    /// How its lines begin.
    lines: &'static [&'static str],
    why: &'static str,
}

/// What servers receive otherwise.
const DIFFERENCES: &[Accepted] = &[
    Accepted {
        lines: &[
            "proxy-response-headers-accessory-hosts/default <prod_ip> run ",
            "proxy-response-headers-accessory-hosts/default <prod_ip> proxy ",
            "proxy-response-headers-accessory-hosts/default <prod_ip> env_files ",
        ],
        why: "the host is a placeholder in angle brackets, which Kamal leaves unquoted: the server's shell takes them \
              for redirections and no container starts",
    },
    Accepted {
        lines: &["erb-split-to-flow-list/default dummy-ARENA_JOB_HOSTS directories \".kamal 0755\""],
        why: "Kamal makes an empty .kamal on every server before it takes the lock, even where a command has nothing to \
              do; dhow makes it where it writes",
    },
];

/// Is this line of a difference accepted?
pub fn is_accepted(line: &str) -> bool {
    DIFFERENCES.iter().any(|accepted| accepted.lines.iter().any(|beginning| begins(line, beginning)))
}

/// What is accepted and not in these lines.
pub fn stale(lines: &[String]) -> Vec<String> {
    let gone = |beginning: &&&str| !lines.iter().any(|line| begins(line, beginning));
    let of = |accepted: &'static Accepted| {
        accepted
            .lines
            .iter()
            .filter(gone)
            .map(|beginning| format!("{beginning}: {}", accepted.why))
            .collect::<Vec<_>>()
    };
    DIFFERENCES.iter().flat_map(of).collect()
}

/// After the sign that says whose line it is.
fn begins(line: &str, beginning: &str) -> bool {
    line[2..].starts_with(beginning)
}
