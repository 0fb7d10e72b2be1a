//! What a deploy can ask for that kamal-proxy has no word for. In the state file it stands apart, under `dhow`, where
//! kamal-proxy reads past it; nothing is written where nothing is set.

use serde::{Deserialize, Serialize};

use super::answers::AnswerOptions;
use super::rate::RateOptions;
use super::stickiness::StickyKey;
use super::www::Www;

/// The rules of a service, as deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyOptions {
    /// Proxies in front whose forwarding headers are believed: addresses, networks, presets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<String>,
    /// Who may come; everybody if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<String>,
    /// Who may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_ips: Vec<String>,
    /// How often each client may ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateOptions>,
    /// File with names and hashed passwords (htpasswd), one of which is asked for; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub basic_auth_path: String,
    /// Paths, and what is below them, that need no password.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub basic_auth_except: Vec<String>,
    /// Redirects between a host and its `www.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub www: Option<Www>,
    /// What is done to answers.
    #[serde(skip_serializing_if = "AnswerOptions::is_empty")]
    pub answers: AnswerOptions,
    /// Whether clients come back to the target that served them first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sticky_sessions: bool,
    /// What the names of targets in cookies are made with; the daemon makes it, and keeps it from deploy to deploy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky_key: Option<StickyKey>,
}

impl PolicyOptions {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes the key that the service had before, if it needs one, or a new one.
    pub fn keep_key(&mut self, before: Option<&Self>) {
        let kept = || before.and_then(|before| before.sticky_key.clone());
        self.sticky_key = self.sticky_sessions.then(|| kept().unwrap_or_else(StickyKey::random));
    }

    /// Whether anything here is asked of each request. (The redirect is looked at with the other redirects.)
    pub fn has_rules(&self) -> bool {
        !Self { www: None, ..self.clone() }.is_empty()
    }
}
