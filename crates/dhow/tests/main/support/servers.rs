//! What the servers of a page are like: what they answer when asked for facts, and how commands end on them.

use super::expected::matches;
use dhow_core::config::Config;
use std::collections::BTreeMap;

/// A `servers` block. A host that is not in it has Docker and nothing else.
#[derive(Default)]
pub struct Servers(BTreeMap<String, Server>);

/// One host, or this machine (`here`).
#[derive(Default)]
pub struct Server {
    /// What it answers when asked for facts; the last answer stays.
    answers: Vec<Vec<String>>,
    /// How commands end on it; all others succeed and print nothing.
    replies: Vec<Reply>,
    /// ssh's words, if there is no connection to it.
    pub unreachable: Option<String>,
}

/// How a command ends.
#[derive(Default)]
pub struct Reply {
    pattern: String,
    /// Exit status.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The user presses Ctrl-C while it runs.
    pub interrupts: bool,
    /// The connection breaks: what is known.
    pub lost: Option<String>,
    /// Seconds it takes.
    pub seconds: u64,
}

impl Servers {
    /// Reads a block: hosts, separated by commas, and below them, indented, what they are like. `HOST later` is what a
    /// host answers the next time it is asked.
    pub fn read(block: &[&str]) -> Servers {
        let mut servers = Servers::default();
        let mut about: Vec<String> = Vec::new();
        for line in block.iter().filter(|line| !line.is_empty()) {
            if line.starts_with(' ') {
                about.iter().for_each(|host| servers.0.get_mut(host).unwrap().learn(line));
                continue;
            }
            let (hosts, later) = line.strip_suffix(" later").map_or((*line, false), |hosts| (hosts, true));
            about = hosts.split(", ").map(String::from).collect();
            for host in &about {
                let server = servers.0.entry(host.clone()).or_default();
                if later || server.answers.is_empty() {
                    server.answers.push(Vec::new());
                }
            }
        }
        servers
    }

    /// The host of that name, if the page says anything about it.
    pub fn of(&self, host: &str) -> Option<&Server> {
        self.0.get(host)
    }
}

impl Server {
    fn learn(&mut self, line: &str) {
        let text = line.trim_start();
        if line.starts_with("    ") {
            let reply = self.replies.last_mut().expect("how a command ends follows the command");
            reply.learn(text);
        } else if ["$ ", "lock: ", "audit: ", "file: "].iter().any(|kind| text.starts_with(kind)) {
            self.replies.push(Reply { pattern: text.to_string(), ..Reply::default() });
        } else if let Some(words) = text.strip_prefix("unreachable: ") {
            self.unreachable = Some(words.to_string());
        } else {
            self.answers.last_mut().expect("there is an answer for each host").push(text.to_string());
        }
    }

    /// How this command ends here, if the page says so.
    pub fn reply(&self, command: &str) -> Option<&Reply> {
        self.replies.iter().find(|reply| matches(&reply.pattern, command))
    }

    /// The facts it has when asked for the nth time, as the probe prints them.
    pub fn answer(&self, config: &Config, time: usize) -> String {
        let facts = self.answers.get(time).or(self.answers.last()).map_or(&[][..], Vec::as_slice);
        facts_text(config, facts)
    }
}

impl Reply {
    fn learn(&mut self, text: &str) {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("exit", status) => self.status = status.parse().expect("exit STATUS"),
            ("stdout:", line) => self.stdout += &format!("{line}\n"),
            ("stderr:", line) => self.stderr += &format!("{line}\n"),
            ("takes", seconds) => self.seconds = seconds.trim_end_matches(" s").parse().expect("takes N s"),
            ("connection", "lost") => self.lost = Some("the connection broke".to_string()),
            ("Ctrl-C", "") => self.interrupts = true,
            other => panic!("not an ending of a command: {other:?}"),
        }
    }
}

