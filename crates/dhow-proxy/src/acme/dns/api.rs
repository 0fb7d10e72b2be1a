//! Zones behind an API of JSON, to which a token lets us in.

use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use instant_acme::BodyWrapper;
use serde_json::Value;

use super::super::https::{Answer, Https};

/// How we call ourselves.
pub const AGENT: HeaderValue = HeaderValue::from_static(concat!("dhow-proxy/", env!("CARGO_PKG_VERSION")));

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An API and our way in.
pub struct Api {
    base: String,
    token: HeaderValue,
    https: Https,
}

impl Api {
    /// The URL that paths are added to, and a bearer token. The error does not hold it.
    pub fn new(base: &str, token: &str, https: &Https) -> Result<Self, String> {
        let mut token = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| "the token has characters that no token has")?;
        token.set_sensitive(true);
        Ok(Self { base: base.trim_end_matches('/').to_owned(), token, https: https.clone() })
    }

    /// What is at a path.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        self.call(Method::GET, path, None).await
    }

    /// Adds something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Takes away what is at a path.
    pub async fn delete(&self, path: &str) -> Result<Value, String> {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.base);
        let told = |why: String| format!("{method} {url}: {why}");
        let mut request = Request::builder().method(method.clone()).uri(&url);
        request = request.header(AUTHORIZATION, self.token.clone()).header(ACCEPT, JSON);
        request = request.header(USER_AGENT, AGENT);
        let content = body.map(ToString::to_string).unwrap_or_default();
        if body.is_some() {
            request = request.header(CONTENT_TYPE, JSON);
        }
        let request = request.body(content_body(content)).map_err(|error| told(error.to_string()))?;
        let answer = self.https.fetch(request).await.map_err(|why| format!("{method} {why}"))?;
        let text = successful(&answer).map_err(told)?;
        match text.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_str(text).map_err(|_| told("the answer is no JSON".into())),
        }
    }
}

/// A body with its length, or none.
pub fn content_body(content: String) -> BodyWrapper<Bytes> {
    BodyWrapper::from(content.into_bytes())
}

/// The text of an answer; the error is what it says instead.
pub fn successful(answer: &Answer) -> Result<&str, String> {
    let text = std::str::from_utf8(&answer.body).map_err(|_| "the answer is no text")?.trim();
    match answer.status.is_success() {
        true => Ok(text),
        false => Err(format!("{} {text}", answer.status.as_u16())),
    }
}

/// A field that has to be a text or a number, as part of a path.
pub fn id(value: &Value) -> Result<String, String> {
    match value {
        Value::String(id) if !id.contains(['/', '?', '#']) => Ok(id.clone()),
        Value::Number(id) => Ok(id.to_string()),
        _ => Err("the answer lacks an id".into()),
    }
}
