//! Does a failure say what, where and what to do?

use std::time::Duration;

use anyhow::Result;
use dhow_e2e::{Bed, Kind, Outcome, Project};

use crate::site::{PROXY, servers, version_at};

/// Servers that cannot be deployed to, each with the words that a developer needs.
#[test]
fn unusable_servers_are_named() -> Result<()> {
    let bed = Bed::with(&[Kind::Server, Kind::WithoutDocker, Kind::SmallDisk(8)])?;
    let shop = Project::new(&bed, "shop")?;
    let [good, bare, full] = [0, 1, 2].map(|index| bed.servers[index].address());
    let on = |address: &str| format!("servers: [{address}]\n");
    shop.commit("v1")?;

    let nobody = bed.nobody();
    shop.configure(&[&on(&nobody), PROXY])?;
    complains(shop.sh("dhow deploy"), &[&nobody, "ssh"]);

    let yaml = shop.deploy_yaml(&[&on(good), PROXY]);
    let own_key = bed.key().display().to_string();
    shop.write("config/deploy.yml", &yaml.replace(&own_key, &bed.stranger_key().display().to_string()))?;
    complains(shop.sh("dhow deploy"), &[good, "Permission denied", "key"]);

    shop.configure(&[&on(bare), PROXY])?;
    complains(shop.sh("dhow deploy"), &[bare, "Docker", "dhow setup"]);

    shop.configure(&[&on(full), PROXY])?;
    complains(shop.sh("dhow deploy"), &[full, "no space left on device", "prune"]);
    Ok(())
}

/// Mistakes of the developer's own.
#[test]
fn mistakes_are_named() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), &bed.registry.yaml(), PROXY])?;
    let version = shop.commit("v1")?;
    let server = &bed.servers[0];
    shop.sh("dhow setup").ok();

    complains(shop.sh("dhow deploy --skip-push --version=v9"), &[server.address(), "captain/shop:v9"]);

    shop.write(".kamal/secrets", "KAMAL_REGISTRY_PASSWORD=wr0ng-h0rse\n")?;
    let refused = complains(shop.sh("dhow deploy"), &[bed.registry.address(), "KAMAL_REGISTRY_PASSWORD"]);
    assert!(!refused.stderr.contains("wr0ng-h0rse"), "a secret in {}", refused.transcript());

    shop.configure(&[&servers(&bed).replace("servers", "servres"), PROXY])?;
    complains(shop.sh("dhow deploy"), &["config/deploy.yml:", "servres", "servers"]);

    complains(shop.sh("dhow deplyo"), &["deplyo", "deploy"]);
    complains(shop.sh("dhow rollback v9 --config-file config/nosuch.yml"), &["config/nosuch.yml"]);
    assert_eq!(version_at(server), version);
    Ok(())
}

/// At 100 ms a round trip, Kamal's 70 of them would be 7 seconds of waiting.
#[test]
fn far_away_server_costs_few_round_trips() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    let relay = bed.far_away(&bed.servers[0], Duration::from_millis(100))?;
    let knock = shop.sh(&format!("ssh {} root@{} true", bed.ssh_options(), relay.address())).ok().took;
    assert!(knock > Duration::from_millis(300), "the way is not long: {knock:?}");
    shop.configure(&[&servers(&bed), &bed.registry.yaml(), PROXY])?;
    shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let near = shop.sh("dhow deploy --skip-push").ok().took;
    shop.configure(&[&format!("servers: [{}]\n", relay.address()), &bed.registry.yaml(), PROXY])?;
    let far = shop.sh("dhow deploy --skip-push").ok();
    let waited = far.took.saturating_sub(near);
    assert!(waited < Duration::from_secs(4), "{waited:?} of waiting in {}", far.transcript());
    Ok(())
}

/// Exit code 1, these words, and nothing that only a programmer of dhow could read.
#[track_caller]
fn complains(outcome: Outcome, words: &[&str]) -> Outcome {
    let outcome = outcome.exits(1).says(&["error:"]).says(words);
    for noise in ["panicked", "RUST_BACKTRACE", "stack backtrace", "Os {", "Error {"] {
        assert!(!outcome.stderr.contains(noise), "{noise:?} in {}", outcome.transcript());
    }
    outcome
}
