//! Asset bridging: while a deploy is under way both versions can serve both versions' assets.
//!
//! Files are copied out of the image to `extracted/ROLE-VERSION`, from there into `volumes/ROLE-VERSION`, which is mounted
//! over the asset path, and into the volume of the version still running.

use super::{container_name, directory};
use crate::config::{Config, Role};
use crate::shell::{Command, Script, Word, docker, sh};

/// Copies the assets of a version out of its image; nothing to do for a role without assets.
pub fn asset_extract(config: &Config, role: &Role, version: &str) -> Option<Script> {
    let (path, _) = asset_path(role)?;
    let extracted = extracted(config, role, version);
    let container = container_name(config, role, "assets");
    let remove = docker(["container", "rm", &container]);
    let source = format!("{container}:{path}/.");
    Some(Script::and([
        Command::new("mkdir").option("-p", &extracted).into(),
        Script::from(remove.clone()).silent().ignore_failure(),
        docker(["container", "create", "--name", &container]).word(config.absolute_image(version)).into(),
        docker(["container", "cp", "-L", &source, &extracted]).into(),
        remove.into(),
    ]))
}

/// Fills the volume of a version, and shares files between it and the running version's. An asset keeps the content it
/// was first served with.
pub fn asset_sync(config: &Config, role: &Role, version: &str, running: Option<&str>) -> Option<Script> {
    asset_path(role)?;
    let copy = |from, to| copy(&extracted(config, role, from), &volume_directory(config, role, to));
    let make = Command::new("mkdir").option("-p", volume_directory(config, role, version));
    let running = running.filter(|running| *running != version);
    let share = running.into_iter().flat_map(|running| [copy(version, running), copy(running, version)]);
    Some(Script::and([make.into(), copy(version, version)].into_iter().chain(share)))
}

/// Removes the assets of every other version, once the old container has stopped.
pub fn asset_clean(config: &Config, role: &Role, version: &str) -> Option<Script> {
    asset_path(role)?;
    Some(Script::then(["extracted", "volumes"].map(|kind| remove_others(config, role, version, kind))))
}

/// The mount of the version's assets, if the role has any.
pub(super) fn volume(config: &Config, role: &Role, version: &str) -> Vec<Word> {
    let Some((path, options)) = asset_path(role) else { return Vec::new() };
    let options = options.as_ref().map(|options| format!(":{options}")).unwrap_or_default();
    let volume = volume_directory(config, role, version);
    vec!["--volume".into(), Word::raw("\"$PWD\"/").then(format!("{volume}:{path}{options}"))]
}

/// Only requests that come through the proxy can reach either version.
fn asset_path(role: &Role) -> Option<&(String, Option<String>)> {
    role.proxy.as_ref().and(role.asset_path.as_ref())
}

fn copy(from: &str, to: &str) -> Script {
    sh(COPY_MISSING, [from, to]).into()
}

/// The assets of role `web-api` also match `web-*`: other roles' are left alone.
fn remove_others(config: &Config, role: &Role, version: &str, kind: &str) -> Script {
    let prefix = format!("{}-", role.name);
    let other_roles = config.roles.iter().filter(|other| other.name.starts_with(&prefix));
    let kept = other_roles.map(|other| format!("{}-*", other.name)).chain([format!("{prefix}{version}")]);
    Command::new("find")
        .word(kind_directory(config, kind))
        .words(["-maxdepth", "1", "-name"])
        .word(format!("{prefix}*"))
        .words(kept.flat_map(|name| ["!".to_string(), "-name".to_string(), name]))
        .words(["-exec", "rm", "-rf", "{}", "+"])
        .into()
}

