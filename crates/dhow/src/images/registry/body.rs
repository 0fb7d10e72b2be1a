//! A layer on its way to a server: read from its file piece by piece, and counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};

use super::tally::Tally;
use crate::images::layers::Layer;

/// Bytes per piece; also what a connection holds in memory.
const PIECE: usize = 256 * 1024;

/// Bytes `first` to `last` of a layer.
pub(super) struct LayerBody {
    file: File,
    left: u64,
    buffer: BytesMut,
    tally: Arc<Tally>,
    /// The layer's place, if this body goes on to its end.
    completes: Option<usize>,
}

impl LayerBody {
    /// Opens the layer's file. `first` and `last` lie inside it; `place` is the layer's, from the bottom.
    pub(super) async fn open(
        layer: &Layer,
        (first, last): (u64, u64),
        place: usize,
        tally: Arc<Tally>,
    ) -> io::Result<LayerBody> {
        let mut file = File::open(&layer.path).await?;
        file.set_max_buf_size(PIECE);
        file.seek(io::SeekFrom::Start(first)).await?;
        let completes = (last + 1 == layer.size).then_some(place);
        Ok(LayerBody { file, left: last + 1 - first, buffer: BytesMut::new(), tally, completes })
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let length = self.left.min(PIECE as u64) as usize;
        self.buffer.resize(length, 0);
        let mut piece = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.file).poll_read(context, &mut piece))?;
        let filled = piece.filled().len();
        if filled == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(self.buffer.split_to(filled).freeze()))
    }

    fn count(&mut self, sent: usize) {
        self.left -= sent as u64;
        self.tally.sent(sent);
        if let (0, Some(place)) = (self.left, self.completes) {
            self.tally.finished(place);
        }
    }
}

impl Body for LayerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(this.poll_piece(context))?;
        this.count(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
