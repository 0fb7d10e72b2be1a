//! What is left when a deploy is stopped in the middle?

use std::time::{Duration, Instant};

use anyhow::Result;
use dhow_e2e::{Bed, Host, Load, Outcome, Project, Running, http};

use crate::site::{PROXY, is_locked, running, servers, under_load, version_at};

/// Moments of a deploy, in their order, each as seen from outside.
const MOMENTS: [Moment; 5] =
    [Moment::Building, Moment::Locked, Moment::Booting, Moment::Draining, Moment::OldStopped];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Building,
    Locked,
    Booting,
    Draining,
    OldStopped,
}

/// Ctrl-C: dhow stops, tidies up and says so; nothing is in the way of the next deploy.
#[test]
fn interrupted_deploy_leaves_no_lock() -> Result<()> {
    each_moment(|deploy| deploy.interrupt("INT"), |stopped, shop| is_tidied_up(stopped, &shop.servers()[0]))
}

/// What a CI system sends when a job is cancelled.
#[test]
fn terminated_deploy_leaves_no_lock() -> Result<()> {
    each_moment(|deploy| deploy.signal("TERM"), |stopped, shop| is_tidied_up(stopped, &shop.servers()[0]))
}

/// A laptop that dies cannot tidy up: the next deploy says whose lock is in the way and how to remove it.
#[test]
fn killed_deploy_is_explained_by_the_next() -> Result<()> {
    each_moment(
        |deploy| deploy.signal("KILL"),
        |_, shop| {
            if is_locked(&shop.servers()[0]) {
                shop.sh("dhow deploy").exits(1).says(&["Ada", "ago", "dhow lock release"]);
                shop.sh("dhow lock release").ok();
            }
        },
    )
}

/// A deploy that was cut short does not claim success; one that was told too late may.
#[track_caller]
fn is_tidied_up(stopped: &Outcome, server: &Host) {
    let was_cut_short = stopped.stderr.contains("interrupted");
    assert!(!(was_cut_short && stopped.succeeded()), "{}", stopped.transcript());
    assert!(!is_locked(server), "{}", stopped.transcript());
}

/// The new version becomes healthy just while dhow puts it aside: either of the two may win, but not both.
#[test]
fn interrupt_does_not_race_the_switch() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    let server = &bed.servers[0];
    shop.configure(&[&servers(&bed), PROXY, "env:\n  clear:\n    BOOT_MS: 1000\n"])?;
    shop.commit("first")?;
    shop.sh("dhow setup").ok();
    for age in (400..=900).step_by(100).map(Duration::from_millis) {
        let new = format!("shop-web-{}", shop.commit(&format!("{age:?}"))?);
        let (stopped, report) = under_load(&bed.servers, || {
            let mut since = None;
            let mut deploy = shop.start("dhow deploy");
            deploy.until("the container has run for some time", |_| {
                running(server).contains(&new) && since.get_or_insert_with(Instant::now).elapsed() > age
            });
            deploy.interrupt("INT");
            deploy.wait()
        });
        assert_eq!(report.failures(), 0, "{age:?}: {report}\n{}", stopped.transcript());
    }
    Ok(())
}

/// Stops a deploy at every moment, checks, and deploys again; a client that asks all the while never fails.
fn each_moment(stop: impl Fn(&Running), check: impl Fn(&Outcome, &Project)) -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    let server = &bed.servers[0];
    shop.configure(&[&servers(&bed), PROXY, "env:\n  clear:\n    BOOT_MS: 1000\n"])?;
    shop.commit("first")?;
    shop.sh("dhow setup").ok();
    let load = Load::start(50, vec![server.url("/")]);
    for moment in MOMENTS {
        let stopped = stop_at(moment, &shop, server, &stop)?;
        check(&stopped, &shop);
        let version = shop.commit(&format!("after {moment:?}"))?;
        let next = shop.sh("dhow deploy").ok();
        assert_eq!(version_at(server), version, "{moment:?}\n{}", next.transcript());
        assert_eq!(running(server), [format!("shop-web-{version}")], "{moment:?}\n{}", next.transcript());
    }
    let report = load.stop();
    assert_eq!(report.failures(), 0, "{report}");
    Ok(())
}

fn stop_at(moment: Moment, shop: &Project, server: &Host, stop: &impl Fn(&Running)) -> Result<Outcome> {
    let old = version_at(server);
    let new = shop.commit(&format!("{moment:?}"))?;
    // Keeps the old version busy after the switch, so that there is something to drain.
    let slow = Load::start(10, vec![server.url("/slow?2000")]);
    let mut deploy = shop.start("dhow deploy");
    deploy.until(&format!("{moment:?}"), |deploy| match moment {
        Moment::Building => deploy.stderr().contains("Build and push app image"),
        Moment::Locked => is_locked(server),
        Moment::Booting => running(server).contains(&format!("shop-web-{new}")),
        Moment::Draining => answer(server) == new,
        Moment::OldStopped => !running(server).contains(&format!("shop-web-{old}")),
    });
    stop(&deploy);
    let stopped = deploy.wait();
    let report = slow.stop();
    assert_eq!(report.failures(), 0, "{moment:?}: {report}");
    Ok(stopped)
}

fn answer(server: &Host) -> String {
    http::get(server.url("/"), Duration::from_secs(5)).map(|answer| answer.body).unwrap_or_default()
}
