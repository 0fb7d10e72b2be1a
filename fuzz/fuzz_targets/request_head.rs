//! Heads of requests: where they end, what is accepted, and what a target gets of it.
#![no_main]

use dhow_proxy::http::headers::{BodyLength, Forwarding, is_upgrade, write_for_target};
use dhow_proxy::http::message::is_host;
use dhow_proxy::http1::framing::{Framing, of_request};
use dhow_proxy::http1::head::{Scanner, parse_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((step, input)) = data.split_first() else { return };
    let whole = Scanner::default().find_end(input);
    let mut scanner = Scanner::default();
    let step = usize::from(*step).max(1);
    let ends = (0..input.len()).step_by(step).skip(1).chain([input.len()]);
    let by_parts = ends.map(|end| scanner.find_end(&input[..end])).find(|found| *found != Ok(None));
    assert_eq!(by_parts.unwrap_or(Ok(None)), whole, "the end depends on how the bytes come in");
    if let Ok(Some(end)) = whole {
        check(&input[..end]);
    }
});

fn check(text: &[u8]) {
    let Ok(head) = parse_request(text) else { return };
    let Ok(framing) = of_request(head.version, &head.headers) else { return };
    let host = head.uri.authority().unwrap_or(head.headers.text("host"));
    if !is_host(host.as_bytes()) || head.headers.all("host").count() > 1 {
        return; // Refused before it is forwarded.
    }
    let length = match &framing {
        Framing::Ended => BodyLength::None,
        Framing::Length(length) => BodyLength::Exact(*length),
        _ => BodyLength::Chunked,
    };
    let about = Forwarding {
        method: &head.method,
        path: head.uri.path_and_query(),
        length,
        peer: "10.0.0.1",
        scheme: "http",
        host,
        target: "app:3000",
        is_trusting: text.len() % 2 == 0,
        is_upgrade: is_upgrade(&head.headers),
    };
    let mut written = Vec::new();
    write_for_target(&head.headers, &about, &mut written);
    assert_eq!(Scanner::default().find_end(&written), Ok(Some(written.len())), "it is one head");
    let again = parse_request(&written).expect("what is written can be read");
    assert_eq!(again.method, head.method);
    assert_eq!(again.uri.path_and_query(), head.uri.path_and_query());
    assert_eq!(again.headers.all("host").count(), 1);
    let framing_again = of_request(again.version, &again.headers).expect("what is written is framed in one way");
    assert_eq!(framing_again.length(), framing.length());
    for (name, value) in again.headers.iter() {
        assert!(name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b':'));
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
}
