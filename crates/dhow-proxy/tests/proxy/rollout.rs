use crate::support::{Backend, Proxy};

#[test]
fn t_131_a_rollout_from_deploy_to_stop() {
    let (proxy, active, next) = (Proxy::start(), Backend::named("active"), Backend::named("next"));
    let refused = proxy.fails(&["rollout", "deploy", "web", "--target", &next.address]);
    assert_eq!(refused, "Error: service not found");
    proxy.deploy("web", &active, &[]);
    assert_eq!(proxy.fails(&["rollout", "set", "web", "--percent", "10"]), "Error: rollout target not set");
    let asked = |lines: &[&str]| proxy.request("GET", "/", lines, b"").text();
    let member = ["Cookie: kamal-rollout=1"];
    proxy.ok(&["rollout", "deploy", "web", "--target", &next.address]);
    assert_eq!(asked(&member), "active");
    proxy.ok(&["rollout", "set", "web", "--percent=0", "--list", "1"]);
    assert_eq!((asked(&member).as_str(), asked(&[]).as_str()), ("next", "active"));
    proxy.ok(&["rollout", "set", "web", "--list", "2"]);
    assert_eq!(asked(&member), "active");
    proxy.ok(&["rollout", "set", "web", "--percent", "100"]);
    assert_eq!((asked(&member).as_str(), asked(&[]).as_str()), ("next", "active"));
    proxy.ok(&["rollout", "stop", "web"]);
    assert_eq!(asked(&member), "active");
}

#[test]
fn a_deploy_keeps_the_rollout_and_its_split() {
    let (proxy, active, next) = (Proxy::start(), Backend::named("active"), Backend::named("next"));
    proxy.deploy("web", &active, &[]);
    proxy.ok(&["rollout", "deploy", "web", "--target", &next.address]);
    proxy.ok(&["rollout", "set", "web", "--percent", "100"]);
    proxy.deploy("web", &active, &[]);
    assert_eq!(proxy.request("GET", "/", &["Cookie: kamal-rollout=x"], b"").text(), "next");
    let state = proxy.state();
    assert_eq!(state[0]["rollout_targets"][0], next.address.as_str());
    assert_eq!(state[0]["rollout_controller"]["percentage"], 100);
}
