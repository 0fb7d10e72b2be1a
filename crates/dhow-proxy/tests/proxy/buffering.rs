use std::io::Write;

use crate::support::{Backend, Gate, Proxy, eventually, reply};

const SMALL: &[u8] = b"tiny";

/// Deploys an app that answers `/long` with 29 bytes and all else with a few; what it says to the four questions
/// of T-217: a small request, a long one, a long answer.
fn statuses(flags: &[&str]) -> (u16, u16, u16, usize) {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|request, stream| {
            let body = if request.path == "/long" { &[b'x'; 29][..] } else { SMALL };
            reply(stream, 200, &[], body);
        }),
    );
    proxy.deploy("web", &app, flags);
    let small = proxy.request("POST", "/", &[], SMALL).status;
    let long = proxy.request("POST", "/", &[], &[b'x'; 29]).status;
    let answer = proxy.get("a.com", "/long");
    (small, long, answer.status, answer.body.len())
}

#[test]
fn t_217_limits_hold_for_what_is_buffered() {
    assert_eq!(statuses(&[]), (200, 200, 200, 29));
    let memory = ["--buffer-memory=10", "--max-request-body=10", "--max-response-body=10"];
    let both = [&memory[..], &["--buffer-requests", "--buffer-responses"]].concat();
    let (small, long, answer, _) = statuses(&both);
    assert_eq!((small, long, answer), (200, 413, 500));
    let requests = ["--buffer-requests", "--buffer-memory=10", "--max-request-body=10"];
    assert_eq!(statuses(&requests), (200, 413, 200, 29));
    let (small, long, answer, _) =
        statuses(&["--buffer-responses", "--buffer-memory=10", "--max-response-body=10"]);
    assert_eq!((small, long, answer), (200, 200, 500));
}

#[test]
fn t_217c_what_does_not_fit_in_memory_goes_through_a_file() {
    let flags = ["--buffer-requests", "--buffer-responses", "--buffer-memory=5"];
    assert_eq!(statuses(&flags), (200, 200, 200, 29));
    let limited = [&flags[..], &["--max-request-body=20", "--max-response-body=20"]].concat();
    let (small, long, answer, _) = statuses(&limited);
    assert_eq!((small, long, answer), (200, 413, 500));
}

#[test]
fn large_bodies_pass_intact_whatever_is_buffered() {
    let large: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"][..]] {
        let (proxy, app) =
            (Proxy::start(), Backend::new(|request, stream| reply(stream, 200, &[], &request.body)));
        proxy.deploy("web", &app, flags);
        let answered = proxy.request("POST", "/", &[], &large);
        assert!(answered.body == large, "{} of {} bytes came back", answered.body.len(), large.len());
    }
}

#[test]
fn t_111_a_redeploy_changes_the_limits() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--buffer-requests", "--max-request-body=10"]);
    let refused = proxy.request("POST", "/", &[], &[b'x'; 20]);
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("Content Too Large"));
    proxy.deploy("web", &app, &[]);
    assert_eq!(proxy.request("POST", "/", &[], &[b'x'; 20]).status, 200);
}

#[test]
fn o_34_a_chunked_body_over_the_limit_is_refused_and_the_connection_kept() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--buffer-requests", "--max-request-body=10"]);
    let mut client = proxy.connect();
    let head = "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{head}14\r\n01234567890123456789\r\n0\r\n\r\n").as_bytes());
    assert_eq!(client.reply().status, 413);
    assert_eq!(client.get("a.com", "/").text(), "app");
}

#[test]
fn an_upload_that_is_announced_as_too_large_is_not_asked_for() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--buffer-requests", "--max-request-body=10"]);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n");
    assert_eq!(client.reply().status, 413);
    assert!(app.received().is_empty());
}

#[test]
fn an_expected_upload_is_asked_for_once() {
    for flags in [&[][..], &["--buffer-requests"][..]] {
        let (proxy, app) = (Proxy::start(), Backend::named("app"));
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(client.head().unwrap().status, 100);
        client.send(b"hi");
        assert_eq!(client.reply().text(), "app");
        assert_eq!((app.last().body.as_slice(), app.last().header("expect")), (&b"hi"[..], None));
    }
}

