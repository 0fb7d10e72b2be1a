//! The steady client on the command line: sends until its standard input closes, then says what it saw.
#![allow(clippy::print_stdout, reason = "a command line program")]

use std::env;
use std::io::{self, Read};
use std::process::ExitCode;

use dhow_e2e::Load;

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let rate = args.next().and_then(|rate| rate.parse().ok());
    let urls: Vec<String> = args.collect();
    let (Some(rate), false) = (rate, urls.is_empty()) else {
        println!(
            "usage: load REQUESTS_PER_SECOND http://HOST[:PORT]/PATH...   (until standard input closes)"
        );
        return ExitCode::FAILURE;
    };
    let load = Load::start(rate, urls);
    // Whatever ends the input, a closed pipe or an error, is the sign to stop.
    drop(io::stdin().read_to_end(&mut Vec::new()));
    let report = load.stop();
    println!("{report}");
    if report.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
