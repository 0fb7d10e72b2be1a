//! Logging in to a registry, on a server or here.

use crate::config::{Credential, Registry};
use crate::secrets::{MissingSecret, Secret, Secrets};
use crate::shell::{Command, Script, Word, docker};

/// Logs in, the password on standard input. `None` where no account is needed. Fails if a credential is the name of a
/// secret that no file has.
pub fn login(registry: &Registry, secrets: &Secrets) -> Result<Option<Script>, MissingSecret> {
    let (Some(username), Some(password)) = (&registry.username, &registry.password) else { return Ok(None) };
    if registry.is_local() {
        return Ok(None);
    }
    let login = docker(["login"])
        .words(&registry.server)
        .option("-u", Word::secret(value(username, secrets)?))
        .word("--password-stdin");
    Ok(Some(Script::from(login).fed(Word::secret(value(password, secrets)?))))
}

/// Forgets the account.
pub fn logout(registry: &Registry) -> Command {
    docker(["logout"]).words(&registry.server)
}

fn value(credential: &Credential, secrets: &Secrets) -> Result<Secret, MissingSecret> {
    match credential {
        Credential::Plain(text) => Ok(Secret::new(text)),
        Credential::Secret(key) => secrets.find(key).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::registry;

    fn secrets() -> Secrets {
        let password = ("REGISTRY_PASSWORD".to_string(), Secret::new("p'w"));
        Secrets::new([password].into(), vec![".kamal/secrets".to_string()])
    }

    #[test]
    fn the_password_is_no_argument_and_is_not_shown() {
        let login = login(&registry("ghcr.io"), &secrets()).unwrap().unwrap();
        assert_eq!(
            login.to_string(),
            "printf %s [REDACTED] | docker login ghcr.io -u [REDACTED] --password-stdin"
        );
        assert_eq!(login.reveal(), r"printf %s 'p'\''w' | docker login ghcr.io -u 'acme' --password-stdin");
    }

    #[test]
    fn docker_hub_has_no_name() {
        let hub = Registry { server: None, ..registry("") };
        assert!(login(&hub, &secrets()).unwrap().unwrap().to_string().contains("docker login -u"));
        assert_eq!(logout(&hub).to_string(), "docker logout");
    }

    #[test]
    fn a_local_registry_needs_no_account() {
        assert_eq!(login(&registry("localhost:5555"), &secrets()), Ok(None));
    }

    #[test]
    fn a_missing_secret_is_named() {
        let missing = login(&registry("ghcr.io"), &Secrets::default()).unwrap_err();
        assert_eq!(missing.key, "REGISTRY_PASSWORD");
    }
}
