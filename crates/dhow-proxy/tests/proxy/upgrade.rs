use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::support::{Backend, Connection, Proxy, reply};

pub const UPGRADE: [&str; 2] = ["Connection: Upgrade", "Upgrade: websocket"];

/// The app's half: switches the protocol, then echoes line by line.
pub fn accept_and_echo(stream: &mut BufReader<TcpStream>) {
    let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.get_mut().write_all(head).unwrap();
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
        stream.get_mut().write_all(line.as_bytes()).ok();
        line.clear();
    }
}

/// A client's open connection.
pub fn open(proxy: &Proxy) -> Connection {
    let mut socket = proxy.connect();
    socket.request("GET", "a.com", "/cable", &UPGRADE, b"");
    let reply = socket.head().unwrap();
    assert_eq!((reply.status, reply.header("upgrade")), (101, Some("websocket")));
    assert_eq!(reply.header("connection"), Some("Upgrade"));
    socket
}

#[test]
fn t_204_t_205_upgraded_connections_carry_bytes_both_ways_whatever_is_buffered() {
    let buffered = ["--buffer-requests", "--buffer-responses", "--buffer-memory=1"];
    let limited = [&buffered[..], &["--max-request-body=2", "--max-response-body=2"]].concat();
    for flags in [&[][..], &limited[..]] {
        let (proxy, app) = (Proxy::start(), Backend::new(|_, stream| accept_and_echo(stream)));
        proxy.deploy("web", &app, flags);
        let mut socket = open(&proxy);
        for text in ["hello", "a longer message than the limits"] {
            socket.send(format!("{text}\n").as_bytes());
            assert_eq!(socket.line().as_deref(), Some(text));
        }
    }
}

#[test]
fn o_56_bytes_sent_along_with_the_upgrade_are_not_lost() {
    let (proxy, app) = (Proxy::start(), Backend::new(|_, stream| accept_and_echo(stream)));
    proxy.deploy("web", &app, &[]);
    let mut socket = proxy.connect();
    socket.send(b"GET / HTTP/1.1\r\nHost: a.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly\n");
    assert_eq!(socket.head().unwrap().status, 101);
    assert_eq!(socket.line().as_deref(), Some("early"));
}

#[test]
fn an_app_may_refuse_an_upgrade() {
    let (proxy, app) = (Proxy::start(), Backend::new(|_, stream| reply(stream, 403, &[], b"no")));
    proxy.deploy("web", &app, &[]);
    let refused = proxy.request("GET", "/cable", &UPGRADE, b"");
    assert_eq!((refused.status, refused.text().as_str()), (403, "no"));
}

#[test]
fn a_protocol_change_that_nobody_asked_for_is_a_bad_answer() {
    let (proxy, app) = (Proxy::start(), Backend::new(|_, stream| accept_and_echo(stream)));
    proxy.deploy("web", &app, &[]);
    assert_eq!(proxy.get("a.com", "/").status, 502);
}
