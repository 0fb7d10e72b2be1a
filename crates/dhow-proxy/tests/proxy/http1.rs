use std::io::Write;
use std::time::Duration;

use dhow_proxy::http1::connection::Timeouts;

use crate::support::daemon::new_directory;
use crate::support::{Backend, Connection, Gate, Proxy, eventually, reply};

/// An app that says something before it answers.
fn hinting(before: &'static str) -> Backend {
    Backend::new(move |_, stream| {
        stream.get_mut().write_all(before.as_bytes()).unwrap();
        reply(stream, 404, &[("Content-Type", "text/plain")], b"final");
    })
}

#[test]
fn o_30_o_32_early_hints_pass_and_the_final_status_stays() {
    let hints =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Own\r\nX-Own: 1\r\n\r\n";
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"]] {
        let (proxy, app) = (Proxy::start(), hinting(hints));
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        for _ in 0..2 {
            client.request("GET", "a.com", "/", &[], b"");
            let early = client.head().unwrap();
            assert_eq!((early.status, early.header("link")), (103, Some("</a.css>; rel=preload")));
            assert_eq!(early.header("x-own"), None);
            let answered = client.reply();
            assert_eq!((answered.status, answered.text().as_str()), (404, "final"));
        }
    }
}

#[test]
fn early_hints_arrive_before_the_answer_is_there() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        stream.get_mut().write_all(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n").unwrap();
        held.pass();
        reply(stream, 200, &[], b"final");
    });
    proxy.deploy("web", &app, &["--buffer-responses"]);
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    assert_eq!(client.head().unwrap().status, 103);
    gate.open();
    assert_eq!(client.reply().text(), "final");
}

#[test]
fn interim_responses_are_not_for_http_1_0_nor_is_a_100_that_nobody_asked_for() {
    let (proxy, app) =
        (Proxy::start(), hinting("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send(b"GET / HTTP/1.0\r\nHost: a.com\r\n\r\n");
    assert_eq!(client.head().unwrap().status, 404);
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    assert_eq!((client.head().unwrap().status, client.head().unwrap().status), (103, 404));
}

#[test]
fn an_app_that_only_hints_is_a_bad_gateway() {
    let hints: &'static str = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100).leak();
    let (proxy, app) = (Proxy::start(), hinting(hints));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.reply().status, 502);
}

#[test]
fn http_1_0_gets_bodies_it_can_read() {
    let app = Backend::new(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.get_mut().write_all(format!("{head}2\r\nhi\r\n4\r\n all\r\n0\r\n\r\n").as_bytes()).unwrap();
    });
    let proxy = Proxy::start();
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let answered = client.reply();
    assert_eq!((answered.text().as_str(), answered.header("transfer-encoding")), ("hi all", None));
    assert_eq!(answered.header("connection"), Some("close"));
}

#[test]
fn http_1_0_may_keep_its_connection() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    for _ in 0..2 {
        client.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let answered = client.reply();
        assert_eq!((answered.text().as_str(), answered.header("connection")), ("app", Some("keep-alive")));
    }
}

#[test]
fn an_answer_without_a_length_ends_with_the_apps_connection() {
    let app = Backend::new(|_, stream| {
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\nto the end").unwrap();
        stream.get_mut().shutdown(std::net::Shutdown::Both).ok();
    });
    for flags in [&[][..], &["--buffer-responses"]] {
        let proxy = Proxy::start();
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        for _ in 0..2 {
            let answered = client.get("a.com", "/");
            assert_eq!((answered.text().as_str(), answered.is_whole), ("to the end", true));
        }
    }
}

#[test]
fn an_app_may_answer_before_it_has_read_the_upload() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let held = gate.clone();
    // Reads heads only: the body of the upload stays in its socket.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let held = held.clone();
            std::thread::spawn(move || {
                let mut stream = std::io::BufReader::new(stream);
                let line = crate::support::backend::read_line(&mut stream).unwrap_or_default();
                crate::support::backend::read_fields(&mut stream);
                if line.starts_with("POST") {
                    reply(&mut stream, 413, &[("Connection", "close")], b"enough");
                    held.pass();
                } else {
                    reply(&mut stream, 200, &[], b"OK");
                }
            });
        }
    });
    proxy.ok(&["deploy", "web", "--target", &address]);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 1000000\r\n\r\nsome");
    let answered = client.reply();
    assert_eq!((answered.status, answered.text().as_str()), (413, "enough"));
    gate.open();
}

