//! `ssl:` of a proxy, the part about certificates that an authority is asked for.

use super::errors::Errors;
use super::keys::acme::{DNS, PROVIDERS};
use super::schema::check;
use super::setting::Setting;

/// Who is asked for certificates, and what proves the hosts. By default Let's Encrypt, and their answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acme {
    /// `staging`: Let's Encrypt's directory for tests.
    pub staging: bool,
    /// `directory`: the URL of another authority's.
    pub directory: Option<String>,
    /// `dns`.
    pub dns: Option<DnsProof>,
}

/// `dns:`: hosts are proven by records in their zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsProof {
    /// Who holds the zone.
    pub provider: String,
    /// Names of secrets.
    pub credentials: Vec<String>,
    /// Names and values.
    pub settings: Vec<(String, String)>,
    /// Seconds.
    pub propagation_timeout: Option<u32>,
    /// `IP[:PORT]`.
    pub resolver: Option<String>,
}

impl Acme {
    /// Checks what goes beyond the types of keys.
    pub(super) fn check_rules(ssl: &Setting, errors: &mut Errors) {
        if let (Some(_), Some(directory)) = (ssl.get("staging"), ssl.get("directory")) {
            errors.at(&directory, "cannot be set with staging, which is a directory by itself");
        }
        if let Some(directory) = ssl.get("directory")
            && !directory.node.text().is_some_and(|url| url.starts_with("https://"))
        {
            errors.at(&directory, "should be a URL that begins with https://");
        }
        if let Some(dns) = ssl.get("dns").filter(|dns| dns.node.map().is_some() && check(dns, DNS, errors)) {
            DnsProof::check_rules(ssl, &dns, errors);
        }
    }

    /// Reads a checked section.
    pub(super) fn read(ssl: &Setting, errors: &mut Errors) -> Acme {
        Acme {
            staging: ssl.bool("staging").unwrap_or(false),
            directory: ssl.text("directory"),
            dns: DnsProof::read(&ssl.section("dns"), errors),
        }
    }
}

impl DnsProof {
    fn check_rules(ssl: &Setting, dns: &Setting, errors: &mut Errors) {
        if ssl.filled_text("certificate_pem").is_some() {
            errors.at(dns, "cannot be set with certificate_pem, which needs no proof");
        }
        let Some(provider) = dns.filled_text("provider") else {
            errors
                .at(dns, "provider is required")
                .hint("who holds the zone, for example `provider: cloudflare`");
            return;
        };
        let Some((_, needed)) = PROVIDERS.iter().find(|(name, _)| *name == provider) else {
            let names = PROVIDERS.map(|(name, _)| name).join(", ");
            errors.at(&dns.section("provider"), format!("'{provider}' should be one of: {names}"));
            return;
        };
        let given = dns.texts("credentials");
        let is_given =
            |key: &str| given.iter().any(|name| name == key) || dns.section("settings").get(key).is_some();
        for key in needed.iter().filter(|key| !is_given(key)) {
            let error = errors.at(dns, format!("{provider} needs {key}"));
            error.hint(format!("under `credentials`, as the name of a secret: `credentials: [{key}]`"));
        }
    }

    fn read(dns: &Setting, errors: &mut Errors) -> Option<DnsProof> {
        Some(DnsProof {
            provider: dns.text("provider")?,
            credentials: dns.texts("credentials"),
            settings: dns.pairs("settings"),
            propagation_timeout: dns.number("propagation_timeout", errors),
            resolver: dns.text("resolver"),
        })
    }
}
