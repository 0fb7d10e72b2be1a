//! Passwords by HTTP Basic (RFC 7617), kept as bcrypt hashes in an htpasswd file.
//!
//! A hash takes a good part of a second to check, on purpose. So it is checked beside the workers, few at a time, and what came
//! out is remembered under a keyed digest, for as long as the process and the deploy last.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use super::options::PolicyOptions;
use crate::http::fields::Fields;

/// Hashes checked at the same time.
const AT_ONCE: usize = 2;

/// Outcomes remembered. Guessers fill it; then it starts anew.
const MAX_REMEMBERED: usize = 10_000;

type Digest = [u8; 32];

/// The users of a service.
pub struct BasicAuth {
    realm: String,
    users: HashMap<String, String>,
    except: Vec<String>,
    key: hmac::Key,
    remembered: Mutex<HashMap<Digest, bool>>,
    checking: Semaphore,
}

/// What is known of a client so far.
pub enum Standing {
    /// One of the users, or the path is for everybody.
    Known,
    /// No password, or a wrong one.
    Unknown,
    /// These have not been checked yet.
    Unsettled(Credentials),
}

/// A name and a password. Never printed.
pub struct Credentials {
    name: String,
    password: Vec<u8>,
    digest: Digest,
}

/// Credentials that are to be checked.
pub struct Pending {
    auth: Arc<BasicAuth>,
    credentials: Credentials,
}

impl BasicAuth {
    /// Reads the file, if the options name one.
    pub fn load(options: &PolicyOptions) -> Result<Option<Self>, String> {
        if options.basic_auth_path.is_empty() {
            return Ok(None);
        }
        let path = Path::new(&options.basic_auth_path);
        let told = |error: String| format!("unable to load passwords\n  {}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        let users = users_in(&text).map_err(told)?;
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new());
        Ok(Some(Self {
            realm: "Restricted".into(),
            users,
            except: options.basic_auth_except.clone(),
            key: key.map_err(|_| "no random numbers for passwords")?,
            remembered: Mutex::default(),
            checking: Semaphore::new(AT_ONCE),
        }))
    }

    /// What a client without a password is told.
    pub fn challenge(&self) -> String {
        format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm)
    }

    /// What is known of the client that asks for `path` (decoded).
    pub fn standing(&self, path: &str, headers: &Fields) -> Standing {
        if self.except.iter().any(|prefix| is_below(prefix, path)) {
            return Standing::Known;
        }
        let Some((name, password)) = headers.get("authorization").and_then(credentials_in) else {
            return Standing::Unknown;
        };
        let digest = self.digest(&name, &password);
        match self.remembered().get(&digest) {
            Some(true) => Standing::Known,
            Some(false) => Standing::Unknown,
            None => Standing::Unsettled(Credentials { name, password, digest }),
        }
    }

    fn check(&self, credentials: &Credentials) -> bool {
        let hash = self.users.get(&credentials.name);
        // A name that is not there takes as long as one that is: the time must not tell them apart.
        let Some(compared) = hash.or_else(|| self.users.values().next()) else { return false };
        bcrypt::verify(&credentials.password, compared).unwrap_or_default() && hash.is_some()
    }

    fn digest(&self, name: &str, password: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(name.as_bytes());
        // No name has a colon.
        context.update(b":");
        context.update(password);
        let mut digest = Digest::default();
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, bool>> {
        self.remembered.lock().expect("no holder panics")
    }
}

impl Pending {
    /// Credentials for these users.
    pub fn new(auth: &Arc<BasicAuth>, credentials: Credentials) -> Self {
        Self { auth: Arc::clone(auth), credentials }
    }

