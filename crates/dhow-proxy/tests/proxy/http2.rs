use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};

use crate::support::http2::{Http2, get};
use crate::support::tls::Scene;
use crate::support::{Backend, Gate, Proxy, reply};

#[test]
fn t_382_t_383_a_browser_is_served_over_http_2() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &["--log-request-header", "Cookie"]);
    let client = Http2::open(&scene, "a.com");
    let request = Request::get("https://a.com/x%20y?z=1").header("cookie", "a=1").header("cookie", "b=2");
    let answer = client.request(request.body(Full::default()).unwrap());
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"app"[..]));
    assert!(!answer.headers.contains_key("alt-svc"));
    let seen = scene.app.last();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/x%20y?z=1"));
    for (name, value) in [
        ("host", "a.com"),
        ("cookie", "a=1; b=2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "a.com"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    let line = scene.proxy.access_lines(1).remove(0);
    for (field, value) in [
        ("proto", "HTTP/2.0"),
        ("scheme", "https"),
        ("host", "a.com"),
        ("path", "/x y"),
        ("req_cookie", "a=1; b=2"),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
}

#[test]
fn redirects_and_error_pages_are_proper_http_2_too() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com", "www.a.com"], &["--canonical-host", "a.com"]);
    scene.proxy.deploy("plain", &scene.app, &["--host", "plain.com"]);
    let client = Http2::open(&scene, "a.com");
    let moved = client.get("https://www.a.com/x?y");
    assert_eq!(
        (moved.status.as_u16(), &moved.headers["location"]),
        (301, &"https://a.com/x?y".parse().unwrap())
    );
    assert!(!moved.headers.contains_key("connection"));
    assert_eq!(client.get("https://plain.com/").status, 503);
    assert_eq!(client.get("https://nobody.com/").status, 404);
    assert_eq!(client.get("https://a.com/").status, 200);
}

#[test]
fn requests_of_one_connection_do_not_wait_for_each_other() {
    let gate = Gate::default();
    let passed = gate.clone();
    let app = Backend::new(move |request, stream| {
        if request.path == "/slow" {
            passed.pass();
        }
        reply(stream, 200, &[], request.path.as_bytes());
    });
    let scene = Scene::of(Proxy::start(), app);
    scene.deploy("web", &["a.com"], &[]);
    let client = Http2::open(&scene, "a.com");
    let slow: Vec<_> = (0..20).map(|_| client.begin(get("https://a.com/slow"))).collect();
    gate.await_waiting(20);
    assert_eq!(client.get("https://a.com/fast").body, "/fast");
    gate.open();
    for answer in slow {
        assert_eq!(client.wait(answer).unwrap().unwrap().body, "/slow");
    }
}

#[test]
fn large_bodies_pass_both_ways_buffered_or_not() {
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let app = Backend::new(|request, stream| reply(stream, 200, &[], &request.body));
    let scene = Scene::of(Proxy::start(), app);
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"]] {
        scene.deploy("web", &["a.com"], flags);
        let client = Http2::open(&scene, "a.com");
        let request = Request::post("https://a.com/").body(Full::new(Bytes::from(body.clone()))).unwrap();
        let answer = client.request(request);
        assert_eq!((answer.status.as_u16(), answer.body == body), (200, true));
    }
    scene.deploy("web", &["a.com"], &["--buffer-requests", "--max-request-body", "10"]);
    let client = Http2::open(&scene, "a.com");
    let request =
        Request::post("https://a.com/").body(Full::new(Bytes::from_static(b"hello, world"))).unwrap();
    assert_eq!(client.request(request).status, 413);
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
    let scene = Scene::of(Proxy::start(), app);
    scene.deploy("web", &["a.com"], &[]);
    let client = Http2::open(&scene, "a.com");
    let begun = client.begin(get("https://a.com/held"));
    gate.await_waiting(1);
    begun.abort();
    assert_eq!(scene.proxy.access_lines(1)[0]["status"], 499);
    assert_eq!(client.get("https://a.com/").body, "app");
    gate.open();
}

#[test]
fn a_connection_outlives_deploys_without_losing_a_request() {
    let (scene, green) = (Scene::new(), Backend::named("green"));
    let pair = scene.deploy("web", &["a.com"], &[]);
    let tls = pair.flags(&scene.proxy.directory, "web");
    let flags = [&["--host", "a.com"][..], &tls.each_ref().map(String::as_str)].concat();
    let client = Http2::open(&scene, "a.com");
    for (backend, text) in [(&green, "green"), (&scene.app, "app"), (&green, "green")] {
        let under_way: Vec<_> = (0..50).map(|_| client.begin(get("https://a.com/"))).collect();
        scene.proxy.deploy("web", backend, &flags);
        for answer in under_way {
            assert_eq!(client.wait(answer).unwrap().unwrap().status, 200);
        }
        assert_eq!(client.get("https://a.com/").body, text);
    }
}

#[test]
fn o_50_a_terminated_proxy_finishes_what_is_under_way_over_http_2() {
    let gate = Gate::default();
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 200, &[], b"done");
    });
    let scene = Scene::of(Proxy::spawn(), app);
    scene.deploy("web", &["a.com"], &[]);
    let client = Http2::open(&scene, "a.com");
    let begun = client.begin(get("https://a.com/"));
    gate.await_waiting(1);
    scene.proxy.signal("TERM");
    let https = scene.proxy.https;
    crate::support::eventually("refused connections", || std::net::TcpStream::connect(https).is_err());
    gate.open();
    assert_eq!(client.wait(begun).unwrap().unwrap().body, "done");
    assert_eq!(scene.proxy.exit_code(), Some(0));
}

#[test]
fn o_54_an_idle_connection_stays_but_one_that_never_speaks_ends() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    let client = Http2::open(&scene, "a.com");
    assert_eq!(client.get("https://a.com/").status, 200);
    let silent = scene.authority.client().speaking("h2");
    let mut silent = silent.connect(scene.proxy.https, "a.com").unwrap();
    // The server speaks first; then, as nothing comes back, it hangs up.
    silent.http.drain();
    assert_eq!(client.get("https://a.com/").status, 200);
}
