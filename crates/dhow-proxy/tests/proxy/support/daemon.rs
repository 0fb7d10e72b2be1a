use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use dhow_proxy::acme::AcmeConfig;
use dhow_proxy::acme::on_demand::AskLimit;
use dhow_proxy::http1::connection::Timeouts;
use dhow_proxy::server::{Config, Server};
use serde_json::Value;

use super::{Backend, Connection, Reply, eventually, free_address};

/// Where nobody is: a test asks no real authority by mistake.
const NO_AUTHORITY: &str = "https://127.0.0.1:1/dir";

/// As many names as a test may think of.
pub const ASK_LIMIT: AskLimit = AskLimit { burst: 1000, refill: std::time::Duration::from_secs(1) };

/// A proxy, its directory, and the program that commands it.
pub struct Proxy {
    pub http: SocketAddr,
    pub https: SocketAddr,
    pub metrics: Option<SocketAddr>,
    pub directory: Arc<Directory>,
    daemon: Option<Daemon>,
}

enum Daemon {
    Inside(Server, Arc<Mutex<Vec<u8>>>),
    Process(Child, PathBuf),
}

/// A directory of its own per test.
pub struct Directory(pub PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl Proxy {
    /// Serves inside the test's process.
    pub fn start() -> Self {
        Self::start_in(new_directory())
    }

    /// The same, with the state that a directory holds.
    pub fn start_in(directory: Arc<Directory>) -> Self {
        Self::start_with(directory, |_| ())
    }

    /// The same, configured otherwise.
    pub fn start_with(directory: Arc<Directory>, change: impl FnOnce(&mut Config)) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut config = Config {
            http_port: 0,
            https_port: 0,
            metrics_port: None,
            status: false,
            http3: false,
            take_over: None,
            debug: false,
            socket: directory.socket(),
            state: directory.state(),
            proxy_protocol: Arc::default(),
            max_connections_per_client: 0,
            timeouts: Timeouts { head: std::time::Duration::from_millis(100), ..Timeouts::default() },
            handshake_timeout: std::time::Duration::from_secs(3),
            reload_every: std::time::Duration::from_millis(20),
            acme: AcmeConfig {
                directory: Some(NO_AUTHORITY.into()),
                root: None,
                external_account: None,
                first_retry: std::time::Duration::from_millis(20),
                ask_limit: ASK_LIMIT,
                name_server_port: 53,
            },
            workers: 2,
        };
        change(&mut config);
        std::fs::create_dir_all(directory.state().parent().unwrap()).unwrap();
        let server = Server::start(config, Shared(log.clone())).unwrap();
        let [http, https] = [server.http(), server.https()].map(|address| local(address.port()));
        let metrics = server.metrics().map(|address| local(address.port()));
        Self { http, https, metrics, directory, daemon: Some(Daemon::Inside(server, log)) }
    }

    /// Serves in a process of its own: the real program.
    pub fn spawn() -> Self {
        Self::spawn_in(new_directory())
    }

    /// The same, with the state that a directory holds.
    pub fn spawn_in(directory: Arc<Directory>) -> Self {
        Self::spawn_with(directory, &[])
    }

    /// The real program with metrics, and their port.
    pub fn spawn_measured() -> (Self, u16) {
        let port = free_address().port();
        let environment = [("METRICS_PORT", port.to_string())];
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut proxy = Self::spawn_with(new_directory(), &environment);
        proxy.metrics = Some(local(port));
        (proxy, port)
    }

    /// The same, with more variables in its environment.
    pub fn spawn_with(directory: Arc<Directory>, environment: &[(&str, &str)]) -> Self {
        let mut command = directory.command(&["run", "--http-port", "0", "--https-port", "0"]);
        command.envs(environment.iter().copied());
        Self::begun(directory, command, "log")
    }

    /// The real program, run with more flags.
    pub fn spawn_flagged(flags: &[&str]) -> Self {
        Self::spawn_flagged_in(new_directory(), flags)
    }

    /// The same, with the state that a directory holds.
    pub fn spawn_flagged_in(directory: Arc<Directory>, flags: &[&str]) -> Self {
        let run = ["run", "--http-port", "0", "--https-port", "0"];
        let command = directory.command(&[&run, flags].concat());
        Self::begun(directory, command, "log")
    }

    /// Starts a process that takes over from this one, which ends by itself. The flags are added to the command.
    pub fn succeeded(&self, name: &str, flags: &[&str]) -> Self {
        let ports = [self.http, self.https].map(|address| address.port().to_string());
        let run = ["run", "--http-port", &ports[0], "--https-port", &ports[1], "--take-over"];
        let command = self.directory.command(&[&run, flags].concat());
        let successor = Self::begun(self.directory.clone(), command, name);
        successor.told("Took over", 1);
        successor
    }

    fn begun(directory: Arc<Directory>, mut command: Command, log: &str) -> Self {
        let log = directory.0.join(log);
        let output = std::fs::File::create(&log).unwrap();
        let child = command.stdout(output).stderr(Stdio::inherit()).spawn().unwrap();
        let daemon = Some(Daemon::Process(child, log));
        let mut proxy = Self { http: local(0), https: local(0), metrics: None, directory, daemon };
        eventually("the daemon's start", || {
            let Some(started) = proxy.lines("Server started").pop() else { return false };
            let port = |name: &str| local(started[name].as_u64().unwrap() as u16);
            (proxy.http, proxy.https) = (port("http"), port("https"));
            true
        });
        proxy
    }

    /// Kills the process, as a crash does.
    pub fn kill(mut self) -> Arc<Directory> {
        let Some(Daemon::Process(mut child, _)) = self.daemon.take() else {
            panic!("this daemon is no process")
        };
        child.kill().unwrap();
        child.wait().unwrap();
        self.directory.clone()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The most memory that the process ever had, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let Some(Daemon::Process(child, _)) = &self.daemon else { panic!("this daemon is no process") };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        let Some(Daemon::Process(child, _)) = &self.daemon else { panic!("this daemon is no process") };
        child.id()
    }

    /// Waits for the process to end by itself.
    pub fn exit_code(mut self) -> Option<i32> {
        let Some(Daemon::Process(mut child, _)) = self.daemon.take() else {
            panic!("this daemon is no process")
        };
        child.wait().unwrap().code()
    }

    /// Runs a command of the real program, to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.directory.command(arguments).output().unwrap()
    }

    /// Runs a command that has to succeed, and says nothing if it does.
    pub fn ok(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let told =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    }

    /// Runs a command that has to fail; what it says on standard error.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
    }

    /// Starts a command, and goes on.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        self.directory.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Deploys a backend; the flags are added to the command.
    pub fn deploy(&self, service: &str, backend: &Backend, flags: &[&str]) {
        self.ok(&self.deploy_command(service, backend, flags));
    }

    /// The command that deploys a backend.
    pub fn deploy_command<'a>(
        &self,
        service: &'a str,
        backend: &'a Backend,
        flags: &[&'a str],
    ) -> Vec<&'a str> {
        [&["deploy", service, "--target", backend.address.as_str()], flags].concat()
    }

    /// Whether the backend is what a service is served by now.
    pub fn lists(&self, backend: &Backend) -> bool {
        String::from_utf8(self.run(&["list"]).stdout).unwrap().contains(&backend.address)
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.http)
    }

    pub fn get(&self, host: &str, path: &str) -> Reply {
        self.connect().get(host, path)
    }

    pub fn request(&self, method: &str, path: &str, lines: &[&str], body: &[u8]) -> Reply {
        let mut connection = self.connect();
        connection.request(method, "a.com", path, lines, body);
        connection.reply()
    }

    /// The lines of the log with this message.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        self.all_lines().into_iter().filter(|line| line["msg"] == message).collect()
    }

    /// The lines of the log.
    pub fn all_lines(&self) -> Vec<Value> {
        let bytes = match self.daemon.as_ref().unwrap() {
            Daemon::Inside(_, log) => log.lock().unwrap().clone(),
            Daemon::Process(_, log) => std::fs::read(log).unwrap(),
        };
        let text = String::from_utf8(bytes).unwrap();
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The same, when there are so many of them: the log is written in batches.
    pub fn told(&self, message: &str, count: usize) -> Vec<Value> {
        eventually(message, || self.lines(message).len() >= count);
        self.lines(message)
    }

    /// The access lines, when there are so many, in the order in which the requests came in: each worker writes batches of its own.
    pub fn access_lines(&self, count: usize) -> Vec<Value> {
        let mut lines = self.told("Request", count);
        lines.sort_by_cached_key(|line| {
            nanoseconds_in_month(line["time"].as_str().unwrap()) - line["duration"].as_u64().unwrap()
        });
        lines
    }

    /// The state file.
    pub fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.directory.state()).unwrap()).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        match self.daemon.take() {
            Some(Daemon::Inside(server, _)) => server.stop(),
            Some(Daemon::Process(mut child, _)) => {
                child.kill().ok();
                child.wait().ok();
            }
            None => {}
        }
    }
}

