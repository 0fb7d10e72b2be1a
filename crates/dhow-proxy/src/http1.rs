//! HTTP/1 by our own hand, over `httparse`: towards clients and towards targets.
//!
//! A connection is served by one task, which reads its client and the target in turn and lets bytes wait in a buffer on
//! each side: no task, channel or lock in between. What could be read in two ways is refused, on both sides, so that a
//! target sees the requests that this proxy saw and no others.
//!
//! [`head`], [`framing`] and [`chunked`] read; [`answer`] writes for clients, [`crate::http::headers`] for targets;
//! [`server`] is the life of a client's [`connection`], [`client`] an exchange with a target.

pub mod answer;
pub mod chunked;
pub mod client;
pub mod connection;
pub mod deadline;
pub mod framing;
pub mod head;
pub mod output;
pub mod server;
pub mod stream;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room for heads and small bodies.
const SMALL_READ: usize = 8 * 1024;

/// Room for large bodies.
const LARGE_READ: usize = 64 * 1024;

/// Lets go of an empty buffer that has grown: it belongs to an idle connection now.
fn give_up_room(input: &mut BytesMut) {
    if input.is_empty() && input.capacity() > 2 * SMALL_READ {
        *input = BytesMut::new();
    }
}

/// Reads what there is; 0 at the end of the stream. `wanted` is how much is still to come, as far as that is known.
fn poll_fill(
    stream: &mut (impl AsyncRead + Unpin),
    input: &mut BytesMut,
    wanted: u64,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let room = if wanted > SMALL_READ as u64 { LARGE_READ } else { SMALL_READ };
    if input.capacity() - input.len() < room / 4 {
        input.reserve(room);
    }
    pin!(stream.read_buf(input)).poll(cx)
}