#[test]
fn t_218_t_292_malformed_chunks_are_a_400() {
    for flags in [&[][..], &["--buffer-requests"][..]] {
        let (proxy, app) = (Proxy::start(), Backend::named("app"));
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
        assert_eq!(client.reply().status, 400, "{flags:?}");
    }
}

#[test]
fn the_target_sees_a_buffered_request_only_when_it_is_whole() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--buffer-requests"]);
    let connections = app.accepted();
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 4\r\n\r\nab");
    assert_eq!(proxy.get("a.com", "/").text(), "app");
    assert_eq!(app.accepted(), connections + 1);
    client.send(b"cd");
    assert_eq!(client.reply().text(), "app");
    assert_eq!(app.last().body, b"abcd");
}

/// An app that sends one event, and the next when its gate opens.
fn events(gate: &Gate) -> Backend {
    let held = gate.clone();
    Backend::new(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.get_mut().write_all(format!("{head}9\r\ndata: 1\n\n\r\n").as_bytes()).unwrap();
        held.pass();
        stream.get_mut().write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n").unwrap();
    })
}

#[test]
fn t_202_t_203_t_303_event_streams_are_never_held_back() {
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"][..]] {
        let (proxy, gate) = (Proxy::start(), Gate::default());
        let app = events(&gate);
        proxy.deploy("web", &app, flags);
        let mut client = proxy.connect();
        client.request("GET", "a.com", "/", &[], b"");
        assert_eq!(client.head().unwrap().status, 200);
        assert_eq!((client.line().as_deref(), client.line().as_deref()), (Some("9"), Some("data: 1")));
        gate.open();
        assert!(client.line().is_some());
    }
}

#[test]
fn o_31_a_chunked_answer_that_is_buffered_gets_a_length() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|_, stream| {
            let head = "HTTP/1.1 302 Found\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream
                .get_mut()
                .write_all(
                    format!("{head}2\r\nhi\r\n3\r\n all\r\n0\r\n\r\n")
                        .replace("3\r\n all", "4\r\n all")
                        .as_bytes(),
                )
                .unwrap();
        }),
    );
    proxy.deploy("web", &app, &["--buffer-responses"]);
    let answered = proxy.get("a.com", "/");
    assert_eq!((answered.status, answered.text().as_str()), (302, "hi all"));
    assert_eq!(answered.header("content-length"), Some("6"));
}

#[test]
fn o_33_an_app_that_dies_while_its_answer_is_buffered_is_a_502() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|_, stream| {
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").unwrap();
            stream.get_mut().shutdown(std::net::Shutdown::Both).ok();
        }),
    );
    proxy.deploy("web", &app, &["--buffer-responses"]);
    assert_eq!(proxy.get("a.com", "/").status, 502);
}

#[test]
fn heads_and_empty_answers_need_no_buffer() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|request, stream| {
            let head: &[u8] = match request.path.as_str() {
                "/head" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                "/none" => b"HTTP/1.1 204 No Content\r\n\r\n",
                _ => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
            };
            stream.get_mut().write_all(head).unwrap();
        }),
    );
    proxy.deploy("web", &app, &["--buffer-responses", "--max-response-body=10"]);
    let mut client = proxy.connect();
    client.request("HEAD", "a.com", "/head", &[], b"");
    let head = client.reply();
    assert_eq!((head.status, head.header("content-length")), (200, Some("1000")));
    assert_eq!(client.get("a.com", "/none").status, 204);
    assert_eq!(client.get("a.com", "/same").header("etag"), Some("\"x\""));
}

#[test]
fn a_buffered_answer_frees_the_app_from_its_slow_client() {
    let (proxy, old, new) = (
        Proxy::start(),
        Backend::new(|_, stream| reply(stream, 200, &[], &[b'x'; 20_000_000])),
        Backend::named("new"),
    );
    proxy.deploy("web", &old, &["--buffer-responses"]);
    let mut slow = proxy.connect();
    slow.request("GET", "a.com", "/", &[], b"");
    assert_eq!(slow.head().unwrap().status, 200);
    proxy.deploy("web", &new, &["--drain-timeout", "1h"]);
    eventually("no connection to the old app", || old.connections() == 0);
}
