//! Every case of `tests/corpus/smuggling.txt`, against an app that reads byte for byte what it is sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::{PATIENCE, Proxy};

struct Case {
    name: String,
    verdict: String,
    app: Vec<String>,
    sent: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../corpus/smuggling.txt");
    let blocks = text.split("\n= ").skip(1);
    let cases: Vec<Case> = blocks.map(case).collect();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    cases
}

fn case(block: &str) -> Case {
    let mut lines = block.lines();
    let (name, verdict) = (lines.next().unwrap().to_owned(), lines.next().unwrap().to_owned());
    let (mut app, mut sent) = (Vec::new(), Vec::new());
    for line in lines.take_while(|line| !line.is_empty()) {
        match line.split_at(2) {
            ("< ", request) => app.push(request.to_owned()),
            ("> ", bytes) => sent.extend(unescaped(bytes)),
            _ => panic!("{name}: what is {line:?}?"),
        }
    }
    Case { name, verdict, app, sent }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, false) => byte,
            _ => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'\\' => b'\\',
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("no escape: {}", char::from(other)),
            },
        });
    }
    bytes
}

/// An app that takes nothing but the one plain way to write a request, and keeps what it got. Anything else is kept as
/// `CONFUSED` with the bytes.
struct StrictApp {
    address: String,
    got: Arc<Mutex<Vec<String>>>,
}

impl StrictApp {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let app = Self { address: listener.local_addr().unwrap().to_string(), got: Arc::default() };
        let got = app.got.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let got = got.clone();
                std::thread::spawn(move || serve(stream, &got));
            }
        });
        app
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, got: &Mutex<Vec<String>>) {
    stream.set_nodelay(true).unwrap();
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match read(&input) {
            Ok(Some((request, length))) => {
                input.drain(..length);
                if !request.contains(" /up ") {
                    got.lock().unwrap().push(request);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").ok();
                continue;
            }
            Ok(None) => {}
            Err(what) => {
                got.lock().unwrap().push(format!("CONFUSED by {what}: {}", input.escape_ascii()));
                return;
            }
        }
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => input.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
}

/// The first request of the input as a line, and its length; `None` if it is not whole.
fn read(input: &[u8]) -> Result<Option<(String, usize)>, &'static str> {
    let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = &input[..end];
    let mut lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').collect();
    let last = lines.pop().unwrap();
    let mut clean = Vec::new();
    for line in lines {
        clean.push(line.strip_suffix(b"\r").ok_or("a line feed")?);
    }
    clean.push(last);
    if clean.iter().any(|line| line.iter().any(|byte| *byte == 0x7f || (*byte < b' ' && *byte != b'\t'))) {
        return Err("a control character");
    }
    let line: Vec<&[u8]> = clean[0].split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = line[..] else { return Err("its request line") };
    let mut fields = Vec::new();
    for line in &clean[1..] {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("a line without a colon")?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-') {
            return Err("a name");
        }
        fields.push((name.to_ascii_lowercase(), value.strip_prefix(b" ").ok_or("a value")?));
    }
    let all = |name: &[u8]| {
        fields.iter().filter(|(found, _)| found == name).map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let [host] = all(b"host")[..] else { return Err("its hosts") };
    let start = end + 4;
    let body = match (&all(b"content-length")[..], &all(b"transfer-encoding")[..]) {
        ([], []) => Some((Vec::new(), start)),
        ([length], []) if length.iter().all(u8::is_ascii_digit) => {
            let length: usize = std::str::from_utf8(length).unwrap().parse().map_err(|_| "its length")?;
            input.get(start..start + length).map(|body| (body.to_vec(), start + length))
        }
        ([], [b"chunked"]) => chunks(input, start)?,
        _ => return Err("its framing"),
    };
    let request = |body: &[u8]| {
        let [method, target, host] = [method, target, host].map(String::from_utf8_lossy);
        format!("{method} {target} {host} \"{}\"", body.escape_ascii())
    };
    Ok(body.map(|(body, length)| (request(&body), length)))
}

