//! One row for all proxies, and the table of how many times better ours is.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

use crate::contenders::Contender;
use crate::rows::{Ask, Row};
use crate::running::{Running, pinned_away};

/// Where it all happens.
pub struct Bench {
    pub directory: PathBuf,
    pub origin: String,
}

/// A row's results: what one request, or one idle connection, costs each proxy.
pub struct Outcome {
    row: &'static str,
    costs: Vec<(&'static str, f64)>,
}

struct Measured {
    /// Microseconds of CPU per request.
    cost: f64,
    rate: f64,
    /// Milliseconds: p50, p99, p99.9.
    times: [f64; 3],
}

impl Bench {
    /// The rounds go around, so that what else happens on the machine hits everybody.
    pub fn compare(&self, row: &'static Row, contenders: &[&Contender]) -> Outcome {
        let start = |contender: &&Contender| contender.start(row, &self.directory, &self.origin);
        if let Ask::Idle = row.ask {
            return self.compare_idle(row, contenders);
        }
        let running: Vec<Running> = contenders.iter().map(start).collect();
        let mut results: Vec<Vec<Measured>> = contenders.iter().map(|_| Vec::new()).collect();
        for _ in 0..number("ROUNDS", 3.0) as usize {
            for (proxy, results) in running.iter().zip(&mut results) {
                results.push(self.measure(row, proxy));
            }
        }
        println!(
            "\n{:<18} {:>10} {:>10} {:>8} {:>8} {:>8} {:>9} {:>9}",
            row.name, "req/cpu-s", "us/req", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "peak MiB"
        );
        let mut costs = Vec::new();
        for ((contender, mut results), proxy) in contenders.iter().zip(results).zip(&running) {
            results.sort_by(|one, other| one.cost.total_cmp(&other.cost));
            let Measured { cost, rate, times: [p50, p99, p999] } = results.swap_remove(results.len() / 2);
            println!(
                "{:<18} {:>10.0} {cost:>10.1} {rate:>8.0} {p50:>8.2} {p99:>8.2} {p999:>9.2} {:>9.1}",
                contender.name,
                1e6 / cost,
                proxy.peak(),
            );
            costs.push((contender.name, cost));
        }
        Outcome { row: row.name, costs }
    }

    fn measure(&self, row: &Row, proxy: &Running) -> Measured {
        let (mut load, mut output) = self.begin_load(row, proxy);
        let before = proxy.cpu();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let cpu = proxy.cpu() - before;
        assert!(load.wait().unwrap().success(), "the load failed");
        let numbers: Vec<f64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [count, p50, p99, p999, seconds] = numbers[..] else { panic!("five numbers, not {line:?}") };
        Measured { cost: cpu * 1e6 / count, rate: count / seconds, times: [p50, p99, p999] }
    }

    /// Clients that have warmed up.
    fn begin_load(&self, row: &Row, proxy: &Running) -> (Child, BufReader<ChildStdout>) {
        let mut load = pinned_away(std::env::current_exe().unwrap().to_str().unwrap())
            .args(["load", row.name, &proxy.plain, &proxy.secure])
            .arg(self.directory.join("certificate.pem"))
            .arg(number("SECONDS", 1.0).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(load.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "go\n", "the load failed");
        (load, output)
    }

    /// What connections cost that nobody uses, one proxy after the other.
    fn compare_idle(&self, row: &'static Row, contenders: &[&Contender]) -> Outcome {
        println!("\n{:<18} {:>10} {:>10}", row.name, "KiB each", "MiB");
        let mut costs = Vec::new();
        for contender in contenders {
            let proxy = contender.start(row, &self.directory, &self.origin);
            let before = proxy.resident();
            let (mut load, _output) = self.begin_load(row, &proxy);
            let after = proxy.resident();
            drop(load.stdin.take());
            load.wait().unwrap();
            let each = (after - before) * 1024.0 / row.connections as f64;
            println!("{:<18} {each:>10.2} {after:>10.1}", contender.name);
            costs.push((contender.name, each));
        }
        Outcome { row: row.name, costs }
    }
}

/// How many times better the first proxy is than each other.
pub fn summarize(outcomes: &[Outcome]) {
    let Some(Outcome { costs, .. }) = outcomes.first() else { return };
    let peers = &costs[1..];
    println!("\n{} is so many times better (over 1) than:", costs[0].0);
    let names: String = peers.iter().map(|(name, _)| format!("{name:>13}")).collect();
    println!("{:<18}{names}", "");
    for Outcome { row, costs } in outcomes {
        let ratios: String =
            costs[1..].iter().map(|(_, cost)| format!("{:>13.2}", cost / costs[0].1)).collect();
        println!("{row:<18}{ratios}");
    }
}

fn number(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
