use std::io::{Read, Write};

use crate::support::http2::{Http2, get};
use crate::support::tls::Scene;
use crate::support::{Backend, Connection, Gate, Proxy, Reply, reply};

const ALL: [&str; 2] = ["--compress", "zstd,br,gzip"];

/// Text as it is on the web: repetitive, but not one line again and again.
fn page(lines: usize) -> String {
    let line =
        |number: usize| format!("<li><a href=\"/products/{number}\">Product {}</a></li>\n", number * 7919);
    (0..lines).map(line).collect()
}

fn decoded(reply: &Reply) -> Vec<u8> {
    decode(reply.header("content-encoding").expect("an encoded answer"), &reply.body)
}

fn decode(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut text),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut text),
        "zstd" => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut text),
        other => panic!("unexpected coding {other}"),
    }
    .unwrap();
    text
}

fn ask(proxy: &Proxy, path: &str, accepted: &str) -> Reply {
    proxy.request("GET", path, &[&format!("Accept-Encoding: {accepted}")], b"")
}

/// An app whose paths are numbers of lines.
fn shop() -> Backend {
    Backend::new(|request, stream| {
        let headers = [("Content-Type", "text/html"), ("ETag", "\"v1\""), ("Accept-Ranges", "bytes")];
        let lines = request.path[1..].parse().unwrap();
        match request.method.as_str() {
            "HEAD" => {
                let length = page(lines).len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Type: text/html\r\n\r\n");
                stream.get_mut().write_all(head.as_bytes()).unwrap();
            }
            _ => reply(stream, 200, &headers, page(lines).as_bytes()),
        }
    })
}

#[test]
fn answers_are_compressed_as_the_client_likes_it() {
    let (proxy, app) = (Proxy::start(), shop());
    for buffering in [&[][..], &["--buffer-responses"]] {
        proxy.deploy("web", &app, &[&ALL[..], buffering].concat());
        for (accepted, chosen) in [("gzip, br, zstd", "zstd"), ("gzip, br", "br"), ("gzip, br;q=0.1", "gzip")]
        {
            for lines in [100, 5_000] {
                let answer = ask(&proxy, &format!("/{lines}"), accepted);
                assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(chosen)));
                assert!(answer.is_whole && decoded(&answer) == page(lines).as_bytes(), "{chosen} {lines}");
                assert!(answer.body.len() < page(lines).len() / 3, "{chosen}: {}", answer.body.len());
                assert_eq!(answer.all("vary"), ["Accept-Encoding"]);
                assert_eq!((answer.header("etag"), answer.header("accept-ranges")), (Some("W/\"v1\""), None));
            }
        }
    }
    let sizes: Vec<_> =
        proxy.access_lines(12).iter().map(|line| line["resp_content_length"].as_u64()).collect();
    assert!(sizes.iter().all(|size| size.unwrap() < page(5_000).len() as u64 / 3), "{sizes:?}: as sent");
}

#[test]
fn answers_that_gain_nothing_are_left_alone() {
    let (proxy, app) = (Proxy::start(), shop());
    proxy.deploy("web", &app, &ALL);
    for (path, accepted, vary) in [("/100", "identity", 1), ("/100", "gzip;q=0", 1), ("/3", "gzip", 0)] {
        let answer = ask(&proxy, path, accepted);
        assert_eq!((answer.header("content-encoding"), answer.all("vary").len()), (None, vary), "{path}");
        assert_eq!(
            (answer.header("etag"), answer.text()),
            (Some("\"v1\""), page(path[1..].parse().unwrap()))
        );
    }
    let head = proxy.request("HEAD", "/100", &["Accept-Encoding: gzip"], b"");
    assert_eq!((head.header("content-encoding"), head.header("vary")), (None, Some("Accept-Encoding")));
    assert_eq!(head.header("content-length"), Some(page(100).len().to_string().as_str()));
    let app = Backend::new(|request, stream| {
        let text = page(100);
        let (status, line) = match request.path.as_str() {
            "/encoded" => (200, ("Content-Encoding", "br")),
            "/fixed" => (200, ("Cache-Control", "no-transform")),
            "/part" => (206, ("Content-Range", "bytes 0-5/6")),
            _ => (200, ("X-Other", "")),
        };
        let kind = if request.path == "/image" { "image/png" } else { "text/html" };
        reply(stream, status, &[line, ("Content-Type", kind)], text.as_bytes());
    });
    proxy.deploy("web", &app, &ALL);
    for path in ["/encoded", "/fixed", "/part", "/image"] {
        let answer = ask(&proxy, path, "gzip, zstd");
        assert_eq!((answer.text(), answer.header("vary")), (page(100), None), "{path}");
    }
}