impl Directory {
    pub fn state(&self) -> PathBuf {
        self.0.join(".config/kamal-proxy/kamal-proxy.state")
    }

    pub fn socket(&self) -> PathBuf {
        self.0.join("kamal-proxy.sock")
    }

    /// The program, with this directory as its home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dhow-proxy"));
        command
            .env_clear()
            .env("HOME", &self.0)
            .env("KAMAL_PROXY_ACME_DIRECTORY", NO_AUTHORITY)
            .env("KAMAL_PROXY_SOCKET", self.socket())
            .args(arguments);
        command
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Of a time as the log tells it: `2026-11-21T13:50:14.123456789Z`.
fn nanoseconds_in_month(time: &str) -> u64 {
    let (whole, fraction) = time.trim_end_matches('Z').split_once('.').unwrap_or((time, ""));
    let number = |at: usize| whole[at..at + 2].parse::<u64>().unwrap();
    let seconds = ((number(8) * 24 + number(11)) * 60 + number(14)) * 60 + number(17);
    seconds * 1_000_000_000 + format!("{fraction:0<9}").parse::<u64>().unwrap()
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

pub fn new_directory() -> Arc<Directory> {
    let name = format!("dhow-proxy-test-{}-{:x}", std::process::id(), fastrand::u64(..));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    Arc::new(Directory(path))
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
