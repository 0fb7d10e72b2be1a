//! What Linux tells about this process, under the names that dashboards of Go programs look for.

use std::fs;

use super::exposition::{Kind, Page};
use crate::clock;

/// Parts of a second that `/proc` counts in: fixed for programs, whatever the kernel's own clock.
const TICKS: f64 = 100.0;

/// Writes the families; what cannot be read is left out.
pub fn write(page: &mut Page) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything; the numbers begin after it.
    let fields: Vec<f64> = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.split(' ').map(|field| field.trim().parse().unwrap_or_default()).collect())
        .unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).copied();
    let mut put = |name: &str, kind: Kind, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            page.family(name, kind, help);
            page.sample(name, &[], value);
        }
    };
    let cpu = field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS);
    put("process_cpu_seconds_total", Kind::Counter, "CPU time spent, user and system.", cpu);
    let started = field(22).zip(booted()).map(|(ticks, booted)| booted + ticks / TICKS);
    put("process_start_time_seconds", Kind::Gauge, "When the process started, since the epoch.", started);
    let memory = status("VmRSS:").map(|kilobytes| kilobytes * 1024.0);
    put("process_resident_memory_bytes", Kind::Gauge, "Memory in use.", memory);
    put("process_virtual_memory_bytes", Kind::Gauge, "Memory reserved.", field(23));
    // One of them is the directory that is read.
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as f64);
    put("process_open_fds", Kind::Gauge, "File descriptors that are open.", open);
    put("process_max_fds", Kind::Gauge, "File descriptors that may be open.", open_limit());
}

/// When the machine was started, since the epoch.
fn booted() -> Option<f64> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split(' ').next()?.parse().ok()?;
    Some(clock::since_epoch().as_secs_f64() - seconds)
}

fn status(name: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn open_limit() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    text.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_there_and_sane() {
        let mut page = Page::default();
        write(&mut page);
        let text = page.finish();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit_once(' ').unwrap().1.parse().unwrap()
        };
        let (now, started) = (clock::since_epoch().as_secs_f64(), value("process_start_time_seconds"));
        assert!(started <= now + 1.0 && started > now - 86_400.0, "{started} {now}");
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_max_fds") >= value("process_open_fds") && value("process_open_fds") > 2.0);
    }
}