fn chunks(input: &[u8], mut at: usize) -> Result<Option<(Vec<u8>, usize)>, &'static str> {
    let mut body = Vec::new();
    loop {
        let Some(end) = input[at..].windows(2).position(|bytes| bytes == b"\r\n") else { return Ok(None) };
        let digits = std::str::from_utf8(&input[at..at + end]).map_err(|_| "a chunk size")?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("a chunk size");
        }
        let size = usize::from_str_radix(digits, 16).map_err(|_| "a chunk size")?;
        at += end + 2;
        let Some(chunk) = input.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk");
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// Sends the bytes, ends our side once there is an answer, and reads the statuses of all answers.
fn statuses(proxy: &Proxy, case: &Case) -> Vec<u16> {
    let mut stream = TcpStream::connect(proxy.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
    stream.write_all(&case.sent).unwrap();
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    let wanted = if case.verdict == "forward" { case.app.len() } else { usize::MAX };
    // Answers that end the connection are read to its end; those that do not, until all are there.
    while count(&text).len() < wanted {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => text.extend_from_slice(&buffer[..length]),
            _ => break,
        }
        if case.verdict == "200 alone" {
            break;
        }
    }
    stream.shutdown(Shutdown::Both).ok();
    count(&text)
}

fn count(text: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(text);
    let heads = text.split("HTTP/1.1 ").skip(1).filter(|head| head.contains("\r\n\r\n"));
    let codes = heads.map(|head| head[..3].parse().unwrap());
    codes.filter(|code| *code != 100).collect()
}

fn is_as_expected(case: &Case, statuses: &[u16]) -> bool {
    match case.verdict.as_str() {
        "forward" => statuses == vec![200; case.app.len()],
        "400 later" => statuses == [vec![200; case.app.len()], vec![400]].concat(),
        "200 alone" => statuses == [200],
        codes => statuses.len() == 1 && codes.split(" or ").any(|code| code.parse() == Ok(statuses[0])),
    }
}

#[test]
fn nothing_is_forwarded_that_could_be_read_in_two_ways() {
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"]] {
        let (proxy, app) = (Proxy::start(), StrictApp::start());
        proxy.ok(&[&["deploy", "web", "--target", app.address.as_str()], flags].concat());
        let mut wrong = Vec::new();
        for case in cases() {
            let statuses = statuses(&proxy, &case);
            let seen = app.take();
            // What a case has left on the connections to the app would show in the requests after it.
            let after = proxy.get("a.com", "/after");
            let seen_after = app.take();
            let is_clean = after.status == 200 && seen_after == ["GET /after a.com \"\""];
            if !is_as_expected(&case, &statuses) || seen != case.app || !is_clean {
                wrong.push(format!(
                    "{}: {} wanted, got {statuses:?}; the app got {seen:?}, then {seen_after:?}",
                    case.name, case.verdict
                ));
            }
        }
        assert!(wrong.is_empty(), "{flags:?}\n{}", wrong.join("\n"));
    }
}

/// A response that could be read in two ways is not passed on either.
#[test]
fn responses_are_read_as_strictly() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nOK!",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nOK",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nOK",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nOK",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nOK",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nOK",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nOK",
        "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nOK",
        "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nOK",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut buffer = [0; 4096];
                let Ok(length @ 1..) = stream.read(&mut buffer) else { continue };
                let is_probe = buffer[..length].starts_with(b"GET /up ");
                let healthy = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                stream.write_all(if is_probe { healthy } else { response }.as_bytes()).ok();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                // Held open until the proxy has had enough.
                while matches!(stream.read(&mut buffer), Ok(1..)) {}
            }
        });
        let proxy = Proxy::start();
        proxy.ok(&["deploy", "web", "--target", &address]);
        assert_eq!(proxy.request("POST", "/", &[], b"x").status, 502, "{response:?}");
    }
}
