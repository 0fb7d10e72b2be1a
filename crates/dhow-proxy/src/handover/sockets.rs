//! Open sockets on their way from one process to another (`unix(7)`, `SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A line longer than this is none of ours.
const LINE: usize = 64 * 1024;

/// What a proxy is reached by.
pub struct Sockets {
    /// Plain HTTP, one per worker.
    pub http: Vec<TcpListener>,
    /// HTTP over TLS, one per worker.
    pub https: Vec<TcpListener>,
    /// The metrics, if they are served.
    pub metrics: Option<TcpListener>,
    /// Commands.
    pub control: UnixListener,
}

/// How many of each follow.
#[derive(Serialize, Deserialize)]
struct Manifest {
    http: usize,
    https: usize,
    metrics: usize,
}

impl Sockets {
    /// Sends them, each with a byte of its own: how many go with one message is limited.
    pub fn send(&self, stream: &UnixStream) -> io::Result<()> {
        let metrics = usize::from(self.metrics.is_some());
        let manifest = Manifest { http: self.http.len(), https: self.https.len(), metrics };
        let mut line = serde_json::to_vec(&manifest)?;
        line.push(b'\n');
        (&mut &*stream).write_all(&line)?;
        self.http
            .iter()
            .chain(&self.https)
            .chain(&self.metrics)
            .try_for_each(|socket| send_one(stream, socket))?;
        send_one(stream, &self.control)
    }

    /// Receives them.
    pub fn receive(stream: &UnixStream) -> io::Result<Self> {
        let manifest: Manifest = read_json(stream)?;
        let listeners =
            |count| (0..count).map(|_| Ok(receive_one(stream)?.into())).collect::<io::Result<Vec<_>>>();
        Ok(Self {
            http: listeners(manifest.http)?,
            https: listeners(manifest.https)?,
            metrics: listeners(manifest.metrics)?.pop(),
            control: receive_one(stream)?.into(),
        })
    }
}

fn send_one(stream: &UnixStream, socket: &impl AsFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::Error::other("no room for a socket"));
    }
    match sendmsg(stream, &[IoSlice::new(b".")], &mut control, SendFlags::NOSIGNAL)? {
        1 => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

fn receive_one(stream: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let sockets = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    sockets
        .flatten()
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "a socket is missing"))
}

/// Reads a line of JSON, and not a byte more: what follows may carry a socket.
pub fn read_json<T: DeserializeOwned>(mut stream: &UnixStream) -> io::Result<T> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < LINE {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(serde_json::from_slice(&line)?);
        }
        line.push(byte[0]);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "this line does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn sockets_arrive_open() {
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let path = std::env::temp_dir().join(format!("dhow-proxy-sockets-{:016x}", fastrand::u64(..)));
        let sockets = Sockets {
            http: vec![listener(), listener()],
            https: vec![listener()],
            metrics: Some(listener()),
            control: UnixListener::bind(&path).unwrap(),
        };
        let address = sockets.http[1].local_addr().unwrap();
        let waiting = TcpStream::connect(address).unwrap();
        let (from, to) = UnixStream::pair().unwrap();
        sockets.send(&from).unwrap();
        drop(sockets);
        let received = Sockets::receive(&to).unwrap();
        assert_eq!((received.http.len(), received.https.len(), received.metrics.is_some()), (2, 1, true));
        // Who was in the queue still is.
        assert_eq!(received.http[1].accept().unwrap().1, waiting.local_addr().unwrap());
        assert!(UnixStream::connect(&path).is_ok());
        std::fs::remove_file(&path).unwrap();
        drop(from);
        assert!(Sockets::receive(&to).is_err());
    }
}
