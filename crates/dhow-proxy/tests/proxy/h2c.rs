use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use h2::Reason;
use hyper::HeaderMap;
use tokio::sync::{Notify, mpsc};

use crate::support::h2c::{H2cBackend, H2cClient, part, send_all, whole};
use crate::support::{Backend, PATIENCE, Proxy, eventually, reply};

fn deploy(proxy: &Proxy, app: &H2cBackend, flags: &[&str]) {
    let fixed = ["deploy", "web", "--target", &app.address, "--target-protocol", "h2c"];
    proxy.ok(&[&fixed[..], flags].concat());
}

/// A status, and a line that no trailer may bring.
fn trailers(status: &str) -> HeaderMap {
    let lines = [("grpc-status", status), ("x-forwarded-for", "6.6.6.6")];
    HeaderMap::from_iter(lines.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())))
}

#[test]
fn headers_and_trailers_pass_both_ways() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let app = H2cBackend::new(move |request, mut respond| {
        let heads = heads.clone();
        async move {
            let (head, mut body) = request.into_parts();
            let (text, trailers) = whole(&mut body).await;
            heads.send((head, trailers)).unwrap();
            let mut stream = respond.begin();
            stream.send_data(text.into(), false).unwrap();
            stream.send_trailers(self::trailers("7")).unwrap();
        }
    });
    let proxy = Proxy::start();
    deploy(&proxy, &app, &["--log-response-header", "grpc-status"]);
    let client = H2cClient::open(&proxy);
    let mut call = client.grpc("/shop.Cart/Add?x=1");
    call.stream.send_data(Bytes::from_static(b"hello"), false).unwrap();
    call.stream.send_trailers(trailers("3")).unwrap();
    let (head, mut body) = client.wait(call.response).unwrap().into_parts();
    assert_eq!(head.headers["content-type"], "application/grpc+proto");
    let (text, told) = client.wait(whole(&mut body));
    assert_eq!((&text[..], &told["grpc-status"]), (&b"hello"[..], &"7".parse().unwrap()));
    assert_eq!(told.len(), 1);
    let (head, told) = client.wait(seen.recv()).unwrap();
    assert_eq!((told["grpc-status"].as_bytes(), told.len()), (&b"3"[..], 1));
    assert_eq!(head.uri, "http://a.com/shop.Cart/Add?x=1");
    for (name, value) in [
        ("te", "trailers"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "a.com"),
        ("x-forwarded-proto", "http"),
        ("x-kamal-target", &app.address),
    ] {
        assert_eq!(head.headers[name], value, "{name}");
    }
    assert!(!head.headers.contains_key("host") && head.headers.contains_key("x-request-id"));
    let line = proxy.access_lines(1).remove(0);
    assert_eq!((&line["proto"], &line["status"]), (&"HTTP/2.0".into(), &200.into()));
    assert_eq!((&line["target"], &line["resp_content_length"]), (&app.address.clone().into(), &5.into()));
}

#[test]
fn an_answer_of_a_head_alone_is_told_as_such() {
    let app = H2cBackend::new(|_, mut respond| async move {
        let head = hyper::Response::builder().header("grpc-status", "12").body(()).unwrap();
        respond.stream.send_response(head, true).unwrap();
    });
    let proxy = Proxy::start();
    deploy(&proxy, &app, &[]);
    let client = H2cClient::open(&proxy);
    let call = client.grpc("/none");
    let response = client.wait(call.response).unwrap();
    assert_eq!(response.headers()["grpc-status"], "12");
    assert!(response.body().is_end_stream());
}

