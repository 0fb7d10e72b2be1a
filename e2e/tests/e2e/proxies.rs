//! The proxy itself, replaced under traffic.

use anyhow::Result;
use dhow_e2e::{Bed, Project};

use crate::site::{PROXY, inspect, nothing_failed, servers, under_load};

/// Requests all the time, some of them three seconds long: dhow's proxy takes over from itself in its container, which stays.
/// With other settings it has to be another container, which dhow says.
#[test]
fn a_reboot_upgrades_the_proxy_in_place() -> Result<()> {
    let bed = Bed::up(1)?;
    let server = &bed.servers[0];
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), PROXY])?;
    shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let container = || inspect(server, "kamal-proxy", "{{.Id}} {{.State.StartedAt}}");
    let starts = || server.sh("docker logs kamal-proxy 2>&1 | grep -c '\"Server started\"'");
    let (before, once) = (container(), starts());

    for _ in 0..2 {
        let (reboot, report) = under_load(&bed.servers, || shop.sh("dhow proxy reboot --yes").ok());
        nothing_failed(&report);
        assert!(!reboot.stderr.contains("brief outage"), "{}", reboot.transcript());
    }
    assert_eq!(container(), before, "the container is the same");
    assert_eq!((once.as_str(), starts().as_str()), ("1", "3"), "and another process serves in it");
    shop.sh("dhow proxy restart").ok();
    shop.sh("dhow deploy --skip-push").ok();

    shop.configure(&[&servers(&bed), PROXY, "  run:\n    debug: true\n"])?;
    shop.sh("dhow proxy reboot --yes").ok().says(&["its settings have changed", "brief outage"]);
    assert_ne!(container(), before);
    assert_eq!(server.sh("docker ps --all --quiet --filter name=kamal-proxy-next"), "");
    shop.sh("dhow deploy --skip-push").ok();
    Ok(())
}
