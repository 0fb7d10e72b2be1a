//! The loop over a plan: order, parallelism, lock, undo, interrupts, next phase.

mod failure;
mod gate;
mod held_lock;
mod listen;

pub use failure::{Failure, JobFailure};

use crate::report::{Event, Report};
use crate::world::{BoxFuture, Finished, World, WorldError};
use dhow_core::commands::lock::{self, Acquired};
use dhow_core::facts::{self, Facts, HostFacts};
use dhow_core::plan::{Job, LockWait, Output, Phase, Request, Step, WhenInterrupted};
use futures_util::future::join_all;
use gate::Gate;
use held_lock::HeldLock;
use listen::Listening;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Executes plans for one request.
pub struct Runner<'a> {
    world: &'a dyn World,
    report: &'a dyn Report,
    request: &'a Request,
    interrupted: watch::Receiver<bool>,
    started: Instant,
    effects: Effects,
}

/// Whether jobs are run or only shown (`--dry-run`). Questions are always asked: the plan depends on their answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effects {
    /// Run them.
    Done,
    /// Show their command lines instead.
    Shown,
}

/// Whether an interrupt matters: not while things are put back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    PuttingBack,
}

impl<'a> Runner<'a> {
    /// A runner whose plans end early once `interrupted` turns true.
    pub fn new(
        world: &'a dyn World,
        report: &'a dyn Report,
        request: &'a Request,
        interrupted: watch::Receiver<bool>,
        started: Instant,
        effects: Effects,
    ) -> Runner<'a> {
        Runner { world, report, request, interrupted, started, effects }
    }

    /// What all selected hosts say.
    pub async fn observe_all(&self) -> Result<Facts, Failure> {
        self.observe(self.request.targets.hosts(), Mode::Forward).await
    }

    /// Runs a plan to its end. An interrupt is one even if all that was left to do has been done.
    pub async fn run(&self, step: &Step) -> Result<(), Failure> {
        self.step(step, &Gate::default(), Mode::Forward).await?;
        if *self.interrupted.borrow() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    fn step<'s>(&'s self, step: &'s Step, gate: &'s Gate, mode: Mode) -> BoxFuture<'s, Result<(), Failure>> {
        Box::pin(async move {
            match step {
                Step::Say(text) => self.tell(Event::Say(text)),
                Step::Warn(text) => self.tell(Event::Warn(text)),
                Step::Run(job) => self.job(job, mode).await.map(drop).map_err(|failure| match job.output {
                    // `lock acquire` by hand.
                    Output::Evidence => explain_lock(failure),
                    _ => failure,
                }),
                Step::InOrder(steps) => self.in_order(steps, gate, mode).await,
                Step::AtOnce(steps) => self.at_once(steps, gate, mode).await,
                Step::Holding { acquire, release, wait, body } => {
                    if let Err(failure) = self.acquire(acquire, *wait, mode).await {
                        return self.not_acquired(failure, release).await;
                    }
                    self.holding(release, body, gate, mode).await
                }
                Step::OrUndo { body, undo } => self.or_undo(body, undo, gate, mode).await,
                Step::OpensGate(body) => self.opens(body, gate, mode).await,
                Step::AwaitGate { primary, role, host } => self.await_gate(primary, role, host, gate).await,
                Step::Pause(seconds) => self.pause(*seconds).await,
                Step::Decide(phase) => self.decide(phase, mode).await,
                Step::Fail(text) => Err(Failure::Said(text.clone())),
            }
        })
    }

    fn tell(&self, event: Event<'_>) -> Result<(), Failure> {
        self.report.event(event);
        Ok(())
    }

    async fn in_order(&self, steps: &[Step], gate: &Gate, mode: Mode) -> Result<(), Failure> {
        for step in steps {
            self.step(step, gate, mode).await?;
        }
        Ok(())
    }

    async fn at_once(&self, steps: &[Step], gate: &Gate, mode: Mode) -> Result<(), Failure> {
        let results = join_all(steps.iter().map(|step| self.step(step, gate, mode))).await;
        Failure::all(results.into_iter().filter_map(Result::err).collect())
    }

    /// Takes the lock; where another deploy has it, tries again for as long as was asked for.
    async fn acquire(&self, acquire: &Job, wait: Option<LockWait>, mode: Mode) -> Result<(), Failure> {
        let mut left = wait.map_or(0, |wait| wait.timeout);
        loop {
            let Err(failure) = self.job(acquire, mode).await else { return Ok(()) };
            let failure = explain_lock(failure);
            let interval = wait.map_or(0, |wait| wait.interval.clamp(1, left.max(1)));
            match &failure {
                Failure::LockHeld(held) if held.may_end_by_itself() && left > 0 => {
                    left -= interval;
                    self.tell(Event::Say(&format!(
                        "{held}
Retrying in {interval}s ({left}s remaining)..."
                    )))?;
                    self.pause(interval).await?;
                }
                _ => return Err(failure),
            }
        }
    }

    /// A connection that ends while the lock is taken leaves open whether it was: if it is ours, it is given back.
    async fn not_acquired(&self, failure: Failure, release: &Job) -> Result<(), Failure> {
        if !matches!(failure, Failure::World(WorldError::Broken { .. } | WorldError::Deadline { .. })) {
            return Err(failure);
        }
        match self.job(release, Mode::PuttingBack).await {
            Ok(_) => Err(failure),
            Err(Failure::Job(job))
                if [lock::NOT_HELD, lock::HELD_BY_ANOTHER].contains(&job.finished.status) =>
            {
                Err(failure)
            }
            Err(stuck) => Failure::all(vec![failure, Failure::LockStays(Box::new(stuck))]),
        }
    }

    async fn holding(&self, release: &Job, body: &Step, gate: &Gate, mode: Mode) -> Result<(), Failure> {
        let done = self.step(body, gate, mode).await;
        self.tell(Event::Say("Releasing the deploy lock..."))?;
        let released = self.job(release, Mode::PuttingBack).await.map(drop);
        match (done, released) {
            (done, Ok(())) => done,
            (Ok(()), Err(stuck)) => Err(Failure::LockStays(Box::new(stuck))),
            (Err(first), Err(stuck)) => Failure::all(vec![first, Failure::LockStays(Box::new(stuck))]),
        }
    }

    async fn or_undo(&self, body: &Step, undo: &Step, gate: &Gate, mode: Mode) -> Result<(), Failure> {
        let Err(failure) = self.step(body, gate, mode).await else {
            return Ok(());
        };
        match self.step(undo, gate, Mode::PuttingBack).await {
            Ok(()) => Err(failure),
            Err(second) => Failure::all(vec![failure, second]),
        }
    }

    async fn opens(&self, body: &Step, gate: &Gate, mode: Mode) -> Result<(), Failure> {
        let done = self.step(body, gate, mode).await;
        gate.decide(done.is_ok());
        done
    }

    async fn await_gate(&self, primary: &str, role: &str, host: &str, gate: &Gate) -> Result<(), Failure> {
        let mut interrupted = self.interrupted.clone();
        tokio::select! {
            open = gate.wait() => match open {
                true => Ok(()),
                false => Err(Failure::Halted { primary: primary.to_string(), role: role.to_string(), host: host.to_string() }),
            },
            _ = interrupted.wait_for(|yes| *yes) => Err(Failure::Interrupted),
        }
    }

    async fn pause(&self, seconds: u32) -> Result<(), Failure> {
        let mut interrupted = self.interrupted.clone();
        tokio::select! {
            () = self.world.sleep(Duration::from_secs(seconds.into())) => Ok(()),
            _ = interrupted.wait_for(|yes| *yes) => Err(Failure::Interrupted),
        }
    }

    /// Observes what the phase needs to know, plans it, and goes on with that plan.
    async fn decide(&self, phase: &Phase, mode: Mode) -> Result<(), Failure> {
        let facts = self.observe(&phase.asks(self.request), mode).await?;
        let elapsed = self.started.elapsed().as_secs();
        let plan = phase.plan(self.request, &facts, elapsed).map_err(Failure::Said)?;
        // A phase has a gate of its own: what was decided in an earlier one says nothing about it.
        self.step(&plan, &Gate::default(), mode).await
    }

    async fn observe(&self, hosts: &[String], mode: Mode) -> Result<Facts, Failure> {
        let images = [self.request.proxy_image.clone()];
        let probes = hosts.iter().map(|host| self.ask(host, &images, mode));
        let mut observed = Facts::default();
        let mut failures = Vec::new();
        for answer in join_all(probes).await {
            match answer {
                Ok((host, facts)) => observed.insert(host, facts),
                Err(failure) => failures.push(failure),
            }
        }
        Failure::all(failures).map(|()| observed)
    }

    async fn ask<'h>(
        &self,
        host: &'h str,
        images: &[String],
        mode: Mode,
    ) -> Result<(&'h str, HostFacts), Failure> {
        let job = facts::probe(&self.request.config, host, images);
        let reply = self.perform(&job, mode).await?;
        Ok((host, HostFacts::read(&String::from_utf8_lossy(&reply.stdout))))
    }

    /// Runs one job, unless effects are only shown.
    async fn job(&self, job: &Job, mode: Mode) -> Result<Finished, Failure> {
        if self.effects == Effects::Done {
            return self.perform(job, mode).await;
        }
        let text: String = job.lines.iter().map(|line| format!("{} $ {}\n", job.at, line.script)).collect();
        self.tell(Event::Result { heading: None, bytes: text.as_bytes() })?;
        Ok(Finished::default())
    }

    /// Runs one job; anything but exit status 0 is a failure.
    async fn perform(&self, job: &Job, mode: Mode) -> Result<Finished, Failure> {
        if mode == Mode::Forward && *self.interrupted.borrow() {
            return Err(Failure::Interrupted);
        }
        let listening = Listening::new(job, self.report, self.request.targets.hosts().len());
        let listener = |heard: crate::world::Heard<'_>| listening.hear(heard);
        let running = self.world.run(job, &listener);
        let mut interrupted = self.interrupted.clone();
        let finished = match (mode, job.when_interrupted) {
            (Mode::Forward, WhenInterrupted::Abandon) => tokio::select! {
                finished = running => finished,
                _ = interrupted.wait_for(|yes| *yes) => return Err(Failure::Interrupted),
            },
            _ => running.await,
        };
        let finished = finished.map_err(Failure::World)?;
        listening.finish(&finished);
        match finished.status {
            0 => Ok(finished),
            _ if listening.has_answer_for_failure() => Ok(finished),
            _ => Err(Failure::Job(Box::new(JobFailure::new(job, finished)))),
        }
    }
}

/// The lock's own way to say that somebody else has it.
fn explain_lock(failure: Failure) -> Failure {
    let held = match &failure {
        Failure::Job(job) => {
            Acquired::read(job.finished.status, &String::from_utf8_lossy(&job.finished.stdout))
        }
        _ => None,
    };
    match held {
        Some(Acquired::HeldBy(details)) => Failure::LockHeld(HeldLock::new(details)),
        _ => failure,
    }
}