#[test]
fn grpc_talks_both_ways_at_once_even_where_bodies_are_buffered() {
    let app = H2cBackend::new(|request, mut respond| async move {
        let mut body = request.into_body();
        let mut stream = respond.begin();
        while let Some(said) = part(&mut body).await {
            stream.send_data(said, false).unwrap();
        }
        stream.send_trailers(trailers("0")).unwrap();
    });
    let proxy = Proxy::start();
    deploy(&proxy, &app, &["--buffer-requests", "--buffer-responses"]);
    let client = H2cClient::open(&proxy);
    let mut call = client.grpc("/chat");
    let mut body = client.wait(call.response).unwrap().into_body();
    for word in ["one", "two", "three"] {
        call.stream.send_data(word.into(), false).unwrap();
        assert_eq!(client.wait(part(&mut body)).unwrap(), word);
    }
    call.stream.send_data(Bytes::new(), true).unwrap();
    let (rest, told) = client.wait(whole(&mut body));
    assert_eq!((rest.len(), &told["grpc-status"]), (0, &"0".parse().unwrap()));
}

#[test]
fn a_call_that_is_taken_back_is_taken_back_at_the_app() {
    let (begun, taken_back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let seen = (Arc::clone(&begun), Arc::clone(&taken_back));
    let app = H2cBackend::new(move |_, mut respond| {
        let (begun, taken_back) = seen.clone();
        async move {
            begun.notify_one();
            let reason = std::future::poll_fn(|cx| respond.stream.poll_reset(cx)).await.unwrap();
            assert_eq!(reason, Reason::CANCEL);
            taken_back.notify_one();
        }
    });
    let proxy = Proxy::start();
    deploy(&proxy, &app, &[]);
    let client = H2cClient::open(&proxy);
    let mut call = client.grpc("/slow");
    client.wait(begun.notified());
    call.stream.send_reset(Reason::CANCEL);
    client.wait(taken_back.notified());
    assert_eq!(proxy.access_lines(1)[0]["status"], 499);
    assert_eq!(app.connections(), 1);
}

#[test]
fn an_answer_that_the_app_cuts_is_cut_for_the_same_reason() {
    let arrived = Arc::new(Notify::new());
    let seen = Arc::clone(&arrived);
    let app = H2cBackend::new(move |_, mut respond| {
        let arrived = Arc::clone(&seen);
        async move {
            let mut stream = respond.begin();
            stream.send_data(Bytes::from_static(b"some"), false).unwrap();
            arrived.notified().await;
            stream.send_reset(Reason::ENHANCE_YOUR_CALM);
        }
    });
    let proxy = Proxy::start();
    deploy(&proxy, &app, &[]);
    let client = H2cClient::open(&proxy);
    let call = client.grpc("/cut");
    let mut body = client.wait(call.response).unwrap().into_body();
    assert_eq!(client.wait(part(&mut body)).unwrap(), "some");
    arrived.notify_one();
    let error = client.wait(body.data()).expect("no proper end").unwrap_err();
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM));
}

#[test]
fn a_request_that_the_app_did_not_look_at_is_sent_again_with_its_body() {
    let refusals = Arc::new(AtomicUsize::new(2));
    let left = Arc::clone(&refusals);
    let app = H2cBackend::new(move |request, mut respond| {
        let left = Arc::clone(&left);
        async move {
            let mut body = request.into_body();
            let first = part(&mut body).await.unwrap();
            if left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
                return respond.stream.send_reset(Reason::REFUSED_STREAM);
            }
            let (rest, _) = whole(&mut body).await;
            respond.text([&first[..], &rest].concat());
        }
    });
    let proxy = Proxy::start();
    deploy(&proxy, &app, &[]);
    let client = H2cClient::open(&proxy);
    let ask = || {
        let mut call = client.grpc("/refused");
        call.stream.send_data(Bytes::from_static(b"whole "), false).unwrap();
        call.stream.send_data(Bytes::from_static(b"body"), true).unwrap();
        let (head, mut body) = client.wait(call.response).unwrap().into_parts();
        (head.status.as_u16(), client.wait(whole(&mut body)).0)
    };
    assert_eq!(ask(), (200, b"whole body".to_vec()));
    assert_eq!(app.received().len(), 3);
    // An app that refuses everything is asked a few times, not for ever.
    refusals.store(100, SeqCst);
    assert_eq!(ask().0, 502);
    assert_eq!(app.received().len(), 6);
}

