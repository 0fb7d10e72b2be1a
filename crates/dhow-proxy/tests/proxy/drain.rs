use std::io::{BufReader, Write};
use std::net::TcpStream;

use crate::support::{Backend, Connection, Gate, Proxy, eventually, reply};

/// An app that holds every request at a gate.
fn gated(name: &'static str) -> (Backend, Gate) {
    let gate = Gate::default();
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], name.as_bytes());
    });
    (app, gate)
}

fn begin_get(proxy: &Proxy, count: usize, gate: &Gate) -> Vec<Connection> {
    let mut clients: Vec<_> = (0..count).map(|_| proxy.connect()).collect();
    clients.iter_mut().for_each(|client| client.request("GET", "a.com", "/slow", &[], b""));
    gate.await_waiting(count);
    clients
}

/// An app that sends events until its client is gone.
fn endless_events() -> Backend {
    Backend::new(|_, stream| {
        let head =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.get_mut().write_all(head).unwrap();
        while stream.get_mut().write_all(b"8\r\ndata: 1\n\r\n").is_ok() {
            std::thread::yield_now();
        }
    })
}

#[test]
fn t_214_o_01_requests_under_way_finish_on_the_old_target() {
    let (proxy, (old, gate), new) = (Proxy::start(), gated("old"), Backend::named("new"));
    proxy.deploy("web", &old, &[]);
    let clients = begin_get(&proxy, 3, &gate);
    let deploy = proxy.begin(&proxy.deploy_command("web", &new, &[]));
    eventually("the switch", || proxy.lists(&new));
    gate.open();
    for mut client in clients {
        assert_eq!(client.reply().text(), "old");
    }
    assert!(deploy.wait_with_output().unwrap().status.success());
}

#[test]
fn t_215_o_02_requests_that_outlive_the_drain_get_a_504() {
    let (proxy, (old, gate), new) = (Proxy::start(), gated("old"), Backend::named("new"));
    proxy.deploy("web", &old, &[]);
    let clients = begin_get(&proxy, 20, &gate);
    proxy.deploy("web", &new, &["--drain-timeout", "10ms"]);
    for mut client in clients {
        assert_eq!(client.reply().status, 504);
    }
    assert_eq!(proxy.told("Request cancelled due to draining", 20).len(), 20);
    gate.open();
}

#[test]
fn o_03_a_stream_that_outlives_the_drain_is_cut() {
    let (proxy, old, new) = (Proxy::start(), endless_events(), Backend::named("new"));
    proxy.deploy("web", &old, &["--buffer-responses"]);
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/events", &[], b"");
    let reading = std::thread::spawn(move || client.reply());
    eventually("the stream", || !old.received().is_empty());
    proxy.deploy("web", &new, &["--drain-timeout", "10ms"]);
    let reply = reading.join().unwrap();
    assert_eq!((reply.status, reply.is_whole), (200, false));
}

#[test]
fn o_04_the_same_address_can_be_deployed_again() {
    let (proxy, (app, gate)) = (Proxy::start(), gated("app"));
    proxy.deploy("web", &app, &[]);
    let clients = begin_get(&proxy, 1, &gate);
    let mut deploy = proxy.begin(&proxy.deploy_command("web", &app, &[]));
    eventually("the second deploy", || proxy.lines("Target health updated").len() == 2);
    assert!(deploy.try_wait().unwrap().is_none(), "it has to wait for the request");
    gate.open();
    for mut client in clients {
        assert_eq!(client.reply().text(), "app");
    }
    assert!(deploy.wait().unwrap().success());
}

#[test]
fn o_10_a_removed_services_requests_finish() {
    let (proxy, (app, gate)) = (Proxy::start(), gated("app"));
    proxy.deploy("web", &app, &[]);
    let mut clients = begin_get(&proxy, 1, &gate);
    proxy.ok(&["remove", "web"]);
    assert_eq!(proxy.get("a.com", "/").status, 404);
    gate.open();
    assert_eq!(clients[0].reply().text(), "app");
}

#[test]
fn o_57_connections_to_a_drained_target_are_closed() {
    let (proxy, old, new) = (Proxy::start(), Backend::named("old"), Backend::named("new"));
    proxy.deploy("web", &old, &[]);
    let mut client = proxy.connect();
    assert_eq!(client.get("a.com", "/").text(), "old");
    eventually("an idle connection", || old.connections() == 1);
    proxy.deploy("web", &new, &[]);
    eventually("no connection", || old.connections() == 0);
    assert_eq!(client.get("a.com", "/").text(), "new");
}

/// An app that echoes lines on upgraded connections.
fn echo() -> Backend {
    Backend::new(|_, stream: &mut BufReader<TcpStream>| crate::upgrade::accept_and_echo(stream))
}

#[test]
fn t_216_upgraded_connections_have_the_drain_time_and_are_cut_after_it() {
    let (proxy, old, new) = (Proxy::start(), echo(), Backend::named("new"));
    proxy.deploy("web", &old, &[]);
    let mut socket = crate::upgrade::open(&proxy);
    let mut deploy = proxy.begin(&proxy.deploy_command("web", &new, &["--drain-timeout", "4s"]));
    eventually("the switch", || proxy.lists(&new));
    socket.send(b"still here\n");
    assert_eq!(socket.line().as_deref(), Some("still here"));
    assert!(deploy.try_wait().unwrap().is_none(), "the drain has to wait for the open connection");
    assert!(deploy.wait().unwrap().success());
    assert!(socket.is_closed());
    let line = &proxy.access_lines(1).into_iter().find(|line| line["status"] == 101).unwrap();
    assert_eq!(line["target"], old.address.as_str());
}

#[test]
fn an_upgraded_connection_that_ends_ends_the_drain() {
    let (proxy, old, new) = (Proxy::start(), echo(), Backend::named("new"));
    proxy.deploy("web", &old, &[]);
    let socket = crate::upgrade::open(&proxy);
    let deploy = proxy.begin(&proxy.deploy_command("web", &new, &["--drain-timeout", "1h"]));
    eventually("the switch", || proxy.lists(&new));
    drop(socket);
    assert!(deploy.wait_with_output().unwrap().status.success());
}
