//! `proxy:`, the part about how dhow's own proxy deals with the containers behind it.

use super::errors::Errors;
use super::node::Value;
use super::setting::Setting;

/// How the containers are dealt with. Absent values are the proxy's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyTargets {
    /// `path_timeouts`: seconds by path, in the order of the file; 0 for no limit.
    pub path_timeouts: Vec<(String, u32)>,
    /// `connect_timeout`: seconds.
    pub connect_timeout: Option<u32>,
    /// `idle_timeout`: seconds.
    pub idle_timeout: Option<u32>,
    /// `sticky_sessions`.
    pub sticky_sessions: bool,
}

impl ProxyTargets {
    /// Checks what goes beyond the types of keys.
    pub(super) fn check_rules(proxy: &Setting, errors: &mut Errors) {
        for (path, limit) in proxy.section("path_timeouts").entries() {
            if !path.key_text().starts_with('/') {
                errors.at(&limit, "should be a path that begins with a slash");
            } else if path.key_text().contains(',') {
                errors.at(&limit, "should be a path without commas");
            } else if !matches!(limit.node.value, Value::Int(_)) {
                errors.at(&limit, "should be a whole number of seconds").hint("0 is for no limit");
            }
        }
        for key in ["connect_timeout", "idle_timeout"] {
            if let Some(seconds) =
                proxy.get(key).filter(|setting| matches!(setting.node.value, Value::Int(0)))
            {
                errors.at(&seconds, "should be at least 1");
            }
        }
    }

    /// Reads a checked section.
    pub(super) fn read(proxy: &Setting, errors: &mut Errors) -> ProxyTargets {
        let section = proxy.section("path_timeouts");
        let paths: Vec<String> = section.entries().map(|(path, _)| path.key_text()).collect();
        let limit = |path: String| Some((path.clone(), section.number(&path, errors)?));
        ProxyTargets {
            path_timeouts: paths.into_iter().filter_map(limit).collect(),
            connect_timeout: proxy.number("connect_timeout", errors),
            idle_timeout: proxy.number("idle_timeout", errors),
            sticky_sessions: proxy.bool("sticky_sessions").unwrap_or_default(),
        }
    }
}
