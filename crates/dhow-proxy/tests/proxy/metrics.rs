use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, KeyPair};

use crate::support::daemon::new_directory;
use crate::support::tls::Scene;
use crate::support::{Backend, Connection, Gate, Proxy, Reply, eventually, reply};

/// A proxy that is measured.
fn measured() -> Proxy {
    Proxy::start_with(new_directory(), |config| config.metrics_port = Some(0))
}

/// The page, which has to be in the text format.
fn page(proxy: &Proxy) -> Reply {
    let reply = Connection::open(proxy.metrics.expect("metrics")).get("metrics", "/any/path");
    assert_eq!(
        (reply.status, reply.header("content-type").unwrap()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    reply
}

/// A sample by its name and labels, as the page writes them.
fn sample(proxy: &Proxy, series: &str) -> Option<f64> {
    let text = page(proxy).text();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
    value.map(|value| value.parse().unwrap())
}

fn becomes(proxy: &Proxy, series: &str, wanted: f64) {
    eventually(&format!("{series} {wanted}"), || sample(proxy, series) == Some(wanted));
}

#[test]
fn bodies_of_unknown_length_are_counted_as_they_come() {
    let (proxy, app) = (measured(), Backend::named("app"));
    for buffering in ["--buffer-requests=false", "--buffer-requests"] {
        proxy.deploy("web", &app, &[buffering]);
        let mut client = proxy.connect();
        let head = b"POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(&[&head[..], b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"].concat());
        assert_eq!(client.reply().status, 200);
        assert_eq!(app.last().body, b"hello world");
    }
    becomes(&proxy, "dhow_proxy_http_request_body_bytes_total{service=\"web\"}", 22.0);
    assert_eq!(proxy.access_lines(1)[0]["req_content_length"], -1, "kamal-proxy's field stays");
}

#[test]
fn requests_are_counted_and_timed_by_service_method_and_status() {
    let proxy = measured();
    let app = Backend::new(|request, stream| match request.path.as_str() {
        "/missing" => reply(stream, 404, &[], b""),
        _ => reply(stream, 200, &[], b"hello"),
    });
    proxy.deploy("web", &app, &["--host", "a.com"]);
    // Two connections, so that more than one worker may have a part in it.
    for _ in 0..2 {
        let mut client = proxy.connect();
        for _ in 0..3 {
            assert_eq!(client.get("a.com", "/").status, 200);
        }
        assert_eq!(client.get("a.com", "/missing").status, 404);
    }
    proxy.request("POST", "/", &[], b"four");
    proxy.request("BREW", "/", &[], b"");
    assert_eq!(proxy.get("b.com", "/").status, 404);
    let total = |labels: &str| format!("kamal_proxy_http_requests_total{{{labels}}}");
    becomes(&proxy, &total("method=\"GET\",service=\"web\",status=\"200\""), 6.0);
    becomes(&proxy, &total("method=\"GET\",service=\"web\",status=\"404\""), 2.0);
    becomes(&proxy, &total("method=\"POST\",service=\"web\",status=\"200\""), 1.0);
    becomes(&proxy, &total("method=\"OTHER\",service=\"web\",status=\"200\""), 1.0);
    becomes(&proxy, &total("method=\"GET\",service=\"\",status=\"404\""), 1.0);
    becomes(&proxy, "dhow_proxy_http_request_body_bytes_total{service=\"web\"}", 4.0);
    becomes(&proxy, "dhow_proxy_http_response_body_bytes_total{service=\"web\"}", 40.0);
    let series = "method=\"GET\",service=\"web\",status=\"200\"";
    let duration = "kamal_proxy_http_request_duration_seconds";
    for bound in ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"] {
        let within = sample(&proxy, &format!("{duration}_bucket{{{series},le=\"{bound}\"}}")).unwrap();
        assert!(within <= 6.0);
    }
    assert_eq!(sample(&proxy, &format!("{duration}_bucket{{{series},le=\"+Inf\"}}")), Some(6.0));
    assert_eq!(sample(&proxy, &format!("{duration}_count{{{series}}}")), Some(6.0));
    assert!(sample(&proxy, &format!("{duration}_sum{{{series}}}")).unwrap() > 0.0);
}

