//! A world in which every host is a directory: jobs run as their real scripts in a real shell, beside a Docker that only
//! writes down what it is asked for.

use super::case::PROXY_IMAGE;
use super::received::received;
use dhow::world::{BoxFuture, Finished, Heard, Listener, World, WorldError};
use dhow_core::plan::{Input, Job, Place, WhenInterrupted};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Servers that come into being, empty, when first asked for something.
pub struct StubServers {
    directory: TempDir,
    service: String,
    user_home: String,
}

impl StubServers {
    /// Servers whose images are of this service, for this user to log in.
    pub fn new(service: &str, user: &str) -> StubServers {
        let directory = tempfile::tempdir().unwrap();
        let programs = directory.path().join("bin");
        fs::create_dir(&programs).unwrap();
        install(&programs.join("docker"), include_str!("docker.sh"));
        install(&programs.join("mkdir"), include_str!("outside.sh"));
        symlink("mkdir", programs.join("chmod")).unwrap();
        symlink("mkdir", programs.join("chown")).unwrap();
        // Nothing on these servers needs time.
        install(&programs.join("sleep"), "#!/bin/sh\n");
        let user_home = if user == "root" { "/root".to_string() } else { format!("/home/{user}") };
        StubServers { directory, service: service.to_string(), user_home }
    }

    /// What each server received, in the form of the corpus.
    pub fn received(&self) -> Value {
        let hosts = fs::read_dir(self.directory.path().join("hosts")).unwrap().map(Result::unwrap);
        hosts
            .map(|host| (host.file_name().into_string().unwrap(), received(&host.path(), &self.user_home)))
            .collect()
    }

    async fn execute(&self, job: &Job) -> Output {
        let Place::Host(host) = &job.at else { panic!("a deploy without a push does nothing here: {job:?}") };
        let mut shell = self.shell(host);
        let script = match job.input {
            Input::Nothing => job.script(),
            Input::ServedImage => format!("DHOW_REGISTRY_PORT=5555\n{}", job.script()),
            Input::ProxyImage | Input::Stdin => {
                shell.args(["-c", &job.only_line()]);
                "an archive".to_string()
            }
        };
        let mut child =
            shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).await.unwrap();
        // A job that may be abandoned takes the end of its input for the end of the connection.
        let open =
            (job.when_interrupted == WhenInterrupted::Abandon && job.input != Input::Stdin).then_some(stdin);
        let output = child.wait_with_output().await.unwrap();
        drop(open);
        output
    }

    /// A shell as sshd starts it: in the home directory and a process group of its own, with nothing of our environment.
    fn shell(&self, host: &str) -> Command {
        let server = self.server(host);
        let path = "/usr/bin:/bin";
        let mut shell = Command::new("sh");
        shell.env_clear().process_group(0).current_dir(server.join("home"));
        shell.env("HOME", server.join("home")).env("STUB", server.join("docker"));
        shell
            .env("STUB_ROOT", server.join("root"))
            .env("STUB_USER_HOME", &self.user_home)
            .env("STUB_PATH", path);
        shell.env("STUB_SERVICE", &self.service).env("STUB_PROXY_IMAGE", PROXY_IMAGE);
        shell.env("PATH", format!("{}:{path}", self.directory.path().join("bin").display()));
        shell
    }

    fn server(&self, host: &str) -> PathBuf {
        let server = self.directory.path().join("hosts").join(host);
        for part in ["home", "root", "docker/containers"] {
            fs::create_dir_all(server.join(part)).unwrap();
        }
        server
    }
}

impl World for StubServers {
    fn run<'a>(
        &'a self,
        job: &'a Job,
        listener: &'a Listener<'a>,
    ) -> BoxFuture<'a, Result<Finished, WorldError>> {
        Box::pin(async move {
            let Output { status, stdout, stderr } = self.execute(job).await;
            listener(Heard::Stdout(&stdout));
            listener(Heard::Stderr(&stderr));
            let line = last_mark(&stderr);
            Ok(Finished { status: status.code().unwrap_or(255), stdout, stderr, line })
        })
    }

    fn sleep(&self, _wait: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

fn last_mark(stderr: &[u8]) -> usize {
    let mut marks = stderr.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(&[Job::MARK]));
    marks.next_back().and_then(|mark| std::str::from_utf8(mark).ok()?.parse().ok()).unwrap_or_default()
}

fn install(path: &Path, program: &str) {
    fs::write(path, program).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
