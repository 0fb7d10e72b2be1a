//! What is asked of a running proxy about its services, and how its table reads.

use super::CONTAINER;
use crate::shell::{Command, Script, Word, docker};

/// Forgets a service.
pub fn remove(name: &str) -> Command {
    call("remove", name)
}

/// Gives the proxy what a service's DNS provider wants to know. Only dhow's own keeps it.
pub fn keep_credentials(name: &str, content: Word) -> Script {
    Script::from(docker(["exec", "--interactive", CONTAINER, CONTAINER, "credentials", name])).fed(content)
}

/// Ends a pause or a stop.
pub fn resume(name: &str) -> Command {
    call("resume", name)
}

/// Holds new requests back, at most `max_pause` seconds each, after `drain_timeout` seconds for those under way.
pub fn pause(name: &str, drain_timeout: u32, max_pause: u32) -> Command {
    call("pause", name)
        .word(format!("--drain-timeout={drain_timeout}s"))
        .word(format!("--max-pause={max_pause}s"))
}

/// Answers new requests with 503 and this message, after `drain_timeout` seconds for those under way.
pub fn stop_service(name: &str, drain_timeout: u32, message: Option<&str>) -> Command {
    call("stop", name)
        .word(format!("--drain-timeout={drain_timeout}s"))
        .words(message.map(|message| format!("--message={message}")))
}

/// Prints the table that [`parse_list`] reads.
pub fn list() -> Command {
    docker(["exec", CONTAINER, CONTAINER, "list"])
}

/// One service of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedService {
    /// `SERVICE-ROLE[-DEST]`, or an accessory's service.
    pub service: String,
    /// Empty when any host is served.
    pub hosts: Vec<String>,
    /// Path prefixes, joined by commas.
    pub path: String,
    /// `CONTAINER:PORT` of each.
    pub targets: Vec<String>,
    /// What happens to its requests.
    pub state: ServiceState,
    /// Whether it is served over TLS.
    pub tls: bool,
}

/// What happens to a service's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// They reach the targets.
    Running,
    /// They are held back.
    Paused,
    /// They are answered with 503.
    Stopped,
}

impl ListedService {
    /// Does this service send requests to that container (id or name)?
    pub fn targets_container(&self, container: &str) -> bool {
        self.targets.iter().any(|target| target.split(':').next() == Some(container))
    }
}

/// Reads the table of `kamal-proxy list`: coloured even into a pipe, its columns as wide as the widest cell. Lines that
/// are no such row are left out.
pub fn parse_list(table: &str) -> Vec<ListedService> {
    let table = without_colours(table);
    let mut lines = table.lines();
    let Some(columns) = lines.find_map(Columns::read) else { return Vec::new() };
    lines.filter_map(|line| columns.service(line)).collect()
}

pub(super) fn call(verb: &str, name: &str) -> Command {
    docker(["exec", CONTAINER, CONTAINER, verb, name])
}

const TITLES: [&str; 6] = ["Service", "Host", "Path", "Target", "State", "TLS"];

/// Where each column starts, in bytes.
struct Columns([usize; 6]);

impl Columns {
    fn read(header: &str) -> Option<Columns> {
        let words: Vec<&str> = header.split_whitespace().collect();
        let starts = TITLES.map(|title| header.find(title).unwrap_or_default());
        (words == TITLES).then_some(Columns(starts))
    }

    fn service(&self, line: &str) -> Option<ListedService> {
        let cell = |column: usize| {
            let end = self.0.get(column + 1).copied().unwrap_or(line.len());
            line.get(self.0[column]..end).map(str::trim)
        };
        Some(ListedService {
            service: cell(0).filter(|name| !name.is_empty())?.to_string(),
            hosts: listed(cell(1)?.trim_start_matches('*')),
            path: cell(2)?.to_string(),
            targets: listed(cell(3)?),
            state: state(cell(4)?)?,
            tls: cell(5)? == "yes",
        })
    }
}

fn listed(cell: &str) -> Vec<String> {
    cell.split(',').filter(|item| !item.is_empty()).map(String::from).collect()
}

fn state(cell: &str) -> Option<ServiceState> {
    match cell {
        "running" => Some(ServiceState::Running),
        "paused" => Some(ServiceState::Paused),
        "stopped" => Some(ServiceState::Stopped),
        _ => None,
    }
}

/// Drops `ESC [ … m`.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let plain = pieces.next().unwrap_or_default().to_string();
    pieces.fold(plain, |plain, piece| plain + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_spoken_to_by_name() {
        assert_eq!(remove("shop-web").to_string(), "docker exec kamal-proxy kamal-proxy remove shop-web");
        assert_eq!(resume("shop-web").to_string(), "docker exec kamal-proxy kamal-proxy resume shop-web");
        assert_eq!(
            stop_service("shop-web", 30, Some("Back soon")).to_string(),
            "docker exec kamal-proxy kamal-proxy stop shop-web --drain-timeout=30s '--message=Back soon'"
        );
        assert_eq!(
            pause("shop-web", 30, 10).to_string(),
            "docker exec kamal-proxy kamal-proxy pause shop-web --drain-timeout=30s --max-pause=10s"
        );
    }

    /// As the proxy writes it: colours around each cell, padding after them.
    fn table(rows: &[[&str; 6]]) -> String {
        let rows: Vec<[&str; 6]> = [TITLES].into_iter().chain(rows.iter().copied()).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
        let cell = |line: usize, column: usize, text: &str| {
            let colour = if line == 0 {
                "3;94"
            } else if column == 0 {
                "1;34"
            } else {
                ""
            };
            format!("\x1b[{colour}m{text}\x1b[0m{}  ", " ".repeat(width(column) - text.len()))
        };
        let line = |(line, row): (usize, &[&str; 6])| -> String {
            row.iter()
                .enumerate()
                .map(|(column, text)| cell(line, column, text))
                .chain(["\n".to_string()])
                .collect()
        };
        rows.iter().enumerate().map(line).collect()
    }

    #[test]
    fn the_coloured_table_is_read_by_columns() {
        let listed = parse_list(&table(&[
            ["blog-web", "blog.example.com,www.example.com", "/", "0123456789ab:80", "running", "yes"],
            ["shop-web", "*", "/api,/v2", "ab:3000,cd:3000", "stopped", "no"],
        ]));
        let [blog, shop] = listed.as_slice() else { panic!("two services: {listed:?}") };
        assert_eq!(blog.service, "blog-web");
        assert_eq!(blog.hosts, ["blog.example.com", "www.example.com"]);
        assert_eq!((blog.path.as_str(), blog.state, blog.tls), ("/", ServiceState::Running, true));
        assert!(blog.targets_container("0123456789ab") && !blog.targets_container("0123"));
        assert_eq!(shop.hosts, Vec::<String>::new());
        assert_eq!(shop.targets, ["ab:3000", "cd:3000"]);
        assert_eq!((shop.path.as_str(), shop.state, shop.tls), ("/api,/v2", ServiceState::Stopped, false));
    }

    #[test]
    fn a_proxy_without_services_prints_a_header_only() {
        assert_eq!(parse_list(&table(&[])), []);
        assert_eq!(parse_list(""), []);
        assert_eq!(parse_list("Error: dial unix /tmp/kamal-proxy.sock"), []);
    }
}
