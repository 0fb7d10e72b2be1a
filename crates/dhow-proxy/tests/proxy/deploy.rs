use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::support::{Backend, Gate, Proxy, eventually, reply};

/// An app whose health check answers with these statuses, the last one for ever.
fn with_health(statuses: &'static [u16]) -> Backend {
    let asked = Arc::new(AtomicUsize::new(0));
    Backend::raw(move |request, stream| match request.path.as_str() {
        "/up" => {
            let at = asked.fetch_add(1, SeqCst).min(statuses.len() - 1);
            reply(stream, statuses[at], &[], b"");
        }
        _ => reply(stream, 200, &[], b"app"),
    })
}

#[test]
fn t_130_an_unhealthy_target_is_not_deployed() {
    let (proxy, old, sick) = (Proxy::start(), Backend::named("old"), with_health(&[500]));
    let failed = proxy.fails(&proxy.deploy_command("web", &sick, &["--deploy-timeout", "3s"]));
    let lines: Vec<_> = failed.lines().collect();
    assert_eq!(lines[0], "Error: target failed to become healthy within configured timeout (3s)");
    assert_eq!(lines[1], format!("  last probe of {}: unexpected status (500)", sick.address));
    assert_eq!(proxy.get("a.com", "/").status, 404);
    proxy.deploy("web", &old, &[]);
    proxy.fails(&proxy.deploy_command("web", &sick, &["--deploy-timeout", "20ms", "--host", "b.com"]));
    assert_eq!(proxy.get("a.com", "/").text(), "old");
    assert_eq!(proxy.told("Healthcheck failed", 1)[0]["error"], "unexpected status (500)");
}

#[test]
fn t_251_a_target_may_need_several_probes() {
    let (proxy, app) = (Proxy::start(), with_health(&[502, 502, 204]));
    proxy.deploy("web", &app, &["--health-check-interval", "5ms"]);
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    assert_eq!(app.probes().len(), 3);
    let updated = proxy.told("Target health updated", 1).pop().unwrap();
    assert_eq!((&updated["state"], &updated["was"]), (&"healthy".into(), &"adding".into()));
}

#[test]
fn t_251c_a_slow_probe_fails() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let app = Backend::raw(move |_, _| held.pass());
    let flags = ["--health-check-timeout", "20ms", "--deploy-timeout", "3s"];
    let failed = proxy.fails(&proxy.deploy_command("web", &app, &flags));
    assert!(failed.ends_with("request timed out"), "{failed}");
    gate.open();
}

#[test]
fn t_252_probes_can_have_a_host_of_their_own() {
    let proxy = Proxy::start();
    let app = Backend::raw(|request, stream| {
        let status = if request.header("host") == Some("app.local") { 200 } else { 400 };
        reply(stream, status, &[], b"");
    });
    proxy.fails(&proxy.deploy_command("web", &app, &["--deploy-timeout", "3s"]));
    assert_eq!(app.probes()[0].header("host"), Some(app.address.as_str()));
    assert_eq!(app.probes()[0].header("user-agent"), Some("kamal-proxy"));
    proxy.deploy("web", &app, &["--health-check-host", "app.local"]);
}

#[test]
fn o_47_o_48_probes_follow_redirects_and_may_have_a_query() {
    let proxy = Proxy::start();
    let app = Backend::raw(|request, stream| match request.path.as_str() {
        "/health?deep=1" => reply(stream, 302, &[("Location", "/fine")], b""),
        "/fine" => reply(stream, 200, &[], b""),
        _ => reply(stream, 404, &[], b""),
    });
    proxy.deploy("web", &app, &["--health-check-path", "/health?deep=1"]);
}

#[test]
fn an_app_that_is_slow_to_listen_is_found_soon_after_it_does() {
    let proxy = Proxy::start();
    let address = Backend::named("reserved").address.clone();
    let deploy = proxy.begin(&["deploy", "web", "--target", &address, "--health-check-interval", "1h"]);
    eventually("a failed probe", || !proxy.lines("Healthcheck failed").is_empty());
    let app = Backend::on(&address, |_, stream| reply(stream, 200, &[], b"app"));
    assert!(deploy.wait_with_output().unwrap().status.success());
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    drop(app);
}

#[test]
fn t_234_o_09_all_targets_have_to_be_healthy() {
    let (proxy, good, sick) = (Proxy::start(), Backend::named("good"), with_health(&[500]));
    let flags = ["--target", &sick.address, "--deploy-timeout", "50ms"];
    assert!(proxy.fails(&proxy.deploy_command("web", &good, &flags)).contains("failed to become healthy"));
}

#[test]
fn o_07_an_unhealthy_target_of_several_is_left_out_until_it_is_back() {
    let (proxy, good) = (Proxy::start(), Backend::named("good"));
    let status = Arc::new(AtomicUsize::new(200));
    let shared = status.clone();
    let other = Backend::raw(move |_, stream| reply(stream, shared.load(SeqCst) as u16, &[], b"other"));
    let good_only = || (0..4).all(|_| proxy.get("a.com", "/").text() == "good");
    proxy.deploy("web", &good, &["--target", &other.address, "--health-check-interval", "5ms"]);
    assert!(!good_only());
    status.store(500, SeqCst);
    eventually("the sick target left out", good_only);
    status.store(200, SeqCst);
    eventually("the target back", || !good_only());
}