/// Copies from `$1` to `$2` what is not there. `cp -n` does it at once, but BusyBox's does nothing where the directory
/// exists, and some coreutils call it a failure to leave a file alone: so whether every file is there is looked at.
const COPY_MISSING: &str = r#"[ -d "$1" ] || exit 0
cp -rnT "$1" "$2" 2> /dev/null
mkdir -p "$2" && to=$(cd "$2" && pwd) && cd "$1" || exit
find . ! -type d | while IFS= read -r file; do
  [ -e "$to/$file" ] || [ -L "$to/$file" ] || { mkdir -p "$to/${file%/*}" && cp -P "$file" "$to/$file"; } || exit
done"#;

fn extracted(config: &Config, role: &Role, version: &str) -> String {
    format!("{}/{}-{version}", kind_directory(config, "extracted"), role.name)
}

fn volume_directory(config: &Config, role: &Role, version: &str) -> String {
    format!("{}/{}-{version}", kind_directory(config, "volumes"), role.name)
}

fn kind_directory(config: &Config, kind: &str) -> String {
    format!("{}/assets/{kind}", directory(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::with;

    fn config() -> Config {
        with(|config| {
            config.roles[0].asset_path = Some(("/public/assets".to_string(), None));
            config.roles[1].asset_path = Some(("/public/assets".to_string(), None));
        })
    }

    fn shows(script: impl Fn(&Config, &Role) -> Option<Script>, expected: &str) {
        let config = config();
        assert_eq!(
            script(&config, &config.roles[0]).map(|script| script.to_string()).as_deref(),
            Some(expected)
        );
        assert_eq!(script(&config, &config.roles[1]), None, "not behind the proxy");
    }

    #[test]
    fn assets_are_copied_out_of_the_image() {
        shows(
            |config, role| asset_extract(config, role, "2"),
            "mkdir -p .kamal/apps/shop/assets/extracted/web-2 \
             && { docker container rm shop-web-assets > /dev/null 2>&1 || { true; }; } \
             && docker container create --name shop-web-assets ghcr.io/acme/shop:2 \
             && docker container cp -L shop-web-assets:/public/assets/. .kamal/apps/shop/assets/extracted/web-2 \
             && docker container rm shop-web-assets",
        );
    }

    /// The pairs of directories between which files are copied.
    fn copies(running: Option<&str>) -> Vec<String> {
        let config = config();
        let sync = asset_sync(&config, &config.roles[0], "2", running).unwrap().to_string();
        let (make, copies) = sync.split_once(" && sh -c ").unwrap();
        assert_eq!(make, "mkdir -p .kamal/apps/shop/assets/volumes/web-2");
        let from_and_to = |copy: &str| copy.rsplit(' ').take(2).map(String::from).collect::<Vec<_>>();
        copies
            .split(" && sh -c ")
            .flat_map(from_and_to)
            .map(|path| path.replace(".kamal/apps/shop/assets/", ""))
            .collect()
    }

    #[test]
    fn a_version_fills_its_own_volume() {
        assert_eq!(copies(None), ["volumes/web-2", "extracted/web-2"]);
        assert_eq!(copies(Some("2")), copies(None));
    }

    #[test]
    fn two_versions_share_their_assets() {
        let shared = ["volumes/web-1", "extracted/web-2", "volumes/web-2", "extracted/web-1"];
        assert_eq!(copies(Some("1"))[2..], shared);
    }

    #[test]
    fn other_versions_are_removed_and_other_roles_are_not() {
        let mut config = config();
        let find = |directory: &str, but: &str| {
            format!(
                "find .kamal/apps/shop/assets/{directory} -maxdepth 1 -name 'web-*' {but}'!' -name web-2 \
                 -exec rm -rf '{{}}' +"
            )
        };
        let clean = |config: &Config| asset_clean(config, &config.roles[0], "2").unwrap().to_string();
        assert_eq!(clean(&config), format!("{} ; {}", find("extracted", ""), find("volumes", "")));
        config.roles[1].name = "web-api".to_string();
        assert!(clean(&config).starts_with(&find("extracted", "'!' -name 'web-api-*' ")));
    }
}
