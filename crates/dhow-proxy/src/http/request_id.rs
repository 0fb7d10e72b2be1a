//! Request ids: random UUIDs (version 4), unless the client brought one.

/// A new id. Drawn from a generator per thread: an id has to be unique, not secret.
pub fn generate() -> [u8; 36] {
    let random = fastrand::u128(..);
    let versioned = random & !(0xf << 76) | (0x4 << 76);
    let id = versioned & !(0b11 << 62) | (0b10 << 62);
    formatted(id)
}

fn formatted(id: u128) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|place| ![8, 13, 18, 23].contains(place));
    for (digit, place) in places.enumerate() {
        let nibble = (id >> (124 - 4 * digit)) & 0xf;
        text[place] = b"0123456789abcdef"[nibble as usize];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_341_ids_are_version_4_uuids() {
        for _ in 0..100 {
            let id = generate();
            let id = std::str::from_utf8(&id).unwrap();
            assert_eq!(id.len(), 36);
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
            assert_eq!(id.matches('-').count(), 4);
        }
        assert_ne!(generate(), generate());
    }
}
