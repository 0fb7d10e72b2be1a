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

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room for heads and small bodies.
const SMALL_READ: usize = 8 * 1024;

/// Room for large bodies that are passed on as they come.
const LARGE_READ: usize = 64 * 1024;

/// Room for the largest bodies, where they are kept.
const BUFFERED_READ: usize = 256 * 1024;

/// Buffers that a worker keeps for connections that are about to need one.
const SPARE: usize = 64;

thread_local! {
    static SPARES: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Lets go of an empty buffer: it belongs to an idle connection now. The next one that has to read gets it while it is
/// still in the processor's cache.
fn give_up_room(input: &mut BytesMut) {
    if !input.is_empty() {
        return;
    }
    let room = std::mem::take(input);
    // One that has grown, or is the end of a body that is on its way, is of no use.
    if (SMALL_READ / 2..=2 * SMALL_READ).contains(&room.capacity()) {
        SPARES.with_borrow_mut(|spares| {
            if spares.len() < SPARE {
                spares.push(room);
            }
        });
    }
}

/// Room for the next part of a body of which so many bytes are left, as far as that is known.
fn room_for(left: Option<u64>) -> usize {
    if left.is_some_and(|left| left <= SMALL_READ as u64) { SMALL_READ } else { LARGE_READ }
}

/// The same for a body that is kept.
fn room_to_keep(left: Option<u64>) -> usize {
    if left.is_some_and(|left| left >= BUFFERED_READ as u64) { BUFFERED_READ } else { room_for(left) }
}

/// Reads what there is, into room for about so many bytes; 0 at the end of the stream.
fn poll_fill(
    stream: &mut (impl AsyncRead + Unpin),
    input: &mut BytesMut,
    room: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if input.capacity() == 0 {
        *input = SPARES.with_borrow_mut(Vec::pop).unwrap_or_default();
    }
    if input.capacity() - input.len() < room / 4 {
        input.reserve(room);
    }
    pin!(stream.read_buf(input)).poll(cx)
}
