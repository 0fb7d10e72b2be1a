//! What a service asks of all its answers, whoever gave them: header lines set or taken away, and a word to browsers
//! about https.

use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::http::encoding::Encoding;
use crate::http::fields::Fields;

const HSTS: &str = "Strict-Transport-Security";

/// What those who keep lists of names to be asked over https only want to see: a year.
const PRELOAD_AGE: u64 = 31_536_000;

/// Lines that say how a message is framed, or concern one connection only; and the date, which is always told.
const NOT_TO_BE_CHANGED: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The rules, as deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerOptions {
    /// Lines that answers have, `Name: value`, in place of any of that name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_headers: Vec<String>,
    /// Names of lines that answers do not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed_headers: Vec<String>,
    /// `Strict-Transport-Security`, for answers over https; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hsts: String,
    /// Codings that answers may be compressed in, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compression: Vec<Encoding>,
}

impl AnswerOptions {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The rules, ready for use.
#[derive(Debug, Default)]
pub struct Answers {
    set: Vec<(String, String)>,
    removed: Vec<String>,
    hsts: Option<String>,
    /// Codings that answers may be compressed in, the best first.
    pub compression: Vec<Encoding>,
}

impl Answers {
    /// Reads the rules. The error is for the command line.
    pub fn new(options: &AnswerOptions) -> Result<Self, String> {
        let set = options.set_headers.iter().map(|line| read_line(line)).collect::<Result<Vec<_>, _>>()?;
        for (index, (name, _)) in set.iter().enumerate() {
            let is_same = |other: &str| other.eq_ignore_ascii_case(name);
            if set[..index].iter().any(|(other, _)| is_same(other)) {
                return Err(format!("response-header {name:?} is given twice"));
            }
            if options.removed_headers.iter().any(|other| is_same(other)) {
                return Err(format!("response-header {name:?} is to be set and to be removed"));
            }
        }
        for name in &options.removed_headers {
            check_name(name).map_err(|error| format!("remove-response-header {name:?} {error}"))?;
        }
        let hsts = (!options.hsts.is_empty()).then(|| read_hsts(&options.hsts)).transpose()?;
        Ok(Self {
            set,
            removed: options.removed_headers.clone(),
            hsts,
            compression: options.compression.clone(),
        })
    }

