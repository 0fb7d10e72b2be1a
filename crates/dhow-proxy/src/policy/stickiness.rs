//! Sticky sessions: a client comes back to the target that served it first, which a cookie names without telling its
//! address.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use serde::{Deserialize, Serialize};

use crate::http::cookies;
use crate::http::fields::Fields;
use crate::target::Target;

/// Names a target that takes every request.
const COOKIE: &str = "kamal-target";
/// Names a target that takes reads only.
const READ_COOKIE: &str = "kamal-read-target";

/// Bytes of a key, and of it in what a cookie holds.
const KEY_LENGTH: usize = 32;
const TOKEN_LENGTH: usize = 16;

/// What the names of targets are made with. Whoever has it can tell from a cookie whether an address is the one meant.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StickyKey(String);

impl StickyKey {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; KEY_LENGTH];
        rand::fill(&mut bytes).expect("the system has randomness, or TLS would not work either");
        Self(hex(&bytes))
    }
}

impl fmt::Debug for StickyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// A service's way to name its targets.
pub struct Stickiness(hmac::Key);

impl Stickiness {
    /// With this key.
    pub fn new(key: &StickyKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.0.as_bytes()))
    }

    /// Whether the client was served by this target before.
    pub fn is_for(&self, target: &Target, request: &Fields) -> bool {
        let token = self.token(target);
        [COOKIE, READ_COOKIE].iter().any(|name| cookies::values(request, name).any(|value| value == token))
    }

    /// The cookie that brings a client back to this target. `path` is where the service is mounted.
    pub fn cookie(&self, target: &Target, is_reader: bool, path: &str, is_secure: bool) -> String {
        let name = if is_reader { READ_COOKIE } else { COOKIE };
        let path = if path.is_empty() { "/" } else { path };
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{name}={}; Path={path}; HttpOnly; SameSite=Lax{secure}", self.token(target))
    }

    fn token<'a>(&self, target: &'a Target) -> &'a str {
        target.token(|address| hex(&hmac::sign(&self.0, address.as_bytes()).as_ref()[..TOKEN_LENGTH]))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::target::TargetAddress;

    fn target(address: &str) -> Target {
        Target::new(TargetAddress::parse(address).unwrap(), Arc::default())
    }

    #[test]
    fn a_cookie_is_for_one_target_and_one_key() {
        let (key, one, other) = (StickyKey::random(), target("10.0.0.1:80"), target("10.0.0.2:80"));
        let sticky = Stickiness::new(&key);
        let cookie = sticky.cookie(&one, false, "", true);
        assert!(cookie.starts_with("kamal-target="), "{cookie}");
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure") && !cookie.contains("10.0"),
            "{cookie}"
        );
        let mut request = Fields::default();
        request.add("Cookie", b"kamal-target=of-another-path");
        request.add("Cookie", cookie.split(';').next().unwrap().as_bytes());
        assert!(sticky.is_for(&one, &request) && !sticky.is_for(&other, &request));
        assert!(Stickiness::new(&key).is_for(&target("10.0.0.1:80"), &request), "also after a restart");
        assert!(!Stickiness::new(&StickyKey::random()).is_for(&target("10.0.0.1:80"), &request));
        assert_eq!(format!("{key:?}"), "[REDACTED]");
    }
}
