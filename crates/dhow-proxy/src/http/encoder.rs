//! Compressing a body as it passes through: piece by piece, and nothing is kept back when there is no more for now.

use std::io::{self, Write};
use std::mem;
use std::task::{Context, Poll, ready};

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::body::Frame;
use tokio::task::coop;

use crate::http::body::BodyError;
use crate::http::encoding::Encoding;

/// What is compressed before anything else is looked at.
const PIECE: usize = 16 * 1024;

/// How many bytes cost one unit of tokio's budget, of which a task has 128 before others get their turn: the worker is
/// held up for 64 KiB or so, a millisecond.
const BYTES_PER_UNIT: usize = 512;

/// When so much is ready, it is sent.
const READY: usize = 8 * 1024;

/// Bodies up to this length that are there in full are compressed at once, so that their new length can be told.
pub const WHOLE: usize = 64 * 1024;

/// Levels at which a core compresses some 50 to 300 MB a second.
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: i32 = 4;
const GZIP_LEVEL: u32 = 5;

/// How far back matches are looked for, as a power of two: it is most of what an encoder takes of memory.
const WINDOW: u32 = 19;

/// Frames of a body, as their source has them.
type Next = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

/// An encoder of some kind, and what it has written.
enum Writer {
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Br(Box<brotli::CompressorWriter<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
}

/// A body's way through an encoder.
pub struct Encoder {
    /// `None` once all has been written.
    writer: Option<Writer>,
    /// What was received and not compressed yet.
    input: Bytes,
    /// Whether the encoder may hold something back.
    is_dirty: bool,
    /// Bytes that were compressed and not paid for.
    unpaid: usize,
    trailers: Option<HeaderMap>,
}

/// All of a body in one piece, compressed; `None` if that is no gain.
pub fn encode_whole(body: &[u8], encoding: Encoding) -> Option<Bytes> {
    let mut writer = Writer::new(encoding, Some(body.len() as u64)).ok()?;
    writer.write(body).ok()?;
    writer.finish().ok().filter(|encoded| encoded.len() < body.len()).map(Bytes::from)
}

impl Encoder {
    /// For a body of so many bytes, if that is known.
    pub fn new(encoding: Encoding, length: Option<u64>) -> io::Result<Self> {
        let writer = Some(Writer::new(encoding, length)?);
        Ok(Self { writer, input: Bytes::new(), is_dirty: false, unpaid: 0, trailers: None })
    }

    /// Whether there is nothing more to come.
    pub fn is_ended(&self) -> bool {
        self.writer.is_none() && self.trailers.is_none()
    }

    /// The next frame of the compressed body. What the source has sent so far is passed on before we wait for more.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        mut source: impl FnMut(&mut Context<'_>) -> Next,
    ) -> Next {
        loop {
            let Some(writer) = &mut self.writer else {
                return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            };
            if writer.written() >= READY {
                return sent(writer.take());
            }
            if !self.input.is_empty() {
                ready!(poll_budget(&mut self.unpaid, cx));
                let piece = self.input.split_to(self.input.len().min(PIECE));
                writer.write(&piece)?;
                self.unpaid += piece.len();
                self.is_dirty = true;
                continue;
            }
            match source(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.input = data,
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok();
                        return self.finish();
                    }
                },
                Poll::Ready(None) => return self.finish(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Pending if self.is_dirty => {
                    self.is_dirty = false;
                    writer.flush()?;
                    return if writer.written() > 0 { sent(writer.take()) } else { Poll::Pending };
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn finish(&mut self) -> Next {
        let writer = self.writer.take().expect("finished once, at the end of the source");
        sent(writer.finish()?)
    }
}

fn sent(bytes: Vec<u8>) -> Next {
    Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
}

/// Ready if the task may do more work now; else others go first.
fn poll_budget(unpaid: &mut usize, cx: &mut Context<'_>) -> Poll<()> {
    while *unpaid >= BYTES_PER_UNIT {
        ready!(coop::poll_proceed(cx)).made_progress();
        *unpaid -= BYTES_PER_UNIT;
    }
    Poll::Ready(())
}

impl Writer {
    fn new(encoding: Encoding, length: Option<u64>) -> io::Result<Self> {
        let to = Vec::with_capacity(READY + PIECE);
        Ok(match encoding {
            Encoding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(to, ZSTD_LEVEL)?;
                encoder.window_log(WINDOW)?;
                encoder.set_pledged_src_size(length)?;
                Writer::Zstd(encoder)
            }
            Encoding::Br => {
                let length = length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: WINDOW as i32,
                    size_hint: length,
                    ..BrotliEncoderParams::default()
                };
                Writer::Br(Box::new(brotli::CompressorWriter::with_params(to, PIECE, &parameters)))
            }
            Encoding::Gzip => Writer::Gzip(GzEncoder::new(to, Compression::new(GZIP_LEVEL))),
        })
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            Writer::Zstd(writer) => writer.write_all(data),
            Writer::Br(writer) => writer.write_all(data),
            Writer::Gzip(writer) => writer.write_all(data),
        }
    }

    /// Makes the encoder write what it holds back.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Writer::Zstd(writer) => writer.flush(),
            Writer::Br(writer) => writer.flush(),
            Writer::Gzip(writer) => writer.flush(),
        }
    }

    fn written(&self) -> usize {
        match self {
            Writer::Zstd(writer) => writer.get_ref().len(),
            Writer::Br(writer) => writer.get_ref().len(),
            Writer::Gzip(writer) => writer.get_ref().len(),
        }
    }

    fn take(&mut self) -> Vec<u8> {
        mem::take(match self {
            Writer::Zstd(writer) => writer.get_mut(),
            Writer::Br(writer) => writer.get_mut(),
            Writer::Gzip(writer) => writer.get_mut(),
        })
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Writer::Zstd(writer) => writer.finish(),
            Writer::Br(writer) => Ok(writer.into_inner()),
            Writer::Gzip(writer) => writer.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const ALL: [Encoding; 3] = [Encoding::Zstd, Encoding::Br, Encoding::Gzip];

    /// Reads an endless body for as long as the task is let; how many bytes of it were compressed meanwhile.
    async fn compressed_in_one_go(encoding: Encoding, piece: &'static [u8]) -> usize {
        let mut encoder = Encoder::new(encoding, None).unwrap();
        let mut taken = 0;
        poll_fn(|cx| {
            let source = |_: &mut Context<'_>| {
                taken += piece.len();
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece)))))
            };
            let mut source = source;
            while encoder.poll_frame(cx, &mut source).is_ready() {}
            Poll::Ready(())
        })
        .await;
        taken - encoder.input.len()
    }

    #[tokio::test]
    async fn others_get_their_turn_between_pieces() {
        let large: &'static [u8] = vec![b'x'; 1024 * 1024].leak();
        for encoding in ALL {
            for piece in [large, &large[..100]] {
                let taken = tokio::spawn(compressed_in_one_go(encoding, piece)).await.unwrap();
                assert!((1..=96 * 1024).contains(&taken), "{encoding:?}: {taken}");
            }
        }
    }

    #[tokio::test]
    async fn what_does_not_shrink_is_not_compressed() {
        let noise: Vec<u8> = (0..2000).map(|_| fastrand::u8(..)).collect();
        for encoding in ALL {
            assert!(encode_whole(&noise, encoding).is_none());
            assert!(encode_whole(&[b'x'; 2000], encoding).unwrap().len() < 100);
        }
    }
}
