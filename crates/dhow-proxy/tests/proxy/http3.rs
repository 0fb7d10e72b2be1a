use std::io::Write;
use std::net::UdpSocket;
use std::sync::Arc;

use bytes::Bytes;
use h3::error::Code;
use hyper::Request;

use crate::support::daemon::new_directory;
use crate::support::http2::Http2;
use crate::support::http3::Http3;
use crate::support::tls::Scene;
use crate::support::{Backend, Gate, PATIENCE, Proxy, eventually, free_address, reply};

/// A proxy that serves HTTP/3, with an app behind TLS.
fn scene(app: Backend) -> Scene {
    let proxy = Proxy::start_with(new_directory(), |config| {
        config.http3 = true;
        // A port that is free for UDP too: clients of other tests have some of those that the system gives.
        config.https_port = free_address().port();
        // The client writes a head in two parts, and may be kept waiting in between.
        config.timeouts.head = PATIENCE;
    });
    let scene = Scene::of(proxy, app);
    scene.deploy("web", &["a.com"], &[]);
    scene
}

/// The real program, with HTTP/3.
fn spawned() -> Proxy {
    Proxy::spawn_flagged(&["--http3", "--https-port", &free_address().port().to_string()])
}

fn post(url: &str) -> hyper::http::request::Builder {
    Request::post(url)
}

fn echo() -> Backend {
    Backend::new(|request, stream| reply(stream, 200, &[], &request.body))
}

#[test]
fn t_382_clients_over_tls_learn_of_http_3_and_may_use_it() {
    let scene = scene(Backend::named("app"));
    scene.proxy.deploy("plain", &scene.app, &["--host", "plain.com"]);
    let advertised = format!("h3=\":{}\"; ma=2592000", scene.proxy.https.port());
    let mut over_1 = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap().http;
    assert_eq!(over_1.get("a.com", "/").header("alt-svc"), Some(advertised.as_str()));
    let over_2 = Http2::open(&scene, "a.com").get("https://a.com/");
    assert_eq!(over_2.headers["alt-svc"], advertised);
    assert_eq!(scene.proxy.get("plain.com", "/").header("alt-svc"), None);
    let over_3 = Http3::open(&scene, "a.com").get("https://a.com/x%20y?z=1");
    assert_eq!((over_3.status.as_u16(), &over_3.body[..]), (200, &b"app"[..]));
    assert!(!over_3.headers.contains_key("alt-svc"));
    assert!(over_3.headers.contains_key("date"));
    assert_eq!(over_3.headers["content-length"], "3");
    let seen = scene.app.last();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/x%20y?z=1"));
    assert_eq!(seen.header("transfer-encoding"), None);
    for (name, value) in [("host", "a.com"), ("x-forwarded-proto", "https"), ("x-forwarded-for", "127.0.0.1")]
    {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    let line = scene.proxy.access_lines(4).remove(3);
    let port = scene.proxy.lines("Server started")[0]["https"].clone();
    assert_eq!((&line["proto"], &line["scheme"]), (&"HTTP/3.0".into(), &"https".into()));
    assert_eq!((&line["path"], &line["status"]), (&"/x y".into(), &200.into()));
    assert_eq!(scene.proxy.lines("HTTP/3 enabled")[0]["port"], port);
}

#[test]
fn t_383_without_the_flag_there_is_no_word_of_it_and_the_udp_port_is_free() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    let mut over_1 = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap().http;
    assert_eq!(over_1.get("a.com", "/").header("alt-svc"), None);
    assert!(!Http2::open(&scene, "a.com").get("https://a.com/").headers.contains_key("alt-svc"));
    UdpSocket::bind(scene.proxy.https).unwrap();
}

#[test]
fn what_an_app_says_of_other_ways_is_left_as_it_is() {
    let app = Backend::new(|_, stream| reply(stream, 200, &[("Alt-Svc", "clear")], b""));
    let scene = scene(app);
    let mut client = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap().http;
    assert_eq!(client.get("a.com", "/").all("alt-svc"), ["clear"]);
}

#[test]
fn bodies_pass_both_ways_buffered_or_not() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let scene = scene(echo());
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"]] {
        scene.deploy("web", &["a.com"], flags);
        let client = Http3::open(&scene, "a.com");
        for parts in [&[&large[..]][..], &[], &[b"one", b"two"]] {
            let body = parts.concat();
            let answer = client.request(post("https://a.com/").body(()).unwrap(), parts);
            assert_eq!((answer.status.as_u16(), answer.body == body), (200, true), "{} bytes", body.len());
            let told = post("https://a.com/").header("content-length", body.len()).body(()).unwrap();
            assert_eq!(client.request(told, parts).body.len(), body.len());
        }
        assert_eq!(client.request(Request::put("https://a.com/").body(()).unwrap(), &[b"put"]).body, b"put");
    }
}

