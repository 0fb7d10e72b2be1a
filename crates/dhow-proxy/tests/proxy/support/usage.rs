//! What processes use, as Linux counts it.

use std::fmt;
use std::fs;

/// What a process holds.
pub struct Usage {
    /// Memory of its own, in KiB.
    pub memory: u64,
    pub descriptors: usize,
    pub threads: usize,
}

impl Usage {
    pub fn of(pid: u32) -> Self {
        let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        let memory = status(pid, "RssAnon:").unwrap();
        Self { memory, descriptors: count("fd"), threads: count("task") }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} descriptors, {} threads", self.memory, self.descriptors, self.threads)
    }
}

/// The children of a process, and theirs.
pub fn descendants(pid: u32) -> Vec<u32> {
    let all =
        || fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let children = all().filter(|child| status(*child, "PPid:") == Some(pid.into()));
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

fn status(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
