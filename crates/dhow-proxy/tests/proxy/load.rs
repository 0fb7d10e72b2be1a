use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use crate::support::{Backend, Connection, Proxy, eventually};

pub const CLIENTS: usize = 16;
const DEPLOYS: usize = 20;

/// Clients that ask without a pause, some on kept connections, some on a new one each time.
pub struct Load {
    stop: Arc<AtomicBool>,
    pub answered: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    clients: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    pub fn on(proxy: &Proxy) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            answered: Arc::default(),
            failed: Arc::default(),
            clients: Vec::new(),
        };
        for number in 0..CLIENTS {
            let (stop, answered, failed) = (load.stop.clone(), load.answered.clone(), load.failed.clone());
            let address = proxy.http;
            load.clients.push(std::thread::spawn(move || {
                let mut client = Connection::open(address);
                while !stop.load(SeqCst) {
                    if number % 4 == 0 {
                        client = Connection::open(address);
                    }
                    let body = if number % 2 == 0 { &b"body"[..] } else { b"" };
                    client.request(if body.is_empty() { "GET" } else { "POST" }, "a.com", "/", &[], body);
                    let reply = client.try_reply().filter(|reply| reply.status == 200 && reply.is_whole);
                    answered.fetch_add(1, SeqCst);
                    let is_last =
                        reply.as_ref().is_some_and(|reply| reply.header("connection") == Some("close"));
                    if is_last {
                        client = Connection::open(address);
                    }
                    if reply.is_none() {
                        failed.fetch_add(1, SeqCst);
                        client = Connection::open(address);
                    }
                }
            }));
        }
        load
    }

    /// Requests answered, requests failed.
    pub fn end(self) -> (usize, usize) {
        self.stop.store(true, SeqCst);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        let answered = self.answered.load(SeqCst);
        (answered, self.failed.load(SeqCst))
    }
}

#[test]
fn twenty_deploys_under_load_lose_nothing() {
    for flags in [&[][..], &["--buffer-requests", "--buffer-responses"][..]] {
        let (proxy, blue, green) = (Proxy::spawn(), Backend::named("blue"), Backend::named("green"));
        proxy.deploy("web", &blue, flags);
        let load = Load::on(&proxy);
        for number in 0..DEPLOYS {
            let before = load.answered.load(SeqCst);
            proxy.deploy("web", if number % 2 == 0 { &green } else { &blue }, flags);
            eventually("requests between two deploys", || load.answered.load(SeqCst) > before + 20);
        }
        let (answered, failed) = load.end();
        assert_eq!(failed, 0, "of {answered} requests");
    }
}