#[test]
fn a_target_that_cannot_be_reached_is_probed_at_once_and_left_out() {
    let (proxy, good) = (Proxy::start(), Backend::named("good"));
    let bad = Backend::named("bad");
    proxy.deploy("web", &good, &["--target", &bad.address, "--health-check-interval", "1h"]);
    assert!((0..4).any(|_| proxy.get("a.com", "/").text() == "bad"));
    drop(bad);
    eventually("only answers of the good one", || (0..8).all(|_| proxy.get("a.com", "/").text() == "good"));
    assert_eq!(proxy.told("Target health updated", 3).pop().unwrap()["state"], "unhealthy");
}

#[test]
fn a_busy_target_gets_less() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let backend = |name: &'static str| {
        let held = gate.clone();
        Backend::new(move |request, stream| {
            if request.path == "/slow" {
                held.pass();
            }
            reply(stream, 200, &[], name.as_bytes());
        })
    };
    let (one, other) = (backend("one"), backend("other"));
    proxy.deploy("web", &one, &["--target", &other.address]);
    let mut slow = proxy.connect();
    slow.request("GET", "a.com", "/slow", &[], b"");
    gate.await_waiting(1);
    let quick: Vec<_> = (0..20).map(|_| proxy.get("a.com", "/").text()).collect();
    gate.open();
    let busy = slow.reply().text();
    // In turn, it would be ten of them. A request that has just ended may still count for a moment.
    let strayed = quick.iter().filter(|name| **name == busy).count();
    assert!(strayed < 8, "{strayed} of {quick:?} went to {busy}, which was busy");
}

#[test]
fn o_08_a_single_target_is_used_whatever_its_health() {
    let (proxy, app) = (Proxy::start(), with_health(&[200, 500]));
    proxy.deploy("web", &app, &["--health-check-interval", "1ms"]);
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    assert_eq!(app.probes().len(), 1);
}

#[test]
fn o_05_a_deploy_goes_on_when_its_command_line_is_killed() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let app = Backend::raw(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"app");
    });
    let mut deploy = proxy.begin(&proxy.deploy_command("web", &app, &[]));
    gate.await_waiting(1);
    deploy.kill().unwrap();
    deploy.wait().unwrap();
    gate.open();
    eventually("the deploy", || proxy.get("a.com", "/").status == 200);
}

#[test]
fn o_06_a_forced_deploy_keeps_the_old_target_until_the_new_one_is_healthy() {
    let (proxy, old, gate) = (Proxy::start(), Backend::named("old"), Gate::default());
    let held = gate.clone();
    let new = Backend::raw(move |request, stream| {
        if request.path == "/up" {
            held.pass();
        }
        reply(stream, 200, &[], b"new");
    });
    proxy.deploy("web", &old, &[]);
    proxy.deploy("web", &new, &["--force"]);
    assert_eq!(proxy.get("a.com", "/").text(), "old");
    gate.open();
    eventually("the new target", || proxy.get("a.com", "/").text() == "new");
}

#[test]
fn a_forced_first_deploy_answers_503_until_healthy() {
    let (proxy, sick) = (Proxy::start(), with_health(&[500, 500, 200]));
    proxy.deploy("web", &sick, &["--force", "--health-check-interval", "5ms"]);
    eventually("health", || proxy.get("a.com", "/").status == 200);
}

#[test]
fn o_13_o_42_what_would_break_the_daemon_is_refused() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let interval = proxy.fails(&proxy.deploy_command("web", &app, &["--health-check-interval", "0s"]));
    assert_eq!(interval, "Error: health-check-interval must be more than 0s");
    let none = proxy.fails(&["deploy", "web", "--target", ""]);
    assert_eq!(none, "Error: at least one target is needed; give it as --target <container or host>:<port>");
    assert_eq!(
        proxy.fails(&["deploy", "web", "--target", "http://x"]),
        "Error: http://x :invalid host pattern"
    );
}

#[test]
fn deploys_of_one_service_come_one_after_the_other() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let slow = Backend::raw(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"slow");
    });
    let (quick, other) = (Backend::named("quick"), Backend::named("other"));
    let flags = ["--health-check-timeout", "30s", "--host", "a.com"];
    let mut first = proxy.begin(&proxy.deploy_command("web", &slow, &flags));
    gate.await_waiting(1);
    let mut second = proxy.begin(&proxy.deploy_command("web", &quick, &["--host", "a.com"]));
    proxy.deploy("other", &other, &["--host", "b.com"]);
    assert_eq!(proxy.get("b.com", "/").text(), "other", "another service does not wait");
    // Time enough for the second one to overtake, if it could.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(quick.accepted(), 0);
    gate.open();
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    assert_eq!(proxy.get("a.com", "/").text(), "quick");
}
