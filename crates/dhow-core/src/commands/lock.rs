//! The deploy lock: a directory on the primary host, readable by Kamal and honoured by it.
//!
//! The directory is the lock; making it is the atomic test. Outcomes are exit statuses of our own, never the text of
//! another program's error.

use super::server;
use crate::config::Config;
use crate::shell::{Command, sh};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The message of locks that commands take by themselves; Kamal waits only for these.
pub const AUTOMATIC: &str = "Automatic deploy lock";

/// Who holds the lock, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockDetails {
    /// `git config user.name`.
    pub locked_by: String,
    /// RFC 3339 in UTC, whole seconds.
    pub at: String,
    /// The version being deployed.
    pub version: String,
    /// [`AUTOMATIC`], or what `lock acquire` was told.
    pub message: String,
}

impl LockDetails {
    /// Was it taken by a command, which will release it?
    pub fn is_automatic(&self) -> bool {
        self.message.contains(AUTOMATIC)
    }

    /// Reads what a lock's file holds; `None` if it is empty (its holder died early) or not ours or Kamal's.
    pub fn parse(file: &str) -> Option<LockDetails> {
        let base64: String = file.split_whitespace().collect();
        let text = String::from_utf8(STANDARD.decode(base64).ok()?).ok()?;
        let (locked, rest) = text.strip_prefix("Locked by: ")?.split_once("\nVersion: ")?;
        let (locked_by, at) = locked.rsplit_once(" at ")?;
        let (version, message) = rest.split_once("\nMessage: ")?;
        let [locked_by, at, version, message] = [locked_by, at, version, message].map(String::from);
        Some(LockDetails { locked_by, at, version, message })
    }

    fn file(&self) -> String {
        STANDARD.encode(self.to_string())
    }
}

/// Kamal's three lines.
impl fmt::Display for LockDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockDetails { locked_by, at, version, message } = self;
        write!(f, "Locked by: {locked_by} at {at}\nVersion: {version}\nMessage: {message}")
    }
}

/// Exit status of [`acquire`] when somebody holds the lock.
pub const HELD: i32 = 17;

/// Exit status of [`status`] and [`release`] when nobody holds the lock.
pub const NOT_HELD: i32 = 18;

/// Exit status of [`release_own`] when somebody else holds the lock by now.
pub const HELD_BY_ANOTHER: i32 = 19;

/// Takes the lock. Exits with [`HELD`], and prints its file, if somebody has it.
pub fn acquire(config: &Config, details: &LockDetails) -> Command {
    sh(ACQUIRE, [directory(config), details.file()])
}

/// Prints the lock's three lines; exits with [`NOT_HELD`] if there is no lock.
pub fn status(config: &Config) -> Command {
    sh(STATUS, [directory(config)])
}

/// Releases the lock, whoever holds it; exits with [`NOT_HELD`] if nobody does.
pub fn release(config: &Config) -> Command {
    sh(RELEASE, [directory(config), String::new()])
}

/// Releases the lock taken with these details; exits with [`HELD_BY_ANOTHER`] if it is somebody else's by now.
pub fn release_own(config: &Config, details: &LockDetails) -> Command {
    sh(RELEASE, [directory(config), details.file()])
}

/// How a try to take the lock ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours.
    Yes,
    /// It is somebody's; of one who died between two steps nothing more is known.
    HeldBy(Option<LockDetails>),
}

impl Acquired {
    /// Reads the outcome of [`acquire`]; `None` if it failed otherwise.
    pub fn read(status: i32, output: &str) -> Option<Acquired> {
        match status {
            0 => Some(Acquired::Yes),
            HELD => Some(Acquired::HeldBy(LockDetails::parse(output))),
            _ => None,
        }
    }
}

fn directory(config: &Config) -> String {
    format!("{}/lock-{}", server::RUN_DIRECTORY, config.app())
}

/// `$1` directory, `$2` content. Without the content the lock would have no holder, so it is given back.
const ACQUIRE: &str = r#"mkdir -p "${1%/*}" || exit
if ! error=$(mkdir "$1" 2>&1); then
  if [ -d "$1" ]; then cat "$1/details" 2> /dev/null; exit 17; fi
  echo "$error" >&2; exit 1
fi
echo "$2" > "$1/details" || { rm -rf "$1"; exit 1; }"#;

const STATUS: &str = r#"[ -d "$1" ] || exit 18
[ -s "$1/details" ] || { echo 'The lock is held, but does not say by whom: whoever took it was stopped at once'; exit; }
base64 -d < "$1/details" && echo"#;

/// `$1` directory, `$2` the only content that may be released, or any.
const RELEASE: &str = r#"[ -d "$1" ] || exit 18
details=$(cat "$1/details" 2> /dev/null)
if [ -n "$2" ] && [ -n "$details" ] && [ "$details" != "$2" ]; then exit 19; fi
rm -rf "$1""#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::staging;

    fn details() -> LockDetails {
        LockDetails {
            locked_by: "Ann at Acme".to_string(),
            at: "2026-01-02T03:04:05Z".to_string(),
            version: "abc".to_string(),
            message: AUTOMATIC.to_string(),
        }
    }

    #[test]
    fn details_are_kamals_three_lines() {
        assert_eq!(
            details().to_string(),
            "Locked by: Ann at Acme at 2026-01-02T03:04:05Z\nVersion: abc\nMessage: Automatic deploy lock"
        );
    }

    #[test]
    fn details_are_read_back_also_as_kamal_wraps_them() {
        assert_eq!(LockDetails::parse(&details().file()), Some(details()));
        let file = details().file();
        let (first, second) = file.split_at(60);
        assert_eq!(LockDetails::parse(&format!("{first}\n{second}\n")), Some(details()));
        assert_eq!(LockDetails::parse(""), None);
        assert_eq!(LockDetails::parse("not base64"), None);
    }

    #[test]
    fn a_message_can_have_several_lines() {
        let manual = LockDetails { message: "frozen\nuntil Monday".to_string(), ..details() };
        assert_eq!(LockDetails::parse(&manual.file()), Some(manual.clone()));
        assert!(details().is_automatic() && !manual.is_automatic());
    }

    #[test]
    fn the_lock_is_per_service_and_destination() {
        assert_eq!(
            acquire(&staging(), &details()).argv()[4..],
            [".kamal/lock-shop-staging", &details().file()]
        );
        assert_eq!(status(&staging()).argv()[4..], [".kamal/lock-shop-staging"]);
        assert_eq!(release(&staging()).argv()[4..], [".kamal/lock-shop-staging", ""]);
        assert_eq!(
            release_own(&staging(), &details()).argv()[4..],
            acquire(&staging(), &details()).argv()[4..]
        );
    }

    #[test]
    fn outcomes_are_exit_statuses() {
        assert_eq!(Acquired::read(0, ""), Some(Acquired::Yes));
        assert_eq!(Acquired::read(17, &details().file()), Some(Acquired::HeldBy(Some(details()))));
        assert_eq!(Acquired::read(17, ""), Some(Acquired::HeldBy(None)));
        assert_eq!(Acquired::read(1, "mkdir: No space left on device"), None);
    }

    #[test]
    fn scripts_exit_with_the_documented_statuses() {
        let exits = |script: &str, status: i32| script.contains(&format!("exit {status}"));
        assert!(exits(ACQUIRE, HELD));
        assert!(exits(STATUS, NOT_HELD) && exits(RELEASE, NOT_HELD) && exits(RELEASE, HELD_BY_ANOTHER));
    }
}
