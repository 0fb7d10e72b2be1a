//! One proxy taking over from another: the new process gets the open sockets of the old one, so that at no moment
//! nobody listens.
//!
//! The new process asks over the control socket. The old one, unless a command is under way, sends its listening
//! sockets along with its reply (`SCM_RIGHTS`), and takes no command until the new one says that it serves, or is gone.
//! Then the old one accepts nothing more, and ends when what it has begun has ended. Both may accept for a moment;
//! what waits in a queue of the kernel is accepted by whoever is left.

pub mod guard;
pub mod sockets;
pub mod upgrade;

use std::future::Future;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};

use crate::control::{Reply, Request};
use crate::log::Log;
use crate::router::Router;
use sockets::Sockets;
use upgrade::Program;

/// How long the new process may take to say that it serves.
const READY: Duration = Duration::from_secs(30);

const READY_LINE: &str = "ready";

/// The old process's side.
pub struct Handover {
    sockets: Sockets,
    is_gone: RwLock<bool>,
    drain: watch::Sender<Option<Duration>>,
    successor: Mutex<Option<Child>>,
    upgrading: tokio::sync::Mutex<()>,
    log: Log,
}

impl Handover {
    /// Gives these away, when asked to. `drain` is set when it has happened, to how long requests may go on.
    pub fn new(sockets: Sockets, drain: watch::Sender<Option<Duration>>, log: Log) -> Self {
        let (successor, upgrading) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { sockets, is_gone: RwLock::new(false), drain, successor, upgrading, log }
    }

    /// The right to change something: nothing may change while the state is in nobody's hands.
    pub async fn turn(&self) -> Result<RwLockReadGuard<'_, bool>, String> {
        let turn = self.is_gone.read().await;
        match *turn {
            false => Ok(turn),
            true => Err("another proxy has taken over; try again".into()),
        }
    }

    /// Answers the one who asks to take over. The error is for it to read.
    pub async fn give(
        self: &Arc<Self>,
        router: &Router,
        stream: UnixStream,
        drain: Duration,
    ) -> Result<(), (UnixStream, String)> {
        let mut is_gone = match self.free(router) {
            Ok(is_gone) => is_gone,
            Err(why) => return Err((stream, why)),
        };
        let given = Arc::clone(self);
        let is_ready = tokio::task::spawn_blocking(move || given.send(&stream)).await;
        match is_ready.map_err(io::Error::other).flatten() {
            Ok(()) => {
                *is_gone = true;
                self.log.info("Handed over", &[]);
                self.drain.send_replace(Some(drain));
            }
            Err(error) => {
                let told = error.to_string();
                self.log.error("Unable to hand over; serving on", &[("error", &told)]);
            }
        }
        Ok(())
    }

    /// The right to hand over, unless something speaks against it.
    fn free(&self, router: &Router) -> Result<RwLockWriteGuard<'_, bool>, String> {
        let busy = |_| "a command is under way; try again when it has ended";
        let is_gone = self.is_gone.try_write().map_err(busy)?;
        if *is_gone {
            return Err("another proxy has taken over already".into());
        }
        match router.paused_service() {
            Some(name) => Err(format!("{name} is paused, and held requests cannot move; resume it first")),
            None => Ok(is_gone),
        }
    }

    /// Starts a successor and waits until it has taken over; then `reply` is sent before the control thread ends.
    pub async fn upgrade<F: Future<Output = ()>>(
        &self,
        router: &Router,
        program: Option<PathBuf>,
        drain: Duration,
        reply: impl FnOnce(Result<(), String>) -> F,
    ) {
        let _upgrading = self.upgrading.lock().await;
        reply(self.begin_successor(router, program, drain).await).await;
    }

    async fn begin_successor(
        &self,
        router: &Router,
        program: Option<PathBuf>,
        drain: Duration,
    ) -> Result<(), String> {
        drop(self.free(router)?);
        let mut child = Program::own().start(program, drain)?;
        upgrade::has_taken_over(&mut child, self.drain.subscribe()).await?;
        *self.successor.lock().expect("no holder panics") = Some(child);
        Ok(())
    }

    /// Waits until a reply that is due has been sent.
    pub async fn until_replied(&self) {
        drop(self.upgrading.lock().await);
    }

    /// The process that has taken over, if this one has started it.
    pub fn successor(&self) -> Option<Child> {
        self.successor.lock().expect("no holder panics").take()
    }

    fn send(&self, stream: &UnixStream) -> io::Result<()> {
        (&mut &*stream).write_all(&Reply::default().line())?;
        self.sockets.send(stream)?;
        stream.set_read_timeout(Some(READY))?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        match line.trim_end() {
            READY_LINE => Ok(()),
            _ => Err(io::Error::other("the new proxy did not start")),
        }
    }
}

/// The new process's side: the sockets, and the line that says that they are served.
pub struct TakenOver {
    /// All of the old process's.
    pub sockets: Sockets,
    stream: UnixStream,
}

impl TakenOver {
    /// Asks the process that listens on `control` for its sockets; `None` if there is none.
    pub fn ask(control: &std::path::Path, drain_timeout: Duration) -> Result<Option<Self>, String> {
        let stream = match UnixStream::connect(control) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                return Ok(None);
            }
            connected => connected.map_err(|error| told(&error))?,
        };
        let mut line =
            serde_json::to_vec(&Request::HandOver { drain_timeout }).map_err(|error| error.to_string())?;
        line.push(b'\n');
        (&mut &stream).write_all(&line).map_err(|error| told(&error))?;
        stream.set_read_timeout(Some(READY)).map_err(|error| told(&error))?;
        let reply: Reply = sockets::read_json(&stream).map_err(|error| told(&error))?;
        if let Some(error) = reply.error {
            return Err(format!("the running proxy does not hand over: {error}"));
        }
        let sockets = Sockets::receive(&stream).map_err(|error| told(&error))?;
        Ok(Some(Self { sockets, stream }))
    }

    /// Lets the old process go: this one serves.
    pub fn ready(stream: &UnixStream) -> Result<(), String> {
        (&mut &*stream).write_all(format!("{READY_LINE}\n").as_bytes()).map_err(|error| told(&error))
    }

    /// The sockets, and the way back.
    pub fn into_parts(self) -> (Sockets, UnixStream) {
        (self.sockets, self.stream)
    }
}

fn told(error: &io::Error) -> String {
    format!("taking over from the running proxy: {error}")
}
