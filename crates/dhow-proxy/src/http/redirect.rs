//! Redirects that a service asks for: to https, to its canonical host (or to or from `www.`), or both in one hop.

use bytes::Bytes;
use hyper::{Method, StatusCode};

use crate::http::error_page::escaped;
use crate::http::message::{Answer, RequestTarget};
use crate::options::ServiceOptions;

/// Where a request has to go instead, if anywhere. `host` is the request's, without port.
pub fn location(options: &ServiceOptions, scheme: &str, host: &str, uri: &RequestTarget) -> Option<String> {
    let wants_https = options.tls_enabled && options.tls_redirect && scheme == "http";
    let proper = match options.canonical_host.as_str() {
        "" => options.policy.www.and_then(|www| www.partner(host, &options.hosts)),
        canonical => Some(canonical),
    };
    let wanted = proper.filter(|proper| !proper.eq_ignore_ascii_case(host));
    if !wants_https && wanted.is_none() {
        return None;
    }
    let scheme = if wants_https { "https" } else { scheme };
    let host = wanted.unwrap_or(host);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Some(format!("{scheme}://{host}{}", uri.path_and_query()))
}

/// A 301, which ends the connection as kamal-proxy's does. A GET gets a link to follow by hand.
pub fn respond(location: &str, method: &Method) -> Answer {
    let link = format!("<a href=\"{}\">Moved Permanently</a>.\n\n", escaped(location));
    let body = if method == Method::GET { Bytes::from(link) } else { Bytes::new() };
    let answer = Answer::new(StatusCode::MOVED_PERMANENTLY, body).with("Connection", "close");
    let is_read = method == Method::GET || method == Method::HEAD;
    let answer = if is_read { answer.with("Content-Type", "text/html; charset=utf-8") } else { answer };
    answer.with("Location", location)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::www::Www;

    fn options(tls: bool, canonical: &str) -> ServiceOptions {
        ServiceOptions {
            tls_enabled: tls,
            tls_redirect: true,
            canonical_host: canonical.into(),
            ..Default::default()
        }
    }

    fn from(options: &ServiceOptions, scheme: &str) -> Option<String> {
        location(options, scheme, "a.com", &RequestTarget::parse("/x?y=1", &Method::GET).unwrap())
    }

    #[test]
    fn t_112_t_113_one_hop_to_scheme_and_host() {
        assert_eq!(from(&options(false, ""), "http"), None);
        assert_eq!(from(&options(false, "A.com"), "http"), None);
        assert_eq!(from(&options(false, "b.com"), "http").unwrap(), "http://b.com/x?y=1");
        assert_eq!(from(&options(true, ""), "http").unwrap(), "https://a.com/x?y=1");
        assert_eq!(from(&options(true, "b.com"), "http").unwrap(), "https://b.com/x?y=1");
        assert_eq!(from(&options(true, "b.com"), "https").unwrap(), "https://b.com/x?y=1");
        assert_eq!(from(&options(true, ""), "https"), None);
    }

    #[test]
    fn www_comes_and_goes_in_the_same_hop() {
        let mut options = options(true, "");
        options.hosts = ["a.com", "www.a.com"].map(String::from).to_vec();
        options.policy.www = Some(Www::Add);
        assert_eq!(from(&options, "http").unwrap(), "https://www.a.com/x?y=1");
        options.policy.www = Some(Www::Remove);
        assert_eq!(from(&options, "https"), None);
    }
}
