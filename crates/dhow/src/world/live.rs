//! The real world: SSH to the hosts, `sh` on this machine.

use super::channel::{Channel, Feed, drive};
use super::jump::JumpHosts;
use super::ssh::{Master, SshOptions};
use super::{BoxFuture, Finished, Heard, Listener, World, WorldError};
use crate::images::{self, Export, Registry};
use crate::project::KeyFiles;
use dhow_core::plan::{Input, Job, Place, WhenInterrupted};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, Semaphore};

/// Connections that live as long as this value, and what is offered to the hosts through them.
pub struct Live {
    options: SshOptions,
    directory: tempfile::TempDir,
    /// Kept for as long as ssh may read them.
    _keys: KeyFiles,
    starts: Semaphore,
    jump_hosts: JumpHosts,
    masters: Mutex<HashMap<String, Arc<OnceCell<Arc<Master>>>>>,
    image: Served,
    environment: BTreeMap<String, String>,
}

/// The image that hosts may pull from this machine.
struct Served {
    reference: String,
    cache: PathBuf,
    export: OnceCell<Arc<Export>>,
}

/// The name by which `servers:` means this machine.
const THIS_MACHINE: &str = "localhost";

impl Live {
    /// With the way to start ssh, how many connections may be starting at once, the image to offer (and where its layers
    /// are kept), and the environment of what runs on this machine.
    pub fn new(
        options: SshOptions,
        keys: KeyFiles,
        starts: usize,
        (reference, cache): (String, &Path),
        environment: BTreeMap<String, String>,
    ) -> io::Result<Live> {
        let image = Served { reference, cache: cache.to_path_buf(), export: OnceCell::new() };
        let directory = tempfile::Builder::new().prefix("dhow-").tempdir()?;
        Ok(Live {
            options,
            jump_hosts: JumpHosts::new(directory.path()),
            directory,
            _keys: keys,
            starts: Semaphore::new(starts),
            masters: Mutex::default(),
            image,
            environment,
        })
    }

    /// Connects to these hosts now, so that the time passes while other work is done. Failures show when a job runs.
    pub async fn connect_ahead(&self, hosts: &[String]) {
        let mut pending = Vec::new();
        for host in hosts.iter().filter(|host| *host != THIS_MACHINE) {
            pending.push(Box::pin(self.master(host)));
        }
        for connecting in futures_util::future::join_all(pending).await {
            drop(connecting);
        }
    }

    /// Ends all connections.
    pub async fn close(&self) {
        let cells: Vec<_> = self.masters.lock().expect("no panic while held").values().cloned().collect();
        let masters: Vec<_> = cells.iter().filter_map(|cell| cell.get()).collect();
        futures_util::future::join_all(masters.iter().map(|master| master.close())).await;
        self.jump_hosts.close().await;
    }

    /// The program and words that run an interactive command at a place, to replace this process.
    pub async fn interactive(&self, at: &Place, command: &str, tty: bool) -> Result<Vec<String>, WorldError> {
        match at {
            Place::Host(host) if host != THIS_MACHINE => {
                let mut words = vec!["ssh".to_string()];
                words.extend(tty.then(|| "-tt".to_string()));
                words.extend(self.master(host).await?.interactive_words());
                words.push(command.to_string());
                Ok(words)
            }
            _ => Ok(["sh", "-c", command].map(String::from).to_vec()),
        }
    }

    async fn disconnect(&self, host: &str) {
        let cell = self.masters.lock().expect("no panic while held").remove(host);
        if let Some(master) = cell.as_ref().and_then(|cell| cell.get()) {
            master.close().await;
        }
    }

    async fn master(&self, host: &str) -> Result<Arc<Master>, WorldError> {
        let cell =
            self.masters.lock().expect("no panic while held").entry(host.to_string()).or_default().clone();
        let connected = cell.get_or_try_init(|| async {
            let _turn = self.starts.acquire().await.expect("never closed");
            let connecting = Master::connect(host, &self.options, self.directory.path(), &self.jump_hosts);
            connecting.await.map(Arc::new)
        });
        connected.await.cloned()
    }

    async fn execute(&self, job: &Job, listener: &Listener<'_>) -> Result<Finished, WorldError> {
        match (&job.at, job.input) {
            (_, Input::Nothing) => self.send(job, &job.script(), listener).await,
            (at, Input::Stdin) => {
                drive(self.start(at, job, &job.only_line()).await?, Feed::Stdin, job, listener).await
            }
            (at, Input::ProxyImage) => {
                let archive = self.proxy_image(at)?;
                drive(self.start(at, job, &job.only_line()).await?, Feed::Bytes(archive), job, listener).await
            }
            (Place::Host(host), Input::ServedImage) if host != THIS_MACHINE => {
                self.serving(host, job, listener).await
            }
            (_, Input::ServedImage) => self.send(job, &job.script(), listener).await,
        }
    }

