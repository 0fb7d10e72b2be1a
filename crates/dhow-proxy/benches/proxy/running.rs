//! A proxy that runs, and what it uses.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A started proxy; dropping it ends it.
pub struct Running {
    pub plain: String,
    pub secure: String,
    child: Child,
}

/// A command on the cores that the proxies do not have (on their core, where there is but one).
pub fn pinned_away(program: &str) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    pinned(program, &if cores > 1 { format!("1-{}", cores - 1) } else { "0".into() })
}

fn pinned(program: &str, cores: &str) -> Command {
    if !is_installed("taskset") {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", cores, program]);
    command
}

/// Whether a program is installed.
pub fn is_installed(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program} >/dev/null")])
        .status()
        .is_ok_and(|status| status.success())
}

impl Running {
    /// Starts a proxy on the first core, and waits until it listens.
    pub fn start(
        words: &[String],
        environment: &[(&'static str, String)],
        log: &std::path::Path,
        [plain, secure]: [u16; 2],
    ) -> Self {
        let output = std::fs::File::create(log).unwrap();
        let child = pinned(&words[0], "0")
            .args(&words[1..])
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let [plain, secure] = [plain, secure].map(|port| format!("127.0.0.1:{port}"));
        let running = Self { plain, secure, child };
        let deadline = Instant::now() + Duration::from_secs(30);
        let listens = |address: &str| std::net::TcpStream::connect(address).is_ok();
        while !listens(&running.plain) || !listens(&running.secure) {
            assert!(Instant::now() < deadline, "{} does not start: see {}", words[0], log.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    /// Seconds of CPU that the process and its children have used.
    pub fn cpu(&self) -> f64 {
        let ticks = |stat: &String| -> f64 {
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
            fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
        };
        self.family("stat").iter().map(ticks).sum::<f64>() / 100.0
    }

    /// MiB of memory that they have.
    pub fn resident(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// MiB of memory that they have had at most.
    pub fn peak(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> f64 {
        let kib = |status: &String| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
            line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
        };
        self.family("status").iter().map(kib).sum::<f64>() / 1024.0
    }

    fn family(&self, file: &str) -> Vec<String> {
        let mut pids = vec![self.child.id()];
        let mut at = 0;
        while at < pids.len() {
            let path = format!("/proc/{0}/task/{0}/children", pids[at]);
            let children = std::fs::read_to_string(path).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            at += 1;
        }
        pids.iter().filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status().ok();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
