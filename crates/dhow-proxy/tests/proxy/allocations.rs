//! How many allocations a request costs on the plain path: access log on, both buffers on, connections kept on both sides.
//!
//! A test binary of its own, since the allocator counts for all of it. The client and the app are threads that allocate
//! nothing while it counts; the background of the daemon is in the figure.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, unused_imports, reason = "only the daemon is needed here")]
mod support;

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::Proxy;
use support::daemon::new_directory;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// kamal-proxy's handlers alone, without its HTTP server and client, take 74 (its own benchmark).
const AT_MOST: f64 = 12.0;

const REQUESTS: u32 = 2_000;

const REQUEST: &[u8] = b"GET /products/7?page=2 HTTP/1.1\r\nHost: shop.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\nAccept-Language: en\r\n\
    Accept-Encoding: gzip, br\r\nCookie: session=4tTnKfQYvC3x1mJ8\r\n\r\n";

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: private\r\nX-Runtime: 0.01\r\n\
    Content-Length: 12\r\n\r\nHello, world";

/// An app that answers every read with one response.
fn start_app() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while matches!(stream.read(&mut buffer), Ok(1..)) {
                    stream.write_all(RESPONSE).unwrap();
                }
            });
        }
    });
    address
}

fn ask(stream: &mut TcpStream, count: u32) {
    let mut buffer = [0; 4096];
    for _ in 0..count {
        stream.write_all(REQUEST).unwrap();
        let mut length = 0;
        while !buffer[..length].ends_with(b"Hello, world") {
            let read = stream.read(&mut buffer[length..]).unwrap();
            assert!(read > 0, "the proxy hung up");
            length += read;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn a_plain_request_costs_few_allocations() {
    let proxy = Proxy::start_with(new_directory(), |config| config.workers = 1);
    let app = start_app().to_string();
    proxy.ok(&["deploy", "web", "--target", &app, "--buffer-requests", "--buffer-responses"]);
    let mut stream = TcpStream::connect(proxy.http).unwrap();
    stream.set_nodelay(true).unwrap();
    ask(&mut stream, 200);
    let region = Region::new(ALLOCATOR);
    ask(&mut stream, REQUESTS);
    let change = region.change();
    let each = (change.allocations + change.reallocations) as f64 / f64::from(REQUESTS);
    let bytes = change.bytes_allocated as f64 / f64::from(REQUESTS);
    assert!(each <= AT_MOST, "{each} allocations, {bytes} bytes a request");
    println!("{each:.1} allocations, {bytes:.0} bytes a request");
}