    /// Runs a script by sending it to a shell's standard input, so that nothing of it is on an argument list.
    async fn send(&self, job: &Job, script: &str, listener: &Listener<'_>) -> Result<Finished, WorldError> {
        let shell = shell(job.deadline);
        let channel = self.start(&job.at, job, &shell).await?;
        let script = script.as_bytes().to_vec();
        let feed = match job.when_interrupted {
            WhenInterrupted::Finish => Feed::Bytes(script),
            WhenInterrupted::Abandon => Feed::Open(script),
        };
        drive(channel, feed, job, listener).await
    }

    async fn start(&self, at: &Place, job: &Job, command: &str) -> Result<Channel, WorldError> {
        match at {
            Place::Host(host) if host != THIS_MACHINE => self.master(host).await?.start(command).await,
            _ => local(job, command, &self.environment).map_err(|error| WorldError::Broken {
                at: at.clone(),
                detail: format!("sh could not be started: {error}"),
            }),
        }
    }

    async fn serving(&self, host: &str, job: &Job, listener: &Listener<'_>) -> Result<Finished, WorldError> {
        let broken = |detail: String| WorldError::Broken { at: job.at.clone(), detail };
        let export = self.image.export(&self.environment).await.map_err(broken)?;
        let socket = self.directory.path().join(format!("registry-{}", socket_suffix(host)));
        let registry =
            Registry::serve_unix(export.clone(), &socket).await.map_err(|error| broken(error.to_string()))?;
        let port = self.master(host).await?.listen_on_host(&socket).await?;
        let script = format!("DHOW_REGISTRY_PORT={port}\n{}", job.script());
        let finished = self.send(job, &script, listener).await?;
        let served = registry.served();
        listener(Heard::Note(&format!(
            "sent {} in {} of {} layers",
            human_bytes(served.bytes),
            served.layers,
            export.layers()
        )));
        Ok(finished)
    }

    fn proxy_image(&self, at: &Place) -> Result<Vec<u8>, WorldError> {
        images::proxy_archive()
            .map_err(|error| WorldError::Broken { at: at.clone(), detail: error.to_string() })
    }
}

impl World for Live {
    fn run<'a>(
        &'a self,
        job: &'a Job,
        listener: &'a Listener<'a>,
    ) -> BoxFuture<'a, Result<Finished, WorldError>> {
        Box::pin(async move {
            let finished = self.execute(job, listener).await;
            if let (Place::Host(host), true) = (&job.at, job.renews_connection) {
                self.disconnect(host).await;
            }
            finished
        })
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

impl Served {
    async fn export(&self, environment: &BTreeMap<String, String>) -> Result<Arc<Export>, String> {
        let docker = images::Client::named("docker").within(environment);
        let exporting = async { images::export(docker, &self.reference, &self.cache).await.map(Arc::new) };
        self.export.get_or_try_init(|| exporting).await.cloned().map_err(|error| error.to_string())
    }
}

/// A shell that reads its script from standard input and, where the host has `timeout`, ends at the deadline.
fn shell(deadline: u32) -> String {
    match deadline {
        0 => "sh".to_string(),
        seconds => {
            format!("sh -c 'command -v timeout >/dev/null 2>&1 && exec timeout -k 5 {seconds} sh; exec sh'")
        }
    }
}

/// Starts a command on this machine: in the home directory if it stands for a server, else in the project.
fn local(job: &Job, command: &str, environment: &BTreeMap<String, String>) -> io::Result<Channel> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if job.at == Place::Here {
        shell.env_clear().envs(environment);
    }
    shell.envs(job.env.iter().map(|(name, value)| (name, value.reveal())));
    if let (Place::Host(_), Some(home)) = (&job.at, std::env::home_dir()) {
        shell.current_dir(home);
    }
    // Its own group: a Ctrl-C at the terminal is dhow's to handle, not each child's.
    let mut child = shell.process_group(0).spawn()?;
    let group = Group { leader: child.id(), kill: job.when_interrupted == WhenInterrupted::Abandon };
    let taken = "piped above";
    Ok(Channel {
        stdin: Box::pin(child.stdin.take().expect(taken)),
        stdout: Box::pin(child.stdout.take().expect(taken)),
        stderr: Box::pin(child.stderr.take().expect(taken)),
        wait: Box::pin(reap(child, group)),
    })
}

async fn reap(mut child: Child, mut group: Group) -> io::Result<i32> {
    let status = child.wait().await?;
    group.kill = false;
    Ok(status.code().unwrap_or(255))
}

/// A local process group, killed if it is let go before its end.
struct Group {
    leader: Option<u32>,
    kill: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.leader.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let (true, Some(leader)) = (self.kill, leader) {
            // It may have ended meanwhile, which is what was wanted.
            let _gone = kill_process_group(leader, Signal::TERM);
        }
    }
}

fn socket_suffix(host: &str) -> String {
    host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect()
}

fn human_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
