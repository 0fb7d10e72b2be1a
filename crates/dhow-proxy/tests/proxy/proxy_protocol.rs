use std::time::Duration;

use crate::support::daemon::new_directory;
use crate::support::{Backend, Proxy};

const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";

fn binary(command: u8, addresses: &[u8]) -> Vec<u8> {
    let family = if addresses.len() >= 36 { 0x21 } else { 0x11 };
    let head = [b"\r\n\r\n\0\r\nQUIT\n", &[command, family, 0, addresses.len() as u8][..]].concat();
    [&head, addresses].concat()
}

fn behind(senders: &[&str]) -> (Proxy, Backend) {
    let senders: Vec<_> = senders.iter().map(ToString::to_string).collect();
    let proxy = Proxy::start_with(new_directory(), |config| {
        config.proxy_protocol =
            std::sync::Arc::new(dhow_proxy::policy::addresses::Addresses::parse(&senders).unwrap());
        config.handshake_timeout = Duration::from_millis(300);
    });
    let app = Backend::named("app");
    proxy.deploy("web", &app, &[]);
    (proxy, app)
}

#[test]
fn both_versions_name_the_client() {
    let (proxy, app) = behind(&["127.0.0.1"]);
    let four = binary(0x21, &[192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 1, 0xbb]);
    let mut addresses = [0; 36];
    (addresses[0], addresses[1], addresses[15]) = (0x20, 0x01, 1);
    for (header, client) in
        [(LINE, "192.0.2.1"), (&four, "192.0.2.7"), (&binary(0x21, &addresses), "2001::1")]
    {
        let mut connection = proxy.connect();
        connection.send(header);
        assert_eq!((connection.get("a.com", "/").status, connection.get("a.com", "/").status), (200, 200));
        assert_eq!(app.last().header("x-forwarded-for"), Some(client));
    }
    let logged = &proxy.access_lines(6)[0];
    assert_eq!((&logged["client_addr"], &logged["client_port"]), (&"192.0.2.1".into(), &"56324".into()));
}

#[test]
fn a_load_balancers_own_checks_are_its_own() {
    let (proxy, app) = behind(&["private"]);
    for header in [binary(0x20, &[]), b"PROXY UNKNOWN\r\n".to_vec()] {
        let mut connection = proxy.connect();
        connection.send(&header);
        assert_eq!(connection.get("a.com", "/").status, 200);
        assert_eq!(app.last().header("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[test]
fn headers_may_come_in_pieces() {
    let (proxy, app) = behind(&["127.0.0.1"]);
    let four = binary(0x21, &[192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 1, 0xbb]);
    for header in [LINE, &four] {
        let mut connection = proxy.connect();
        for byte in header {
            connection.send(&[*byte]);
        }
        assert_eq!(connection.get("a.com", "/").status, 200);
        assert_eq!(app.last().header("x-forwarded-for"), Some("192.0.2.1"));
    }
}

#[test]
fn who_is_listed_has_to_introduce_its_clients() {
    let (proxy, app) = behind(&["127.0.0.1"]);
    let long = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
    for bad in [&b"GET / HTTP/1.1\r\nHost: a.com\r\n\r\n"[..], b"PROXY TCP4 x y 1 2\r\nGET", &long, b"PROXY"]
    {
        let mut connection = proxy.connect();
        connection.send(bad);
        assert!(connection.is_closed(), "{bad:?}");
    }
    assert_eq!(app.received().len(), 0);
    let told = proxy.told("Refusing a connection without PROXY protocol", 4);
    let mut reasons: Vec<_> = told.iter().map(|line| line["error"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    let expected =
        ["a malformed PROXY header", "its header is too long", "no PROXY header", "the header took too long"];
    assert_eq!(reasons, expected);
}

#[test]
fn who_is_not_listed_cannot_claim_to_be_another() {
    let (proxy, app) = behind(&["10.0.0.0/8"]);
    let mut connection = proxy.connect();
    connection.send(&[LINE, b"GET / HTTP/1.1\r\nHost: a.com\r\n\r\n"].concat());
    assert_eq!(connection.reply().status, 400);
    assert_eq!(proxy.get("a.com", "/").status, 200);
    assert_eq!(app.last().header("x-forwarded-for"), Some("127.0.0.1"));
}

#[test]
fn the_flag_of_the_program_takes_networks() {
    let proxy =
        Proxy::spawn_flagged(&["--proxy-protocol", "127.0.0.0/8", "--max-connections-per-client=100"]);
    let app = Backend::named("app");
    proxy.deploy("web", &app, &[]);
    let mut connection = proxy.connect();
    connection.send(LINE);
    assert_eq!(connection.get("a.com", "/").status, 200);
    assert_eq!(app.last().header("x-forwarded-for"), Some("192.0.2.1"));
    for (flag, error) in [
        ("--proxy-protocol=x", "proxy-protocol: \"x\" is no address"),
        ("--max-connections-per-client=-1", "max-connections-per-client must be 0 or more"),
    ] {
        assert!(proxy.fails(&["run", flag]).contains(error), "{flag}");
    }
}