#[test]
fn what_the_app_has_sent_is_not_kept_back() {
    let proxy = Proxy::start();
    for encoding in ["zstd", "br", "gzip"] {
        let gate = Gate::default();
        let held = gate.clone();
        let app = Backend::new(move |_, stream| {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.get_mut().write_all(format!("{head}5\r\nfirst\r\n").as_bytes()).unwrap();
            held.pass();
            stream.get_mut().write_all(b"6\r\nsecond\r\n0\r\nX-Sum: 1\r\n\r\n").unwrap();
        });
        proxy.deploy("web", &app, &["--compress", encoding]);
        let mut client = proxy.connect();
        let accept = format!("Accept-Encoding: {encoding}");
        client.request("GET", "a.com", "/", &[&accept, "TE: trailers", "Connection: TE"], b"");
        assert_eq!(client.head().unwrap().header("content-encoding"), Some(encoding));
        let mut encoded = read_chunk(&mut client);
        // The app holds the rest back until the first part is here, and can be read.
        assert_eq!(decode_part(encoding, &encoded), b"first");
        gate.open();
        let mut chunk = read_chunk(&mut client);
        while !chunk.is_empty() {
            encoded.extend(chunk);
            chunk = read_chunk(&mut client);
        }
        assert_eq!(decode(encoding, &encoded), b"firstsecond");
        assert_eq!(client.line().as_deref(), Some("x-sum: 1"), "trailers come after all of it");
    }
}

/// A chunk; empty for the last one.
fn read_chunk(client: &mut Connection) -> Vec<u8> {
    let size = usize::from_str_radix(&client.line().unwrap(), 16).unwrap();
    let bytes = client.bytes(size);
    if size > 0 {
        assert_eq!(client.line().as_deref(), Some(""));
    }
    bytes
}

/// What can be read of a body that has not ended.
fn decode_part(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read> = match encoding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(bytes)),
        "br" => Box::new(brotli::Decompressor::new(bytes, 4096)),
        _ => Box::new(zstd::stream::read::Decoder::new(bytes).unwrap()),
    };
    let (mut text, mut buffer) = (Vec::new(), [0; 5]);
    while text.len() < 5 {
        let length = reader.read(&mut buffer).unwrap();
        assert!(length > 0, "{encoding} keeps something back");
        text.extend_from_slice(&buffer[..length]);
    }
    text
}

#[test]
fn events_are_passed_on_as_they_are() {
    let proxy = Proxy::start();
    let app = Backend::new(|_, stream| {
        let text = "data: x\n\n".repeat(1000);
        reply(stream, 200, &[("Content-Type", "text/event-stream")], text.as_bytes());
    });
    proxy.deploy("web", &app, &ALL);
    assert_eq!(ask(&proxy, "/", "gzip").header("content-encoding"), None);
}

#[test]
fn a_body_that_breaks_off_breaks_off_for_the_client() {
    let proxy = Proxy::start();
    let app = Backend::new(|_, stream| {
        let text = page(200);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
            text.len() + 1
        );
        stream.get_mut().write_all((head + &text).as_bytes()).unwrap();
        stream.get_mut().shutdown(std::net::Shutdown::Both).unwrap();
    });
    proxy.deploy("web", &app, &ALL);
    for encoding in ["zstd", "br", "gzip"] {
        assert!(!ask(&proxy, "/", encoding).is_whole, "{encoding}");
    }
}

#[test]
fn pages_of_our_own_are_compressed_and_http_2_is_served_too() {
    let scene = Scene::of(Proxy::start(), shop());
    scene.deploy("web", &["a.com"], &[&ALL[..], &["--tls-redirect=false"]].concat());
    let client = Http2::open(&scene, "a.com");
    let mut request = get("https://a.com/5000");
    request.headers_mut().insert("accept-encoding", "br".parse().unwrap());
    let answer = client.request(request);
    assert_eq!(answer.headers.get("content-encoding").unwrap(), "br");
    assert!(answer.headers.get("content-length").is_none());
    assert!(decode("br", &answer.body) == page(5_000).as_bytes());
    scene.proxy.ok(&["stop", "web"]);
    let stopped = ask(&scene.proxy, "/", "zstd");
    assert_eq!(stopped.status, 503);
    assert!(String::from_utf8(decoded(&stopped)).unwrap().contains("short break"));
}

#[test]
fn codings_are_checked() {
    let (proxy, app) = (Proxy::start(), shop());
    let told = proxy.fails(&proxy.deploy_command("web", &app, &["--compress", "gzip,deflate"]));
    assert!(told.contains("compress \"deflate\" is none of zstd, br, gzip"), "{told}");
}
