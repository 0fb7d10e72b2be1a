//! Reading `Cookie`, and moving `Set-Cookie` paths under a stripped prefix.

use crate::http::fields::Fields;

const COOKIE: &str = "cookie";
const SET_COOKIE: &str = "set-cookie";

/// The value of a request cookie; quotes around it are no part of it.
pub fn value<'a>(headers: &'a Fields, name: &str) -> Option<&'a str> {
    values(headers, name).next()
}

/// The values of all request cookies with this name: several if they were set for several paths.
pub fn values<'a, 'n>(headers: &'a Fields, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
    let lines = headers.all(COOKIE).filter_map(|line| std::str::from_utf8(line).ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value.trim_matches('"'))
}

/// Makes one header of the several that HTTP/2 may split `Cookie` into (RFC 9113, section 8.2.3).
pub fn join_crumbs(headers: &mut Fields) {
    let crumbs: Vec<_> = headers.all(COOKIE).collect();
    if crumbs.len() < 2 {
        return;
    }
    let joined = crumbs.join(&b"; "[..]);
    headers.set(COOKIE, &joined);
}

/// Moves the path of each of the app's own cookies under `prefix`; `host` is the request's, without port.
///
/// Only the path changes: other attributes keep their order and spelling, unknown ones included.
pub fn scope_paths(headers: &mut Fields, prefix: &str, host: &str) {
    let before: Vec<Vec<u8>> = headers.all(SET_COOKIE).map(<[u8]>::to_vec).collect();
    headers.remove(SET_COOKIE);
    for cookie in before {
        let scoped = std::str::from_utf8(&cookie).ok().and_then(|text| scoped(text, prefix, host));
        headers.add("Set-Cookie", scoped.map_or(cookie, String::into_bytes).as_slice());
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
        let mut headers = Fields::default();
        headers.add("Cookie", b"a=1; b=\"2\"");
        headers.add("cookie", b"kamal-writer=3");
        assert_eq!(value(&headers, "b"), Some("2"));
        assert_eq!(value(&headers, "kamal-writer"), Some("3"));
        assert_eq!(value(&headers, "c"), None);
    }
}
