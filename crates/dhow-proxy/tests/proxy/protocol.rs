use crate::support::{Backend, Proxy};

fn raw(request: &str) -> (u16, String) {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send(request.as_bytes());
    let reply = client.reply();
    (reply.status, reply.text())
}

#[test]
fn o_55_connect_is_refused() {
    assert_eq!(raw("CONNECT b.com:443 HTTP/1.1\r\nHost: b.com:443\r\n\r\n").0, 405);
}

#[test]
fn a_missing_host_is_a_400() {
    let (status, text) = raw("GET / HTTP/1.1\r\n\r\n");
    assert_eq!((status, text.as_str()), (400, "400 Bad Request: missing required Host header"));
    assert_eq!(raw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").0, 400);
}

#[test]
fn http_1_0_needs_no_host_and_closes() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().text(), "app");
    assert!(client.is_closed());
    assert_eq!(app.last().header("host"), Some(app.address.as_str()));
    assert_eq!(proxy.access_lines(1)[0]["proto"], "HTTP/1.0");
}

#[test]
fn the_host_of_an_absolute_target_counts() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--host", "b.com"]);
    let mut client = proxy.connect();
    client.send(b"GET http://b.com/x?y HTTP/1.1\r\nHost: a.com\r\n\r\n");
    assert_eq!(client.reply().text(), "app");
    assert_eq!((app.last().path.as_str(), app.last().header("host")), ("/x?y", Some("b.com")));
}

#[test]
fn options_of_the_server_itself_are_not_routed() {
    assert_eq!(raw("OPTIONS * HTTP/1.1\r\nHost: a.com\r\n\r\n"), (200, String::new()));
}

#[test]
fn an_unknown_expectation_is_a_417() {
    assert_eq!(raw("GET / HTTP/1.1\r\nHost: a.com\r\nExpect: magic\r\n\r\n").0, 417);
}

#[test]
fn unknown_methods_pass() {
    assert_eq!(raw("PURGE / HTTP/1.1\r\nHost: a.com\r\n\r\n"), (200, "app".into()));
}

#[test]
fn what_is_no_http_is_a_400() {
    assert_eq!(raw("hello\r\n\r\n").0, 400);
    assert_eq!(raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").0, 400);
    assert_eq!(raw("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n").0, 400);
}

#[test]
fn requests_that_are_sent_at_once_are_answered_in_order() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send("GET /1 HTTP/1.1\r\nHost: a.com\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.com\r\n\r\n".as_bytes());
    assert_eq!((client.reply().status, client.reply().status), (200, 200));
    let paths: Vec<_> = app.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/1", "/2"]);
}

#[test]
fn o_54_a_head_that_is_not_finished_ends_its_connection_but_idle_ones_stay() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let (mut idle, mut kept, mut slow) = (proxy.connect(), proxy.connect(), proxy.connect());
    assert_eq!(kept.get("a.com", "/").text(), "app");
    slow.send(b"GET / HTTP/1.1\r\nHost: a.");
    assert!(slow.is_closed());
    assert_eq!((idle.get("a.com", "/").text(), kept.get("a.com", "/").text()), ("app".into(), "app".into()));
}
