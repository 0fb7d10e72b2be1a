use std::io::Write;

use crate::support::{Backend, Gate, Proxy, eventually, reply};

fn deployed(flags: &[&str]) -> (Proxy, Backend) {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, flags);
    (proxy, app)
}

#[test]
fn t_201_t_151_requests_and_bodies_reach_the_app() {
    let (proxy, app) = deployed(&[]);
    let answered = proxy.request("POST", "/form", &["Content-Type: text/plain"], b"hello");
    assert_eq!((answered.status, answered.text().as_str()), (200, "app"));
    let seen = app.last();
    assert_eq!((seen.method.as_str(), seen.body.as_slice()), ("POST", &b"hello"[..]));
    assert_eq!(seen.header("content-length"), Some("5"));
    proxy.request("POST", "/empty", &["Content-Length: 0"], b"");
    assert_eq!(app.last().header("content-length"), Some("0"));
}

#[test]
fn t_207_t_208_t_209_forwarding_headers_follow_the_trust() {
    let lines =
        ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: outer.com", "X-Own: 1"];
    let (proxy, app) = deployed(&["--forward-headers=false"]);
    proxy.request("GET", "/", &lines, b"");
    let seen = app.last();
    assert_eq!(seen.header("host"), Some("a.com"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some("a.com"));
    assert_eq!(seen.header("x-own"), Some("1"));
    assert_eq!(seen.header("x-kamal-target"), Some(app.address.as_str()));
    assert_eq!(
        seen.header("accept-encoding"),
        None,
        "o_28: the app is not asked for what the client cannot read"
    );

    proxy.deploy("web", &app, &[]);
    proxy.request("GET", "/", &lines, b"");
    let seen = app.last();
    assert_eq!(seen.header("x-forwarded-for"), Some("1.1.1.1, 127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-host"), Some("outer.com"));
}

#[test]
fn t_152_t_332_a_header_can_hold_the_clients_address() {
    let (proxy, app) = deployed(&["--client-ip-header", "True-Client-IP"]);
    proxy.request("GET", "/", &["True-Client-IP: 7.7.7.7", "X-Forwarded-For: 1.1.1.1"], b"");
    assert_eq!(app.last().header("x-forwarded-for"), Some("7.7.7.7, 127.0.0.1"));
    assert_eq!(app.last().header("true-client-ip"), Some("7.7.7.7"));
    assert_eq!(proxy.access_lines(1)[0]["remote_addr"], "7.7.7.7");
    proxy.request("GET", "/", &["X-Forwarded-For: 1.1.1.1"], b"");
    assert_eq!(app.last().header("x-forwarded-for"), Some("1.1.1.1, 127.0.0.1"));
}

#[test]
fn t_210_queries_arrive_byte_for_byte() {
    let (proxy, app) = deployed(&[]);
    let path = "/a%2Fb/%zz/[x]?p1=a;b;c&p2=%x&p3=ok";
    assert_eq!(proxy.get("a.com", path).status, 200);
    assert_eq!(app.last().path, path);
}

#[test]
fn connections_are_kept_on_both_sides() {
    let (proxy, app) = deployed(&[]);
    let mut client = proxy.connect();
    for _ in 0..5 {
        assert_eq!(client.get("a.com", "/").text(), "app");
    }
    assert_eq!(app.accepted(), 2, "the health check's connection and one for all requests");
}

#[test]
fn hop_by_hop_headers_do_not_pass() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|_, stream| {
            let headers = [
                ("Connection", "X-Internal"),
                ("X-Internal", "1"),
                ("Keep-Alive", "timeout=5"),
                ("X-Kept", "1"),
            ];
            reply(stream, 200, &headers, b"");
        }),
    );
    proxy.deploy("web", &app, &[]);
    let lines = ["Connection: X-Mine", "X-Mine: 1", "Proxy-Authorization: x", "TE: trailers"];
    let answered = proxy.request("GET", "/", &lines, b"");
    assert_eq!((answered.header("x-internal"), answered.header("keep-alive")), (None, None));
    assert_eq!(answered.header("x-kept"), Some("1"));
    let seen = app.last();
    assert_eq!((seen.header("x-mine"), seen.header("proxy-authorization")), (None, None));
    assert_eq!(seen.header("te"), Some("trailers"));
}

#[test]
fn o_29_trailers_pass_both_ways() {
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"][..]] {
        let app = Backend::new(|_, stream| {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n";
            let message = format!("{head}2\r\nhi\r\n0\r\nGrpc-Status: 0\r\n\r\n");
            stream.get_mut().write_all(message.as_bytes()).unwrap();
        });
        let proxy = Proxy::start();
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        let head = "POST / HTTP/1.1\r\nHost: a.com\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n").as_bytes());
        let answered = client.reply();
        assert_eq!((answered.text().as_str(), answered.is_whole), ("hi", true));
        assert_eq!(answered.trailers.len(), 1, "{flags:?}");
        assert_eq!(app.last().body, b"abc");
        assert_eq!(app.last().trailers.len(), 1, "{flags:?}");
    }
}