#[test]
fn requests_under_way_are_a_gauge_those_held_included() {
    let (proxy, app) = (measured(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let in_flight = "kamal_proxy_http_in_flight_requests{service=\"web\"}";
    proxy.ok(&["pause", "web", "--max-pause", "1h"]);
    let mut clients: Vec<_> = (0..3).map(|_| proxy.connect()).collect();
    clients.iter_mut().for_each(|client| client.request("GET", "a.com", "/", &[], b""));
    becomes(&proxy, in_flight, 3.0);
    drop(clients.pop());
    becomes(&proxy, in_flight, 2.0);
    let left = "kamal_proxy_http_requests_total{method=\"GET\",service=\"web\",status=\"499\"}";
    becomes(&proxy, left, 1.0);
    proxy.ok(&["resume", "web"]);
    assert!(clients.iter_mut().all(|client| client.reply().status == 200));
    becomes(&proxy, in_flight, 0.0);
    assert!(!page(&proxy).text().contains(&in_flight.replace("web", "")));
}

#[test]
fn t_160_t_161_excluded_paths_are_logged_and_not_counted() {
    let (proxy, app) = (measured(), Backend::named("app"));
    proxy.deploy("api", &app, &["--path-prefix", "/api", "--exclude-metrics-path", "/ping,/up"]);
    for (method, path) in [("GET", "/api/ping"), ("POST", "/api/ping"), ("GET", "/api/%70ing?x=1")] {
        assert_eq!(proxy.request(method, path, &[], b"").status, 200);
    }
    for path in ["/api/ping/x", "/api/pong"] {
        assert_eq!(proxy.get("a.com", path).status, 200);
    }
    becomes(&proxy, "kamal_proxy_http_requests_total{method=\"GET\",service=\"api\",status=\"200\"}", 2.0);
    assert_eq!(proxy.access_lines(5).len(), 5);
    assert!(!page(&proxy).text().contains("POST"));
    becomes(&proxy, "kamal_proxy_http_in_flight_requests{service=\"api\"}", 0.0);
}

#[test]
fn connections_targets_and_states_can_be_watched() {
    let (proxy, gate) = (measured(), Gate::default());
    let held = gate.clone();
    let sick = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_sick = sick.clone();
    let app = Backend::raw(move |request, stream| match request.path.as_str() {
        "/slow" => held.pass(),
        _ if is_sick.load(std::sync::atomic::Ordering::SeqCst) => reply(stream, 500, &[], b""),
        _ => reply(stream, 200, &[], b""),
    });
    let other = Backend::raw(|_, stream| reply(stream, 200, &[], b""));
    let flags = ["--read-target", other.address.as_str(), "--health-check-interval", "20ms"];
    proxy.deploy("web", &app, &flags);
    let mut client = proxy.connect();
    client.request("POST", "a.com", "/slow", &[], b"");
    gate.await_waiting(1);
    becomes(&proxy, "dhow_proxy_client_connections{scheme=\"http\"}", 1.0);
    let target = |name: &str, backend: &Backend| {
        format!("{name}{{service=\"web\",set=\"active\",target=\"{}\"}}", backend.address)
    };
    becomes(&proxy, &target("dhow_proxy_target_in_flight_requests", &app), 1.0);
    becomes(&proxy, &target("dhow_proxy_target_in_flight_requests", &other), 0.0);
    becomes(&proxy, &target("dhow_proxy_target_healthy", &app), 1.0);
    sick.store(true, std::sync::atomic::Ordering::SeqCst);
    becomes(&proxy, &target("dhow_proxy_target_healthy", &app), 0.0);
    becomes(&proxy, &target("dhow_proxy_target_healthy", &other), 1.0);
    gate.open();
    drop(client);
    becomes(&proxy, "dhow_proxy_client_connections{scheme=\"http\"}", 0.0);
    becomes(&proxy, "dhow_proxy_client_connections_total{scheme=\"http\"}", 1.0);
    proxy.ok(&["stop", "web"]);
    becomes(&proxy, "dhow_proxy_service_state{service=\"web\",state=\"stopped\"}", 1.0);
    becomes(&proxy, "dhow_proxy_service_state{service=\"web\",state=\"running\"}", 0.0);
}

#[test]
fn the_end_of_a_certificate_can_be_watched() {
    let scene = Scene::of(measured(), Backend::named("app"));
    let mut parameters = CertificateParams::new(vec!["a.com".into(), "b.com".into()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2045, 6, 7);
    let pair = scene.authority.issue_as(parameters, &KeyPair::generate().unwrap());
    scene.deploy_with("web", &["a.com", "b.com"], &pair, &[]);
    for host in ["a.com", "b.com"] {
        let series = format!("dhow_proxy_certificate_expiry_timestamp_seconds{{host=\"{host}\"}}");
        assert_eq!(sample(&scene.proxy, &series), Some(2_380_406_400.0));
    }
    assert_eq!(scene.text(&scene.authority.client(), "a.com"), "app");
    becomes(&scene.proxy, "dhow_proxy_client_connections_total{scheme=\"https\"}", 1.0);
}

#[test]
fn the_process_is_told_about_and_nothing_but_reading_is_answered() {
    let proxy = measured();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(sample(&proxy, "process_start_time_seconds").unwrap() < now + 1.0);
    let version = format!("dhow_proxy_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(sample(&proxy, &version), Some(1.0));
    let mut client = Connection::open(proxy.metrics.unwrap());
    client.request("POST", "metrics", "/metrics", &[], b"x=1");
    let refused = client.reply();
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    client.request("HEAD", "metrics", "/metrics", &[], b"");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_metrics_port_that_is_taken_is_a_start_failure() {
    let taken = std::net::TcpListener::bind("[::]:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = new_directory();
    let mut run =
        directory.command(&["run", "--http-port", "0", "--https-port", "0", "--metrics-port", &port]);
    let output = run.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.trim_end(), format!("Error: listen tcp :{port}: bind: address already in use"));
}

#[test]
fn the_program_serves_metrics_on_the_port_that_it_is_given() {
    let (proxy, port) = Proxy::spawn_measured();
    let line = proxy.told("Metrics enabled", 1).remove(0);
    assert_eq!(line["address"], format!(":{port}"));
    assert_eq!(proxy.get("a.com", "/").status, 404);
    becomes(&proxy, "kamal_proxy_http_requests_total{method=\"GET\",service=\"\",status=\"404\"}", 1.0);
}
