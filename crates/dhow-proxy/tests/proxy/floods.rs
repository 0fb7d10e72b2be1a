//! What has been used to exhaust servers of HTTP/2 since 2019: frames that cost the sender little. A connection that does
//! this ends, or costs the proxy as little; its memory stays flat, and others are served meanwhile.

use crate::support::frames::{
    Attacker, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Ending, Kind, PROTOCOL_ERROR, frame, request,
};
use crate::support::http2::Http2;
use crate::support::tls::Scene;
use crate::support::{Backend, Proxy};

/// What the proxy may need more than before, whatever a connection sends, in KiB.
const MARGIN: u64 = 16 * 1024;

/// The real program, with an app that answers at once.
fn scene() -> Scene {
    let scene = Scene::of(Proxy::spawn(), Backend::named("app"));
    scene.deploy("web", &["a.com"], &[]);
    assert_eq!(Http2::open(&scene, "a.com").get("https://a.com/").body, "app");
    scene
}

/// Streams of a client: the odd numbers.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

/// The attack, and whether the proxy got through it.
fn outcome(scene: &Scene, attack: impl FnOnce(Attacker) -> Ending) -> Ending {
    let before = scene.proxy.peak_memory();
    let bystander = Http2::open(scene, "a.com");
    let ending = attack(Attacker::connect(scene));
    assert_eq!(bystander.get("https://a.com/").body, "app");
    let grown = scene.proxy.peak_memory() - before;

    assert!(grown < MARGIN, "{grown} KiB more after {ending:?}");
    ending
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let scene = scene();
    let frames = |stream| {
        let reset = frame(Kind::Reset, 0, stream, &8_u32.to_be_bytes());
        [request(END_HEADERS | END_STREAM, stream), reset].concat()
    };
    let ending = outcome(&scene, |attacker| attacker.flood(streams(100_000).map(frames)));
    assert_eq!(ending, Ending::GoAway(ENHANCE_YOUR_CALM));
    let reached = scene.app.received().len();
    assert!(reached < 5_000, "{reached} requests reached the app");
}

#[test]
fn requests_that_make_the_proxy_take_them_back_end_the_connection() {
    let scene = scene();
    let frames = |stream| {
        let too_wide = frame(Kind::WindowUpdate, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        [request(END_HEADERS, stream), too_wide].concat()
    };
    let ending = outcome(&scene, |attacker| attacker.flood(streams(100_000).map(frames)));
    assert_eq!(ending, Ending::GoAway(ENHANCE_YOUR_CALM));
}

#[test]
fn heads_without_end_end_the_connection() {
    let scene = scene();
    // A literal field that HPACK does not index: its name is `x`, its value 16,000 times the letter.
    let field = [&b"\x00\x01x\x7f\x81\x7c"[..], &[b'x'; 16_000]].concat();
    let more = std::iter::repeat_with(|| frame(Kind::Continuation, 0, 1, &field)).take(20_000);
    let empty = std::iter::repeat_with(|| frame(Kind::Continuation, 0, 1, b"")).take(1_000_000);
    for ending in [
        outcome(&scene, |attacker| attacker.flood(std::iter::once(request(END_STREAM, 1)).chain(more))),
        outcome(&scene, |attacker| attacker.flood(std::iter::once(request(END_STREAM, 1)).chain(empty))),
    ] {
        assert_eq!(ending, Ending::GoAway(ENHANCE_YOUR_CALM));
    }
    assert_eq!(scene.app.received().len(), 3, "those of the bystanders");
}

#[test]
fn settings_and_pings_cost_no_memory_whether_answers_are_read_or_not() {
    let scene = scene();
    let setting = frame(Kind::Settings, 0, 0, &[0, 4, 0, 1, 0, 0]);
    let ping = frame(Kind::Ping, 0, 0, b"whatever");
    for flood in [setting, ping] {
        let many = |count| std::iter::repeat_n(flood.clone(), count);
        assert_eq!(outcome(&scene, |attacker| attacker.flood(many(200_000))), Ending::GoAway(PROTOCOL_ERROR));
        outcome(&scene, |attacker| attacker.flood_blindly(many(2_000_000)));
    }
}

#[test]
fn data_frames_without_data_end_the_connection() {
    let scene = scene();
    let empty = std::iter::repeat_with(|| frame(Kind::Data, 0, 1, b"")).take(500_000);
    let frames = std::iter::once(request(END_HEADERS, 1)).chain(empty);
    let ending = outcome(&scene, |attacker| attacker.flood(frames));
    assert_eq!(ending, Ending::GoAway(ENHANCE_YOUR_CALM));
}
