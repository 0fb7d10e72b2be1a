//! Do hooks and aliases run when and with what Kamal's do?

use anyhow::Result;
use dhow_e2e::{Bed, Project};

use crate::site::{PROXY, is_locked, servers, version_at};

const DEPLOY_HOOKS: [&str; 6] =
    ["pre-connect", "pre-build", "pre-deploy", "pre-app-boot", "post-app-boot", "post-deploy"];
/// Writes the hook's name and what it was told to a file of its own, which git does not see.
const RECORD: &str = r#"
echo "$(basename "$0")" >>/tmp/order
env | grep -E '^(KAMAL_|TOKEN=)' | sort >"/tmp/$(basename "$0").env"
"#;

#[test]
fn hooks_run_in_order_with_their_environment() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    let aliases = "aliases:\n  shell: app exec --reuse sh -c\n  uptime: server exec uptime\n";
    shop.configure(&[&servers(&bed), PROXY, aliases])?;
    shop.write(".kamal/secrets", "TOKEN=t0ken-of-the-hooks\n")?;
    for hook in DEPLOY_HOOKS.iter().chain(&["docker-setup"]) {
        shop.hook(hook, RECORD)?;
    }
    let version = shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let order = shop.sh("cat /tmp/order").ok().text();
    let expected = "pre-connect docker-setup pre-build pre-deploy pre-app-boot post-app-boot post-deploy";
    assert_eq!(order.lines().collect::<Vec<_>>().join(" "), expected);
    environment_is_right(&shop, &version, bed.servers[0].address());

    failing_hook_stops_the_deploy(&shop, &version)?;
    shop.sh("dhow uptime").ok().prints(&["load average"]);
    Ok(())
}

fn environment_is_right(shop: &Project, version: &str, address: &str) {
    let told = |hook: &str| shop.sh(&format!("cat /tmp/{hook}.env")).ok().text();
    let service_version = format!("KAMAL_SERVICE_VERSION=shop@{}", &version[..7]);
    let (hosts, version) = (format!("KAMAL_HOSTS={address}"), format!("KAMAL_VERSION={version}"));
    for hook in DEPLOY_HOOKS {
        let told = told(hook);
        for line in [
            "KAMAL_COMMAND=setup",
            "KAMAL_PERFORMER=ada@example.com",
            "KAMAL_SERVICE=shop",
            &service_version,
            &hosts,
            &version,
        ] {
            assert!(told.lines().any(|have| have == line), "{hook}: no {line} in\n{told}");
        }
        let has_secrets = told.contains("TOKEN=t0ken-of-the-hooks");
        assert_eq!(
            has_secrets,
            ["pre-connect", "pre-deploy", "post-deploy"].contains(&hook),
            "{hook}\n{told}"
        );
        assert_eq!(told.contains("KAMAL_RUNTIME="), hook == "post-deploy", "{hook}\n{told}");
    }
}

fn failing_hook_stops_the_deploy(shop: &Project, serving: &str) -> Result<()> {
    let server = &shop.servers()[0];
    shop.hook("pre-deploy", "echo the tide is out; exit 3")?;
    shop.commit("v2")?;
    shop.sh("dhow deploy").exits(1).says(&["pre-deploy", "the tide is out"]);
    assert_eq!(version_at(server), serving);
    assert!(!is_locked(server));
    shop.sh("dhow deploy --skip-hooks").ok();
    assert_ne!(version_at(server), serving);
    Ok(())
}
