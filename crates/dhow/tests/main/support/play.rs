//! One command line, from its words to its exit status.

use super::scene::Scene;
use super::scripted::Scripted;
use super::transcript::Transcript;
use dhow::cli::Cli;
use dhow::report::{Event, Report};
use dhow::run::{Effects, Failure, Runner};
use dhow::verbs;
use dhow_core::plan::{Request, Step};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What happens, line by line.
pub fn play(scene: &Scene, line: &str) -> Vec<String> {
    let transcript = Transcript::default();
    let status = match Scene::parse(line) {
        Ok(cli) => execute(scene, &cli, &transcript),
        Err(usage) => {
            transcript.add_each("", &usage);
            2
        }
    };
    if status != 0 {
        transcript.add(format!("exit {status}"));
    }
    let lines = transcript.into_lines();
    no_secret_in(scene, &lines.join("\n"));
    lines
}

fn execute(scene: &Scene, cli: &Cli, transcript: &Transcript) -> u8 {
    if let Some(printed) = scene.printed(cli) {
        match &printed {
            Ok(text) => transcript.add_each("out: ", text.trim_end()),
            Err(text) => transcript.add_each("", &format!("error: {text}")),
        }
        return u8::from(printed.is_err());
    }
    let planned = scene.request(cli).and_then(|request| Ok((verbs::plan(&cli.verb, &request)?, request)));
    let (plan, request) = match planned {
        Ok(planned) => planned,
        Err(text) => {
            transcript.add_each("", &format!("error: {text}"));
            return 1;
        }
    };
    no_secret_in(scene, &format!("{plan:?} {request:?}"));
    request.config.warnings.iter().for_each(|warning| transcript.event(Event::Warn(warning)));
    let effects = if cli.global.dry_run { Effects::Shown } else { Effects::Done };
    match run(scene, &request, &plan, effects, transcript) {
        Ok(()) => 0,
        Err(failure) => {
            if !failure.is_remote_status() {
                transcript.add_each("", &format!("error: {failure}"));
            }
            failure.exit_status()
        }
    }
}

/// On a clock that goes on by itself as soon as everything waits.
fn run(
    scene: &Scene,
    request: &Request,
    plan: &Step,
    effects: Effects,
    transcript: &Transcript,
) -> Result<(), Failure> {
    let (interrupt, interrupted) = watch::channel(false);
    let world = Scripted::new(scene, request, transcript, interrupt);
    let runner = Runner::new(&world, transcript, request, interrupted, Instant::now(), effects);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let ended = runtime.block_on(async { tokio::time::timeout(day, runner.run(plan)).await });
    ended.expect("the run waits for something that never happens")
}

fn no_secret_in(scene: &Scene, text: &str) {
    for secret in scene.secret_values() {
        assert!(!text.contains(&secret), "the secret {secret} shows in:\n{text}");
    }
}
