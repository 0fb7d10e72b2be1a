//! Chunked bodies, in pieces of any size.
#![no_main]

use bytes::{Bytes, BytesMut};
use dhow_proxy::http1::answer::write_end;
use dhow_proxy::http1::chunked::Chunked;
use dhow_proxy::http1::framing::Piece;
use dhow_proxy::http1::output::{Coding, Output};
use hyper::HeaderMap;
use libfuzzer_sys::fuzz_target;

/// A body, its trailers, and how many bytes are left behind it.
type Whole = (Vec<u8>, HeaderMap, usize);

fuzz_target!(|data: &[u8]| {
    let Some((step, input)) = data.split_first() else { return };
    let at_once = read(input, input.len().max(1));
    assert_eq!(read(input, usize::from(*step).max(1)), at_once, "the body depends on how its bytes come in");
    let Some((body, trailers, _)) = at_once else { return };
    let mut output = Output::default();
    output.add(Bytes::from(body.clone()), Coding::Chunked);
    if output.has_room() {
        write_end(Some(&trailers), output.buffer());
        let written = output.buffer().clone();
        assert_eq!(read(&written, 7), Some((body, trailers, 0)), "written anew it reads the same");
    }
});

/// `None` for what is refused, or not whole.
fn read(text: &[u8], step: usize) -> Option<Whole> {
    let (mut chunked, mut input, mut fed) = (Chunked::default(), BytesMut::new(), 0);
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    loop {
        match chunked.take(&mut input).ok()? {
            Piece::Data(data) => body.extend_from_slice(&data),
            Piece::Trailers(lines) => {
                trailers = lines;
                break;
            }
            Piece::End => break,
            Piece::Wanted if fed == text.len() => return None,
            Piece::Wanted => {
                let end = (fed + step).min(text.len());
                input.extend_from_slice(&text[fed..end]);
                fed = end;
            }
        }
    }
    Some((body, trailers, input.len() + text.len() - fed))
}
