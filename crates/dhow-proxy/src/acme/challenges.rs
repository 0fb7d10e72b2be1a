//! Answers to the authority, by which it convinces itself that a name leads here. Any worker may be asked.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use crate::tls::certificate::Certificate;

/// The path of HTTP-01 questions (RFC 8555, section 8.3); the token follows.
pub const PATH: &str = "/.well-known/acme-challenge/";

/// The protocol of TLS-ALPN-01 questions (RFC 8737).
pub const PROTOCOL: &[u8] = b"acme-tls/1";

/// The answers to the questions of the orders under way.
#[derive(Default)]
pub struct Challenges {
    texts: Board<String>,
    certificates: Board<Certificate>,
}

impl Challenges {
    /// The answer to HTTP-01, by token.
    pub fn text(&self, token: &str) -> Option<String> {
        self.texts.find(token)
    }

    /// The answer to TLS-ALPN-01, by host name.
    pub fn certificate(&self, name: &str) -> Option<Certificate> {
        self.certificates.find(&name.to_ascii_lowercase())
    }

    /// Answers HTTP-01 until the result is dropped.
    pub fn post_text(&self, token: &str, answer: String) -> Posted {
        self.texts.post(token.to_owned(), answer)
    }

    /// Answers TLS-ALPN-01 until the result is dropped.
    pub fn post_certificate(&self, name: &str, answer: Certificate) -> Posted {
        self.certificates.post(name.to_owned(), answer)
    }
}

/// An answer that is given for as long as this lives.
pub struct Posted {
    take_down: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Posted {
    fn drop(&mut self) {
        if let Some(take_down) = self.take_down.take() {
            take_down();
        }
    }
}

struct Board<T>(Arc<Mutex<HashMap<String, T>>>);

impl<T> Default for Board<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> Board<T> {
    fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<T>
    where
        String: std::borrow::Borrow<Q>,
    {
        self.0.lock().expect("no holder panics").get(key).cloned()
    }

    fn post(&self, key: String, answer: T) -> Posted {
        let board = Arc::clone(&self.0);
        board.lock().expect("no holder panics").insert(key.clone(), answer);
        let take_down = move || drop(board.lock().expect("no holder panics").remove(&key));
        Posted { take_down: Some(Box::new(take_down)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_while_its_order_is_under_way() {
        let challenges = Challenges::default();
        let posted = challenges.post_text("token", "answer".into());
        assert_eq!(challenges.text("token").unwrap(), "answer");
        assert_eq!(challenges.text("other"), None);
        drop(posted);
        assert_eq!(challenges.text("token"), None);
    }
}
