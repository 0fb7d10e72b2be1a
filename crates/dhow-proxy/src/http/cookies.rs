//! Reading `Cookie`, and moving `Set-Cookie` paths under a stripped prefix.

use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue, SET_COOKIE};

/// The value of a request cookie; quotes around it are no part of it.
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value.trim_matches('"'))
}

/// Makes one header of the several that HTTP/2 may split `Cookie` into (RFC 9113, section 8.2.3).
pub fn join_crumbs(headers: &mut HeaderMap) {
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).expect("made of header values");
    headers.insert(COOKIE, joined);
}

/// Moves the path of each of the app's own cookies under `prefix`; `host` is the request's, without port.
///
/// Only the path changes: other attributes keep their order and spelling, unknown ones included.
pub fn scope_paths(headers: &mut HeaderMap, prefix: &str, host: &str) {
    let before: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for cookie in before {
        let scoped = cookie.to_str().ok().and_then(|text| scoped(text, prefix, host));
        let scoped = scoped.and_then(|text| HeaderValue::from_str(&text).ok());
        headers.append(SET_COOKIE, scoped.unwrap_or(cookie));
    }
}

/// The cookie with its path moved; `None` for one that is not to be touched.
fn scoped(cookie: &str, prefix: &str, host: &str) -> Option<String> {
    let mut parts = cookie.split(';');
    let pair = parts.next()?;
    let (name, _) = pair.split_once('=')?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let attributes: Vec<&str> = parts.collect();
    if let Some(domain) = attribute(&attributes, "domain")
        && !domain.is_empty()
        && domain != host
    {
        return None;
    }
    let path = format!("{prefix}/{}", attribute(&attributes, "path").unwrap_or_default().trim_matches('/'));
    let path = path.trim_end_matches('/');
    let mut result = format!("{pair}; Path={path}");
    for attribute in attributes.iter().filter(|attribute| !is_named(attribute, "path")) {
        result.push(';');
        result.push_str(attribute);
    }
    Some(result)
}

fn attribute<'a>(attributes: &[&'a str], name: &str) -> Option<&'a str> {
    let found = attributes.iter().rfind(|attribute| is_named(attribute, name))?;
    Some(found.split_once('=').map_or("", |(_, value)| value.trim()))
}

fn is_named(attribute: &str, name: &str) -> bool {
    attribute.split('=').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scoped_path(cookie: &str) -> Option<String> {
        scoped(cookie, "/api", "a.com")
    }

    #[test]
    fn t_321_paths_move_under_the_prefix() {
        for (before, after) in [
            ("a=1; Path=/", "a=1; Path=/api"),
            ("a=1; path=/admin", "a=1; Path=/api/admin"),
            ("a=1", "a=1; Path=/api"),
            ("a=1; Path=relative", "a=1; Path=/api/relative"),
            ("a=1; Path=/x/; HttpOnly", "a=1; Path=/api/x; HttpOnly"),
            ("a=1; Domain=a.com", "a=1; Path=/api; Domain=a.com"),
        ] {
            assert_eq!(scoped_path(before).as_deref(), Some(after));
        }
    }

    #[test]
    fn t_322_cookies_of_other_domains_are_left_alone() {
        for foreign in
            ["a=1; Domain=b.com", "a=1; Domain=.a.com", "a=1; Domain=x.a.com", "bad name=1", "none"]
        {
            assert_eq!(scoped_path(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn o_59_unknown_attributes_and_their_order_stay() {
        let after = "a=1; Path=/api; Priority=High; Secure; Max-Age=5";
        assert_eq!(scoped_path("a=1; Priority=High; Secure; Path=/; Max-Age=5").as_deref(), Some(after));
    }

    #[test]
    fn a_cookie_is_found_in_any_line() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; b=\"2\""));
        headers.append(COOKIE, HeaderValue::from_static("kamal-writer=3"));
        assert_eq!(value(&headers, "b"), Some("2"));
        assert_eq!(value(&headers, "kamal-writer"), Some("3"));
        assert_eq!(value(&headers, "c"), None);
    }
}
