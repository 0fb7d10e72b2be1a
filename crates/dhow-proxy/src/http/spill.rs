//! The part of a buffered body that is over the memory limit: a temporary file.
//!
//! Files are written and read on threads for what may block, many pieces at a time. To a client without TLS the kernel sends
//! it by itself (`sendfile(2)`): it was written a moment ago, and still is in memory.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use rustix::buffer::spare_capacity;
use rustix::fs::sendfile;
use rustix::io::pread;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes moved to or from the file at a time.
const BATCH: usize = 256 * 1024;

/// Pieces below this size are joined.
const SMALL: usize = 4 * 1024;

/// Pieces of a body in order. Small ones are joined: a body of one-byte chunks must not cost a handle per byte.
#[derive(Default)]
pub struct Pieces {
    whole: VecDeque<Bytes>,
    joined: BytesMut,
}

impl Pieces {
    /// Adds one at the end.
    pub fn add(&mut self, data: Bytes) {
        if data.len() < SMALL && !self.whole.is_empty() {
            return self.joined.extend_from_slice(&data);
        }
        self.join();
        self.whole.push_back(data);
    }

    /// Takes the first one.
    pub fn take_first(&mut self) -> Option<Bytes> {
        if self.whole.is_empty() {
            self.join();
        }
        self.whole.pop_front()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.whole.len() + usize::from(!self.joined.is_empty())
    }

    fn join(&mut self) {
        if !self.joined.is_empty() {
            self.whole.push_back(self.joined.split().freeze());
        }
    }
}

/// A temporary file without a name, written once from its begin to its end, then read once.
pub struct Spill {
    file: Arc<File>,
    waiting: Pieces,
    waiting_bytes: usize,
    writing: Option<JoinHandle<io::Result<()>>>,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    written: u64,
    read: u64,
}

impl Spill {
    /// An empty one.
    pub async fn open() -> io::Result<Self> {
        let file = spawn_blocking(unnamed_file).await.map_err(io::Error::other)??;
        Ok(Self {
            file: Arc::new(file),
            waiting: Pieces::default(),
            waiting_bytes: 0,
            writing: None,
            reading: None,
            written: 0,
            read: 0,
        })
    }

    /// Adds to it. What is added is written while the next pieces come in.
    pub async fn add(&mut self, data: Bytes) -> io::Result<()> {
        self.waiting_bytes += data.len();
        self.waiting.add(data);
        if self.waiting_bytes >= BATCH { self.write().await } else { Ok(()) }
    }

    /// Waits until all of it is in the file.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.write().await?;
        self.written_before().await
    }

    async fn write(&mut self) -> io::Result<()> {
        self.written_before().await?;
        let mut pieces = std::mem::take(&mut self.waiting);
        self.written += std::mem::take(&mut self.waiting_bytes) as u64;
        let file = Arc::clone(&self.file);
        self.writing = Some(spawn_blocking(move || {
            while let Some(piece) = pieces.take_first() {
                (&*file).write_all(&piece)?;
            }
            Ok(())
        }));
        Ok(())
    }

    async fn written_before(&mut self) -> io::Result<()> {
        match self.writing.take() {
            Some(writing) => writing.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }

    /// Bytes left to read.
    pub fn remaining(&self) -> u64 {
        self.written - self.read
    }

    /// Reads the next part. Not to be asked for when nothing remains.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let (file, from, remaining) = (&self.file, self.read, self.remaining());
        let reading = self.reading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            spawn_blocking(move || {
                let mut part = Vec::with_capacity(remaining.min(BATCH as u64) as usize);
                pread(&*file, spare_capacity(&mut part), from)?;
                Ok(part)
            })
        });
        let part = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let part = part.map_err(io::Error::other)??;
        if part.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.read += part.len() as u64;
        Poll::Ready(Ok(part.into()))
    }

    /// Sends all that remains to a socket.
    pub fn poll_send(&mut self, to: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.remaining() > 0 {
            ready!(to.poll_write_ready(cx))?;
            let count = usize::try_from(self.remaining()).unwrap_or(usize::MAX);
            let sent = to.try_io(Interest::WRITABLE, || {
                sendfile(to, &*self.file, Some(&mut self.read), count).map_err(io::Error::from)
            });
            match sent {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ => {}
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A file that only this process can reach: its name is removed as soon as it is open, so nothing is left by a crash.
fn unnamed_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("proxy-buffer-{:032x}", fastrand::u128(..)));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
