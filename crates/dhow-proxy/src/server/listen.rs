//! Listening sockets: one per worker on the same port, so that the kernel spreads connections over the workers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

const BACKLOG: i32 = 4096;

/// Bytes of packets that may wait: one socket takes those of all connections.
const PACKETS: usize = 4 * 1024 * 1024;

/// Opens `count` listeners on every interface, IPv6 and IPv4, or IPv4 alone where there is no IPv6.
pub fn everywhere(port: u16, count: usize) -> io::Result<Vec<TcpListener>> {
    let any_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match on(any_v6, count) {
        Err(error) if is_without_ipv6(&error) => on(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), count),
        opened => opened,
    }
}

/// Opens a port for packets, with nobody else on it.
pub fn for_packets(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // The system may allow less; then it is less.
    socket.set_recv_buffer_size(PACKETS).and_then(|()| socket.set_send_buffer_size(PACKETS)).ok();
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// An error as Go words it, for the usual ones.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotFound => "no such file or directory".into(),
        _ => error.to_string(),
    }
}

fn on(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // Sharing a port would also work with another proxy of ours on it: try alone first, so that this fails instead.
    drop(open(address, Sharing::Alone)?);
    let first = open(address, Sharing::Shared)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    while listeners.len() < count {
        listeners.push(open(address, Sharing::Shared)?);
    }
    Ok(listeners)
}

#[derive(PartialEq)]
enum Sharing {
    Alone,
    Shared,
}

fn open(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    if sharing == Sharing::Shared {
        socket.listen(BACKLOG)?;
    }
    socket.set_nonblocking(true)?;
    let listener = socket.into();
    send_at_once(&listener)?;
    Ok(listener)
}

/// Lets the connections that come in send what they are given without waiting for more: they have it from the listener,
/// without a call for each.
pub fn send_at_once(listener: &TcpListener) -> io::Result<()> {
    SockRef::from(listener).set_tcp_nodelay(true)
}

/// The kernel has no IPv6, or no address of its own in it.
fn is_without_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_share_one_port_that_nobody_else_gets() {
        let listeners = everywhere(0, 3).unwrap();
        let ports: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert_eq!(ports, [ports[0]; 3]);
        let taken = everywhere(ports[0], 1).unwrap_err();
        assert_eq!(reason(&taken), "address already in use");
    }

    #[test]
    fn connections_that_come_in_send_at_once() {
        let listener = everywhere(0, 1).unwrap().remove(0);
        listener.set_nonblocking(false).unwrap();
        let port = listener.local_addr().unwrap().port();
        let _client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(listener.accept().unwrap().0.nodelay().unwrap());
    }
}
