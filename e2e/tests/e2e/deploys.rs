//! Does anybody notice a deploy?

use anyhow::Result;
use dhow_e2e::{Bed, Project};

use crate::hosts::echoed;
use crate::site::{
    PROXY, inspect, is_locked, nothing_failed, running, servers, under_load, version_at, version_of,
};

const BOOTS_A_SECOND: &str = "env:\n  clear:\n    BOOT_MS: 1000\n";

/// Two servers, a registry with a password, an app that boots for a second and answers some requests after three.
#[test]
fn deploy_and_rollback_drop_no_request() -> Result<()> {
    let bed = Bed::up(2)?;
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), &bed.registry.yaml(), PROXY, BOOTS_A_SECOND])?;
    let first = shop.commit("v1")?;
    shop.sh("dhow setup").ok();

    let second = shop.commit("v2")?;
    let (_, report) = under_load(&bed.servers, || shop.sh("dhow deploy").ok());
    nothing_failed(&report);
    assert_eq!(report.versions.keys().collect::<Vec<_>>(), sorted([&first, &second]), "{report}");

    let (_, report) = under_load(&bed.servers, || shop.sh(&format!("dhow rollback {first}")).ok());
    nothing_failed(&report);
    for server in &bed.servers {
        assert_eq!(version_at(server), first);
        assert_eq!(running(server), [format!("shop-web-{first}")]);
        assert_eq!(inspect(server, &format!("shop-web-{second}"), "{{.State.Status}}"), "exited");
        assert_eq!(echoed(server.address(), "ahoy")?, "ahoy");
        let booted = server.sh("grep -o 'Booted app version .*' .kamal/shop-audit.log");
        assert_eq!(
            booted,
            [&first, &second, &first].map(|version| format!("Booted app version {version}")).join("\n")
        );
        assert!(!is_locked(server));
    }
    Ok(())
}

/// No account anywhere: the image comes through the SSH connection, and only the layer that changed comes twice.
#[test]
fn deploy_without_registry_sends_what_changed() -> Result<()> {
    let bed = Bed::up(2)?;
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), PROXY])?;
    shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let before: Vec<_> = bed.servers.iter().map(|server| server.received_bytes()).collect();
    assert!(before.iter().all(|&bytes| bytes > 5_000_000), "the whole image came once: {before:?}");

    let second = shop.commit("v2")?;
    let deploy = shop.sh("dhow deploy").ok().says(&["in 1 of 2 layers"]);
    for (server, before) in bed.servers.iter().zip(before) {
        let received = server.received_bytes() - before;
        assert_eq!(version_at(server), second);
        assert!(received < 1_000_000, "{received} bytes for a layer of a few: {}", deploy.transcript());
    }

    shop.commit("v3")?;
    let (_, report) = under_load(&bed.servers, || shop.sh("dhow deploy").ok());
    nothing_failed(&report);
    Ok(())
}

/// This machine as the server: no SSH, no registry, nothing but Docker.
#[test]
fn localhost_needs_only_docker() -> Result<()> {
    let bed = Bed::up(0)?;
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&["servers: [localhost]\n", PROXY])?;
    let version = shop.commit("v1")?;
    shop.sh("dhow deploy").ok();
    assert_eq!(version_of(&bed.workstation.url("/")), version);
    shop.sh("dhow remove --yes").ok();
    assert_eq!(bed.workstation.sh("docker ps --all --quiet"), "");
    Ok(())
}

/// A new version that is never healthy: the old one serves on, and the developer sees which host, and what the app said.
#[test]
fn unhealthy_version_changes_nothing() -> Result<()> {
    let bed = Bed::up(2)?;
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), PROXY])?;
    let good = shop.commit("good")?;
    shop.sh("dhow setup").ok();

    shop.configure(&[&servers(&bed), PROXY, "env:\n  clear:\n    FAIL: 1\ndeploy_timeout: 3\n"])?;
    let bad = shop.commit("bad")?;
    let (deploy, report) = under_load(&bed.servers, || shop.sh("dhow deploy"));
    deploy.exits(1).says(&[bed.servers[0].address(), &bad, "listening on port 80", "GET /up"]);
    nothing_failed(&report);
    assert_eq!(report.versions.keys().collect::<Vec<_>>(), [&good]);
    for server in &bed.servers {
        assert_eq!(running(server), [format!("shop-web-{good}")]);
        assert!(!is_locked(server));
    }

    shop.configure(&[&servers(&bed), PROXY])?;
    let mended = shop.commit("mended")?;
    shop.sh("dhow deploy").ok();
    assert_eq!(version_at(&bed.servers[1]), mended);
    Ok(())
}

fn sorted<const N: usize>(mut versions: [&String; N]) -> [&String; N] {
    versions.sort();
    versions
}
