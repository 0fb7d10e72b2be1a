use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::keys::Keys;
use super::network::Network;
use crate::checked::{checked, eventually};

const INIT: &str = include_str!("init.sh");
/// What a Debian server has, and nothing the machine has besides.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a host is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Docker and a registry, no sshd.
    Workstation,
    /// sshd and Docker.
    Server,
    /// sshd alone; there is no `docker` to be found.
    WithoutDocker,
    /// A server whose Docker has this many MiB for images and containers.
    SmallDisk(u32),
}

/// A machine of the bed.
pub struct Host {
    address: String,
    kind: Kind,
    directory: PathBuf,
    init: u32,
    process: Option<Child>,
}

impl Host {
    /// Makes the host's network and starts its first process; [`Host::await_ready`] tells when it can be used.
    pub(super) fn start(
        network: &Network,
        keys: &Keys,
        index: usize,
        kind: Kind,
        directory: &Path,
    ) -> Result<Host> {
        network.add_host(index)?;
        lay_out(network, keys, directory)?;
        let mut process = spawn(network, index, kind, directory)?;
        let init =
            eventually("the host's first process", Duration::from_secs(5), || first_child(&mut process))?;
        fs::write(init_file(directory), init.to_string())?;
        let address = network.host_address(index);
        Ok(Host { address, kind, directory: directory.to_path_buf(), init, process: Some(process) })
    }

    /// A host of a bed that another process made. Dropping it does not end it.
    pub(super) fn attach(network: &Network, index: usize, directory: &Path) -> Result<Host> {
        let init =
            fs::read_to_string(init_file(directory)).with_context(|| format!("there is no host {index}"))?;
        let kind = if index == 0 { Kind::Workstation } else { Kind::Server };
        let address = network.host_address(index);
        Ok(Host { address, kind, directory: directory.to_path_buf(), init: init.parse()?, process: None })
    }

    /// Its address in the bed's network.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://ADDRESS` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A command that runs `program` on the host, as root in root's home, without ssh.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--mount", "--net", "--pid", "--uts", "--ipc"]);
        command.args(["bash", "-c", r#"cd; exec "$0" "$@""#, program]);
        command.env_clear().envs([
            ("PATH", SEARCH_PATH),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LANG", "C.UTF-8"),
        ]);
        command
    }

    /// What a shell script prints on the host, without blanks around it. Panics with its complaint if it fails: a test
    /// that cannot look at its host is over.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        match self.try_sh(script) {
            Ok(output) => output,
            Err(error) => panic!("on {}: {error:#}", self.address),
        }
    }

    /// Like [`Host::sh`], for scripts that may fail.
    pub fn try_sh(&self, script: &str) -> Result<String> {
        Ok(checked(self.command("bash").args(["-c", script]).stdin(Stdio::null()))?.trim().to_string())
    }

    /// A directory on its search path, empty at first.
    pub fn programs(&self) -> PathBuf {
        self.directory.join("programs")
    }

    /// Bytes that came in from the network since the host was made.
    #[track_caller]
    pub fn received_bytes(&self) -> u64 {
        // Not from /sys, which shows the machine's interfaces to whoever looks.
        let counters = self.sh("sed -n 's/^ *eth0: *//p' /proc/net/dev");
        let first = counters.split_whitespace().next().expect("a line of counters");
        first.parse().expect("the first counter is bytes received")
    }

    pub(super) fn await_ready(&self) -> Result<()> {
        eventually("the host is up", Duration::from_secs(60), || {
            (self.is_ready() || !self.is_alive()).then_some(())
        })
        .and_then(|()| if self.is_alive() { Ok(()) } else { bail!("the host's first process has died") })
        .with_context(|| format!("{}: {}", self.address, self.log()))
    }

    fn is_ready(&self) -> bool {
        let has_docker = self.kind == Kind::WithoutDocker || self.try_sh("docker version").is_ok();
        has_docker && (self.kind == Kind::Workstation || self.listens(22))
    }

    fn listens(&self, port: u16) -> bool {
        let address = self.address.parse().expect("made by Network, which writes addresses");
        TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1)).is_ok()
    }

    fn is_alive(&self) -> bool {
        Path::new("/proc").join(self.init.to_string()).exists()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It has `--kill-child`: the host's first process dies with it, and everything on the host with that.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn lay_out(network: &Network, keys: &Keys, directory: &Path) -> Result<()> {
    let ssh = directory.join("home/.ssh");
    fs::create_dir_all(&ssh)?;
    fs::create_dir(directory.join("docker"))?;
    fs::create_dir(directory.join("programs"))?;
    fs::write(directory.join("init.sh"), INIT)?;
    fs::write(ssh.join("authorized_keys"), keys.authorized()?)?;
    let (range, _) = network.range();
    fs::write(directory.join("daemon.json"), format!("{{\"insecure-registries\": [\"{range}\"]}}\n"))?;
    let host_key = keys.host().display();
    let git = "[user]\n\tname = Ada\n\temail = ada@example.com\n[safe]\n\tdirectory = *\n";
    fs::write(directory.join("home/.gitconfig"), git)?;
    let sshd = format!(
        "HostKey {host_key}\nPidFile none\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    );
    Ok(fs::write(directory.join("sshd_config"), sshd)?)
}

fn spawn(network: &Network, index: usize, kind: Kind, directory: &Path) -> Result<Child> {
    let log = File::create(directory.join("log"))?;
    let (word, argument) = match kind {
        Kind::Workstation => {
            ("workstation", directory.with_file_name("registry/config.yml").display().to_string())
        }
        Kind::Server => ("server", String::new()),
        Kind::WithoutDocker => ("without-docker", String::new()),
        Kind::SmallDisk(mebibytes) => ("small-disk", mebibytes.to_string()),
    };
    Command::new("nsenter")
        .arg(format!("--net=/run/netns/{}", network.namespace(index)))
        .args(["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args([Path::new("bash"), &directory.join("init.sh"), Path::new(word), directory])
        .args([&format!("h{index}"), &network.name(), &argument])
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start nsenter")
}

fn first_child(process: &mut Child) -> Option<u32> {
    let id = process.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn init_file(directory: &Path) -> PathBuf {
    directory.join("init.pid")
}
