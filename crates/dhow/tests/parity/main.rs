//! Would Kamal have done the same? Real projects are deployed to stub servers, and what the servers receive is held to
//! what they received from Kamal 2.12.0: every word for a container or the proxy, every file, every mode.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accepted;
mod case;
mod lines;
mod received;
mod stub_servers;

use case::Case;
use dhow::cli::Cli;
use dhow::report::{Event, Report};
use dhow::run::{Effects, Runner};
use dhow::verbs;
use dhow_core::plan::Request;
use std::time::Instant;
use stub_servers::StubServers;
use tokio::sync::watch;

#[test]
fn every_accepted_case_is_there() {
    assert_eq!(case::all().len(), 74);
}

#[test]
fn servers_receive_what_they_did_from_kamal() {
    let deploys = each_case("deploy", &[&["deploy", "--skip-push"]]);
    let accessories = each_case("accessories", &[&["proxy", "boot"], &["accessory", "boot", "all"]]);
    let (known, new): (Vec<_>, Vec<_>) =
        [deploys, accessories].concat().into_iter().partition(|line| accepted::is_accepted(line));
    assert!(new.is_empty(), "only Kamal (-) or only dhow (+):\n{}", new.join("\n"));
    let stale = accepted::stale(&known);
    assert!(stale.is_empty(), "no longer so, to be taken from the list:\n{}", stale.join("\n"));
}

fn each_case(what: &str, commands: &[&[&str]]) -> Vec<String> {
    case::all().iter().flat_map(|case| differences(case, what, commands)).collect()
}

fn differences(case: &Case, what: &str, commands: &[&[&str]]) -> Vec<String> {
    let project = case.project();
    let Some(expected) = case.expected(what) else {
        assert!(what == "accessories" && project.config.accessories.is_empty(), "no {what} of {}", case.name);
        return Vec::new();
    };
    let servers = StubServers::new(&project.config.service, case.user());
    for words in commands {
        let (cli, request) = project.request(words);
        run(&servers, &cli, &request).unwrap_or_else(|failure| panic!("{} {words:?}: {failure}", case.name));
    }
    let mut received = lines::of(&case.name, &servers.received());
    // What is recorded of accessories leaves the proxy's own container out.
    received.retain(|line| what == "deploy" || !line.contains(r#" run ["run","--name","kamal-proxy","#));
    lines::differences(&lines::of(&case.name, &expected), &received)
}

fn run(servers: &StubServers, cli: &Cli, request: &Request) -> Result<(), String> {
    let plan = verbs::plan(&cli.verb, request)?;
    let (_interrupt, interrupted) = watch::channel(false);
    let runner = Runner::new(servers, &Silence, request, interrupted, Instant::now(), Effects::Done);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(runner.run(&plan)).map_err(|failure| failure.to_string())
}

/// What a user would see is another test's matter.
struct Silence;

impl Report for Silence {
    fn event(&self, _event: Event<'_>) {}
}
