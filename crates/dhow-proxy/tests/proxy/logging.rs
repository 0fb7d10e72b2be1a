use serde_json::Value;

use crate::support::{Backend, Gate, Proxy, reply};

#[test]
fn t_331_an_access_line_tells_all_fields_in_order() {
    let proxy = Proxy::spawn();
    let app = Backend::new(|_, stream| {
        reply(stream, 201, &[("Content-Type", "text/html"), ("Cache-Control", "public")], b"goodbye!");
    });
    let flags = ["--log-request-header", "X-CUSTOM", "--log-response-header", "cache-control,x-none"];
    proxy.deploy("web", &app, &flags);
    let lines = [
        "X-Request-ID: my-id",
        "X-Forwarded-For: 192.168.1.1",
        "User-Agent: Robot/1",
        "Content-Type: application/json",
        "X-Custom: hello",
    ];
    proxy.request("POST", "/some%20where?q=ok", &lines, b"hello");
    let line = proxy.access_lines(1).remove(0);
    for (field, value) in [
        ("level", "INFO"),
        ("host", "a.com"),
        ("path", "/some where"),
        ("request_id", "my-id"),
        ("service", "web"),
        ("target", &app.address),
        ("method", "POST"),
        ("req_content_type", "application/json"),
        ("resp_content_type", "text/html"),
        ("client_addr", "127.0.0.1"),
        ("remote_addr", "192.168.1.1"),
        ("user_agent", "Robot/1"),
        ("proto", "HTTP/1.1"),
        ("scheme", "http"),
        ("query", "q=ok"),
        ("req_x_custom", "hello"),
        ("resp_cache_control", "public"),
        ("resp_x_none", ""),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(
        (&line["status"], &line["req_content_length"], &line["resp_content_length"]),
        (&201.into(), &5.into(), &8.into())
    );
    assert!(line["duration"].as_u64().unwrap() > 0);
    assert!(line["client_port"].as_str().unwrap().parse::<u16>().unwrap() > 0);
    let log = std::fs::read_to_string(proxy.directory.0.join("log")).unwrap();
    let text = log.lines().find(|line| line.contains("\"msg\":\"Request\"")).unwrap();
    let order = [
        "time",
        "level",
        "msg",
        "host",
        "port",
        "path",
        "request_id",
        "status",
        "service",
        "target",
        "duration",
        "method",
        "req_content_length",
        "req_content_type",
        "resp_content_length",
        "resp_content_type",
        "client_addr",
        "client_port",
        "remote_addr",
        "user_agent",
        "proto",
        "scheme",
        "query",
        "req_x_custom",
        "resp_x_none",
        "target_connect",
        "target_first_byte",
    ];
    let places: Vec<_> = order.iter().map(|field| text.find(&format!("\"{field}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn the_targets_part_of_the_time_is_told_last() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"late");
    });
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    gate.await_waiting(1);
    std::thread::sleep(std::time::Duration::from_millis(20));
    gate.open();
    assert_eq!((client.reply().status, client.get("a.com", "/").status), (200, 200));
    proxy.get("a.com", "/up");
    let lines = proxy.access_lines(3);
    let time = |line: usize, field: &str| lines[line][field].as_u64().unwrap();
    assert!(time(0, "target_connect") > 0 && time(1, "target_connect") == 0, "the connection was kept");
    assert!(time(0, "target_first_byte") >= 20_000_000 + time(0, "target_connect"), "{:?}", lines[0]);
    assert!((0..3).all(|line| time(line, "target_first_byte") <= time(line, "duration")));
    proxy.ok(&["stop", "web"]);
    proxy.get("a.com", "/");
    let stopped = &proxy.access_lines(4)[3];
    assert!(stopped.get("target_connect").is_none() && stopped.get("target_first_byte").is_none());
}

#[test]
fn o_58_a_request_for_nobody_is_logged_without_service() {
    let proxy = Proxy::start();
    proxy.get("a.com:8080", "/x");
    let line = proxy.access_lines(1).remove(0);
    assert_eq!((&line["status"], &line["host"]), (&404.into(), &"a.com:8080".into()));
    assert_eq!((&line["service"], &line["target"]), (&"".into(), &"".into()));
}

#[test]
fn t_206_a_client_that_leaves_is_logged_as_499_and_the_app_is_told() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let app = Backend::new(move |_, _| held.pass());
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    gate.await_waiting(1);
    drop(client);
    let line = proxy.access_lines(1).remove(0);
    assert_eq!((&line["status"], &line["target"]), (&499.into(), &app.address.as_str().into()));
    gate.open();
}

#[test]
fn o_43_without_trust_the_remote_address_is_the_peer() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--forward-headers=false"]);
    proxy.request("GET", "/", &["X-Forwarded-For: 6.6.6.6"], b"");
    assert_eq!(proxy.access_lines(1)[0]["remote_addr"], "127.0.0.1");
}

#[test]
fn a_chunked_request_has_the_length_minus_one() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
    assert_eq!(client.reply().status, 200);
    assert_eq!(proxy.access_lines(1)[0]["req_content_length"], -1);
}

#[test]
fn commands_are_logged() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--host", "a.com"]);
    let line: Value = proxy.told("Deployed", 1).remove(0);
    assert_eq!(line["service"], "web");
    assert_eq!((&line["targets"][0], &line["hosts"][0]), (&app.address.as_str().into(), &"a.com".into()));
    assert_eq!((&line["paths"][0], &line["tls"]), (&"/".into(), &false.into()));
    proxy.ok(&["pause", "web"]);
    proxy.ok(&["stop", "web"]);
    proxy.ok(&["resume", "web"]);
    for message in [
        "No previous state to restore",
        "Server started",
        "Deploying",
        "Service paused",
        "Service stopped",
        "Service resumed",
    ] {
        assert_eq!(proxy.told(message, 1).len(), 1, "{message}");
    }
}
