//! Requests per second of CPU, of dhow-proxy and of what else is installed: nginx, haproxy, caddy, and kamal-proxy where
//! `KAMAL_PROXY` names its binary.
//!
//! `cargo bench -p dhow-proxy --bench proxy [-- WORD…]` (words choose proxies and rows by name). Every proxy is given core 0
//! and one worker; the origin and the clients share the other cores. Access logs go to a file, connections to the origin
//! are kept, bodies are buffered as Kamal sets it. `ROUNDS` and `SECONDS` say how long; the median of the rounds counts.
//! `BASELINE` names another dhow-proxy binary to compare with.
//!
//! On a machine that does other things too, a proxy that waits for its core loses more than one that never sleeps. As root,
//! `chrt --rr 1 unshare --net sh -c 'ip link set lo up; exec "$0" "$@"' cargo bench …` gives all of them the same.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends where it cannot go on"
)]

mod load;
mod origin;
mod proxies;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use load::Row;
use proxies::Contender;

/// What is asked for, and how.
const ROWS: [Row; 6] = [
    Row { name: "1KiB-64", path: "/1024", connections: 64, upload: 0, keeps: true },
    Row { name: "1KiB-512", path: "/1024", connections: 512, upload: 0, keeps: true },
    Row { name: "100KiB-32", path: "/102400", connections: 32, upload: 0, keeps: true },
    Row { name: "10MiB-4", path: "/10485760", connections: 4, upload: 0, keeps: true },
    Row { name: "POST-64KiB-32", path: "/2", connections: 32, upload: 65536, keeps: true },
    Row { name: "new-connection-64", path: "/1024", connections: 64, upload: 0, keeps: false },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.first().map(String::as_str) {
        Some("origin") => return origin::serve(),
        Some("load") => return load::run(&words[1..]),
        _ => {}
    }
    let is_chosen = |name: &str, all: &[&str]| {
        !words.iter().any(|word| all.contains(&word.as_str())) || words.iter().any(|word| word == name)
    };
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&directory).unwrap();
    let (mut origin, address) = start_origin();
    let contenders = Contender::all(&directory, &address);
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name).collect();
    let rows: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    println!(
        "{:<18} {:<12} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8}",
        "row", "proxy", "req/cpu-s", "us/req", "req/s", "p50 ms", "p99 ms", "RSS MiB"
    );
    for row in ROWS.iter().filter(|row| is_chosen(row.name, &rows)) {
        let chosen: Vec<_> =
            contenders.iter().filter(|contender| is_chosen(contender.name, &names)).collect();
        compare(row, &chosen);
    }
    origin.kill().unwrap();
    origin.wait().unwrap();
}

fn start_origin() -> (std::process::Child, String) {
    let mut origin = proxies::pinned_away(&std::env::current_exe().unwrap())
        .arg("origin")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(origin.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    (origin, line.trim().to_owned())
}

/// One row for all: the rounds go around, so that what else happens on the machine hits everybody.
fn compare(row: &Row, contenders: &[&Contender]) {
    let rounds = number("ROUNDS", 3);
    let mut results: Vec<Vec<Measured>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (contender, results) in contenders.iter().zip(&mut results) {
            results.push(measure(row, contender));
        }
    }
    let best = |results: &mut Vec<Measured>| {
        results.sort_by(|one, other| one.cost.total_cmp(&other.cost));
        results.swap_remove(results.len() / 2)
    };
    let medians: Vec<Measured> = results.iter_mut().map(best).collect();
    for (contender, measured) in contenders.iter().zip(&medians) {
        println!(
            "{:<18} {:<12} {:>10.0} {:>10.1} {:>8.0} {:>8.2} {:>8.2} {:>8.1}   {:.2} x {}",
            row.name,
            contender.name,
            1e6 / measured.cost,
            measured.cost,
            measured.rate,
            measured.p50,
            measured.p99,
            measured.resident,
            measured.cost / medians[0].cost,
            contenders[0].name,
        );
    }
}

struct Measured {
    /// Microseconds of CPU per request.
    cost: f64,
    rate: f64,
    p50: f64,
    p99: f64,
    resident: f64,
}

fn measure(row: &Row, contender: &Contender) -> Measured {
    let running = contender.start();
    let load = |seconds: u64| {
        let output = proxies::pinned_away(&std::env::current_exe().unwrap())
            .args(["load", &running.address, row.path])
            .args([
                row.connections.to_string(),
                row.upload.to_string(),
                row.keeps.to_string(),
                seconds.to_string(),
            ])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        assert!(
            output.status.success() && numbers.len() == 4,
            "the load on {} failed: {text}",
            contender.name
        );
        numbers
    };
    load(1);
    let before = running.cpu();
    let numbers = load(number("SECONDS", 3));
    let cpu = running.cpu() - before;
    let (count, p50, p99, seconds) = (numbers[0], numbers[1], numbers[2], numbers[3]);
    Measured { cost: cpu * 1e6 / count, rate: count / seconds, p50, p99, resident: running.resident() }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Whether a program is installed.
fn is_installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program} >/dev/null")])
        .status()
        .is_ok_and(|status| status.success())
}
