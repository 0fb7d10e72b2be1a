//! Google Cloud's Secret Manager: `SECRET`, `PROJECT/SECRET` or `PROJECT/SECRET/VERSION`.
//!
//! The account is `USER` or `USER|SERVICE_ACCOUNT[,SERVICE_ACCOUNT…]`; a `default` user or project is the one gcloud is set to.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said};
use crate::secrets::Secret;
use crate::shell::Command;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const TOOL: &str = "gcloud";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let names = wanted.prefixed()?;
    outside.needs("gcloud", "--version", TOOL)?;
    login(outside)?;
    let mut fetched = Fetched::default();
    for name in names {
        let Version { project, secret, version } = Version::named(&name);
        let Some(reply) = outside.answer(access(project, secret, version, wanted.account())) else {
            return said(format!("Could not read {project}/{secret} from Google Secret Manager"));
        };
        let reply = reply::json(&reply, TOOL)?;
        let Some(value) = reply["payload"]["data"].as_str().and_then(decoded) else {
            return said(format!(
                "{project}/{secret} in Google Secret Manager is not text: only text can be a secret"
            ));
        };
        fetched.insert(format!("{project}/{secret}"), Some(value));
    }
    Ok(fetched)
}

fn login(outside: &mut Outside) -> Result<(), NotFetched> {
    if is_logged_in(outside)? {
        return Ok(());
    }
    outside.logs_in(Command::new("gcloud").words(["auth", "login"]));
    if is_logged_in(outside)? { Ok(()) } else { said("could not login to gcloud") }
}

fn is_logged_in(outside: &mut Outside) -> Result<bool, NotFetched> {
    let accounts = outside.answer(Command::new("gcloud").words(["auth", "list", "--format=json"]));
    accounts.map_or(Ok(false), |accounts| Ok(!reply::list(&accounts, TOOL)?.is_empty()))
}

struct Version<'a> {
    project: &'a str,
    secret: &'a str,
    version: &'a str,
}

impl Version<'_> {
    fn named(name: &str) -> Version<'_> {
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            [secret] => Version { project: "default", secret, version: "latest" },
            [project, secret] => Version { project, secret, version: "latest" },
            [project, secret, version, ..] => Version { project, secret, version },
            [] => Version { project: "default", secret: name, version: "latest" },
        }
    }
}

fn access(project: &str, secret: &str, version: &str, account: &str) -> Command {
    let (user, service_accounts) =
        account.split_once('|').map_or((account, None), |(user, rest)| (user, Some(rest)));
    let access = Command::new("gcloud").words(["secrets", "versions", "access", version]);
    let flags = [
        Some(format!("--secret={secret}")),
        (project != "default").then(|| format!("--project={project}")),
        (user != "default").then(|| format!("--account={user}")),
        service_accounts.map(|accounts| format!("--impersonate-service-account={accounts}")),
        Some("--format=json".to_string()),
    ];
    access.words(flags.into_iter().flatten())
}

/// gcloud writes base64 with `-` and `_`; its API, with `+` and `/`.
fn decoded(data: &str) -> Option<Secret> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes =
        GeneralPurpose::new(&STANDARD, lenient).decode(data.replace('-', "+").replace('_', "/")).ok()?;
    String::from_utf8(bytes).ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_in_either_alphabet() {
        for data in ["c2VjPj8/", "c2VjPj8_"] {
            assert_eq!(decoded(data), Some(Secret::new("sec>??")), "{data}");
        }
        assert_eq!(decoded("YQ=="), decoded("YQ"));
        assert_eq!(decoded("/w=="), None);
    }
}
