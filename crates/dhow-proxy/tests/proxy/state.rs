use std::os::unix::fs::PermissionsExt;

use crate::support::daemon::new_directory;
use crate::support::{Backend, Gate, Proxy, eventually, reply};

#[test]
fn t_132_a_killed_proxy_serves_again_from_its_state() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &["--path-prefix", "/x", "--log-request-header", "User-Agent"]);
    proxy.deploy("other", &app, &["--host", "b.com", "--buffer-requests"]);
    proxy.ok(&["stop", "other", "--message", "later"]);
    let before = proxy.state();
    let proxy = Proxy::spawn_in(proxy.kill());
    assert_eq!(proxy.get("a.com", "/x/y").text(), "app");
    assert_eq!(app.last().path, "/y");
    assert!(proxy.get("b.com", "/").text().contains("later"));
    proxy.ok(&["resume", "other"]);
    assert_eq!(proxy.get("b.com", "/").text(), "app");
    proxy.ok(&["stop", "other", "--message", "later"]);
    assert_eq!(proxy.state(), before);
}

#[test]
fn the_state_is_in_kamal_proxys_format_and_private() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--target-timeout", "5s"]);
    let service = &proxy.state()[0];
    assert_eq!(service["name"], "web");
    assert_eq!(service["options"]["hosts"][0], "");
    assert_eq!(service["options"]["path_prefixes"][0], "/");
    assert_eq!(service["options"]["strip_prefix"], true);
    assert_eq!(service["target_options"]["response_timeout"], 5_000_000_000_u64);
    assert_eq!(service["target_options"]["health_check_config"]["interval"], 1_000_000_000);
    assert_eq!(service["target_options"]["forward_headers"], true);
    assert_eq!(service["active_targets"][0], app.address.as_str());
    assert_eq!(service["pause_controller"]["state"], 0);
    assert!(service["rollout_controller"].is_null());
    for path in [proxy.directory.state(), proxy.directory.socket()] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn o_21_a_restored_pause_ends_with_resume() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    proxy.ok(&["pause", "web", "--max-pause", "1m"]);
    let proxy = Proxy::spawn_in(proxy.kill());
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    proxy.ok(&["resume", "web"]);
    assert_eq!(client.reply().text(), "app");
}

#[test]
fn o_23_a_restored_target_that_is_down_is_a_502_until_it_is_back() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let (directory, address) = (proxy.kill(), app.address.clone());
    drop(app);
    let proxy = Proxy::spawn_in(directory);
    assert_eq!(proxy.get("a.com", "/").status, 502);
    let _back = Backend::on(&address, |_, stream| reply(stream, 200, &[], b"back"));
    assert_eq!(proxy.get("a.com", "/").text(), "back");
}

#[test]
fn o_24_a_service_whose_pages_are_gone_takes_no_other_along() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let page = proxy.directory.write("pages/404.html", "x");
    proxy.deploy(
        "pages",
        &app,
        &["--host", "a.com", "--error-pages", page.parent().unwrap().to_str().unwrap()],
    );
    proxy.deploy("web", &app, &["--host", "b.com"]);
    let directory = proxy.directory.clone();
    drop(proxy);
    std::fs::remove_dir_all(page.parent().unwrap()).unwrap();
    let proxy = Proxy::start_in(directory);
    assert_eq!((proxy.get("a.com", "/").status, proxy.get("b.com", "/").status), (200, 200));
    assert_eq!(proxy.told("Unable to parse custom error pages", 1)[0]["service"], "pages");
}

#[test]
fn o_25_an_unreadable_state_is_kept_aside() {
    let directory = new_directory();
    directory.write(".config/kamal-proxy/kamal-proxy.state", "[{\"name\":");
    let (proxy, app) = (Proxy::start_in(directory), Backend::named("app"));
    assert_eq!(proxy.told("Failed to decode saved state", 1).len(), 1);
    proxy.deploy("web", &app, &[]);
    let kept = proxy.directory.state().with_extension("state.unreadable");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "[{\"name\":");
    assert_eq!(proxy.state()[0]["name"], "web");
}

#[test]
fn t_163_a_state_of_an_old_kamal_proxy_is_taken_over() {
    let (directory, app) = (new_directory(), Backend::named("app"));
    let state = format!(
        r#"[{{"name":"web","hosts":["a.com"],"active_target":"{}","target_options":{{"response_timeout":5000000000}}}}]"#,
        app.address
    );
    directory.write(".config/kamal-proxy/kamal-proxy.state", &state);
    let proxy = Proxy::start_in(directory);
    assert_eq!((proxy.get("a.com", "/").text().as_str(), proxy.get("b.com", "/").status), ("app", 404));
}

#[test]
fn o_50_a_terminated_proxy_finishes_what_is_under_way() {
    let (proxy, gate) = (Proxy::spawn(), Gate::default());
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"done");
    });
    proxy.deploy("web", &app, &[]);
    let (mut client, mut idle) = (proxy.connect(), proxy.connect());
    idle.send(b"OPTIONS * HTTP/1.1\r\nHost: a.com\r\n\r\n");
    assert_eq!(idle.reply().status, 200);
    client.request("GET", "a.com", "/", &[], b"");
    gate.await_waiting(1);
    proxy.signal("TERM");
    let http = proxy.http;
    eventually("refused connections", || std::net::TcpStream::connect(http).is_err());
    gate.open();
    let reply = client.reply();
    assert_eq!((reply.text().as_str(), reply.header("connection")), ("done", Some("close")));
    assert!(idle.is_closed());
    let directory = proxy.directory.clone();
    assert_eq!(proxy.exit_code(), Some(0));
    assert!(!directory.socket().exists());
}

#[test]
fn o_53_a_second_daemon_does_not_steal_the_socket() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    let refused = proxy.fails(&["run", "--http-port", "0", "--https-port", "0"]);
    assert!(refused.starts_with("Error: another proxy is already listening on "), "{refused}");
    proxy.deploy("web", &app, &[]);
    let port = proxy.http.port().to_string();
    let refused = proxy.fails(&["run", "--http-port", &port, "--https-port", "0"]);
    assert_eq!(refused, format!("Error: listen tcp :{port}: bind: address already in use"));
    assert_eq!(proxy.get("a.com", "/").text(), "app");
}
