//! A world that answers from a page and writes down everything it is asked to do.

use super::ritual;
use super::scene::Scene;
use super::servers::{Reply, facts_text};
use super::transcript::{Transcript, name};
use dhow::world::{BoxFuture, Finished, Heard, Listener, World, WorldError};
use dhow_core::facts;
use dhow_core::plan::{Input, Job, OnFailure, Place, Request, WhenInterrupted};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;

/// Every command succeeds and prints nothing, unless the page says otherwise.
pub struct Scripted<'a> {
    scene: &'a Scene,
    request: &'a Request,
    transcript: &'a Transcript,
    interrupt: watch::Sender<bool>,
    asked: Mutex<BTreeMap<Place, usize>>,
}

impl<'a> Scripted<'a> {
    /// Turns `interrupt` true where the page says that the user presses Ctrl-C.
    pub fn new(
        scene: &'a Scene,
        request: &'a Request,
        transcript: &'a Transcript,
        interrupt: watch::Sender<bool>,
    ) -> Scripted<'a> {
        Scripted { scene, request, transcript, interrupt, asked: Mutex::default() }
    }

    async fn perform(&self, job: &Job, listener: &Listener<'_>) -> Result<Finished, WorldError> {
        self.check(job);
        let host = name(&job.at);
        if let Some(detail) = self.scene.servers.of(host).and_then(|server| server.unreachable.clone()) {
            let try_by_hand = format!("ssh root@{host}");
            return Err(WorldError::Connect { host: host.to_string(), detail, try_by_hand });
        }
        if *job == facts::probe(&self.request.config, host, std::slice::from_ref(&self.request.proxy_image)) {
            return Ok(self.answer(&job.at));
        }
        let mut finished = Finished::default();
        for (number, line) in job.lines.iter().enumerate() {
            if is_marked(job) {
                listener(Heard::Line(number));
                finished.line = number;
            }
            let command = ritual::written(self.request, &line.script.to_string());
            self.write_down(job, &command);
            let Some(reply) = self.scene.servers.of(host).and_then(|server| server.reply(&command)) else {
                continue;
            };
            self.meanwhile(job, reply).await?;
            listener(Heard::Stdout(reply.stdout.as_bytes()));
            listener(Heard::Stderr(reply.stderr.as_bytes()));
            finished.stdout.extend(reply.stdout.bytes());
            finished.stderr.extend(reply.stderr.bytes());
            if reply.status != 0 && line.on_failure == OnFailure::Stop {
                return Ok(Finished { status: reply.status, ..finished });
            }
        }
        Ok(finished)
    }

    /// What every job has to keep to.
    fn check(&self, job: &Job) {
        if !is_marked(job) {
            assert_eq!(job.lines.len(), 1, "standard input goes to one command: {job:?}");
            let argument = job.only_line();
            let secrets = self.scene.secret_values();
            assert!(
                !secrets.iter().any(|secret| argument.contains(secret)),
                "a secret on an argument list: {job:?}"
            );
        }
    }

    fn answer(&self, at: &Place) -> Finished {
        let mut asked = self.asked.lock().unwrap();
        let time = asked.entry(at.clone()).or_default();
        let config = &self.request.config;
        let server = self.scene.servers.of(name(at));
        let text = server.map_or_else(|| facts_text(config, &[]), |server| server.answer(config, *time));
        *time += 1;
        self.transcript.add(format!("{} ? facts", name(at)));
        Finished { stdout: text.into_bytes(), ..Finished::default() }
    }

    fn write_down(&self, job: &Job, command: &str) {
        let at = name(&job.at);
        self.transcript.add(format!("{at} {command}{}", input(job.input)));
        if self.scene.here.shows_env {
            // Variables of hooks are wrapped like secrets; only those that dhow makes up are none.
            let shown =
                |(name, value): &(String, dhow_core::secrets::Secret)| match name.starts_with("KAMAL_") {
                    true => format!("    {name}={}", value.reveal()),
                    false => format!("    {name}={value}"),
                };
            job.env.iter().map(shown).for_each(|line| self.transcript.add(line));
        }
    }

    async fn meanwhile(&self, job: &Job, reply: &Reply) -> Result<(), WorldError> {
        tokio::time::sleep(Duration::from_secs(reply.seconds)).await;
        if reply.interrupts {
            self.transcript.add("^C".to_string());
            self.interrupt.send_replace(true);
            if job.when_interrupted == WhenInterrupted::Abandon {
                // Whoever waits for this is meant to leave it.
                std::future::pending::<()>().await;
            }
        }
        match &reply.lost {
            Some(detail) => Err(WorldError::Broken { at: job.at.clone(), detail: detail.clone() }),
            None => Ok(()),
        }
    }
}

/// A command that reads standard input is no script, so nothing tells when it begins.
fn is_marked(job: &Job) -> bool {
    matches!(job.input, Input::Nothing | Input::ServedImage)
}

fn input(input: Input) -> &'static str {
    match input {
        // Its commands name the port under which the image is offered.
        Input::Nothing | Input::ServedImage => "",
        Input::Stdin => " < standard input",
        Input::ProxyImage => " < the proxy's image",
    }
}

impl World for Scripted<'_> {
    fn run<'a>(
        &'a self,
        job: &'a Job,
        listener: &'a Listener<'a>,
    ) -> BoxFuture<'a, Result<Finished, WorldError>> {
        Box::pin(self.perform(job, listener))
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        self.transcript.add(format!("wait {} s", wait.as_secs()));
        Box::pin(tokio::time::sleep(wait))
    }
}
