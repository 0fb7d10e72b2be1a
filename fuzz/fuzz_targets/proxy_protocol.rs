//! Headers of the PROXY protocol. What is read is an address; reading never goes past the end.

#![no_main]

use dhow_proxy::server::proxy_protocol::{parse_binary, parse_line};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(Some(source)) = parse_line(input) {
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let text = std::str::from_utf8(input).expect("only text is read");
        assert!(text.starts_with(&format!("PROXY {family} ")) && text.ends_with("\r\n"));
    }
    if let [command, family, rest @ ..] = input
        && let Ok(Some(source)) = parse_binary(*command, *family, rest)
    {
        assert_eq!(source.is_ipv4(), *family == 0x11);
    }
});
