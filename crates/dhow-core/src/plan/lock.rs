//! The deploy lock, on the primary host (kamal-remote 6).

use super::{Job, Line, Output, Place, Request, Step, hooks};
use crate::commands::lock::{self, AUTOMATIC, LockDetails};
use crate::shell::{Command, Script};

/// `pre-connect`, then the body under the deploy lock.
pub fn with_lock(request: &Request, body: Step) -> Step {
    Step::InOrder(vec![hooks::hook(request, "pre-connect"), holding(request, body)])
}

/// The body under the deploy lock, unless whoever started us holds it.
pub fn holding(request: &Request, body: Step) -> Step {
    if request.lock_inherited {
        return body;
    }
    let details = details(request, AUTOMATIC);
    let waiting =
        request.lock_wait.map(|wait| format!(" (waiting up to {}s)", wait.timeout)).unwrap_or_default();
    Step::InOrder(vec![
        Step::Say(format!("Acquiring the deploy lock{waiting}...")),
        Step::Holding {
            acquire: job(request, lock::acquire(&request.config, &details)).showing(Output::Evidence),
            release: job(request, lock::release_own(&request.config, &details)),
            wait: request.lock_wait,
            body: Box::new(body),
        },
    ])
}

/// `lock status`.
pub fn status(request: &Request) -> Step {
    job(request, or_none(lock::status(&request.config))).showing(shown()).step()
}

/// `lock acquire -m`.
pub fn acquire(request: &Request, message: &str) -> Step {
    let details = details(request, message);
    let acquire = job(request, lock::acquire(&request.config, &details)).showing(Output::Evidence);
    Step::InOrder(vec![acquire.step(), Step::Say("Acquired the deploy lock".into())])
}

/// `lock release`.
pub fn release(request: &Request) -> Step {
    let released = Command::new("echo").word("Released the deploy lock");
    let release = Script::and([lock::release(&request.config).into(), released.into()]);
    job(request, or_none(release)).showing(shown()).step()
}

/// That nobody holds the lock is an answer, not a failure.
fn or_none(script: impl Into<Script>) -> Script {
    script.into().or(Script::Text("{ [ $? = 18 ] && echo 'There is no deploy lock'; }"))
}

fn shown() -> Output {
    Output::Result { heading: String::new(), if_failed: None }
}

fn job(request: &Request, script: impl Into<Script>) -> Job {
    Job::new(Place::host(request.targets.primary_host()), vec![Line::quiet(script)])
}

fn details(request: &Request, message: &str) -> LockDetails {
    LockDetails {
        locked_by: request.locked_by.clone(),
        at: request.at.clone(),
        version: request.version.clone(),
        message: message.to_string(),
    }
}
