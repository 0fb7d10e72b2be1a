//! Test hosts for a human (`bed up 2`, look around, `bed down`) or for a script (`bed hold 2`).
#![allow(clippy::print_stdout, reason = "a command line program")]

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use dhow_e2e::Bed;
use dhow_e2e::bed::KeptBed;

const USAGE: &str = "usage: bed up N        make a workstation and N servers, with a registry
       bed exec I CMD...  run a command on server I (0 is the workstation)
       bed env            print addresses, ssh key and registry account as shell assignments
       bed down           remove everything
       bed hold N         the same as up, until standard input closes; any number of these at a time";

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("bed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["up", servers] => up(servers.parse().context(USAGE)?),
        ["exec", host, program, args @ ..] => exec(host.parse().context(USAGE)?, program, args),
        ["env"] => show(&kept()?),
        ["down"] => kept()?.down(),
        ["hold", servers] => hold(servers.parse().context(USAGE)?),
        _ => bail!(USAGE),
    }
}

fn up(servers: usize) -> Result<()> {
    if Bed::kept()?.is_some() {
        bail!("a bed is up already; `bed down` removes it");
    }
    Bed::up(servers)?.keep()?;
    show(&kept()?)
}

fn hold(servers: usize) -> Result<()> {
    let bed = Bed::up(servers)?;
    print!("{}", bed.environment()?);
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn show(bed: &KeptBed) -> Result<()> {
    print!("{}", bed.environment()?);
    Ok(())
}

fn exec(host: usize, program: &str, args: &[&str]) -> Result<()> {
    let host = kept()?.host(host)?;
    Err(host.command(program).args(args).exec().into())
}

fn kept() -> Result<KeptBed> {
    Bed::kept()?.context("no bed is up; `bed up 2` makes one")
}