    /// Applies the rules to the head of an answer. HSTS is for answers over https only (RFC 6797, section 7.2).
    pub fn apply(&self, headers: &mut Fields, is_secure: bool) {
        for name in &self.removed {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.set(name, value.as_bytes());
        }
        if let Some(hsts) = self.hsts.as_ref().filter(|_| is_secure) {
            headers.set(HSTS, hsts.as_bytes());
        }
    }
}

fn read_line(line: &str) -> Result<(String, String), String> {
    let told = |error: &str| format!("response-header {line:?} {error}");
    let (name, value) =
        line.split_once(':').ok_or_else(|| told("has no colon; write it as \"Name: value\""))?;
    let value = value.trim_matches([' ', '\t']);
    check_name(name).map_err(|error| told(&error))?;
    if value.is_empty() {
        return Err(told("has no value; to take a header away, use remove-response-header"));
    }
    HeaderValue::from_str(value)
        .map_err(|_| told("has a value with a line break or another control character"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn check_name(name: &str) -> Result<(), String> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err("has no proper name; it is made of letters, digits and dashes".into());
    }
    if NOT_TO_BE_CHANGED.iter().any(|fixed| fixed.eq_ignore_ascii_case(name)) {
        return Err("is the proxy's own affair and cannot be changed".into());
    }
    if name.eq_ignore_ascii_case(HSTS) {
        return Err("is not for plain http; use hsts, which knows".into());
    }
    Ok(())
}

/// Checks what is to be told about https (RFC 6797, section 6.1).
fn read_hsts(text: &str) -> Result<String, String> {
    let told = |error: &str| {
        format!("hsts {text:?} {error}; for example \"max-age=31536000; includeSubDomains; preload\"")
    };
    let (mut age, mut subdomains, mut preload) = (None, false, false);
    for directive in text.split(';').map(str::trim) {
        let (name, value) =
            directive.split_once('=').map_or((directive, None), |(name, value)| (name, Some(value)));
        match (name.trim().to_ascii_lowercase().as_str(), value) {
            ("max-age", Some(seconds)) if age.is_none() => {
                let seconds = seconds.trim().parse::<u64>();
                age = Some(seconds.map_err(|_| told("has a max-age that is no number of seconds"))?);
            }
            ("includesubdomains", None) if !subdomains => subdomains = true,
            ("preload", None) if !preload => preload = true,
            _ => return Err(told(&format!("has an unknown or repeated part, {directive:?}"))),
        }
    }
    let age = age.ok_or_else(|| told("has no max-age"))?;
    if preload && (!subdomains || age < PRELOAD_AGE) {
        return Err(told(
            "asks for preload, which needs includeSubDomains and a max-age of at least 31536000",
        ));
    }
    let [subdomains, preload] = [(subdomains, "; includeSubDomains"), (preload, "; preload")]
        .map(|(is_set, text)| if is_set { text } else { "" });
    Ok(format!("max-age={age}{subdomains}{preload}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(set: &[&str], removed: &[&str], hsts: &str) -> Result<Answers, String> {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Answers::new(&AnswerOptions {
            set_headers: owned(set),
            removed_headers: owned(removed),
            hsts: hsts.into(),
            compression: Vec::new(),
        })
    }

    fn lines(answers: &Answers, is_secure: bool) -> Vec<String> {
        let mut headers = Fields::default();
        [("server", "app/1"), ("X-A", "old"), ("x-a", "older"), ("ETag", "1")]
            .iter()
            .for_each(|(name, value)| headers.add(name, value.as_bytes()));
        answers.apply(&mut headers, is_secure);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect()
    }

    #[test]
    fn lines_are_set_and_removed() {
        let rules = answers(&["X-A:  new", "X-B: a, b; c=\"d\""], &["Server"], "").unwrap();
        assert_eq!(lines(&rules, true), ["ETag: 1", "X-A: new", "X-B: a, b; c=\"d\""]);
    }

    #[test]
    fn hsts_is_for_https() {
        let rules = answers(&[], &[], "max-age=31536000 ; preload; includesubdomains").unwrap();
        let told = "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload";
        assert_eq!(lines(&rules, true).last().unwrap(), told);
        assert_eq!(lines(&rules, false).len(), 4);
        assert!(answers(&[], &[], "max-age=0").is_ok());
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (line, error) in [
            ("X-A", "has no colon"),
            ("X A: b", "has no proper name"),
            (": b", "has no proper name"),
            ("X-A: ", "has no value"),
            ("X-A: b\r\nX-B: c", "has a value with a line break"),
            ("content-length: 5", "cannot be changed"),
            ("Transfer-Encoding: chunked", "cannot be changed"),
            ("Connection: close", "cannot be changed"),
            ("strict-transport-security: max-age=1", "use hsts"),
        ] {
            let told = answers(&[line], &[], "").unwrap_err();
            assert!(told.contains(error), "{line}: {told}");
        }
        assert!(answers(&["A: b", "a: c"], &[], "").unwrap_err().contains("is given twice"));
        assert!(answers(&["A: b"], &["a"], "").unwrap_err().contains("to be set and to be removed"));
        assert!(answers(&[], &["Date"], "").unwrap_err().contains("cannot be changed"));
        for (hsts, error) in [
            ("31536000", "unknown or repeated part"),
            ("includeSubDomains", "has no max-age"),
            ("max-age=a", "no number of seconds"),
            ("max-age=1; max-age=2", "unknown or repeated part"),
            ("max-age=31536000; preload", "needs includeSubDomains"),
            ("max-age=300; includeSubDomains; preload", "at least 31536000"),
        ] {
            let told = answers(&[], &[], hsts).unwrap_err();
            assert!(told.contains(error), "{hsts}: {told}");
        }
    }
}
