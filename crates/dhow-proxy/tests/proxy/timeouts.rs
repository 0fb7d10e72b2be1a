use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::support::{Backend, Connection, Gate, Proxy, eventually, reply};

/// An app that holds every request until the gate is open.
fn held(gate: &Gate) -> Backend {
    let gate = gate.clone();
    Backend::new(move |_, stream| {
        gate.pass();
        reply(stream, 200, &[], b"late");
    })
}

#[test]
fn paths_have_their_own_time_for_the_response() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let app = held(&gate);
    let limits = ["--target-timeout", "100ms", "--path-timeout", "/reports=0,/reports/short=50ms"];
    proxy.deploy("web", &app, &[&limits[..], &["--path-prefix", "/api", "--strip-path-prefix"]].concat());
    let mut patient = proxy.connect();
    patient.request("GET", "a.com", "/api/re%70orts/7?x=/", &[], b"");
    gate.await_waiting(1);
    for path in ["/api/other", "/api/reports-of-mine", "/api/reports/short/1"] {
        assert_eq!(proxy.get("a.com", path).status, 504, "{path}");
    }
    gate.open();
    assert_eq!((patient.reply().status, app.received()[0].path.as_str()), (200, "/re%70orts/7?x=/"));
}

#[test]
fn responses_that_do_not_move_on_are_given_up() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let waiting = gate.clone();
    let app = Backend::new(move |_, stream| {
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
        waiting.pass();
    });
    proxy.deploy("web", &app, &["--target-idle-timeout", "100ms"]);
    let streamed = proxy.get("a.com", "/");
    assert_eq!((streamed.status, streamed.text().as_str(), streamed.is_whole), (200, "first", false));
    proxy.deploy("web", &app, &["--target-idle-timeout", "100ms", "--buffer-responses"]);
    assert_eq!(proxy.get("a.com", "/").status, 504);
    gate.open();
}

#[test]
fn requests_that_do_not_move_on_are_given_up() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--target-idle-timeout", "100ms"]);
    let mut client = proxy.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: 6\r\n\r\nslo");
    assert_eq!(client.reply().status, 408, "it is the client's doing");
    // What comes after the end of the request is not the client's doing any more, and not within this limit.
    let gate = Gate::default();
    let app = held(&gate);
    proxy.deploy("web", &app, &["--target-idle-timeout", "100ms"]);
    let mut client = proxy.connect();
    client.request("POST", "a.com", "/", &[], b"hello");
    gate.await_waiting(1);
    std::thread::sleep(Duration::from_millis(300));
    gate.open();
    assert_eq!(client.reply().status, 200);
}

#[test]
fn a_target_that_takes_no_more_is_given_up() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    // The prober's connections are read from, the request's is not.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = listener.local_addr().unwrap();
    let port = app.address.rsplit_once(':').unwrap().1.to_owned();
    let address = deaf.to_string();
    let flags = ["--health-check-port", &port, "--target-idle-timeout", "200ms"];
    proxy.ok(&[&["deploy", "web", "--target", address.as_str()], &flags[..]].concat());
    let mut stream = TcpStream::connect(proxy.http).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: a.com\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40);
    stream.write_all(head.as_bytes()).unwrap();
    while stream.write(&[b'x'; 65_536]).is_ok() {}
    assert_eq!(Connection::over(stream).reply().status, 504);
}

#[test]
fn connections_have_their_time_to_be_made() {
    let proxy = Proxy::start();
    let app = Backend::named("app");
    let address: SocketAddr = app.address.parse().unwrap();
    proxy.deploy("web", &app, &["--target-connect-timeout", "100ms"]);
    drop(app);
    // A queue for connections that is full: further ones get no answer at all.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let mut queued = Vec::new();
    eventually("a full queue", || {
        let connected = TcpStream::connect_timeout(&address, Duration::from_millis(200));
        connected.map(|stream| queued.push(stream)).is_err()
    });
    let begun = Instant::now();
    assert_eq!(proxy.get("a.com", "/").status, 504);
    assert!(begun.elapsed() < Duration::from_secs(10), "the usual time");
}

#[test]
fn timeouts_are_kept_and_checked() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--path-timeout", "/a=1s", "--target-connect-timeout", "2s"]);
    let kept = serde_json::json!({
        "path_timeouts": [{"path": "/a", "limit": 1_000_000_000}], "connect_timeout": 2_000_000_000
    });
    assert_eq!(proxy.state()[0]["target_options"]["dhow"], kept);
    for (flags, error) in [
        (["--path-timeout", "a=1s"], "path-timeout \"a=1s\" is for no path, which begins with a slash"),
        (["--path-timeout", "/a"], "path-timeout \"/a\" names no time; for example /reports=5m"),
    ] {
        let told = proxy.fails(&proxy.deploy_command("web", &app, &flags));
        assert!(told.contains(error), "{flags:?}: {told}");
    }
    proxy.deploy("web", &app, &[]);
    assert!(proxy.state()[0]["target_options"].get("dhow").is_none(), "nothing where nothing is set");
}
