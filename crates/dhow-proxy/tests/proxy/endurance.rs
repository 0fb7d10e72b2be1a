//! What must not grow with time: failed requests, memory, descriptors, threads, processes.

use std::sync::atomic::Ordering::SeqCst;

use crate::load::{CLIENTS, Load};
use crate::support::usage::{self, Usage};
use crate::support::{Backend, Proxy, eventually};

const DEPLOYS: usize = 200;
const UPGRADES: usize = 50;

/// What allocators and a passing load may add. One target, connection or thread per deploy would be more.
const SPARE_KIB: u64 = 1_024;

/// Lets clients have some answers in between.
fn some_requests(load: &Load) {
    let before = load.answered.load(SeqCst);
    eventually("requests in between", || load.answered.load(SeqCst) > before + CLIENTS);
}

#[test]
fn two_hundred_deploys_at_full_load_lose_nothing_and_leave_nothing_behind() {
    let (proxy, blue, green) = (Proxy::spawn(), Backend::named("blue"), Backend::named("green"));
    let flags = ["--buffer-requests", "--buffer-responses"];
    proxy.deploy("web", &blue, &flags);
    let load = Load::on(&proxy);
    let mut warm = None;
    for number in 0..DEPLOYS {
        proxy.deploy("web", if number % 2 == 0 { &green } else { &blue }, &flags);
        some_requests(&load);
        if number % 25 == 0 {
            println!("{number} deploys: {}", Usage::of(proxy.pid()));
        }
        if number == DEPLOYS / 4 {
            warm = Some(Usage::of(proxy.pid()));
        }
    }
    let (before, after) = (warm.unwrap(), Usage::of(proxy.pid()));
    let (answered, failed) = load.end();
    println!("{DEPLOYS} deploys, {answered} requests: {before}, then {after}");
    assert_eq!(failed, 0, "of {answered} requests");
    assert!(after.threads <= before.threads, "{before}, then {after}");
    // Each client may have a connection on either side.
    assert!(after.descriptors <= before.descriptors + 2 * CLIENTS, "{before}, then {after}");
    assert!(after.memory <= before.memory + SPARE_KIB, "{before}, then {after}");
}

#[test]
fn fifty_upgrades_at_full_load_lose_nothing_and_leave_one_parent() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    let load = Load::on(&proxy);
    let serving = || eventually_one(|| usage::descendants(proxy.pid()));
    let mut warm = None;
    for number in 0..UPGRADES {
        proxy.ok(&["upgrade"]);
        some_requests(&load);
        if number == UPGRADES / 4 {
            warm = Some((Usage::of(proxy.pid()), Usage::of(serving())));
        }
    }
    let (answered, failed) = load.end();
    let before = warm.unwrap();
    let after = (Usage::of(proxy.pid()), Usage::of(serving()));
    println!("{UPGRADES} upgrades, {answered} requests; the first process: {}, then {}", before.0, after.0);
    println!("the one that serves: {}, then {}", before.1, after.1);
    assert_eq!(failed, 0, "of {answered} requests");
    for (before, after) in [(&before.0, &after.0), (&before.1, &after.1)] {
        assert!(after.threads <= before.threads, "{before}, then {after}");
        assert!(after.descriptors <= before.descriptors + 2 * CLIENTS, "{before}, then {after}");
        assert!(after.memory <= before.memory + SPARE_KIB, "{before}, then {after}");
    }
    proxy.signal("TERM");
    assert_eq!(proxy.exit_code(), Some(0));
}

/// The only one that is left, once those that were replaced have ended.
fn eventually_one(found: impl Fn() -> Vec<u32>) -> u32 {
    let mut pids = Vec::new();
    eventually("a single process besides the first", || {
        pids = found();
        pids.len() == 1
    });
    pids[0]
}
