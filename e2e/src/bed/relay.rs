use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Host, network::Network};

/// A long cable to a server's sshd. (Linux can delay packets itself, but not every kernel is built with it.)
pub struct Relay<'bed> {
    network: &'bed Network,
    last: usize,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl<'bed> Relay<'bed> {
    pub(super) fn start(network: &'bed Network, server: &Host, round_trip: Duration) -> Result<Relay<'bed>> {
        let server_last: usize = server.address().rsplit('.').next().context("an IPv4 address")?.parse()?;
        let (last, target) = (server_last + 100, format!("{}:22", server.address()));
        network.add_machine_address(last)?;
        let listener =
            TcpListener::bind((network.address(last), 22)).context("cannot listen for the relay")?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let accepting = thread::spawn(move || accept(&listener, &target, round_trip / 2, &told));
        Ok(Relay { network, last, stop, accepting: Some(accepting) })
    }

    /// The server's address at this end of the cable.
    pub fn address(&self) -> String {
        self.network.address(self.last)
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread waits for a connection, so it gets one.
        let _ = TcpStream::connect((self.address(), 22));
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, target: &str, delay: Duration, stop: &AtomicBool) {
    for client in listener.incoming().flatten() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let target = target.to_string();
        thread::spawn(move || join(client, &target, delay));
    }
}

/// A refused or broken connection simply ends here; whoever tests with it sees it end.
fn join(client: TcpStream, target: &str, delay: Duration) -> io::Result<()> {
    let server = TcpStream::connect(target)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    carry(client.try_clone()?, server.try_clone()?, delay);
    carry(server, client, delay);
    Ok(())
}

type Parcel = (Instant, Vec<u8>);

/// One direction: a thread reads and stamps each piece with the time it is due, another delivers at that time.
fn carry(from: TcpStream, to: TcpStream, delay: Duration) {
    let (sender, parcels) = mpsc::channel();
    thread::spawn(move || collect(from, &sender, delay));
    thread::spawn(move || deliver(&parcels, to));
}

fn collect(mut from: TcpStream, parcels: &Sender<Parcel>, delay: Duration) {
    let mut piece = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if parcels.send((Instant::now() + delay, piece[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn deliver(parcels: &Receiver<Parcel>, mut to: TcpStream) {
    for (due, bytes) in parcels {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
