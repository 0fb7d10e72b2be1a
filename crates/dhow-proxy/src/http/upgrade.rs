//! Connections that change their protocol (WebSocket and others): bytes are copied both ways until one side ends.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::http::access_log::AccessRecord;
use crate::http::upstream::Lease;

/// The target's side of a connection that has changed its protocol. The request stays in flight: a drain waits for it,
/// then cuts it.
pub struct Tunnel {
    /// The connection to the target.
    pub target: TcpStream,
    /// What the target sent behind its answer.
    pub early: BytesMut,
    /// The place among the requests in flight.
    pub lease: Lease,
    /// Written when the two sides part.
    pub record: Box<AccessRecord>,
}

impl Tunnel {
    /// Joins client and target; `early` is what the client sent behind its request.
    pub async fn join(self, mut client: impl AsyncRead + AsyncWrite + Unpin, early: BytesMut) {
        let Self { mut target, early: answered, mut lease, record } = self;
        let copied = async {
            target.write_all(&early).await?;
            client.write_all(&answered).await?;
            client.flush().await?;
            // Either end may vanish at any time; that is how these connections end.
            copy_bidirectional(&mut client, &mut target).await
        };
        tokio::select! {
            _ = copied => {}
            () = lease.cut() => {}
        }
        drop(record);
    }
}
