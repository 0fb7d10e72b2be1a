//! `URI`.

use super::{Method, Sent, method, plain};
use crate::ruby::machine::Machine;
use crate::ruby::show::quoted;
use crate::ruby::stop::{Outcome, Stop};
use crate::ruby::uri::Uri;
use crate::ruby::value::Value;
use std::rc::Rc;

pub const CLASS_METHODS: &[Method] = &[
    method("parse", 1, 1, parse),
    method("encode_www_form_component", 1, 1, |machine, sent| {
        let text = sent.text_arg(machine, 0)?;
        Ok(Value::text(encoded(&text, "*-._", true)))
    }),
    method("encode_uri_component", 1, 1, |machine, sent| {
        let text = sent.text_arg(machine, 0)?;
        Ok(Value::text(encoded(&text, "*-._", false)))
    }),
];

pub const METHODS: &[Method] = &[
    plain("scheme", |_, sent| Ok(part(sent, |uri| uri.scheme.clone()))),
    plain("host", |_, sent| Ok(part(sent, |uri| uri.host.clone()))),
    plain("hostname", |_, sent| {
        Ok(part(sent, |uri| uri.host.as_ref().map(|host| host.trim_matches(['[', ']']).to_string())))
    }),
    plain("userinfo", |_, sent| Ok(part(sent, |uri| uri.userinfo.clone()))),
    plain("user", |_, sent| {
        Ok(part(sent, |uri| {
            uri.userinfo.as_ref().map(|info| info.split(':').next().unwrap_or_default().to_string())
        }))
    }),
    plain("password", |_, sent| {
        Ok(part(sent, |uri| {
            uri.userinfo.as_ref().and_then(|info| info.split_once(':')).map(|(_, word)| word.to_string())
        }))
    }),
    plain("path", |_, sent| Ok(part(sent, |uri| Some(uri.path.clone())))),
    plain("query", |_, sent| Ok(part(sent, |uri| uri.query.clone()))),
    plain("fragment", |_, sent| Ok(part(sent, |uri| uri.fragment.clone()))),
    plain("port", |_, sent| match &sent.receiver {
        Value::Uri(uri) => Ok(Value::or_nil(uri.port.map(Value::Int))),
        _ => Ok(Value::Nil),
    }),
];

/// `URI.parse`, and `URI()`.
pub fn parse(machine: &mut Machine, sent: &Sent) -> Outcome {
    let text = sent.text_arg(machine, 0)?;
    let invalid = || {
        let message = format!("bad URI (is not URI?): {}", quoted(&text));
        Stop::raise("URI::InvalidURIError", message, sent.span)
    };
    Ok(Value::Uri(Rc::new(Uri::read(&text).ok_or_else(invalid)?)))
}

fn part(sent: &Sent, of: impl Fn(&Uri) -> Option<String>) -> Value {
    match &sent.receiver {
        Value::Uri(uri) => Value::or_nil(of(uri).map(Value::text)),
        _ => Value::Nil,
    }
}

fn encoded(text: &str, kept: &str, plus: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        match c {
            ' ' if plus => encoded.push('+'),
            c if c.is_ascii_alphanumeric() || kept.contains(c) => encoded.push(c),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
