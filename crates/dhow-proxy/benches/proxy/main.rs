//! Requests per second of CPU, of dhow-proxy and of what else is there: nginx, haproxy and caddy where they are installed,
//! kamal-proxy where `KAMAL_PROXY` names its binary. README.md, beside this directory, has results.
//!
//! `cargo bench -p dhow-proxy --bench proxy [-- WORD…]` (words choose proxies and rows by name). Every proxy is given core 0
//! and one worker; the origin and the clients share the other cores. `ROUNDS` and `SECONDS` say how long; the median of the
//! rounds counts, and rounds go around the proxies. `BASELINE` names another dhow-proxy binary to compare with.
//!
//! On a machine that does other things too, a proxy that waits for its core loses more than one that never sleeps. As root,
//! `chrt --rr 1 unshare --net sh -c 'ip link set lo up; exec "$0" "$@"' cargo bench …` gives all of them the same.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and ends where it cannot go on"
)]

mod compare;
mod configs;
mod contenders;
mod load;
mod origin;
mod rows;
mod running;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use compare::{Bench, Outcome};
use contenders::Contender;
use rows::{ROWS, Row, SECURE_HOST};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is alike, and what is not.
const CONDITIONS: &str = "\
One worker on one core each; connections to the origin are kept; every request is logged to a file.
dhow-proxy, kamal-proxy: request and response bodies are buffered whole, 1 MiB in memory, as Kamal sets it; JSON log.
nginx: request bodies are buffered whole; responses as far as the client is slower (1 MiB in memory); log in batches of 32 KiB.
haproxy: waits for a request body up to its buffer (16 KiB), passes responses on as they come; a line per write.
caddy: buffers nothing; JSON log.
TLS 1.3 with X25519 and an ECDSA P-256 certificate; each handshake is followed by one request.
";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.first().map(String::as_str) {
        Some("origin") => return origin::serve(),
        Some("load") => return load::run(&words[1..]),
        _ => {}
    }
    allow_many_files();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&directory).unwrap();
    write_certificate(&directory);
    print!("{CONDITIONS}");
    let all = Contender::all();
    let chosen: Vec<&Contender> = chosen(&all, &words, |contender| contender.name);
    let rows: Vec<&Row> = chosen_rows(&words);
    let origin = Origin::start();
    let bench = Bench { directory, origin: origin.address.clone() };
    let outcomes: Vec<Outcome> = rows.iter().map(|row| bench.compare(row, &chosen)).collect();
    compare::summarize(&outcomes);
}

fn chosen_rows(words: &[String]) -> Vec<&'static Row> {
    chosen(&ROWS, words, |row| row.name)
}

/// Those that are named; all of them, if none is.
fn chosen<'a, T>(all: &'a [T], words: &[String], name: impl Fn(&T) -> &str) -> Vec<&'a T> {
    let is_named = |one: &&T| words.iter().any(|word| word == name(one));
    let named: Vec<&T> = all.iter().filter(is_named).collect();
    if named.is_empty() { all.iter().collect() } else { named }
}

/// For the origin, the clients and the proxies, which inherit it.
fn allow_many_files() {
    const WANTED: u64 = 65_536;
    let both = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    if setrlimit(Resource::Nofile, both(WANTED)).is_err() {
        let most = getrlimit(Resource::Nofile).maximum.unwrap_or(WANTED);
        setrlimit(Resource::Nofile, both(most)).unwrap();
    }
}

/// A certificate that is its own authority.
fn write_certificate(directory: &Path) {
    let pair = rcgen::generate_simple_self_signed([SECURE_HOST.to_owned()]).unwrap();
    std::fs::write(directory.join("certificate.pem"), pair.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
}

/// The app, in a process of its own.
struct Origin {
    address: String,
    process: Child,
}

impl Origin {
    fn start() -> Self {
        let this = std::env::current_exe().unwrap();
        let mut command = running::pinned_away(this.to_str().unwrap());
        let mut process = command.arg("origin").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { address: line.trim().to_owned(), process }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
