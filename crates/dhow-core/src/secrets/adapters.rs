//! `secrets fetch`: what password managers are asked and how their replies read, an adapter per file (kamal-commands 10).
//!
//! Nothing is run here. An adapter is handed a way to [`Ask`] and answers with what it [`Fetched`].

mod age;
mod ask;
mod aws_secrets_manager;
mod bitwarden;
mod bitwarden_secrets_manager;
mod doppler;
mod enpass;
mod fetched;
mod gcp_secret_manager;
mod last_pass;
mod one_password;
mod passbolt;
mod reply;
mod reversed;
mod sops;

pub use ask::{Answer, Ask, Manner, Outside};
pub use fetched::Fetched;

use std::fmt;

/// Where secrets can be fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// A file in the repository, encrypted with `age`; not in Kamal.
    Age,
    /// AWS Secrets Manager, by `aws`.
    AwsSecretsManager,
    /// Bitwarden's password manager, by `bw`.
    Bitwarden,
    /// Bitwarden Secrets Manager, by `bws`.
    BitwardenSecretsManager,
    /// Doppler, by `doppler`.
    Doppler,
    /// Enpass, by `enpass-cli`.
    Enpass,
    /// Google Cloud's Secret Manager, by `gcloud`.
    GcpSecretManager,
    /// LastPass, by `lpass`.
    LastPass,
    /// 1Password, by `op`.
    OnePassword,
    /// Passbolt, by `passbolt`.
    Passbolt,
    /// A file in the repository, encrypted with `sops`; not in Kamal.
    Sops,
    /// Names written backwards, for trying things out.
    Test,
}

/// The names of adapters: Kamal's full names, its short ones, and two of our own.
const NAMES: [(&str, Adapter); 16] = [
    ("1password", Adapter::OnePassword),
    ("age", Adapter::Age),
    ("aws_secrets_manager", Adapter::AwsSecretsManager),
    ("bitwarden", Adapter::Bitwarden),
    ("bitwarden-sm", Adapter::BitwardenSecretsManager),
    ("bitwarden_secrets_manager", Adapter::BitwardenSecretsManager),
    ("doppler", Adapter::Doppler),
    ("enpass", Adapter::Enpass),
    ("gcp", Adapter::GcpSecretManager),
    ("gcp_secret_manager", Adapter::GcpSecretManager),
    ("last_pass", Adapter::LastPass),
    ("lastpass", Adapter::LastPass),
    ("one_password", Adapter::OnePassword),
    ("passbolt", Adapter::Passbolt),
    ("sops", Adapter::Sops),
    ("test", Adapter::Test),
];

impl Adapter {
    /// By any of its names, in any case.
    pub fn named(name: &str) -> Result<Adapter, NotFetched> {
        let found = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, adapter)| *adapter).ok_or_else(|| NotFetched::UnknownAdapter(name.to_string()))
    }

    fn requires_account(self) -> bool {
        use Adapter::{Bitwarden, GcpSecretManager, LastPass, OnePassword, Test};
        matches!(self, Bitwarden | GcpSecretManager | LastPass | OnePassword | Test)
    }
}

/// What `secrets fetch` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Whom to ask.
    pub adapter: Adapter,
    /// Who asks: an address, a profile, a key file; the adapter says which.
    pub account: Option<String>,
    /// A vault, a folder, a project, a file.
    pub from: Option<String>,
    /// Names of secrets, as written.
    pub names: Vec<String>,
}

impl Fetch {
    /// Asks for the secrets, logging in first where that is needed.
    ///
    /// # Errors
    /// Kamal's words for what the adapter cannot do. No error repeats what a program printed.
    pub fn run(&self, outside: &mut Outside) -> Result<Fetched, NotFetched> {
        if self.adapter.requires_account() && self.account().trim().is_empty() {
            return Err(NotFetched::NoAccount);
        }
        match self.adapter {
            Adapter::Age => age::fetch(self, outside),
            Adapter::AwsSecretsManager => aws_secrets_manager::fetch(self, outside),
            Adapter::Bitwarden => bitwarden::fetch(self, outside),
            Adapter::BitwardenSecretsManager => bitwarden_secrets_manager::fetch(self, outside),
            Adapter::Doppler => doppler::fetch(self, outside),
            Adapter::Enpass => enpass::fetch(self, outside),
            Adapter::GcpSecretManager => gcp_secret_manager::fetch(self, outside),
            Adapter::LastPass => last_pass::fetch(self, outside),
            Adapter::OnePassword => one_password::fetch(self, outside),
            Adapter::Passbolt => passbolt::fetch(self, outside),
            Adapter::Sops => sops::fetch(self, outside),
            Adapter::Test => Ok(reversed::fetch(self)),
        }
    }

    fn account(&self) -> &str {
        self.account.as_deref().unwrap_or_default()
    }

    fn named(&self) -> Result<&[String], NotFetched> {
        if self.names.is_empty() { Err(NotFetched::NothingNamed) } else { Ok(&self.names) }
    }

    /// Each name behind `--from`.
    fn prefixed(&self) -> Result<Vec<String>, NotFetched> {
        Ok(self.named()?.iter().map(|name| self.prefix(name)).collect())
    }

    fn prefix(&self, name: &str) -> String {
        self.from.as_ref().map_or_else(|| name.to_string(), |from| format!("{from}/{name}"))
    }
}

/// Why secrets were not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFetched {
    /// No adapter is called that.
    UnknownAdapter(String),
    /// The adapter asks for somebody, and nobody was named.
    NoAccount,
    /// The adapter fetches by name, and there was none.
    NothingNamed,
    /// The program the adapter asks is not on this machine, or does not even tell its version.
    NotInstalled(&'static str),
    /// The reply of a program cannot be understood.
    Unreadable(&'static str),
    /// Anything else, in Kamal's words.
    Said(String),
}

impl fmt::Display for NotFetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotFetched::UnknownAdapter(name) => {
                let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
                write!(f, "Unknown secrets adapter: {name}\n  hint: there are {}", known.join(", "))
            }
            NotFetched::NoAccount => f.write_str("No value provided for required options '--account'"),
            NotFetched::NothingNamed => f.write_str("No secrets given to fetch"),
            NotFetched::NotInstalled(tool) => write!(f, "{tool} CLI is not installed"),
            NotFetched::Unreadable(tool) => write!(f, "{tool} CLI did not answer with the JSON it should"),
            NotFetched::Said(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for NotFetched {}

fn said<T>(text: impl Into<String>) -> Result<T, NotFetched> {
    Err(NotFetched::Said(text.into()))
}

/// Each once, in the order they come.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut unique = Vec::new();
    names.for_each(|name| {
        if !unique.contains(&name) {
            unique.push(name);
        }
    });
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_have_several_names() {
        for name in ["1password", "1Password", "one_password"] {
            assert_eq!(Adapter::named(name), Ok(Adapter::OnePassword));
        }
        let unknown = Adapter::named("keepass").unwrap_err().to_string();
        assert!(unknown.starts_with("Unknown secrets adapter: keepass\n"), "{unknown}");
    }

    #[test]
    fn some_adapters_want_an_account() {
        let fetch = |adapter| Fetch { adapter, account: Some(" ".into()), from: None, names: Vec::new() };
        let nobody = |_: &Ask| -> Answer { panic!("nothing may be asked") };
        for (name, adapter) in NAMES.iter().filter(|(_, adapter)| adapter.requires_account()) {
            let ask = &mut { nobody };
            let outside = &mut Outside { env: &Default::default(), ask };
            assert_eq!(fetch(*adapter).run(outside), Err(NotFetched::NoAccount), "{name}");
        }
    }
}
