use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::support::tls::Scene;
use crate::support::{Backend, Proxy, eventually, reply};

/// What `list --json` says.
fn inventory(proxy: &Proxy) -> Value {
    let output = proxy.run(&["list", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A service of it.
fn entry(proxy: &Proxy, service: &str) -> Value {
    let inventory = inventory(proxy);
    let mut services = inventory["services"].as_array().unwrap().iter();
    services.find(|entry| entry["service"] == service).unwrap_or_else(|| panic!("{inventory}")).clone()
}

#[test]
fn an_empty_proxy_has_a_version_and_no_services() {
    let proxy = Proxy::start();
    assert_eq!(inventory(&proxy), json!({ "version": env!("CARGO_PKG_VERSION"), "services": [] }));
}

#[test]
fn a_service_is_told_with_its_targets_state_and_options() {
    let (proxy, app, other) = (Proxy::start(), Backend::named("app"), Backend::named("other"));
    let flags = ["--read-target", &other.address, "--host", "a.com,b.com", "--path-prefix", "/api"];
    proxy.deploy("web", &app, &[&flags[..], &["--target-timeout", "5s"]].concat());
    proxy.deploy("any", &app, &[]);
    let web = entry(&proxy, "web");
    assert_eq!(
        (&web["state"], &web["message"], &web["tls"]),
        (&json!("running"), &Value::Null, &json!(false))
    );
    assert_eq!((&web["hosts"], &web["path_prefixes"]), (&json!(["a.com", "b.com"]), &json!(["/api"])));
    let target = |backend: &Backend, role: &str| json!({ "address": backend.address, "role": role, "health": "healthy", "last_error": null, "in_flight": 0 });
    assert_eq!(web["targets"], json!([target(&app, "writer"), target(&other, "reader")]));
    assert_eq!((&web["rollout"], &web["certificates"]), (&Value::Null, &json!([])));
    let saved = proxy.state();
    let saved = saved.as_array().unwrap().iter().find(|saved| saved["name"] == "web").unwrap();
    assert_eq!((&web["options"], &web["target_options"]), (&saved["options"], &saved["target_options"]));
    assert_eq!(entry(&proxy, "any")["hosts"], json!([]));
    proxy.ok(&["stop", "web", "--message", "back soon"]);
    let web = entry(&proxy, "web");
    assert_eq!((&web["state"], &web["message"]), (&json!("stopped"), &json!("back soon")));
    assert_eq!(inventory(&proxy)["services"].as_array().unwrap().len(), 2);
}

#[test]
fn a_rollout_is_told_with_its_split() {
    let (proxy, app, next) = (Proxy::start(), Backend::named("app"), Backend::named("next"));
    proxy.deploy("web", &app, &[]);
    proxy.ok(&["rollout", "deploy", "web", "--target", &next.address]);
    let rollout = || entry(&proxy, "web")["rollout"].clone();
    assert_eq!(
        (&rollout()["percentage"], &rollout()["targets"][0]["address"]),
        (&Value::Null, &json!(next.address))
    );
    proxy.ok(&["rollout", "set", "web", "--percent", "20", "--list", "ann,bob"]);
    assert_eq!((&rollout()["percentage"], &rollout()["allowlist"]), (&json!(20), &json!(["ann", "bob"])));
}

#[test]
fn a_sick_target_is_told_with_the_reason() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let status = Arc::new(AtomicU16::new(200));
    let shared = status.clone();
    let sick = Backend::raw(move |_, stream| reply(stream, shared.load(SeqCst), &[], b""));
    proxy.deploy("web", &app, &["--target", &sick.address, "--health-check-interval", "20ms"]);
    status.store(500, SeqCst);
    eventually("a sick target", || entry(&proxy, "web")["targets"][1]["health"] == "unhealthy");
    assert_eq!(entry(&proxy, "web")["targets"][1]["last_error"], "unexpected status (500)");
    assert_eq!(entry(&proxy, "web")["targets"][0]["health"], "healthy");
}

#[test]
fn certificates_are_told_with_their_end_and_what_keeps_them_from_coming() {
    let scene = Scene::new();
    let mut parameters = CertificateParams::new(vec!["a.com".into()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2045, 6, 7);
    let pair = scene.authority.issue_as(parameters, &KeyPair::generate().unwrap());
    scene.deploy_with("custom", &["a.com"], &pair, &[]);
    let expected = json!([{
        "host": "a.com",
        "source": "file",
        "expires_at": "2045-06-07T00:00:00Z",
        "last_error": null,
        "next_attempt_at": null,
    }]);
    assert_eq!(entry(&scene.proxy, "custom")["certificates"], expected);
    scene.proxy.deploy("automatic", &scene.app, &["--tls", "--host", "b.com,localhost"]);
    scene.proxy.told("Unable to get a certificate", 2);
    let certificates = || entry(&scene.proxy, "automatic")["certificates"].clone();
    eventually("a failure", || certificates()[0]["last_error"].is_string());
    let [public, local] = [0, 1].map(|at| certificates()[at].clone());
    assert_eq!(
        (&public["host"], &public["source"], &public["expires_at"]),
        (&json!("b.com"), &json!("acme"), &Value::Null)
    );
    assert!(public["last_error"].as_str().unwrap().contains("Connection refused"), "{public}");
    eventually("a time for the next attempt", || certificates()[0]["next_attempt_at"].is_string());
    assert_eq!(local["last_error"], "only public names, with a dot in them, can get certificates");
    assert_eq!(local["next_attempt_at"], Value::Null);
}