/// What the probe would print of a server without any facts in a page.
pub fn facts_text(config: &Config, facts: &[String]) -> String {
    match facts.first().map(String::as_str) {
        Some("no docker") => return "@docker missing\n".to_string(),
        Some(text) if text.starts_with("docker failing: ") => {
            return format!("@docker failing {}\n", text.trim_start_matches("docker failing: "));
        }
        _ => {}
    }
    let mut text = "@docker running 28.3.0\n".to_string();
    let mut served = String::new();
    for (number, fact) in facts.iter().enumerate() {
        match fact.split_once(' ').unwrap_or((fact, "")) {
            ("proxy", about) => text += &proxy(about),
            ("image", reference) => text += &format!("@image {reference}\n"),
            ("app", name) => text += &format!("@app {name}\n"),
            (name, state) => {
                let container = Container::read(config, number, name, state);
                text += &container.line();
                served += &container.row();
            }
        }
    }
    if !served.is_empty() {
        assert!(text.contains("@proxy true"), "what serves needs a running `proxy`");
        text += &format!("@list {}\n{served}", row(["Service", "Host", "Path", "Target", "State", "TLS"]));
    }
    text
}

/// `proxy`, `proxy stopped`, `proxy IMAGE`.
fn proxy(about: &str) -> String {
    match about {
        "" => format!("@proxy true {PROXY_IMAGE}\n"),
        "stopped" => format!("@proxy false {PROXY_IMAGE}\n"),
        image => format!("@proxy true {image}\n"),
    }
}

/// The proxy's image as pages name it.
pub const PROXY_IMAGE: &str = "dhow-proxy:1.0";

/// `shop-web-v1 running, serving`; one of another app says whose it is: `blog-web-v7 running, of blog web`.
struct Container<'a> {
    id: String,
    name: &'a str,
    state: &'a str,
    service: String,
    role: String,
    destination: String,
    serving: bool,
}

impl<'a> Container<'a> {
    fn read(config: &Config, number: usize, name: &'a str, about: &'a str) -> Container<'a> {
        let mut words = about.split(", ");
        let state = words.next().unwrap_or_default();
        let known = ["running", "exited", "created", "restarting", "paused", "dead"];
        assert!(known.contains(&state), "not a fact of a server: {name} {about}");
        let words: Vec<&str> = words.collect();
        let of = words.iter().find_map(|word| word.strip_prefix("of "));
        let (service, role) =
            of.map_or_else(|| owner(config, name), |of| of.split_once(' ').unwrap_or((of, "")));
        let own = config.destination.clone().filter(|_| of.is_none() && !role.is_empty());
        Container {
            id: format!("{:012x}", 0xc0de_0000_0000_u64 + number as u64),
            name,
            state,
            service: service.to_string(),
            role: role.to_string(),
            destination: own.unwrap_or_default(),
            serving: words.contains(&"serving"),
        }
    }

    fn line(&self) -> String {
        let Container { id, name, state, service, role, destination, .. } = self;
        format!("@container|{id}|{name}|{state}|image|{service}|{role}|{destination}\n")
    }

    /// Its row in the proxy's table of services.
    fn row(&self) -> String {
        if !self.serving {
            return String::new();
        }
        let names = [&self.service, &self.role, &self.destination].map(String::as_str);
        let service = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("-");
        format!("@list {}\n", row([&service, "*", "/", &format!("{}:80", self.id), "running", "no"]))
    }
}

/// Service and role of one of the configuration's own containers.
fn owner<'a>(config: &'a Config, name: &str) -> (&'a str, &'a str) {
    if let Some(own) = config.accessories.iter().find(|own| own.service == name) {
        return (&own.service, "");
    }
    let is_its = |role: &&dhow_core::config::Role| name.starts_with(&format!("{}-", config.prefix(role)));
    let role = config.roles.iter().filter(is_its).max_by_key(|role| role.name.len());
    let role = role
        .unwrap_or_else(|| panic!("{name} is no container of this app: say whose it is (of SERVICE ROLE)"));
    (&config.service, &role.name)
}

fn row(cells: [&str; 6]) -> String {
    let [service, host, path, target, state, tls] = cells;
    format!("{service:<24}{host:<6}{path:<6}{target:<24}{state:<10}{tls}")
}