#[test]
fn trailers_pass_both_ways() {
    let app = Backend::new(|request, stream| {
        assert_eq!(request.trailers, [("x-check".to_owned(), "1".to_owned())]);
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 2\r\n\r\n";
        stream.get_mut().write_all(answer).unwrap();
    });
    let scene = scene(app);
    let client = Http3::open(&scene, "a.com");
    let mut stream = client.begin(post("https://a.com/").header("te", "trailers").body(()).unwrap());
    let answer = client.wait(async {
        stream.send_data(Bytes::from_static(b"body")).await.unwrap();
        stream
            .send_trailers(
                [("x-check", "1"), ("x-forwarded-for", "6.6.6.6")]
                    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                    .into_iter()
                    .collect(),
            )
            .await
            .unwrap();
        stream.finish().await.unwrap();
        let status = stream.recv_response().await.unwrap().status();
        while stream.recv_data().await.unwrap().is_some() {}
        (status, stream.recv_trailers().await.unwrap().unwrap())
    });
    assert_eq!((answer.0.as_u16(), &answer.1["x-sum"]), (200, &"2".parse().unwrap()));
}

#[test]
fn answers_of_the_proxy_itself_are_proper_http_3_too() {
    let scene = scene(Backend::named("app"));
    scene.deploy("web", &["a.com", "www.a.com"], &["--canonical-host", "a.com"]);
    let client = Http3::open(&scene, "a.com");
    let moved = client.get("https://www.a.com/x?y");
    assert_eq!(
        (moved.status.as_u16(), &moved.headers["location"]),
        (301, &"https://a.com/x?y".parse().unwrap())
    );
    assert!(!moved.headers.contains_key("connection"));
    let missing = client.get("https://nobody.com/");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.headers["content-length"], missing.body.len().to_string());
    let head = client.request(Request::head("https://nobody.com/").body(()).unwrap(), &[]);
    assert_eq!((head.status.as_u16(), head.body.len()), (404, 0));
    let head = client.request(Request::head("https://a.com/").body(()).unwrap(), &[]);
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let connect = client.request(Request::connect("a.com:443").body(()).unwrap(), &[]);
    assert_eq!(connect.status, 405);
}

#[test]
fn a_body_that_does_not_keep_its_word_is_refused() {
    let scene = scene(echo());
    let client = Http3::open(&scene, "a.com");
    for (length, body) in
        [("3", "four"), ("3", "GET / HTTP/1.1\r\n\r\n"), ("5", "four"), ("0", "x"), ("7", "")]
    {
        for flags in [&[][..], &["--buffer-requests"]] {
            scene.deploy("web", &["a.com"], flags);
            for method in ["POST", "PUT"] {
                let request = Request::builder().method(method).uri("https://a.com/");
                let request = request.header("content-length", length).body(()).unwrap();
                let answer = client.request(request, &[body.as_bytes()]);
                assert_eq!(answer.status, 400, "{method} {length} {body}");
            }
        }
    }
    for length in ["x", "-1", "1, 1", ""] {
        let request = post("https://a.com/").header("content-length", length).body(()).unwrap();
        assert_eq!(client.request(request, &[b"1"]).status, 400, "{length}");
    }
    assert!(scene.app.received().is_empty(), "{:?}", scene.app.received());
}

#[test]
fn heads_have_a_limit() {
    let scene = scene(Backend::named("app"));
    let client = Http3::open(&scene, "a.com");
    let request = Request::get("https://a.com/").header("x-large", "x".repeat(200_000));
    assert_eq!(client.request(request.body(()).unwrap(), &[]).status, 200);
    // A frame of headers that goes on and on is not read to its end, nor is a frame of trailers.
    let whole_head = b"\x01\x11\0\0\x50\x05a.com\xd1\xd7\x51\x04/xyz";
    for begin in [&[][..], whole_head] {
        let stopped = client.wait(async {
            let (mut stream, _answer) = client.connection.open_bi().await.unwrap();
            stream.write_all(&[begin, &[1, 0xbf, 0xff, 0xff, 0xff]].concat()).await.unwrap();
            while stream.write_all(&[0; 100_000]).await.is_ok() {}
            stream.stopped().await.unwrap()
        });
        assert_eq!(stopped, Some(quinn::VarInt::from_u64(Code::H3_EXCESSIVE_LOAD.value()).unwrap()));
    }
    assert_eq!(client.get("https://a.com/").status, 200);
}

#[test]
fn t_206_a_request_that_is_taken_back_is_logged_and_harms_no_other() {
    let gate = Gate::default();
    let held = gate.clone();
    let app = Backend::new(move |request, stream| {
        if request.path == "/held" {
            held.pass();
        }
        reply(stream, 200, &[], b"app");
    });
    let scene = scene(app);
    let client = Http3::open(&scene, "a.com");
    let mut stream = client.begin(Request::get("https://a.com/held").body(()).unwrap());
    client.wait(stream.finish()).unwrap();
    gate.await_waiting(1);
    stream.stop_sending(Code::H3_REQUEST_CANCELLED);
    assert_eq!(scene.proxy.access_lines(1)[0]["status"], 499);
    assert_eq!(client.get("https://a.com/").body, b"app");
    gate.open();
}

