//! What waits to be written to a connection: small things joined in one buffer, a large one behind them uncopied.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

/// Pieces up to this size are copied behind the others, to be written with them at once.
const COPIED: usize = 16 * 1024;

/// When more than this is waiting, no more is taken.
const FULL: usize = 32 * 1024;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Plain,
    /// In chunks.
    Chunked,
}

/// Bytes to be written.
#[derive(Default)]
pub struct Output {
    small: Vec<u8>,
    large: Bytes,
    end: &'static [u8],
    written: usize,
    total: u64,
}

impl Output {
    /// The buffer that heads are written into. Only for use while there is [`Output::has_room`].
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.small
    }

    /// Whether more may be added.
    pub fn has_room(&self) -> bool {
        self.large.is_empty() && self.small.len() < FULL
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    /// Bytes that were written since the connection was opened.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Adds a piece of a body.
    pub fn add(&mut self, data: Bytes, coding: Coding) {
        if data.is_empty() {
            return; // An empty chunk would be the last one.
        }
        let end: &[u8] = match coding {
            Coding::Plain => b"",
            Coding::Chunked => {
                write_size(data.len(), &mut self.small);
                b"\r\n"
            }
        };
        if data.len() <= COPIED {
            self.small.extend_from_slice(&data);
            self.small.extend_from_slice(end);
        } else {
            (self.large, self.end) = (data, end);
        }
    }

    /// Writes all there is.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut stream: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let small = &self.small[self.written.min(self.small.len())..];
            let written = if self.large.is_empty() {
                ready!(stream.as_mut().poll_write(cx, small))?
            } else {
                let after = self.written.saturating_sub(self.small.len());
                let large = &self.large[after.min(self.large.len())..];
                let end = &self.end[after.saturating_sub(self.large.len())..];
                let slices = [IoSlice::new(small), IoSlice::new(large), IoSlice::new(end)];
                ready!(stream.as_mut().poll_write_vectored(cx, &slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.total += written as u64;
            if self.written == self.small.len() + self.large.len() + self.end.len() {
                self.clear();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn clear(&mut self) {
        self.small.clear();
        self.small.shrink_to(FULL);
        (self.large, self.end, self.written) = (Bytes::new(), b"", 0);
    }
}

fn write_size(size: usize, to: &mut Vec<u8>) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4);
    for place in (0..digits).rev() {
        to.push(b"0123456789abcdef"[size >> (4 * place) & 0xf]);
    }
    to.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test]
    async fn pieces_come_out_in_order_through_any_narrow_pipe() {
        let large = vec![b'x'; COPIED + 1];
        let (mut near, mut far) = duplex(100);
        let reading = tokio::spawn(async move {
            let mut text = Vec::new();
            far.read_to_end(&mut text).await.unwrap();
            text
        });
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"head ");
        output.add(Bytes::from_static(b"0123456789abcdefg"), Coding::Chunked);
        output.add(Bytes::from(large.clone()), Coding::Chunked);
        assert!(!output.has_room() && !output.is_empty());
        poll_fn(|cx| output.poll_write(cx, Pin::new(&mut near))).await.unwrap();
        assert!(output.is_empty());
        drop(near);
        let expected = [b"head 11\r\n0123456789abcdefg\r\n4001\r\n", large.as_slice(), b"\r\n"].concat();
        assert_eq!(output.total(), expected.len() as u64);
        assert!(reading.await.unwrap() == expected);
    }
}
