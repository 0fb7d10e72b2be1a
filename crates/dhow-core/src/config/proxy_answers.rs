//! `proxy:`, the part about what dhow's own proxy does to answers.

use super::errors::Errors;
use super::keys::proxy_answers::{ENCODINGS, FIXED_HEADERS, HSTS};
use super::proxy_policy::check_section;
use super::setting::Setting;

/// What those who keep lists of names to be asked over https only want to see: a year.
const PRELOAD_AGE: u32 = 31_536_000;

/// What is done to answers. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyAnswers {
    /// `response_headers` with a text, in the order of the file.
    pub set_headers: Vec<(String, String)>,
    /// `response_headers` with `false`.
    pub removed_headers: Vec<String>,
    /// `hsts`.
    pub hsts: Option<Hsts>,
    /// `compression`: names of content codings.
    pub compression: Vec<String>,
}

/// `hsts:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hsts {
    /// Seconds.
    pub max_age: u32,
    /// `include_subdomains`.
    pub include_subdomains: bool,
    /// `preload`.
    pub preload: bool,
}

impl ProxyAnswers {
    /// Checks what goes beyond the types of keys.
    pub(super) fn check_rules(proxy: &Setting, errors: &mut Errors) {
        check_headers(&proxy.section("response_headers"), errors);
        for encoding in proxy.section("compression").items() {
            if let Some(text) = encoding.node.text().filter(|text| !ENCODINGS.contains(&text.as_str())) {
                errors.at(&encoding, format!("'{text}' should be one of: {}", ENCODINGS.join(", ")));
            }
        }
        check_section(proxy, "hsts", HSTS, errors);
        if let Some(section) = proxy.get("hsts")
            && section.bool("preload") == Some(true)
            && let Some(max_age) = section.number::<u32>("max_age", &mut Errors::unheard())
            && (max_age < PRELOAD_AGE || section.bool("include_subdomains") != Some(true))
        {
            let error =
                errors.at(&section, "preload needs include_subdomains, and a max_age of at least 31536000");
            error.hint("browsers' lists take nobody else: https://hstspreload.org");
        }
    }

    /// Reads a checked section.
    pub(super) fn read(proxy: &Setting, errors: &mut Errors) -> ProxyAnswers {
        let headers = proxy.section("response_headers");
        let (removed, set): (Vec<_>, Vec<_>) =
            headers.entries().partition(|(_, value)| value.node.bool() == Some(false));
        ProxyAnswers {
            set_headers: set
                .into_iter()
                .filter_map(|(name, value)| Some((name.key_text(), value.node.text()?)))
                .collect(),
            removed_headers: removed.into_iter().map(|(name, _)| name.key_text()).collect(),
            hsts: Hsts::read(&proxy.section("hsts"), errors),
            compression: proxy.texts("compression"),
        }
    }
}

fn check_headers(headers: &Setting, errors: &mut Errors) {
    for (name, value) in headers.entries() {
        let name = name.key_text();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let is_fixed = FIXED_HEADERS.iter().any(|fixed| fixed.eq_ignore_ascii_case(&name));
        let text = value.node.text().unwrap_or_default();
        let is_text = |c: char| c == '\t' || c == ' ' || c.is_ascii_graphic();
        if name.is_empty() || !name.chars().all(is_name) {
            errors.at(&value, "should be named with letters, digits and dashes");
        } else if is_fixed {
            errors.at(&value, "is the proxy's own affair and cannot be changed");
        } else if name.eq_ignore_ascii_case("strict-transport-security") {
            errors.at(&value, "is not for plain http").hint("write `hsts: {max_age: 31536000}` instead");
        } else if value.node.bool() == Some(true) || text.trim().is_empty() {
            errors.at(&value, "should be a text, or false").hint("false takes the header away");
        } else if !text.chars().all(is_text) {
            errors.at(&value, "should be one line of ASCII text");
        }
    }
}

impl Hsts {
    fn read(hsts: &Setting, errors: &mut Errors) -> Option<Hsts> {
        let on = |key| hsts.bool(key).unwrap_or_default();
        let max_age = hsts.number("max_age", errors)?;
        Some(Hsts { max_age, include_subdomains: on("include_subdomains"), preload: on("preload") })
    }
}
