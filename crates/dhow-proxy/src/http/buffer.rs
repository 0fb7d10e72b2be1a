//! A body read in full before it is passed on: the first part in memory, the rest in a temporary file.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::future::poll_fn;
use std::io::{self, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use hyper::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, AsyncWriteExt, ReadBuf};

/// Bytes moved to or from the file at a time.
const READ_SIZE: usize = 64 * 1024;

/// Pieces below this size are joined.
const SMALL: usize = 4 * 1024;

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

/// A whole body, to be read once. The temporary file has no name any more, so nothing is left behind by a crash.
pub struct Buffer {
    memory: VecDeque<Bytes>,
    gathered: BytesMut,
    file: Option<File>,
    in_file: u64,
    remaining: u64,
    chunk: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Buffer {
    /// Reads a body to its end, or up to the limit: what is left of it then is the caller's to drop or drain.
    pub async fn fill<B>(body: &mut B, limits: Limits) -> Result<Self, BufferError<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut buffer = Self::empty();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            match frame.map_err(BufferError::Source)?.into_data() {
                Ok(data) if limits.refuse(buffer.remaining + data.len() as u64) => {
                    return Err(BufferError::TooLarge);
                }
                Ok(data) => buffer.push(data, limits.memory).await.map_err(BufferError::Disk)?,
                Err(frame) => buffer.trailers = frame.into_trailers().ok(),
            }
        }
        buffer.rewind().await.map_err(BufferError::Disk)?;
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

    fn empty() -> Self {
        Self {
            memory: VecDeque::new(),
            gathered: BytesMut::new(),
            file: None,
            in_file: 0,
            remaining: 0,
            chunk: Vec::new(),
            trailers: None,
        }
    }

    async fn push(&mut self, data: Bytes, memory: u64) -> io::Result<()> {
        self.remaining += data.len() as u64;
        if self.file.is_none() && self.remaining <= memory {
            self.keep(data);
            return Ok(());
        }
        if self.file.is_none() {
            self.keep_gathered();
            self.file = Some(unnamed_file().await?);
        }
        self.gathered.extend_from_slice(&data);
        if self.gathered.len() >= READ_SIZE { self.write_gathered().await } else { Ok(()) }
    }

    /// Keeps data in memory. Small pieces are joined: a body of one-byte chunks must not cost a handle per byte.
    fn keep(&mut self, data: Bytes) {
        if data.len() < SMALL && !self.memory.is_empty() {
            return self.gathered.extend_from_slice(&data);
        }
        self.keep_gathered();
        self.memory.push_back(data);
    }

    fn keep_gathered(&mut self) {
        if !self.gathered.is_empty() {
            self.memory.push_back(self.gathered.split().freeze());
        }
    }

    async fn write_gathered(&mut self) -> io::Result<()> {
        let data = self.gathered.split();
        self.in_file += data.len() as u64;
        self.file.as_mut().expect("opened before anything is gathered for it").write_all(&data).await
    }

    async fn rewind(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.keep_gathered();
            return Ok(());
        }
        self.write_gathered().await?;
        let file = self.file.as_mut().expect("checked just above");
        file.flush().await?;
        file.seek(SeekFrom::Start(0)).await.map(drop)
    }

    fn poll_file(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let file = self.file.as_mut().expect("asked for only while bytes are in the file");
        self.chunk.resize(READ_SIZE, 0);
        let mut read = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(file).poll_read(cx, &mut read))?;
        if read.filled().is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(Bytes::copy_from_slice(read.filled())))
    }
}

impl Body for Buffer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = match self.memory.pop_front() {
            Some(data) => data,
            None if self.in_file > 0 => {
                let data = ready!(self.poll_file(cx))?;
                self.in_file = self.in_file.saturating_sub(data.len() as u64);
                data
            }
            None => return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
        };
        self.remaining = self.remaining.saturating_sub(data.remaining() as u64);
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

/// A temporary file that only this process can reach: its name is removed as soon as it is open.
async fn unnamed_file() -> io::Result<File> {
    let opened = tokio::task::spawn_blocking(|| {
        let path = std::env::temp_dir().join(format!("proxy-buffer-{:032x}", fastrand::u128(..)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    });
    opened.await.map_err(io::Error::other)?.map(File::from_std)
}

#[cfg(test)]
mod tests {
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
            assert!(buffer.memory.len() <= 2, "{} pieces", buffer.memory.len());
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