#[test]
fn an_app_that_says_goodbye_loses_no_request() {
    let app = H2cBackend::new(|_, respond| async move {
        let number = respond.connection.to_string();
        respond.text(number);
    });
    let proxy = Proxy::start_with(crate::support::daemon::new_directory(), |config| config.workers = 1);
    deploy(&proxy, &app, &[]);
    let client = H2cClient::open(&proxy);
    for connection in 1..20 {
        assert_eq!(client.get("/"), (200, connection.to_string()));
        assert_eq!(client.get("/last"), (200, connection.to_string()));
    }
}

#[test]
fn connections_are_shared_up_to_what_the_app_allows() {
    let (gate, opened) = tokio::sync::watch::channel(false);
    let mut one_at_a_time = h2::server::Builder::new();
    one_at_a_time.max_concurrent_streams(1);
    for (builder, connections) in [(h2::server::Builder::new(), 1), (one_at_a_time, 3)] {
        gate.send_replace(false);
        let opened = opened.clone();
        let app = H2cBackend::configured(builder, move |_, respond| {
            let mut opened = opened.clone();
            async move {
                opened.wait_for(|is_open| *is_open).await.unwrap();
                respond.text("done");
            }
        });
        let proxy = Proxy::start_with(crate::support::daemon::new_directory(), |config| config.workers = 1);
        deploy(&proxy, &app, &[]);
        let client = H2cClient::open(&proxy);
        // What the app allows is known after its first answer.
        gate.send_replace(true);
        assert_eq!(client.get("/"), (200, "done".into()));
        gate.send_replace(false);
        let calls: Vec<_> = (0..3).map(|_| client.grpc("/held")).collect();
        eventually("all requests at the app", || app.received().len() == 4);
        assert_eq!(app.connections(), connections);
        gate.send_replace(true);
        for call in calls {
            assert_eq!(client.wait(call.response).unwrap().status(), 200);
        }
    }
}

#[test]
fn http_1_clients_reach_such_an_app_too() {
    let app = H2cBackend::new(|request, mut respond| async move {
        let (text, _) = whole(&mut request.into_body()).await;
        let mut stream = respond.stream.send_response(hyper::Response::new(()), false).unwrap();
        send_all(&mut stream, text.into()).await;
        stream.send_trailers(trailers("0")).unwrap();
    });
    let proxy = Proxy::start();
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"]] {
        deploy(&proxy, &app, flags);
        let mut connection = proxy.connect();
        for body in [&large[..], b"", b"small"] {
            connection.request("POST", "a.com", "/", &["TE: trailers"], body);
            let reply = connection.reply();
            assert_eq!((reply.status, reply.is_whole, reply.body == body), (200, true, true));
            assert_eq!(reply.trailers, [("grpc-status".to_owned(), "0".to_owned())]);
        }
        // What HTTP/2 has no words for is refused.
        assert_eq!(proxy.request("GET", "/<x>", &[], b"").status, 400);
    }
    let upgrade = ["Connection: Upgrade", "Upgrade: websocket"];
    assert_eq!(proxy.request("GET", "/", &upgrade, b"").status, 200);
}

#[test]
fn a_drain_waits_for_calls_and_then_cuts_them() {
    let begun = Arc::new(Notify::new());
    let seen = Arc::clone(&begun);
    let old = H2cBackend::new(move |request, mut respond| {
        let begun = Arc::clone(&seen);
        async move {
            let mut stream = respond.begin();
            stream.send_data(Bytes::from_static(b"old"), false).unwrap();
            begun.notify_one();
            let (_, mut body) = request.into_parts();
            while part(&mut body).await.is_some() {}
            stream.send_trailers(trailers("0")).ok();
        }
    });
    let new = H2cBackend::new(|_, respond| async move { respond.text("new") });
    let proxy = Proxy::start();
    deploy(&proxy, &old, &[]);
    let client = H2cClient::open(&proxy);
    let begin = || {
        let call = client.grpc("/stream");
        let body = client.wait(call.response).unwrap().into_body();
        client.wait(begun.notified());
        (call.stream, body)
    };
    let ((mut finished, mut first), (_cut, mut second)) = (begin(), begin());
    let mut deploying = proxy.begin(&[
        "deploy",
        "web",
        "--target",
        &new.address,
        "--target-protocol",
        "h2c",
        "--drain-timeout",
        "3s",
    ]);
    eventually("the switch", || client.get("/").1 == "new");
    finished.send_data(Bytes::new(), true).unwrap();
    let (text, told) = client.wait(whole(&mut first));
    assert_eq!((&text[..], &told["grpc-status"]), (&b"old"[..], &"0".parse().unwrap()));
    assert!(deploying.wait().unwrap().success());
    let cut = client.wait(async {
        while let Some(data) = second.data().await {
            if data.is_err() {
                return true;
            }
        }
        false
    });
    assert!(cut, "the stream ended as if it were whole");
}

