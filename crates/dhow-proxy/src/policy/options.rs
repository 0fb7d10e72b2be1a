//! What a deploy can ask for that kamal-proxy has no word for. In the state file it stands apart, under `dhow`, where
//! kamal-proxy reads past it; nothing is written where nothing is set.

use serde::{Deserialize, Serialize};

use super::answers::AnswerOptions;
use super::rate::RateOptions;
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
}

impl PolicyOptions {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether anything here is asked of each request. (The redirect is looked at with the other redirects.)
    pub fn has_rules(&self) -> bool {
        !Self { www: None, ..self.clone() }.is_empty()
    }
}
