//! The proxies, each started the way its makers would for this: kept connections to the origin, an access log in a file.

use std::path::{Path, PathBuf};

use crate::configs::{self, Site};
use crate::rows::Row;
use crate::running::{Running, is_installed};

/// A proxy that can be started.
pub struct Contender {
    pub name: &'static str,
    program: String,
    kind: Kind,
}

enum Kind {
    /// It takes kamal-proxy's commands and state file.
    Kamal,
    /// It is started with a file of its own.
    Configured { text: fn(&Site) -> String, arguments: &'static [&'static str] },
}

impl Contender {
    /// All that are installed, ours first.
    pub fn all() -> Vec<Self> {
        let kamal = |name, program: String| Self { name, program, kind: Kind::Kamal };
        let mut all = vec![kamal("dhow-proxy", env!("CARGO_BIN_EXE_dhow-proxy").into())];
        for (name, variable) in [("baseline", "BASELINE"), ("kamal-proxy", "KAMAL_PROXY")] {
            match std::env::var(variable) {
                Ok(program) => all.push(kamal(name, program)),
                Err(_) => println!("{name}: left out, since {variable} names no binary"),
            }
        }
        let configured = |name, text, arguments| Self {
            name,
            program: name.into(),
            kind: Kind::Configured { text, arguments },
        };
        for contender in [
            configured("nginx", configs::nginx, &["-c"]),
            configured("haproxy", configs::haproxy, &["-f"]),
            configured("caddy", configs::caddy, &["run", "--adapter", "caddyfile", "--config"]),
        ] {
            match is_installed(contender.name) {
                true => all.push(contender),
                false => println!("{}: left out, since it is not installed", contender.name),
            }
        }
        all
    }

    /// Starts it for a row, and waits until it listens.
    pub fn start(&self, row: &Row, directory: &Path, origin: &str) -> Running {
        let home = directory.join(self.name);
        std::fs::remove_dir_all(&home).ok();
        std::fs::create_dir_all(&home).unwrap();
        let ports = [free_port(), free_port()];
        let site = Site {
            home: home.clone(),
            origin: origin.into(),
            ports,
            hosts: row.hosts(),
            certificate: directory.join("certificate.pem"),
            key: directory.join("key.pem"),
        };
        let environment = [
            ("HOME", home.display().to_string()),
            ("KAMAL_PROXY_SOCKET", home.join("socket").display().to_string()),
            ("XDG_RUNTIME_DIR", home.display().to_string()),
            ("GOMAXPROCS", "1".into()),
        ];
        Running::start(&self.words(&site), &environment, &home.join("log"), ports)
    }

    fn words(&self, site: &Site) -> Vec<String> {
        let (text, file, arguments): (_, PathBuf, Vec<String>) = match &self.kind {
            Kind::Kamal => {
                let [plain, secure] = site.ports.map(|port| port.to_string());
                let words = ["run", "--http-port", &plain, "--https-port", &secure];
                let file = site.home.join(".config/kamal-proxy/kamal-proxy.state");
                (configs::state(site), file, words.map(str::to_owned).to_vec())
            }
            Kind::Configured { text, arguments } => {
                let file = site.home.join("config");
                let words = arguments.iter().map(ToString::to_string);
                (text(site), file.clone(), words.chain([file.display().to_string()]).collect())
            }
        };
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        [vec![self.program.clone()], arguments].concat()
    }
}

/// A port that the clients do not use up in the meantime.
fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(20_000..32_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