#[test]
fn health_is_asked_over_http_2_only() {
    let proxy = Proxy::start();
    let http1 = Backend::named("app");
    let flags = ["--target-protocol", "h2c", "--deploy-timeout", "300ms"];
    let told = proxy.fails(&proxy.deploy_command("web", &http1, &flags));
    assert!(told.contains("target failed to become healthy"), "{told}");
    let told = proxy.fails(&proxy.deploy_command("web", &http1, &["--target-protocol", "h3"]));
    assert_eq!(told, "Error: target-protocol \"h3\" is unknown; use http1 or h2c");
    let app = H2cBackend::new(|request, mut respond| async move {
        // As gRPC servers answer what they do not know.
        if request.method() != "POST" || request.headers()["content-type"] != "application/grpc" {
            return respond.stream.send_reset(Reason::INTERNAL_ERROR);
        }
        let mut stream = respond.begin();
        stream.send_data(Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]), false).unwrap();
        stream.send_trailers(trailers("0")).unwrap();
    });
    deploy(&proxy, &app, &["--health-check-path", "/grpc.health.v1.Health/Check"]);
    assert_eq!(app.received(), ["/grpc.health.v1.Health/Check"]);
}

#[test]
fn what_targets_speak_is_kept_in_the_state_only_if_it_is_unusual() {
    let (proxy, app) = (Proxy::start(), H2cBackend::new(|_, respond| async move { respond.text("app") }));
    let http1 = Backend::named("plain");
    proxy.deploy("plain", &http1, &["--host", "plain.com"]);
    deploy(&proxy, &app, &[]);
    let directory = proxy.directory.clone();
    let services = proxy.state();
    let protocol = |name: &str| {
        let all = services.as_array().unwrap().iter();
        let mut named = all.filter(|service| service["name"] == name);
        named.next().unwrap()["target_options"].get("target_protocol").cloned()
    };
    assert_eq!((protocol("web"), protocol("plain")), (Some("h2c".into()), None));
    drop(proxy);
    let proxy = Proxy::start_in(directory);
    assert_eq!(H2cClient::open(&proxy).get("/"), (200, "app".into()));
}

#[test]
fn an_app_that_is_gone_is_told_as_a_bad_gateway() {
    let proxy = Proxy::start();
    let app = H2cBackend::new(|_, respond| async move { respond.text("app") });
    deploy(&proxy, &app, &[]);
    let client = H2cClient::open(&proxy);
    assert_eq!(client.get("/").0, 200);
    drop(app);
    assert_eq!(client.get("/").0, 502);
    assert_eq!(proxy.told("Error while proxying", 1).len(), 1);
}

#[test]
fn clients_may_speak_http_2_without_tls_from_their_first_byte_on() {
    let app = Backend::new(|request, stream| reply(stream, 200, &[], request.path.as_bytes()));
    let proxy = Proxy::start();
    proxy.deploy("web", &app, &[]);
    let client = H2cClient::open(&proxy);
    assert_eq!(client.get("/one?x"), (200, "/one?x".into()));
    assert_eq!(client.get("/two"), (200, "/two".into()));
    assert_eq!(app.last().header("host"), Some("a.com"));
    let line = proxy.access_lines(2).remove(1);
    assert_eq!((&line["proto"], &line["scheme"]), (&"HTTP/2.0".into(), &"http".into()));
    // In pieces, too.
    let mut slow = TcpStream::connect(proxy.http).unwrap();
    slow.set_nodelay(true).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    for piece in [&b"PR"[..], b"I * HTTP/2.0\r\n", b"\r\nSM\r", b"\n\r\n\0\0\0\x04\0\0\0\0\0"] {
        slow.write_all(piece).unwrap();
    }
    let mut frame = [0; 9];
    slow.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "settings come first: {frame:?}");
}

