//! URLs taken apart as Ruby's `URI` does.

/// A URL and its parts.
pub struct Uri {
    /// All of it.
    pub text: String,
    /// `https`.
    pub scheme: Option<String>,
    /// `user:password`.
    pub userinfo: Option<String>,
    /// With its brackets, if it is an IPv6 address.
    pub host: Option<String>,
    /// As written, or the scheme's own.
    pub port: Option<i128>,
    /// From the first slash on.
    pub path: String,
    /// After `?`.
    pub query: Option<String>,
    /// After `#`.
    pub fragment: Option<String>,
}

impl Uri {
    /// `None` if there is something in it that no URL has.
    pub fn read(text: &str) -> Option<Uri> {
        let allowed = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
        if !text.chars().all(allowed) {
            return None;
        }
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let scheme = rest.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme));
        let rest = scheme.map_or(rest, |scheme| &rest[scheme.len() + 1..]);
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let scheme = scheme.map(str::to_ascii_lowercase);
        let (userinfo, host, port) = authority.map_or(Some((None, None, None)), authority_parts)?;
        let port = port.or_else(|| default_port(scheme.as_deref()?));
        let (text, path) = (text.to_string(), path.to_string());
        Some(Uri {
            text,
            scheme,
            userinfo,
            host,
            port,
            path,
            query: query.map(String::from),
            fragment: fragment.map(String::from),
        })
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

type Authority = (Option<String>, Option<String>, Option<i128>);

fn authority_parts(authority: &str) -> Option<Authority> {
    let (userinfo, rest) = match authority.rsplit_once('@') {
        Some((userinfo, rest)) => (Some(userinfo.to_string()), rest),
        None => (None, authority),
    };
    let after_address = rest.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match rest[after_address..].rfind(':') {
        Some(colon) => (&rest[..after_address + colon], &rest[after_address + colon + 1..]),
        None => (rest, ""),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
    Some((userinfo, Some(host.to_string()), port))
}

fn default_port(scheme: &str) -> Option<i128> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        "ldap" => Some(389),
        "ldaps" => Some(636),
        _ => None,
    }
}
