//! The first of a line of processes that upgrade themselves: it stays, as in a container its end is the container's, and
//! ends as the last of them does.
//!
//! Each successor is started by the process before it, which ends when its requests have. The kernel gives the orphan to
//! the first process, which has asked for it (`prctl(2)`, `PR_SET_CHILD_SUBREAPER`): however many upgrades there were,
//! there is one parent and the process that serves.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, set_child_subreaper, wait,
};
use tokio::time::sleep;

use super::upgrade::LOOK;

/// Set for those that have such a process above them.
const GUARDED: &str = "DHOW_PROXY_GUARDED";

/// Whether this process may end when it has been replaced: another one stays.
pub fn is_guarded() -> bool {
    std::env::var_os(GUARDED).is_some()
}

/// Sees to it that the successors of the one that is about to be started stay below the first process.
pub fn prepare(successor: &mut Command) -> io::Result<()> {
    if !is_guarded() {
        set_child_subreaper(Some(getpid()))?;
    }
    successor.env(GUARDED, "1");
    Ok(())
}

/// Waits until there is no process left below this one; how the last of them has ended.
pub async fn end_of_all() -> io::Result<Option<WaitStatus>> {
    let mut last = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((_, status))) => last = Some(status),
            Ok(None) => sleep(LOOK).await,
            Err(Errno::CHILD) => return Ok(last),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells all processes below this one to end in order.
pub fn tell_all_to_end() {
    let parents = parents();
    let is_below = |pid: &Pid| {
        let above = std::iter::successors(Some(*pid), |pid| parents.get(pid).copied());
        above.skip(1).any(|pid| pid == getpid())
    };
    for pid in parents.keys().filter(|pid| is_below(pid)) {
        // One that has ended in between needs no telling.
        kill_process(*pid, Signal::TERM).ok();
    }
}

/// The parents of all processes that can be seen.
fn parents() -> HashMap<Pid, Pid> {
    let pid = |text: &str| Pid::from_raw(text.trim().parse().ok()?);
    let parent = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        Some((pid(entry.file_name().to_str()?)?, pid(parent)?))
    };
    fs::read_dir("/proc").into_iter().flatten().filter_map(parent).collect()
}