/// An extended `CONNECT`.
fn websocket(protocol: &'static str) -> hyper::Request<()> {
    let request = hyper::Request::builder().method("CONNECT").uri("http://a.com/cable");
    let request = request.extension(h2::ext::Protocol::from_static(protocol));
    request.header("sec-websocket-version", "13").body(()).unwrap()
}

#[test]
fn a_websocket_over_http_2_is_an_upgrade_for_the_app() {
    let app = Backend::new(|request, stream| match request.header("upgrade") {
        Some("websocket") if request.path == "/cable" => crate::upgrade::accept_and_echo(stream),
        _ => reply(stream, 200, &[], b"app"),
    });
    let proxy = Proxy::start();
    proxy.deploy("web", &app, &["--buffer-requests", "--buffer-responses"]);
    let client = H2cClient::open(&proxy);
    assert_eq!(client.get("/"), (200, "app".into()));
    let mut call = client.call(websocket("websocket"));
    let (head, mut body) = client.wait(call.response).unwrap().into_parts();
    assert_eq!(head.status, 200);
    assert!(!head.headers.contains_key("upgrade"));
    let seen = app.last();
    assert_eq!((seen.method.as_str(), seen.header("connection")), ("GET", Some("Upgrade")));
    assert_eq!(seen.header("sec-websocket-version"), Some("13"));
    assert_eq!(seen.header("sec-websocket-key").map(str::len), Some(24));
    for word in ["one\n", "two\n"] {
        call.stream.send_data(word.into(), false).unwrap();
        assert_eq!(client.wait(part(&mut body)).unwrap(), word);
    }
    // Requests beside it go on, and it counts as under way until it ends.
    assert_eq!(client.get("/"), (200, "app".into()));
    assert_eq!(proxy.access_lines(2).len(), 2);
    call.stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(client.wait(whole(&mut body)).0, b"");
    // It came before the last request, and ended after it.
    let line = proxy.access_lines(3).remove(1);
    assert_eq!((&line["status"], &line["proto"]), (&101.into(), &"HTTP/2.0".into()));
}

#[test]
fn a_websocket_that_the_app_does_not_open_is_no_success() {
    let app = Backend::new(|request, stream| match request.header("upgrade") {
        Some(_) => reply(stream, if request.path == "/cable" { 200 } else { 403 }, &[], b"no"),
        None => reply(stream, 200, &[], b"app"),
    });
    let proxy = Proxy::start();
    proxy.deploy("web", &app, &[]);
    let client = H2cClient::open(&proxy);
    assert_eq!(client.get("/"), (200, "app".into()));
    let status = |request| client.wait(client.call(request).response).unwrap().status().as_u16();
    assert_eq!(status(websocket("websocket")), 502);
    let mut refused = websocket("websocket");
    *refused.uri_mut() = "http://a.com/private".parse().unwrap();
    assert_eq!(status(refused), 403);
    assert_eq!(status(websocket("connect-udp")), 405);
}

#[test]
fn who_only_begins_to_speak_http_2_is_sent_away() {
    let proxy = Proxy::start();
    for begun in [&b"PRI"[..], b"PRI * HTTP/2.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM"] {
        let mut client = proxy.connect();
        client.send(begun);
        client.drain();
    }
}

#[test]
fn http_2_begins_with_the_connection_or_not_at_all() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let mut client = proxy.connect();
    assert_eq!(client.get("a.com", "/").status, 200);
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(client.reply().status, 505);
    let upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"];
    let reply = proxy.request("GET", "/", &upgrade, b"");
    assert_eq!((reply.status, reply.text()), (200, "app".into()));
}
