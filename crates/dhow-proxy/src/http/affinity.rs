//! Writer affinity: after a write, a client's reads go to the writer for a moment, so that it sees what it wrote.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, SET_COOKIE};

use crate::clock;
use crate::http::cookies;

const COOKIE: &str = "kamal-writer";
static OPT_OUT: HeaderName = HeaderName::from_static("x-writer-affinity");

/// Whether the client's last write is recent enough for its reads to go to a writer.
pub fn is_live(headers: &HeaderMap) -> bool {
    let until = cookies::value(headers, COOKIE).and_then(|value| value.parse::<i128>().ok());
    until.is_some_and(|until| until > clock::since_epoch().as_millis() as i128)
}

/// Marks the response to a write, unless the app asked not to.
pub fn mark(response: &mut HeaderMap, lasting: Duration) {
    let opted_out = response.remove(&OPT_OUT).is_some_and(|value| value == "false");
    if opted_out || lasting.is_zero() {
        return;
    }
    let until = clock::since_epoch() + lasting;
    let expires = clock::http_date(until + Duration::from_secs(1));
    let cookie = format!("{COOKIE}={}; Path=/; Expires={expires}; HttpOnly", until.as_millis());
    response.append(SET_COOKIE, HeaderValue::try_from(cookie).expect("digits and a date are visible ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header;

    fn marked(opt_out: Option<&'static str>, lasting: Duration) -> HeaderMap {
        let mut response = HeaderMap::new();
        if let Some(value) = opt_out {
            response.insert(&OPT_OUT, HeaderValue::from_static(value));
        }
        mark(&mut response, lasting);
        response
    }

    fn is_live_with(cookie: &str) -> bool {
        let mut request = HeaderMap::new();
        request.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        is_live(&request)
    }

    #[test]
    fn t_236e_a_write_is_remembered_by_the_client() {
        let response = marked(None, Duration::from_secs(60));
        let cookie = response[SET_COOKIE].to_str().unwrap();
        assert!(cookie.ends_with("; HttpOnly") && cookie.contains("; Path=/; Expires="), "{cookie}");
        assert!(is_live_with(cookie.split(';').next().unwrap()));
    }

    #[test]
    fn t_236hi_no_cookie_when_off_or_opted_out() {
        assert!(marked(None, Duration::ZERO).is_empty());
        assert!(marked(Some("false"), Duration::from_secs(1)).is_empty());
        assert!(marked(Some("true"), Duration::from_secs(1)).contains_key(SET_COOKIE));
    }

    #[test]
    fn garbage_and_past_values_are_ignored() {
        assert!(!is_live_with("kamal-writer=1"));
        assert!(!is_live_with("kamal-writer=soon"));
        assert!(!is_live_with("other=1"));
    }
}
