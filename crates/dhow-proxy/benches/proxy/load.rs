//! The clients: as many connections as a row has, each asking again as soon as it is answered.

mod http1;
mod http2;
mod idle;
mod tls;
mod websocket;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::rows::{Ask, ROWS, Row};

/// Before the count begins: connections are opened, buffers have grown.
const WARM_UP: Duration = Duration::from_millis(400);

/// Where the proxy listens, and the certificate that it is to show.
pub struct Aim {
    pub plain: String,
    pub secure: String,
    pub root: String,
}

/// How long each answer has taken.
#[derive(Default)]
pub struct Times(RefCell<Vec<Duration>>);

impl Times {
    fn note(&self, begun: Instant) {
        self.0.borrow_mut().push(begun.elapsed());
    }
}

/// Prints `go` after the warm-up; in the end: answers, p50, p99 and p99.9 in milliseconds, seconds.
pub fn run(words: &[String]) {
    let [row, plain, secure, root, seconds] = words else { panic!("five words, not {words:?}") };
    let row = ROWS.iter().find(|known| known.name == row).unwrap();
    let aim = Aim { plain: plain.clone(), secure: secure.clone(), root: root.clone() };
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told(panic);
        std::process::exit(1); // One client that fails would go unnoticed among the others.
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        if let Ask::Idle = row.ask {
            return idle::hold(row, &aim).await;
        }
        let times = Rc::new(Times::default());
        start(row, &Rc::new(aim), &times);
        tokio::time::sleep(WARM_UP).await;
        times.0.borrow_mut().clear();
        println!("go");
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs_f64(seconds.parse().unwrap())).await;
        report(times.0.take(), begun.elapsed());
    });
    std::process::exit(0); // The clients would go on.
}

fn start(row: &'static Row, aim: &Rc<Aim>, times: &Rc<Times>) {
    for number in 0..row.connections {
        let (aim, times) = (aim.clone(), times.clone());
        match row.ask {
            Ask::Http1 { path, upload, keeps } => {
                let requests = http1::requests(row, path, upload, keeps);
                tokio::task::spawn_local(http1::ask(aim, requests, number, keeps, times));
            }
            Ask::Handshake { is_resumed } => {
                tokio::task::spawn_local(tls::ask(aim, is_resumed, times));
            }
            Ask::Http2 { streams } => {
                tokio::task::spawn_local(http2::ask(aim, streams, times));
            }
            Ask::WebSocket { bytes } => {
                tokio::task::spawn_local(websocket::ask(aim, bytes, times));
            }
            Ask::Idle => {}
        }
    }
}

fn report(mut times: Vec<Duration>, took: Duration) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{} {} {} {} {}", times.len(), at(0.5), at(0.99), at(0.999), took.as_secs_f64());
}

/// From one of several addresses, so that there are enough ports.
async fn connect(address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = [127, 0, 0, fastrand::u8(2..250)];
    socket.bind((from, 0).into()).unwrap();
    let stream = socket.connect(address.parse().unwrap()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads one answer. All of them have a length.
async fn answer(stream: &mut (impl AsyncRead + Unpin), input: &mut [u8]) {
    let mut read = 0;
    let (end, length) = loop {
        let more = stream.read(&mut input[read..]).await.unwrap();
        assert!(more > 0, "the proxy hung up");
        read += more;
        if let Some(end) = input[..read].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = std::str::from_utf8(&input[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let lower = head.to_ascii_lowercase();
            let length = lower.split("\r\ncontent-length:").nth(1).and_then(|rest| rest.lines().next());
            let length = length.unwrap_or_else(|| panic!("no length: {head}"));
            break (end + 4, length.trim().parse::<usize>().unwrap());
        }
    };
    while read < end + length {
        let more = stream.read(input).await.unwrap();
        assert!(more > 0, "the proxy hung up");
        read += more;
    }
}