#[test]
fn o_15_a_dead_target_is_a_502() {
    let (proxy, app) = deployed(&[]);
    drop(app);
    let answered = proxy.get("a.com", "/x");
    assert_eq!(answered.status, 502);
    assert!(answered.text().contains("Bad Gateway"));
    let line = &proxy.told("Error while proxying", 1)[0];
    assert_eq!(line["path"], "/x");
    assert!(line["error"].as_str().unwrap().contains("refused"), "{line}");
}

#[test]
fn o_15_garbage_and_early_ends_are_a_502() {
    for garbage in [&b"no http at all\r\n\r\n"[..], b"", b"HTTP/1.1 200 OK\r\nContent-Le"] {
        let proxy = Proxy::start();
        let app = Backend::new(move |_, stream| {
            stream.get_mut().write_all(garbage).ok();
            stream.get_mut().shutdown(std::net::Shutdown::Both).ok();
        });
        proxy.deploy("web", &app, &[]);
        assert_eq!(proxy.get("a.com", "/").status, 502);
    }
}

#[test]
fn o_16_a_body_that_the_app_cuts_is_cut_for_the_client() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|_, stream| {
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").unwrap();
            stream.get_mut().shutdown(std::net::Shutdown::Both).ok();
        }),
    );
    proxy.deploy("web", &app, &[]);
    let answered = proxy.get("a.com", "/");
    assert_eq!((answered.status, answered.is_whole), (200, false));
}

#[test]
fn o_17_a_restarted_app_is_reached_on_a_new_connection() {
    let (proxy, app) = deployed(&["--buffer-requests"]);
    let mut client = proxy.connect();
    for method in ["GET", "POST", "GET", "POST"] {
        let body = if method == "POST" { &b"x"[..] } else { b"" };
        client.request(method, "a.com", "/", &[], body);
        assert_eq!(client.reply().text(), "app");
        eventually("an idle connection", || app.connections() == 1);
        app.hang_up();
        eventually("no connection", || app.connections() == 0);
    }
}

#[test]
fn an_idempotent_request_is_repeated_when_an_idle_connection_ends_under_it() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|request, stream| {
            if request.path == "/last" {
                stream.get_mut().shutdown(std::net::Shutdown::Both).ok();
            }
            reply(stream, 200, &[], b"app");
        }),
    );
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.get("a.com", "/first");
    // The app reads this one and hangs up without an answer, on the kept connection and on the new one.
    client.request("POST", "a.com", "/last", &[], b"x");
    assert_eq!(client.reply().status, 502);
    assert_eq!(
        app.received().iter().filter(|request| request.path == "/last").count(),
        1,
        "a POST is sent once"
    );
    client.get("a.com", "/first");
    assert_eq!(client.get("a.com", "/last").status, 502);
    assert_eq!(
        app.received().iter().filter(|request| request.path == "/last").count(),
        3,
        "a GET may be repeated"
    );
}

#[test]
fn a_target_that_does_not_answer_in_time_is_a_504() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let app = Backend::new(move |_, _| held.pass());
    proxy.deploy("web", &app, &["--target-timeout", "20ms"]);
    let answered = proxy.get("a.com", "/");
    assert_eq!(answered.status, 504);
    assert!(answered.text().contains("Gateway Timeout"));
    gate.open();
}

#[test]
fn the_time_of_an_upload_is_not_the_targets() {
    let (proxy, app) = deployed(&["--target-timeout", "2s"]);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\n\r\nab");
    let begun = std::time::Instant::now();
    eventually("more time than the target has", || begun.elapsed().as_millis() > 2500);
    client.send(b"cd");
    assert_eq!(client.reply().text(), "app");
    assert_eq!(app.last().body, b"abcd");
}

#[test]
fn t_121_t_122_cookies_are_scoped_to_the_stripped_prefix() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|_, stream| {
            let cookies = [
                ("Set-Cookie", "a=1; Path=/something; Priority=High"),
                ("Set-Cookie", "b=2; Domain=other.com; Path=/"),
                ("Set-Cookie", "c=3"),
            ];
            reply(stream, 200, &cookies, b"");
        }),
    );
    proxy.deploy("web", &app, &["--path-prefix", "/api,/app", "--scope-cookie-paths"]);
    let cookies = |path| proxy.get("a.com", path).all("set-cookie").join(" | ");
    assert_eq!(
        cookies("/app"),
        "a=1; Path=/app/something; Priority=High | b=2; Domain=other.com; Path=/ | c=3; Path=/app"
    );
    assert!(cookies("/api/x").starts_with("a=1; Path=/api/something;"));
    proxy.deploy("web", &app, &["--path-prefix", "/api,/app"]);
    assert!(cookies("/app").starts_with("a=1; Path=/something;"));
}
