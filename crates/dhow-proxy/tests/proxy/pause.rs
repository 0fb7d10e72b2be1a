use crate::support::{Backend, Connection, Gate, Proxy, eventually, reply};

fn deployed(flags: &[&str]) -> (Proxy, Backend) {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, flags);
    (proxy, app)
}

/// A request that is held by the proxy.
fn held(proxy: &Proxy) -> Connection {
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    client
}

#[test]
fn t_116_t_263_a_pause_outlives_a_deploy_and_ends_with_resume() {
    let (proxy, app) = deployed(&[]);
    proxy.ok(&["pause", "web", "--max-pause", "10ms"]);
    assert_eq!(proxy.get("a.com", "/").status, 504);
    proxy.deploy("web", &app, &[]);
    assert_eq!(proxy.get("a.com", "/").status, 504);
    proxy.ok(&["resume", "web"]);
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    let line = &proxy.told("Rejecting request due to expired pause", 1)[0];
    assert_eq!((&line["level"], &line["service"]), (&"WARN".into(), &"web".into()));
}

#[test]
fn t_262_t_265_held_requests_go_on_with_resume_and_fail_with_stop() {
    let (proxy, app) = deployed(&[]);
    proxy.ok(&["pause", "web"]);
    let mut client = held(&proxy);
    proxy.ok(&["resume", "web"]);
    assert_eq!(client.reply().text(), "app");
    proxy.ok(&["pause", "web"]);
    let mut client = held(&proxy);
    proxy.ok(&["stop", "web", "--message", "closed for today"]);
    let refused = client.reply();
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("closed for today"));
    assert!(refused.text().contains("Service Temporarily Unavailable"));
    assert_eq!(app.received().len(), 1);
}

#[test]
fn t_124_t_159_t_211_the_probe_path_is_healthy_while_paused_or_stopped() {
    let (proxy, _api) = deployed(&["--path-prefix", "/api"]);
    let admin = Backend::raw(|_, stream| reply(stream, 200, &[], b"admin"));
    let flags = ["--path-prefix", "/admin", "--strip-path-prefix=false", "--health-check-path", "/admin/up"];
    proxy.deploy("admin", &admin, &flags);
    let statuses = |path: &str| {
        (proxy.request("GET", path, &[], b"").status, proxy.request("POST", path, &[], b"").status)
    };
    for service in ["web", "admin"] {
        proxy.ok(&["pause", service, "--max-pause", "10ms"]);
    }
    assert_eq!(statuses("/api/up"), (200, 504));
    assert_eq!(statuses("/admin/up?x=1"), (200, 504));
    assert_eq!(statuses("/api/up/x"), (504, 504));
    proxy.ok(&["stop", "web"]);
    assert_eq!(statuses("/api/up"), (200, 503));
    assert_eq!(statuses("/api/other"), (503, 503));
    proxy.ok(&["resume", "web"]);
    assert_eq!(statuses("/api/other"), (200, 200));
}

#[test]
fn a_pause_drains_what_is_under_way() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held_back = gate.clone();
    let app = Backend::new(move |_, stream| {
        held_back.pass();
        reply(stream, 200, &[], b"slow");
    });
    proxy.deploy("web", &app, &[]);
    let mut client = held(&proxy);
    gate.await_waiting(1);
    let mut pause = proxy.begin(&["pause", "web"]);
    eventually("the pause", || !proxy.lines("Service paused").is_empty());
    assert!(pause.try_wait().unwrap().is_none(), "a pause has to wait for the request");
    gate.open();
    assert_eq!(client.reply().text(), "slow");
    assert!(pause.wait().unwrap().success());
    assert_eq!(proxy.told("Service drained", 1).len(), 1);
}

#[test]
fn o_45_resuming_during_the_drain_serves_at_once() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held_back = gate.clone();
    let app = Backend::new(move |request, stream| {
        if request.path == "/slow" {
            held_back.pass();
        }
        reply(stream, 200, &[], b"app");
    });
    proxy.deploy("web", &app, &[]);
    let mut slow = proxy.connect();
    slow.request("GET", "a.com", "/slow", &[], b"");
    gate.await_waiting(1);
    let pause = proxy.begin(&["pause", "web", "--drain-timeout", "1h"]);
    eventually("the pause", || !proxy.lines("Service paused").is_empty());
    proxy.ok(&["resume", "web"]);
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    assert!(pause.wait_with_output().unwrap().status.success());
    gate.open();
    assert_eq!(slow.reply().text(), "app");
}

#[test]
fn o_11_requests_held_by_a_removed_service_fail_at_once() {
    let (proxy, _app) = deployed(&[]);
    proxy.ok(&["pause", "web", "--max-pause", "1h"]);
    let mut client = held(&proxy);
    proxy.ok(&["remove", "web"]);
    assert_eq!(client.reply().status, 404);
}

#[test]
fn o_46_a_client_that_leaves_while_held_is_noticed() {
    let (proxy, app) = deployed(&[]);
    proxy.ok(&["pause", "web", "--max-pause", "1h"]);
    drop(held(&proxy));
    let line = proxy.access_lines(1).pop().unwrap();
    assert_eq!(
        (&line["status"], &line["service"], &line["target"]),
        (&499.into(), &"web".into(), &"".into())
    );
    proxy.ok(&["resume", "web"]);
    assert!(app.received().is_empty());
}

#[test]
fn states_are_listed_and_may_be_set_twice() {
    let (proxy, _app) = deployed(&[]);
    let state = || String::from_utf8(proxy.run(&["list"]).stdout).unwrap();
    for (command, name) in [
        ("stop", "stopped"),
        ("stop", "stopped"),
        ("pause", "paused"),
        ("resume", "running"),
        ("resume", "running"),
    ] {
        proxy.ok(&[command, "web"]);
        assert!(state().contains(name), "{command}");
    }
}

#[test]
fn a_pause_during_load_loses_nothing() {
    let (proxy, _app) = deployed(&[]);
    let address = proxy.http;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Connection::open(address);
                (0..100).filter(|_| client.get("a.com", "/").status == 200).count()
            })
        })
        .collect();
    for _ in 0..10 {
        proxy.ok(&["pause", "web", "--max-pause", "1m"]);
        proxy.ok(&["resume", "web"]);
    }
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(answered, 800);
}
