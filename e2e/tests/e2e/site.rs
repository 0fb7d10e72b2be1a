//! What is asked again and again of servers with the app `shop` on them.

use std::time::Duration;

use dhow_e2e::load::Report;
use dhow_e2e::{Bed, Host, Load, http};

/// Looks at the app every second instead of Kamal's default, which is the same; said here so that no test waits longer.
pub const PROXY: &str = "proxy:\n  healthcheck:\n    interval: 1\n";

/// Requests a second to every server.
const RATE: u32 = 200;
/// One request in this many takes three seconds, so that every deploy finds some in progress.
const SLOW_ONE_IN: usize = 40;

/// All servers of the bed in the role web.
pub fn servers(bed: &Bed) -> String {
    let addresses: Vec<_> = bed.servers.iter().map(Host::address).collect();
    format!("servers: [{}]\n", addresses.join(", "))
}

/// The version that answers on a server's port 80.
#[track_caller]
pub fn version_at(server: &Host) -> String {
    version_of(&server.url("/"))
}

/// The version that answers at an address.
#[track_caller]
pub fn version_of(url: &str) -> String {
    let answer = http::get(url, Duration::from_secs(10)).unwrap_or_else(|error| panic!("{url}: {error}"));
    assert_eq!(answer.status, 200, "{url} says {}", answer.body);
    answer.body
}

/// Runs `change` while clients ask all servers, and until a hundred requests a server were sent after its end.
#[track_caller]
pub fn under_load<T>(servers: &[Host], change: impl FnOnce() -> T) -> (T, Report) {
    let load = Load::start(RATE * servers.len() as u32, mix(servers));
    load.await_sent(100 * servers.len());
    let result = change();
    load.await_sent(load.sent() + 100 * servers.len());
    (result, load.stop())
}

/// No request failed, and the client kept its rate.
#[track_caller]
pub fn nothing_failed(report: &Report) {
    assert_eq!(report.failures(), 0, "{report}");
    assert!(report.rate() > f64::from(RATE) * 0.9, "the client was too slow to mean anything: {report}");
}

/// Names of running containers of the app, in any order of time, sorted.
#[track_caller]
pub fn running(server: &Host) -> Vec<String> {
    containers(server, "--filter status=running --filter label=service=shop")
}

/// Names of containers that `docker ps` finds with these filters, sorted.
#[track_caller]
pub fn containers(server: &Host, filters: &str) -> Vec<String> {
    server
        .sh(&format!("docker ps --all {filters} --format '{{{{.Names}}}}' | sort"))
        .lines()
        .map(String::from)
        .collect()
}

/// Is a deploy lock on the server?
#[track_caller]
pub fn is_locked(server: &Host) -> bool {
    !server.sh("ls -d .kamal/lock-* 2>/dev/null || true").is_empty()
}

/// One Go template's worth of `docker inspect`.
#[track_caller]
pub fn inspect(server: &Host, container: &str, template: &str) -> String {
    server.sh(&format!("docker inspect --format '{template}' {container}"))
}

fn mix(servers: &[Host]) -> Vec<String> {
    let quick = servers
        .iter()
        .map(|server| server.url("/"))
        .cycle()
        .take(SLOW_ONE_IN * servers.len() - servers.len());
    quick.chain(servers.iter().map(|server| server.url("/slow?3000"))).collect()
}