/// A proxy that is impatient with its clients.
fn impatient() -> Proxy {
    Proxy::start_with(new_directory(), |config| {
        config.timeouts.body = Duration::from_millis(50);
        config.timeouts.send = Duration::from_millis(200);
    })
}

#[test]
fn an_upload_that_stalls_is_a_408() {
    for flags in [&[][..], &["--buffer-requests"]] {
        let (proxy, app) = (impatient(), Backend::named("app"));
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 10\r\n\r\nsome");
        assert_eq!(client.reply().status, 408);
        assert!(client.is_closed());
        assert_eq!(proxy.access_lines(1)[0]["status"], 408);
        assert!(app.received().is_empty());
    }
}

#[test]
fn a_client_that_reads_nothing_loses_its_connection() {
    let (proxy, app) =
        (impatient(), Backend::new(|_, stream| reply(stream, 200, &[], &vec![b'x'; 50_000_000])));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &[], b"");
    eventually("the app's request", || !app.received().is_empty());
    // The line is written when the connection has ended.
    assert_eq!(proxy.access_lines(1)[0]["status"], 200);
    assert!(!client.reply().is_whole);
}

#[test]
fn an_idle_connection_ends_at_last() {
    let proxy = Proxy::start_with(new_directory(), |config| {
        config.timeouts.idle = Duration::from_millis(100);
    });
    let app = Backend::named("app");
    proxy.deploy("web", &app, &[]);
    assert!(proxy.connect().is_closed());
    // On a busy machine, a connection may have ended before it was used.
    let mut used = std::iter::repeat_with(|| {
        let mut client = proxy.connect();
        client.request("GET", "a.com", "/", &[], b"");
        client.try_reply().map(|_| client)
    });
    assert!(used.find_map(|used| used).unwrap().is_closed());
}

#[test]
fn o_35_an_upload_whose_client_leaves_is_a_499() {
    for flags in [&[][..], &["--buffer-requests"]] {
        let (proxy, app) = (Proxy::start(), Backend::named("app"));
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 10\r\n\r\nsome");
        drop(client);
        assert_eq!(proxy.access_lines(1)[0]["status"], 499);
        assert!(app.received().is_empty());
    }
}

#[test]
fn heads_that_are_too_large_are_a_431() {
    let proxy = Proxy::start_with(new_directory(), |config| config.timeouts = Timeouts::default());
    let app = Backend::named("app");
    proxy.deploy("web", &app, &[]);
    let large = format!("X-Large: {}", "x".repeat(200_000));
    assert_eq!(proxy.request("GET", "/", &[&large], b"").status, 200);
    let line = "X-Line: 1";
    assert_eq!(proxy.request("GET", "/", &[line; 400], b"").status, 431);
    let mut client = proxy.connect();
    client.send(format!("GET / HTTP/1.1\r\nX-Large: {}", "x".repeat(270_000)).as_bytes());
    let refused = client.reply();
    assert_eq!((refused.status, refused.header("connection")), (431, Some("close")));
}

#[test]
fn names_and_values_arrive_as_they_were_written() {
    let (proxy, app) =
        (Proxy::start(), Backend::new(|_, stream| reply(stream, 200, &[("x-App-OWN", "a;b=\"c\"  d")], b"")));
    proxy.deploy("web", &app, &[]);
    let answered = proxy.request("GET", "/", &["x-cLIENT-own: \"q\"  r"], b"");
    assert!(app.last().headers.contains(&("x-cLIENT-own".into(), "\"q\"  r".into())));
    assert!(answered.headers.contains(&("x-App-OWN".into(), "a;b=\"c\"  d".into())));
    assert!(answered.header("date").is_some());
}

#[test]
fn a_body_in_many_small_chunks_passes_at_once_and_whole() {
    let app = Backend::new(|request, stream| reply(stream, 200, &[], &request.body));
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"]] {
        let proxy = Proxy::start();
        proxy.deploy("web", &app, flags);
        let mut client: Connection = proxy.connect();
        let chunks = "1\r\nx\r\n".repeat(50_000);
        client.send(
            format!("POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
                .as_bytes(),
        );
        assert_eq!(client.reply().body.len(), 50_000);
        assert_eq!(client.get("a.com", "/").status, 200);
    }
}

#[test]
fn a_client_that_was_not_told_to_go_on_is_not_asked_after_the_answer() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--buffer-requests", "--max-request-body=10"]);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n");
    let refused = client.reply();
    assert_eq!((refused.status, refused.header("connection")), (413, Some("close")));
    assert_eq!(client.line(), None, "nothing follows the answer");
}
