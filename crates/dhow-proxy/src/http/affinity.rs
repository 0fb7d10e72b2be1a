//! Writer affinity: after a write, a client's reads go to the writer for a moment, so that it sees what it wrote.

use std::time::Duration;

use crate::clock;
use crate::http::cookies;
use crate::http::fields::Fields;

const COOKIE: &str = "kamal-writer";
const OPT_OUT: &str = "x-writer-affinity";

/// Whether the client's last write is recent enough for its reads to go to a writer.
pub fn is_live(headers: &Fields) -> bool {
    let until = cookies::value(headers, COOKIE).and_then(|value| value.parse::<i128>().ok());
    until.is_some_and(|until| until > clock::since_epoch().as_millis() as i128)
}

/// Marks the response to a write, unless the app asked not to.
pub fn mark(response: &mut Fields, lasting: Duration) {
    let opted_out = response.text(OPT_OUT) == "false";
    response.remove(OPT_OUT);
    if opted_out || lasting.is_zero() {
        return;
    }
    let until = clock::since_epoch() + lasting;
    let expires = clock::http_date(until + Duration::from_secs(1));
    let cookie = format!("{COOKIE}={}; Path=/; Expires={expires}; HttpOnly", until.as_millis());
    response.add("Set-Cookie", cookie.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(opt_out: Option<&'static str>, lasting: Duration) -> Fields {
        let mut response = Fields::default();
        if let Some(value) = opt_out {
            response.add(OPT_OUT, value.as_bytes());
        }
        mark(&mut response, lasting);
        response
    }

    fn is_live_with(cookie: &str) -> bool {
        let mut request = Fields::default();
        request.add("Cookie", cookie.as_bytes());
        is_live(&request)
    }

    #[test]
    fn t_236e_a_write_is_remembered_by_the_client() {
        let response = marked(None, Duration::from_secs(60));
        let cookie = response.text("set-cookie");
        assert!(cookie.ends_with("; HttpOnly") && cookie.contains("; Path=/; Expires="), "{cookie}");
        assert!(is_live_with(cookie.split(';').next().unwrap()));
    }

    #[test]
    fn t_236hi_no_cookie_when_off_or_opted_out() {
        assert!(marked(None, Duration::ZERO).is_empty());
        assert!(marked(Some("false"), Duration::from_secs(1)).is_empty());
        assert!(marked(Some("true"), Duration::from_secs(1)).contains("set-cookie"));
    }

    #[test]
    fn garbage_and_past_values_are_ignored() {
        assert!(!is_live_with("kamal-writer=1"));
        assert!(!is_live_with("kamal-writer=soon"));
        assert!(!is_live_with("other=1"));
    }
}
