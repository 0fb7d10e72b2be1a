//! What every command does in the same way, in a page's short words. Unit tests of `dhow-core` hold the long ones.

use super::scene::{NOW, PERFORMER};
use dhow_core::commands::lock::{self, LockDetails};
use dhow_core::plan::Request;
use dhow_core::shell::{Script, Word};

/// `audit: …`, `lock: …`, `file: …`, or `$` and the command.
pub fn written(request: &Request, command: &str) -> String {
    let short = audit(request, command).or_else(|| lock(request, command)).or_else(|| file(command));
    short.unwrap_or_else(|| format!("$ {command}"))
}

/// A line for the audit log, without time and performer, which are the same in every page.
fn audit(request: &Request, command: &str) -> Option<String> {
    let before = format!("mkdir -p .kamal && {{ printf '%s\\n' '[{NOW}] [{PERFORMER}] ");
    let after = format!("' >> .kamal/{}-audit.log; }}", request.config.app());
    let text = command.strip_prefix(&before)?.strip_suffix(&after)?;
    Some(format!("audit: {}", text.replace("'\\''", "'")))
}

/// The lock taken, and given back by who took it.
fn lock(request: &Request, command: &str) -> Option<String> {
    let (_, content) = command.rsplit_once(' ')?;
    let details = LockDetails::parse(content)?;
    let directory = format!(".kamal/lock-{}", request.config.app());
    if command == lock::acquire(&request.config, &details).to_string() {
        let LockDetails { locked_by, version, message, .. } = details;
        return Some(format!("lock: acquire {directory}: {locked_by}, {version}, {message}"));
    }
    let releases = command == lock::release_own(&request.config, &details).to_string();
    releases.then(|| format!("lock: release {directory}"))
}

/// A file replaced as a whole.
fn file(command: &str) -> Option<String> {
    let (_, path) = command.rsplit_once(' ')?;
    let (_, rest) = command.split_once("&& chmod ")?;
    let (mode, rest) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once("printf %s ")?;
    let (content, _) = rest.rsplit_once(&format!(" > {path}.new; }} && mv "))?;
    let is_it = command == Script::replace_file(path, mode, Word::raw(content)).to_string();
    is_it.then(|| format!("file: {path} (mode {mode}): {content}"))
}