    /// Checks them and remembers what came out. For use on a runtime.
    pub async fn settle(self) {
        let Self { auth, credentials } = self;
        let Ok(_turn) = auth.checking.acquire().await else { return };
        let digest = credentials.digest;
        if auth.remembered().contains_key(&digest) {
            return; // Another request with the same ones was first.
        }
        let checker = Arc::clone(&auth);
        let is_right = tokio::task::spawn_blocking(move || checker.check(&credentials)).await;
        let mut remembered = auth.remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(digest, is_right.unwrap_or_default());
    }
}

/// The lines `name:hash` of a file; the error never repeats a hash.
fn users_in(text: &str) -> Result<HashMap<String, String>, String> {
    let mut users = HashMap::new();
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let told = |what: &str| Err(format!("line {number}: {what}; make it with `htpasswd -nB NAME`"));
        let Some((name, hash)) = line.split_once(':') else { return told("is not NAME:HASH") };
        if hash.parse::<bcrypt::HashParts>().is_err() {
            return told("the password is not hashed with bcrypt ($2y$…)");
        }
        users.insert(name.to_owned(), hash.to_owned());
    }
    match users.is_empty() {
        true => Err("there is no user in it; make one with `htpasswd -nB NAME`".into()),
        false => Ok(users),
    }
}

fn credentials_in(header: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((name, decoded[colon + 1..].to_vec()))
}

/// Whether a path is this one, or below it.
pub fn is_below(prefix: &str, path: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `htpasswd -nbB ada lovelace`, with a low cost.
    const ADA: &str = "ada:$2y$05$.7H6/KarH8MEWFG2n7kUTuVYvKQ8NBwt4ztuN6jXBb2fui.doLppu";

    fn auth(text: &str) -> Arc<BasicAuth> {
        let path = std::env::temp_dir().join(format!("dhow-proxy-users-{:016x}", fastrand::u64(..)));
        fs::write(&path, text).unwrap();
        let options = PolicyOptions {
            basic_auth_path: path.display().to_string(),
            basic_auth_except: vec!["/up".into()],
            ..PolicyOptions::default()
        };
        let auth = BasicAuth::load(&options).unwrap().unwrap();
        fs::remove_file(path).unwrap();
        Arc::new(auth)
    }

    async fn is_known(auth: &Arc<BasicAuth>, path: &str, credentials: &str) -> bool {
        let mut headers = Fields::default();
        headers.add("Authorization", format!("basic {}", STANDARD.encode(credentials)).as_bytes());
        if let Standing::Unsettled(credentials) = auth.standing(path, &headers) {
            Pending::new(auth, credentials).settle().await;
        }
        matches!(auth.standing(path, &headers), Standing::Known)
    }

    #[tokio::test]
    async fn only_the_right_password_is_let_in_and_remembered() {
        let hash = bcrypt::hash("love:lace", 4).unwrap();
        let auth = auth(&format!("# users\n\nada:{hash}\n"));
        assert!(is_known(&auth, "/", "ada:love:lace").await);
        for wrong in ["ada:love", "ada:", "bob:love:lace", ":", "ada"] {
            assert!(!is_known(&auth, "/", wrong).await, "{wrong}");
        }
        assert!(is_known(&auth, "/up", "ada:wrong").await && is_known(&auth, "/up/x", "").await);
        assert!(!is_known(&auth, "/upper", "ada:wrong").await);
        assert_eq!(auth.remembered().values().filter(|is_right| **is_right).count(), 1);
    }

    #[test]
    fn hashes_of_htpasswd_are_read_and_weak_ones_refused() {
        assert!(bcrypt::verify("lovelace", &users_in(ADA).unwrap()["ada"]).unwrap());
        for (text, error) in [
            ("", "no user in it"),
            ("ada", "line 1: is not NAME:HASH"),
            ("\nada:lovelace", "line 2: the password is not hashed with bcrypt"),
            ("ada:$apr1$x$y", "line 1: the password is not hashed with bcrypt"),
        ] {
            let told = users_in(text).unwrap_err();
            assert!(told.contains(error) && !told.contains("lovelace"), "{told}");
        }
    }
}