#[test]
fn a_client_that_leaves_ends_what_it_has_asked_for() {
    let gate = Gate::default();
    let held = gate.clone();
    let scene = scene(Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"app");
    }));
    let client = Http3::open(&scene, "a.com");
    let mut stream = client.begin(Request::get("https://a.com/held").body(()).unwrap());
    client.wait(stream.finish()).unwrap();
    gate.await_waiting(1);
    client.connection.close(0_u32.into(), b"");
    assert_eq!(scene.proxy.access_lines(1)[0]["status"], 499);
    gate.open();
}

#[test]
fn an_answer_that_the_app_cuts_does_not_look_whole() {
    let app = Backend::new(|_, stream| {
        let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n";
        stream.get_mut().write_all(begun).unwrap();
        stream.get_mut().shutdown(std::net::Shutdown::Both).unwrap();
    });
    let scene = scene(app);
    let client = Http3::open(&scene, "a.com");
    let error = client.try_request(Request::get("https://a.com/").body(()).unwrap(), &[]).unwrap_err();
    assert!(error.contains("H3_INTERNAL_ERROR"), "{error}");
}

#[test]
fn requests_of_one_connection_do_not_wait_for_each_other() {
    let gate = Gate::default();
    let passed = gate.clone();
    let scene = scene(Backend::new(move |request, stream| {
        if request.path == "/slow" {
            passed.pass();
        }
        reply(stream, 200, &[], request.path.as_bytes());
    }));
    let client = Http3::open(&scene, "a.com");
    let mut slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = client.begin(Request::get("https://a.com/slow").body(()).unwrap());
            client.wait(stream.finish()).unwrap();
            stream
        })
        .collect();
    gate.await_waiting(20);
    assert_eq!(client.get("https://a.com/fast").body, b"/fast");
    gate.open();
    for stream in &mut slow {
        assert_eq!(client.wait(stream.recv_response()).unwrap().status(), 200);
    }
}

#[test]
fn certificates_are_chosen_by_name() {
    let scene = scene(Backend::named("app"));
    scene.deploy("other", &["b.com", "*.c.com"], &[]);
    scene.proxy.deploy("plain", &scene.app, &["--host", "plain.com"]);
    for name in ["a.com", "b.com", "x.c.com"] {
        assert_eq!(Http3::open(&scene, name).get(&format!("https://{name}/")).status, 200, "{name}");
    }
    for name in ["nobody.com", "plain.com"] {
        assert!(Http3::try_open(&scene.authority, scene.proxy.https, name).is_err(), "{name}");
    }
}

#[test]
fn o_50_a_terminated_proxy_finishes_what_is_under_way_over_http_3() {
    let gate = Gate::default();
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"done");
    });
    let scene = Scene::of(spawned(), app);
    scene.deploy("web", &["a.com"], &[]);
    let client = Http3::open(&scene, "a.com");
    let mut stream = client.begin(Request::get("https://a.com/").body(()).unwrap());
    client.wait(stream.finish()).unwrap();
    gate.await_waiting(1);
    scene.proxy.signal("TERM");
    eventually("refused connections", || {
        let refused = Http3::try_open(&scene.authority, scene.proxy.https, "a.com").err();
        refused.is_some_and(|why| why.contains("refused"))
    });
    gate.open();
    assert_eq!(client.wait(stream.recv_response()).unwrap().status(), 200);
    client.wait(async { while stream.recv_data().await.unwrap().is_some() {} });
    assert_eq!(scene.proxy.exit_code(), Some(0));
}

#[test]
fn who_takes_over_serves_http_3_when_the_other_has_finished() {
    let gate = Gate::default();
    let held = gate.clone();
    let app = Backend::new(move |request, stream| {
        if request.path == "/held" {
            held.pass();
        }
        reply(stream, 200, &[], b"app");
    });
    let mut scene = Scene::of(spawned(), app);
    scene.deploy("web", &["a.com"], &[]);
    let client = Http3::open(&scene, "a.com");
    let mut stream = client.begin(Request::get("https://a.com/held").body(()).unwrap());
    client.wait(stream.finish()).unwrap();
    gate.await_waiting(1);
    let successor = scene.proxy.succeeded("second", &["--http3"]);
    // Nobody serves new clients over HTTP/3 for the time being; they are told so at once.
    eventually("refused connections", || {
        let refused = Http3::try_open(&scene.authority, scene.proxy.https, "a.com").err();
        refused.is_some_and(|why| why.contains("refused"))
    });
    gate.open();
    assert_eq!(client.wait(stream.recv_response()).unwrap().status(), 200);
    client.wait(async { while stream.recv_data().await.unwrap().is_some() {} });
    successor.told("HTTP/3 enabled", 1);
    let first = std::mem::replace(&mut scene.proxy, successor);
    assert_eq!(first.exit_code(), Some(0));
    assert_eq!(Http3::open(&scene, "a.com").get("https://a.com/").body, b"app");
}

#[test]
fn a_udp_port_that_is_taken_is_told() {
    let (directory, address) = (new_directory(), free_address());
    let _taken = UdpSocket::bind(address).unwrap();
    let port = address.port().to_string();
    let run = ["run", "--http-port", "0", "--https-port", &port, "--http3"];
    let output = Arc::clone(&directory).command(&run).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.trim_end(), format!("Error: listen udp :{port}: bind: address already in use"));
}
