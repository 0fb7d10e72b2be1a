//! `Range: bytes=…`, by which Docker goes on with a layer whose download broke off (RFC 9110, section 14).

/// The part of some content that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range was asked for, or one that RFC 9110 lets a server pass over.
    Whole,
    /// From the first byte up to and with the last, both inside the content.
    Part { first: u64, last: u64 },
    /// It begins behind the content's end.
    Nothing,
}

impl Wanted {
    /// Reads a `Range` header for content of `size` bytes. Several ranges at once are answered with the whole.
    pub(super) fn parse(header: Option<&str>, size: u64) -> Wanted {
        let bounds = header.and_then(|value| value.trim().strip_prefix("bytes=")?.split_once('-'));
        match bounds.map(|(first, last)| (first.trim(), last.trim())) {
            Some(("", length)) => length.parse().map_or(Wanted::Whole, |length| suffix(length, size)),
            Some((first, "")) => first.parse().map_or(Wanted::Whole, |first| part(first, u64::MAX, size)),
            Some((first, last)) => match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) if first <= last => part(first, last, size),
                _ => Wanted::Whole,
            },
            None => Wanted::Whole,
        }
    }
}

fn suffix(length: u64, size: u64) -> Wanted {
    if length == 0 {
        return Wanted::Nothing;
    }
    part(size.saturating_sub(length), u64::MAX, size)
}

fn part(first: u64, last: u64, size: u64) -> Wanted {
    if first >= size {
        return Wanted::Nothing;
    }
    Wanted::Part { first, last: last.min(size - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Wanted) {
        assert_eq!(Wanted::parse(Some(header), 10), expected, "{header}");
    }

    #[test]
    fn bounds_include_both_ends() {
        check("bytes=0-0", Wanted::Part { first: 0, last: 0 });
        check("bytes=2-5", Wanted::Part { first: 2, last: 5 });
    }

    #[test]
    fn open_and_long_ranges_end_with_the_content() {
        check("bytes=4-", Wanted::Part { first: 4, last: 9 });
        check("bytes=4-99", Wanted::Part { first: 4, last: 9 });
        check("bytes=-3", Wanted::Part { first: 7, last: 9 });
        check("bytes=-99", Wanted::Part { first: 0, last: 9 });
    }

    #[test]
    fn range_behind_the_end_is_nothing() {
        check("bytes=10-", Wanted::Nothing);
        check("bytes=10-12", Wanted::Nothing);
        check("bytes=-0", Wanted::Nothing);
        assert_eq!(Wanted::parse(Some("bytes=0-"), 0), Wanted::Nothing);
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for header in ["bytes=5-2", "bytes=0-1,4-5", "bytes=-", "bytes=x-2", "lines=1-2", ""] {
            check(header, Wanted::Whole);
        }
        assert_eq!(Wanted::parse(None, 10), Wanted::Whole);
    }
}
