//! The `dhow-proxy` program, also installed as `kamal-proxy`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dhow_proxy::cli::main(std::env::args().skip(1).collect())
}
