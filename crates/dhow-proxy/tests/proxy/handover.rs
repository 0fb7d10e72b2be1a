use std::sync::atomic::Ordering::SeqCst;

use crate::load::Load;
use crate::support::{Backend, Gate, Proxy, eventually, reply};

const HANDOVERS: usize = 20;

#[test]
fn twenty_processes_take_over_under_load_and_lose_nothing() {
    let (mut proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let load = Load::on(&proxy);
    for number in 0..HANDOVERS {
        let some_more = |what: &str| {
            let before = load.answered.load(SeqCst);
            eventually(what, || load.answered.load(SeqCst) > before + 50);
        };
        some_more("requests before a hand-over");
        let successor = proxy.succeeded(&format!("log-{number}"), &[]);
        some_more("requests after a hand-over");
        assert_eq!((successor.http, successor.https), (proxy.http, proxy.https));
        assert_eq!(std::mem::replace(&mut proxy, successor).exit_code(), Some(0));
        assert!(proxy.lists(&app));
    }
    let (answered, failed) = load.end();
    assert_eq!(failed, 0, "of {answered} requests");
}

/// A proxy with an app whose answers to `/slow` wait for the gate.
fn gated() -> (Proxy, Backend, Gate) {
    let (proxy, gate) = (Proxy::spawn(), Gate::default());
    let held = gate.clone();
    let app = Backend::new(move |request, stream| {
        if request.path == "/slow" {
            held.pass();
        }
        reply(stream, 200, &[], b"app");
    });
    proxy.deploy("web", &app, &[]);
    (proxy, app, gate)
}

#[test]
fn what_is_under_way_ends_where_it_began_and_commands_go_to_the_successor() {
    let (proxy, _app, gate) = gated();
    let (mut slow, mut idle) = (proxy.connect(), proxy.connect());
    assert_eq!(idle.get("a.com", "/").header("connection"), None);
    slow.request("GET", "a.com", "/slow", &[], b"");
    gate.await_waiting(1);
    let successor = proxy.succeeded("log-2", &["--drain-timeout", "1h"]);
    assert_eq!(proxy.told("Handed over", 1).len(), 1);
    // An idle client is told to leave with its next answer.
    let last = idle.get("a.com", "/");
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    let next = Backend::named("next");
    successor.deploy("web", &next, &[]);
    assert_eq!(successor.get("a.com", "/").text(), "next");
    assert_eq!(successor.access_lines(1).len(), 1);
    gate.open();
    assert_eq!(slow.reply().text(), "app");
    assert_eq!(proxy.told("Request", 3).len(), 3);
    proxy.told("Server stopped", 1);
    assert_eq!(proxy.exit_code(), Some(0));
    // Neither the socket nor the state went with it.
    assert!(successor.lists(&next));
    assert_eq!(successor.state()[0]["active_targets"][0], next.address.as_str());
}

#[test]
fn what_outlives_the_drain_is_cut() {
    let (proxy, _app, gate) = gated();
    let mut slow = proxy.connect();
    slow.request("GET", "a.com", "/slow", &[], b"");
    gate.await_waiting(1);
    let _successor = proxy.succeeded("log-2", &["--drain-timeout", "10ms"]);
    assert_eq!(proxy.exit_code(), Some(0));
    assert!(slow.try_reply().is_none());
    gate.open();
}

/// What a process says that tries to take over, and cannot.
fn refused(proxy: &Proxy, ports: [u16; 2]) -> String {
    let [http, https] = ports.map(|port| port.to_string());
    let output = proxy.run(&["run", "--take-over", "--http-port", &http, "--https-port", &https]);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
}

#[test]
fn a_proxy_that_cannot_be_taken_over_serves_on() {
    let (proxy, app, gate) = gated();
    let ports = [proxy.http.port(), proxy.https.port()];
    let elsewhere = refused(&proxy, [1, ports[1]]);
    let told = "the running proxy does not listen on port 1; take over with its ports, or stop it first";
    assert_eq!(elsewhere, format!("Error: {told}"));
    proxy.told("Unable to hand over; serving on", 1);
    proxy.ok(&["pause", "web"]);
    let paused = "web is paused, and held requests cannot move; resume it first";
    assert_eq!(refused(&proxy, ports), format!("Error: the running proxy does not hand over: {paused}"));
    proxy.ok(&["resume", "web"]);
    let mut slow = proxy.connect();
    slow.request("GET", "a.com", "/slow", &[], b"");
    gate.await_waiting(1);
    let mut deploy = proxy.begin(&proxy.deploy_command("web", &app, &["--drain-timeout", "1h"]));
    eventually("the drain of a deploy", || proxy.lines("Target health updated").len() == 2);
    let busy = "a command is under way; try again when it has ended";
    assert_eq!(refused(&proxy, ports), format!("Error: the running proxy does not hand over: {busy}"));
    gate.open();
    assert_eq!(slow.reply().text(), "app");
    assert!(deploy.wait().unwrap().success());
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    assert!(proxy.lines("Handed over").is_empty());
}

#[test]
fn without_a_proxy_to_take_over_from_it_is_a_start_like_any_other() {
    let proxy = Proxy::spawn_flagged(&["--take-over"]);
    assert_eq!(proxy.get("a.com", "/").status, 404);
    assert!(proxy.lines("Took over").is_empty());
    // Nor is a socket that a crash has left a proxy.
    let crashed = proxy.kill();
    let proxy = Proxy::spawn_flagged_in(crashed, &["--take-over"]);
    assert_eq!(proxy.get("a.com", "/").status, 404);
}

#[test]
fn an_upgrade_under_load_loses_nothing_and_leaves_the_first_process_in_charge() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let load = Load::on(&proxy);
    for upgrades in 1..=5 {
        proxy.ok(&["upgrade"]);
        proxy.told("Took over", upgrades);
        let before = load.answered.load(SeqCst);
        eventually("requests after an upgrade", || load.answered.load(SeqCst) > before + 50);
    }
    let (answered, failed) = load.end();
    assert_eq!(failed, 0, "of {answered} requests");
    // All of them write to the first one's output, and the first one's end is the end of all.
    let next = Backend::named("next");
    proxy.deploy("web", &next, &[]);
    assert_eq!(proxy.get("a.com", "/").text(), "next");
    let (address, directory) = (proxy.http, proxy.directory.clone());
    proxy.signal("TERM");
    assert_eq!(proxy.exit_code(), Some(0));
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(!directory.socket().exists());
}

#[test]
fn an_upgrade_that_fails_leaves_the_proxy_as_it_was() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let missing = proxy.fails(&["upgrade", "--program", "/nowhere/kamal-proxy"]);
    assert_eq!(missing, "Error: /nowhere/kamal-proxy: No such file or directory (os error 2)");
    let broken = proxy.fails(&["upgrade", "--program", "/bin/false"]);
    assert!(broken.starts_with("Error: the new proxy did not start (exit status: 1)"), "{broken}");
    proxy.ok(&["pause", "web"]);
    assert!(proxy.fails(&["upgrade"]).starts_with("Error: web is paused"));
    proxy.ok(&["resume", "web"]);
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    assert!(proxy.lines("Took over").is_empty());
}
