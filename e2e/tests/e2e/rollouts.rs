//! A canary, seen by those it is for and nobody else.

use anyhow::Result;
use dhow_e2e::http::{self, Request};
use dhow_e2e::{Bed, Load, Project};
use std::time::Duration;

use crate::site::{PROXY, running, servers, version_at};

/// Visitors on both sides while the rollout starts, stops, starts again and becomes the current version: no request fails,
/// and each side sees only its own.
#[test]
fn a_rollout_is_seen_by_its_visitors_only() -> Result<()> {
    let bed = Bed::up(1)?;
    let server = &bed.servers[0];
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), PROXY])?;
    let first = shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let second = shop.commit("v2")?;
    let visitor = |who: &str| Request { url: server.url("/"), cookie: Some(format!("kamal-rollout={who}")) };
    let seen_by =
        |who| http::get(visitor(who), Duration::from_secs(10)).map(|answer| answer.body.trim().to_string());

    let everybody = Load::start(100, [visitor("guest"), server.url("/").into()]);
    let staff = Load::start(100, [visitor("staff")]);
    shop.sh("dhow app rollout start").ok().says(&["rollout set --percent"]);
    assert_eq!(seen_by("staff")?, first, "nobody is sent there yet");
    shop.sh("dhow app rollout set --list staff").ok();
    assert_eq!((seen_by("staff")?, seen_by("guest")?), (second.clone(), first.clone()));
    assert_eq!(version_at(server), first);
    assert_eq!(shop.sh("dhow app version").ok().text().lines().last(), Some(first.as_str()));
    shop.sh("dhow app rollout stop").ok();
    assert_eq!(seen_by("staff")?, first);
    assert_eq!(running(server), [format!("shop-web-{first}")]);

    shop.sh("dhow app rollout start --skip-push --percent 0 --list staff").ok();
    everybody.await_sent(everybody.sent() + 100);
    let before = everybody.stop();
    assert_eq!(before.failures(), 0, "{before}");
    assert_eq!(before.versions.keys().collect::<Vec<_>>(), [&first], "{before}");

    let everybody = Load::start(100, [visitor("guest"), server.url("/").into()]);
    shop.sh("dhow deploy --skip-push").ok();
    everybody.await_sent(everybody.sent() + 100);
    let (after, staff) = (everybody.stop(), staff.stop());
    assert_eq!((after.failures(), staff.failures()), (0, 0), "{after}\n{staff}");
    assert_eq!(running(server), [format!("shop-web-{second}")]);
    assert_eq!(server.sh("docker ps --all --quiet --filter name=_rollout"), "");
    Ok(())
}
