//! A body read in full before it is passed on: the first part in memory, the rest in a temporary file.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};

use crate::http::spill::{Pieces, Spill};

/// How much a buffer may hold.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Bytes kept in memory; zero puts everything on disk.
    pub memory: u64,
    /// Bytes at all; zero for no limit.
    pub total: u64,
}

impl Limits {
    /// From the options, where a negative number means zero.
    pub fn new(memory: i64, total: i64) -> Self {
        let positive = |bytes: i64| u64::try_from(bytes).unwrap_or_default();
        Self { memory: positive(memory), total: positive(total) }
    }

    /// Whether a body of this many bytes is over the limit.
    pub fn refuse(&self, length: u64) -> bool {
        self.total > 0 && length > self.total
    }
}

/// Why a body could not be buffered.
#[derive(Debug)]
pub enum BufferError<E> {
    /// It is over the limit.
    TooLarge,
    /// Its sender failed.
    Source(E),
    /// The temporary file failed.
    Disk(io::Error),
}

/// A whole body, to be read once.
pub struct Buffer {
    memory: Pieces,
    spill: Option<Spill>,
    remaining: u64,
    trailers: Option<HeaderMap>,
}

impl Buffer {
    /// Reads a body to its end, or up to the limit: what is left of it then is the caller's to drop or drain.
    pub async fn fill<B>(body: &mut B, limits: Limits) -> Result<Self, BufferError<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut buffer = Self { memory: Pieces::default(), spill: None, remaining: 0, trailers: None };
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            match frame.map_err(BufferError::Source)?.into_data() {
                Ok(data) if limits.refuse(buffer.remaining + data.len() as u64) => {
                    return Err(BufferError::TooLarge);
                }
                Ok(data) => buffer.add(data, limits.memory).await.map_err(BufferError::Disk)?,
                Err(frame) => buffer.trailers = frame.into_trailers().ok(),
            }
        }
        if let Some(spill) = &mut buffer.spill {
            spill.finish().await.map_err(BufferError::Disk)?;
        }
        Ok(buffer)
    }

    /// Bytes left to read.
    pub fn len(&self) -> u64 {
        self.remaining
    }

    /// Whether nothing is left to read.
    pub fn is_empty(&self) -> bool {
        self.remaining == 0 && self.trailers.is_none()
    }

    /// What is left, if that is a file and nothing else.
    pub fn rest_in_file(&mut self) -> Option<&mut Spill> {
        self.spill.as_mut().filter(|spill| spill.remaining() == self.remaining && self.remaining > 0)
    }

    /// Notes that so many bytes were taken out of the file.
    pub fn taken_from_file(&mut self, bytes: u64) {
        self.remaining -= bytes;
    }

    async fn add(&mut self, data: Bytes, memory: u64) -> io::Result<()> {
        self.remaining += data.len() as u64;
        if self.spill.is_none() && self.remaining <= memory {
            self.memory.add(data);
            return Ok(());
        }
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::open().await?),
        };
        spill.add(data).await
    }
}

impl Body for Buffer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = match (self.memory.take_first(), &mut self.spill) {
            (Some(data), _) => data,
            (None, Some(spill)) if spill.remaining() > 0 => ready!(spill.poll_read(cx))?,
            _ => return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
        };
        self.remaining = self.remaining.saturating_sub(data.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // A body with trailers has to stay chunked, so its length is not told.
        if self.trailers.is_some() { SizeHint::default() } else { SizeHint::with_exact(self.remaining) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    struct Chunks(VecDeque<Frame<Bytes>>);

    impl Body for Chunks {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }
    }

    fn chunks(texts: &[&'static str]) -> Chunks {
        Chunks(texts.iter().map(|text| Frame::data(Bytes::from_static(text.as_bytes()))).collect())
    }

    async fn read(mut buffer: Buffer) -> (Vec<u8>, Option<HeaderMap>) {
        let (mut bytes, mut trailers) = (Vec::new(), None);
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut buffer).poll_frame(cx)).await {
            match frame.unwrap().into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        assert!(buffer.is_end_stream());
        (bytes, trailers)
    }

    #[tokio::test]
    async fn t_281_content_is_intact_wherever_it_was_kept() {
        for (total, memory) in [(0, 0), (0, 5), (2048, 1024), (2048, 5)] {
            let limits = Limits { memory, total };
            let buffer = Buffer::fill(&mut chunks(&["Hello", ", ", "World!"]), limits).await.unwrap();
            assert_eq!(buffer.size_hint().exact(), Some(13));
            assert_eq!(read(buffer).await.0, b"Hello, World!", "{total} {memory}");
        }
        let over =
            Buffer::fill(&mut chunks(&["Hello", ", ", "World!"]), Limits { memory: 5, total: 8 }).await;
        assert!(matches!(over, Err(BufferError::TooLarge)));
    }

    #[tokio::test]
    async fn small_pieces_are_joined_in_order() {
        let letters: Vec<&'static str> = "abcdefghij".repeat(2_000).leak().split("").collect();
        for memory in [0, 3, 1_000, 50_000] {
            let buffer = Buffer::fill(&mut chunks(&letters), Limits { memory, total: 0 }).await.unwrap();
            assert!(buffer.memory.count() <= 2, "{} pieces", buffer.memory.count());
            assert_eq!(read(buffer).await.0, "abcdefghij".repeat(2_000).as_bytes(), "{memory}");
        }
    }

    #[tokio::test]
    async fn t_282_an_empty_body_is_empty() {
        let buffer = Buffer::fill(&mut chunks(&[]), Limits { memory: 5, total: 8 }).await.unwrap();
        assert!(buffer.is_empty());
        assert!(read(buffer).await.0.is_empty());
    }

    #[tokio::test]
    async fn a_large_body_comes_back_from_disk_with_its_trailers() {
        let large: &'static str = Box::leak("0123456789".repeat(50_000).into_boxed_str());
        let mut body = chunks(&["first", large]);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        body.0.push_back(Frame::trailers(trailers.clone()));
        let buffer = Buffer::fill(&mut body, Limits { memory: 100, total: 0 }).await.unwrap();
        assert_eq!(buffer.len(), 500_005);
        let (bytes, read_trailers) = read(buffer).await;
        assert_eq!(bytes, format!("first{large}").as_bytes());
        assert_eq!(read_trailers, Some(trailers));
    }
}
