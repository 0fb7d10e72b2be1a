use std::collections::BTreeMap;

use crate::support::tls::Scene;
use crate::support::{Backend, Gate, Proxy, Reply, eventually, reply};

fn count(proxy: &Proxy, requests: usize) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..requests {
        *seen.entry(proxy.get("a.com", "/").text()).or_default() += 1;
    }
    seen
}

#[test]
fn targets_get_requests_by_weight() {
    let (proxy, [one, two]) = (Proxy::start(), ["one", "two"].map(Backend::named));
    let weight = format!("{}=3", one.address);
    let flags = ["--target", &two.address, "--target-weight", &weight];
    proxy.deploy("web", &one, &flags);
    let counts = count(&proxy, 40);
    // A request that is just about to end makes its target look busy.
    assert!((25..=35).contains(&counts["one"]) && counts.len() == 2, "{counts:?}");
    for (weight, error) in [
        (format!("{}=0", one.address), "is not from 1 to 100"),
        ("other:80=2".into(), "is for no target of this deploy"),
    ] {
        let told = proxy.fails(&proxy.deploy_command("web", &one, &["--target-weight", &weight]));
        assert!(told.contains(error), "{told}");
    }
}

#[test]
fn the_heavier_target_may_be_busier() {
    let (proxy, gate) = (Proxy::start(), Gate::default());
    let backends = ["one", "two"].map(|name| {
        let gate = gate.clone();
        Backend::new(move |request, stream| {
            if request.path == "/held" {
                gate.pass();
            }
            reply(stream, 200, &[], name.as_bytes());
        })
    });
    let [one, two] = &backends;
    let weight = format!("{}=4", one.address);
    proxy.deploy("web", one, &["--target", &two.address, "--target-weight", &weight]);
    let mut clients: Vec<_> = (0..10).map(|_| proxy.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.request("GET", "a.com", "/held", &[], b"");
        gate.await_waiting(number + 1);
    }
    assert_eq!((one.received().len(), two.received().len()), (8, 2));
    gate.open();
}

/// The cookie that an answer sets, and what it says of it.
fn cookie(answer: &Reply) -> Option<(String, String)> {
    let (cookie, attributes) = answer.header("set-cookie")?.split_once("; ")?;
    Some((format!("Cookie: {cookie}"), attributes.to_owned()))
}

#[test]
fn clients_come_back_to_their_target_while_it_is_healthy() {
    let (proxy, one, two) = (Proxy::spawn(), Backend::named("one"), Backend::named("two"));
    let flags = ["--target", &two.address, "--sticky-sessions", "--health-check-interval", "50ms"];
    proxy.deploy("web", &one, &flags);
    let ask = |proxy: &Proxy, cookie: &str| proxy.request("GET", "/", &[cookie], b"");
    let first = proxy.get("a.com", "/");
    let (pinned, attributes) = cookie(&first).unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    assert!(!pinned.contains("127.0.0.1"), "{pinned}");
    for _ in 0..10 {
        let answer = ask(&proxy, &pinned);
        assert_eq!((answer.text(), answer.header("set-cookie")), (first.text(), None));
    }
    // Neither a restart nor another deploy makes it forget.
    let proxy = Proxy::spawn_in(proxy.kill());
    proxy.deploy("web", &one, &flags);
    assert_eq!(ask(&proxy, &pinned).text(), first.text());
    let list = String::from_utf8(proxy.run(&["list", "--json"]).stdout).unwrap();
    let key = proxy.state()[0]["options"]["dhow"]["sticky_key"].as_str().unwrap().to_owned();
    assert!(key.len() == 64 && !list.contains(&key) && !format!("{:?}", proxy.all_lines()).contains(&key));
    // A target that is gone has its clients go elsewhere, and stay there.
    let (mut backends, name) = (vec![one, two], first.text());
    let gone = backends.remove(usize::from(name == "two"));
    drop(gone);
    let other = if name == "one" { "two" } else { "one" };
    eventually("another target", || ask(&proxy, &pinned).text() == other);
    let moved = ask(&proxy, &pinned);
    assert_eq!(ask(&proxy, &cookie(&moved).unwrap().0).header("set-cookie"), None);
    assert_eq!(ask(&proxy, "Cookie: kamal-target=nonsense").text(), other);
}

#[test]
fn readers_have_a_cookie_of_their_own() {
    let proxy = Proxy::start();
    let [writer, one, two] = ["writer", "one", "two"].map(Backend::named);
    let readers = ["--read-target", &one.address, "--read-target", &two.address, "--sticky-sessions"];
    proxy.deploy("web", &writer, &[&readers[..], &["--path-prefix", "/api"]].concat());
    let written = proxy.request("POST", "/api", &[], b"");
    let pinned = written.all("set-cookie").iter().any(|cookie| cookie.starts_with("kamal-target="));
    assert!(pinned && written.text() == "writer");
    let read = proxy.get("a.com", "/api");
    let (pin, attributes) = cookie(&read).unwrap();
    assert!(pin.starts_with("Cookie: kamal-read-target=") && attributes.starts_with("Path=/api;"), "{pin}");
    for _ in 0..6 {
        assert_eq!(proxy.request("GET", "/api", &[&pin], b"").text(), read.text());
    }
}

#[test]
fn over_https_the_cookie_stays_there() {
    let scene = Scene::of(Proxy::start(), Backend::named("app"));
    scene.deploy("web", &["a.com"], &["--sticky-sessions"]);
    let mut secured = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap();
    assert!(cookie(&secured.http.get("a.com", "/")).unwrap().1.ends_with("; Secure"));
}

#[test]
fn a_target_that_cannot_be_reached_is_passed_over_although_its_probes_succeed() {
    let (proxy, probed) = (Proxy::start(), Backend::named("probed"));
    let [one, two] = ["one", "two"].map(Backend::named);
    let port = probed.address.rsplit_once(':').unwrap().1.to_owned();
    let flags = ["--target", &two.address, "--health-check-port", &port, "--health-check-interval", "50ms"];
    proxy.deploy("web", &one, &flags);
    let address = two.address.clone();
    drop(two);
    let failures = (0..100).filter(|_| proxy.get("a.com", "/").status == 502).count();
    assert!((1..50).contains(&failures), "{failures}");
    proxy.told("Target is passed over, because connections to it fail", 1);
    let _two = Backend::on(&address, |_, stream| reply(stream, 200, &[], b"two"));
    proxy.told("Target is in turn again", 1);
    eventually("its turn", || proxy.get("a.com", "/").text() == "two");
}

#[test]
fn the_last_one_is_never_passed_over() {
    let (proxy, probed) = (Proxy::start(), Backend::named("probed"));
    let [one, two] = ["one", "two"].map(Backend::named);
    let port = probed.address.rsplit_once(':').unwrap().1.to_owned();
    proxy.deploy("web", &one, &["--target", &two.address, "--health-check-port", &port]);
    let addresses = [one.address.clone(), two.address.clone()];
    drop((one, two));
    for _ in 0..10 {
        assert_eq!(proxy.get("a.com", "/").status, 502, "503 would mean that nobody was asked");
    }
    let _back = Backend::on(&addresses[0], |_, stream| reply(stream, 200, &[], b"back"));
    eventually("an answer", || proxy.get("a.com", "/").status == 200);
}
