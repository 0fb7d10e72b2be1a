use crate::support::{Backend, Proxy, reply};
use crate::upgrade::{UPGRADE, accept_and_echo};

struct Pair {
    proxy: Proxy,
    writer: Backend,
    reader: Backend,
}

impl Pair {
    fn new(flags: &[&str]) -> Self {
        let (proxy, writer, reader) = (Proxy::start(), Backend::named("writer"), Backend::named("reader"));
        proxy.deploy("web", &writer, &[&["--read-target", &reader.address], flags].concat());
        Self { proxy, writer, reader }
    }

    fn asked(&self, method: &str, lines: &[&str]) -> String {
        self.proxy.request(method, "/", lines, b"").text()
    }

    fn cookie(&self, method: &str) -> Option<String> {
        let reply = self.proxy.request(method, "/", &[], b"");
        reply.header("set-cookie").map(str::to_owned)
    }
}

#[test]
fn t_236a_t_237_reads_go_to_readers_and_writes_to_writers() {
    let pair = Pair::new(&[]);
    for method in ["DELETE", "PATCH", "POST", "PUT", "OPTIONS"] {
        assert_eq!(pair.asked(method, &[]), "writer", "{method}");
    }
    assert_eq!(pair.asked("GET", &[]), "reader");
    pair.asked("HEAD", &[]);
    assert_eq!(pair.reader.last().method, "HEAD");
    assert_eq!(pair.reader.last().header("x-kamal-target"), Some(pair.reader.address.as_str()));
    assert_eq!(pair.writer.last().header("x-kamal-target"), Some(pair.writer.address.as_str()));
}

#[test]
fn t_236f_who_has_written_reads_from_the_writer_for_a_while() {
    let pair = Pair::new(&["--writer-affinity-timeout", "1h"]);
    assert_eq!(pair.cookie("GET"), None);
    let cookie = pair.cookie("PUT").unwrap();
    assert!(cookie.starts_with("kamal-writer=") && cookie.ends_with("; HttpOnly"), "{cookie}");
    let sent = format!("Cookie: x=1; {}", cookie.split(';').next().unwrap());
    assert_eq!(pair.asked("GET", &[&sent]), "writer");
    assert_eq!(pair.asked("GET", &["Cookie: kamal-writer=5"]), "reader");
}

#[test]
fn t_236g_t_236h_no_readers_or_no_time_mean_no_cookie() {
    assert_eq!(Pair::new(&["--writer-affinity-timeout=0"]).cookie("PUT"), None);
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    assert_eq!(proxy.request("PUT", "/", &[], b"").header("set-cookie"), None);
    assert_eq!(proxy.get("a.com", "/").text(), "app");
}

#[test]
fn t_236i_an_app_can_opt_out() {
    let (proxy, reader) = (Proxy::start(), Backend::named("reader"));
    let writer = Backend::new(|_, stream| reply(stream, 200, &[("X-Writer-Affinity", "false")], b""));
    proxy.deploy("web", &writer, &["--read-target", &reader.address]);
    let answered = proxy.request("PUT", "/", &[], b"");
    assert_eq!((answered.header("set-cookie"), answered.header("x-writer-affinity")), (None, None));
}

#[test]
fn t_236c_t_236d_websockets_go_to_the_writer_unless_readers_take_them() {
    let (proxy, writer) = (Proxy::start(), Backend::new(|_, stream| accept_and_echo(stream)));
    let reader = Backend::new(|_, stream| reply(stream, 418, &[], b""));
    let flags = ["--read-target", reader.address.as_str()];
    proxy.deploy("web", &writer, &flags);
    assert_eq!(proxy.request("GET", "/", &UPGRADE, b"").status, 101);
    proxy.deploy("web", &writer, &[&flags[..], &["--read-target-websockets"]].concat());
    assert_eq!(proxy.request("GET", "/", &UPGRADE, b"").status, 418);
}

#[test]
fn o_14_readers_alone_take_no_writes() {
    let (proxy, reader) = (Proxy::start(), Backend::named("reader"));
    proxy.ok(&["deploy", "web", "--target", "", "--read-target", &reader.address]);
    assert_eq!(proxy.get("a.com", "/").text(), "reader");
    assert_eq!(proxy.request("POST", "/", &[], b"").status, 503);
}

#[test]
fn list_names_writers_before_readers() {
    let pair = Pair::new(&["--host", "a.com,b.com", "--path-prefix", "/x,/y"]);
    let output = String::from_utf8(pair.proxy.run(&["ls"]).stdout).unwrap();
    let row = output.lines().nth(1).unwrap();
    let targets = format!("{},{}", pair.writer.address, pair.reader.address);
    for cell in ["web", "a.com,b.com", "/x,/y", &targets, "running", "no"] {
        assert!(row.contains(&format!("m{cell}\x1b[0m")), "{cell} in {row:?}");
    }
}
