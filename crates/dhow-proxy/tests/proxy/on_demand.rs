use std::sync::Arc;
use std::time::Duration;

use dhow_proxy::acme::on_demand::AskLimit;

use crate::support::backend::Received;
use crate::support::daemon::{Directory, new_directory};
use crate::support::pebble::{OpenPebble, Pebble};
use crate::support::{Authority, Backend, Gate, Proxy, reply};

/// A shop for everybody: its app allows the hosts that begin with `good`.
fn shop() -> Backend {
    Backend::new(|request, stream| match host_asked_about(request) {
        Some(host) if host.starts_with("good") => reply(stream, 200, &[], b"yes"),
        Some(_) => reply(stream, 403, &[], &b"no".repeat(250)),
        None => reply(stream, 200, &[], b"shop"),
    })
}

fn host_asked_about(request: &Received) -> Option<&str> {
    request.path.strip_prefix("/check?host=")
}

fn questions(app: &Backend) -> Vec<Received> {
    app.received().into_iter().filter(|request| host_asked_about(request).is_some()).collect()
}

fn proxy_for(pebble: &Pebble, directory: Arc<Directory>) -> Proxy {
    let acme = pebble.config(&directory);
    Proxy::start_with(directory, |config| config.acme = acme)
}

fn opened(url: &str, app: &Backend) -> (Proxy, OpenPebble) {
    let pebble = Pebble::new();
    let proxy = proxy_for(&pebble, new_directory());
    let pebble = pebble.open(&proxy);
    proxy.deploy("web", app, &["--tls", "--tls-on-demand-url", url]);
    (proxy, pebble)
}

/// Handshakes that are refused need no authority to be there.
fn closed(url: &str, app: &Backend) -> Proxy {
    let proxy = Proxy::start();
    proxy.deploy("web", app, &["--tls", "--tls-on-demand-url", url]);
    proxy
}

fn refused(proxy: &Proxy, name: &str) {
    let alert = Authority::new().client().refused(proxy.https, name);
    assert!(alert.contains("InternalError"), "{alert}");
}

#[test]
fn t_351_t_352_t_353_a_name_that_the_app_allows_gets_a_certificate_and_is_asked_about_once() {
    let app = shop();
    let (proxy, pebble) = opened("/check", &app);
    let client = pebble.client();
    for _ in 0..2 {
        let mut secured = client.connect(proxy.https, "good.a.com").unwrap();
        assert_eq!(secured.http.get("good.a.com", "/").text(), "shop");
    }
    let questions = questions(&app);
    assert_eq!(questions.len(), 1);
    let question = &questions[0];
    assert_eq!((question.method.as_str(), question.path.as_str()), ("GET", "/check?host=good.a.com"));
    assert_eq!(question.header("host"), Some("good.a.com"));
    assert_eq!(question.header("x-forwarded-proto"), Some("http"));
    assert_eq!(proxy.get("good.a.com", "/").status, 301);
    let list = proxy.run(&["list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let certificate = &list["services"][0]["certificates"][0];
    assert_eq!((&certificate["host"], &certificate["source"]), (&"good.a.com".into(), &"acme".into()));
    assert!(certificate["expires_at"].is_string());
}

#[test]
fn t_354_a_refusal_is_logged_with_its_beginning_and_remembered() {
    let app = shop();
    let proxy = closed("/check", &app);
    for _ in 0..3 {
        refused(&proxy, "bad.a.com");
    }
    assert_eq!(questions(&app).len(), 1);
    let line = proxy.told("TLS on-demand check denied host", 1).remove(0);
    assert_eq!(
        (&line["level"], &line["host"], &line["status"]),
        (&"WARN".into(), &"bad.a.com".into(), &403.into())
    );
    assert_eq!(line["body"], "no".repeat(128));
    let told = format!(
        "bad.a.com is not allowed to get a certificate (status: 403, body: \"{}\")",
        "no".repeat(128)
    );
    crate::support::eventually("a line of the failed handshake", || {
        proxy.all_lines().iter().any(|line| line["msg"].as_str().unwrap().ends_with(&told))
    });
    // A deploy gives hope.
    proxy.deploy("web", &app, &["--tls", "--tls-on-demand-url", "/check"]);
    refused(&proxy, "bad.a.com");
    assert_eq!(questions(&app).len(), 2);
}

#[test]
fn t_356_t_357_anybody_may_be_asked_and_a_redirect_is_a_no() {
    let judge = Backend::raw(|request, stream| match request.path.as_str() {
        "/judge?host=good.a.com&kind=shop" => reply(stream, 200, &[], b""),
        _ => reply(stream, 302, &[("Location", "/judge?host=good.a.com&kind=shop")], b""),
    });
    let app = Backend::named("app");
    let (proxy, pebble) = opened(&format!("http://{}/judge?kind=shop", judge.address), &app);
    let mut secured = pebble.client().connect(proxy.https, "good.a.com").unwrap();
    assert_eq!(secured.http.get("good.a.com", "/").text(), "app");
    assert_eq!(judge.last().header("host"), Some(judge.address.as_str()));
    refused(&proxy, "bad.a.com");
    assert_eq!(proxy.told("TLS on-demand check denied host", 1)[0]["status"], 302);
    assert_eq!(judge.received().len(), 2);
    assert_eq!(app.received().len(), 1);
}

#[test]
fn nobody_to_ask_is_a_no_and_told() {
    let proxy = closed("http://127.0.0.1:1/", &Backend::named("app"));
    refused(&proxy, "good.a.com");
    let line = proxy.told("TLS on-demand check failed", 1).remove(0);
    assert!(line["error"].as_str().unwrap().contains("refused"), "{line}");
}

#[test]
fn t_355_a_stopped_service_allows_nobody_and_a_paused_one_is_waited_for() {
    let app = shop();
    let (proxy, pebble) = opened("/check", &app);
    proxy.ok(&["stop", "web"]);
    refused(&proxy, "good.a.com");
    assert!(questions(&app).is_empty());
    proxy.ok(&["pause", "web"]);
    let (address, client) = (proxy.https, pebble.client());
    let waiting =
        std::thread::spawn(move || client.connect(address, "good.b.com").map(|secured| secured.leaf.len()));
    // However late this is: it is asked within two seconds, or refused because it was paused for longer.
    proxy.ok(&["resume", "web"]);
    let waited = waiting.join().unwrap();
    assert!(waited.is_ok() || !proxy.told("TLS on-demand check failed", 1).is_empty());
    assert!(pebble.client().connect(proxy.https, "good.c.com").is_ok());
}

#[test]
fn t_133_t_359_after_a_restart_only_names_without_a_certificate_are_asked_about() {
    let (app, pebble, directory) = (shop(), Pebble::new(), new_directory());
    let config = pebble.config(&directory);
    let (url, root) = (pebble.url(), config.root.unwrap());
    let environment =
        [("DHOW_PROXY_ACME_DIRECTORY", url.as_str()), ("DHOW_PROXY_ACME_ROOT", root.to_str().unwrap())];
    let proxy = Proxy::spawn_with(directory, &environment);
    let pebble = pebble.open(&proxy);
    let client = pebble.client();
    proxy.deploy("web", &app, &["--tls", "--tls-on-demand-url", "/check"]);
    assert!(client.connect(proxy.https, "good.a.com").is_ok());
    drop(pebble);
    let proxy = Proxy::spawn_with(proxy.kill(), &environment);
    assert!(client.connect(proxy.https, "good.a.com").is_ok());
    refused(&proxy, "bad.a.com");
    let asked: Vec<_> = questions(&app).iter().map(|question| question.path.clone()).collect();
    assert_eq!(asked, ["/check?host=good.a.com", "/check?host=bad.a.com"]);
}

#[test]
fn handshakes_for_one_name_share_a_question() {
    let gate = Gate::default();
    let held = gate.clone();
    let app = Backend::new(move |_, stream| {
        held.pass();
        reply(stream, 403, &[], b"");
    });
    let proxy = closed("/check", &app);
    let address = proxy.https;
    let clients: Vec<_> = (0..6)
        .map(|_| std::thread::spawn(move || Authority::new().client().refused(address, "a.com")))
        .collect();
    gate.await_waiting(1);
    gate.open();
    clients.into_iter().for_each(|client| assert!(client.join().unwrap().contains("InternalError")));
    assert_eq!(questions(&app).len(), 1);
}

#[test]
fn strangers_cannot_make_the_proxy_ask_without_end() {
    let app = shop();
    let proxy = Proxy::start_with(new_directory(), |config| {
        config.acme.ask_limit = AskLimit { burst: 3, refill: Duration::from_secs(86_400) };
    });
    proxy.deploy("web", &app, &["--tls", "--tls-on-demand-url", "/check"]);
    for number in 0..8 {
        refused(&proxy, &format!("bad{number}.a.com"));
    }
    for nonsense in ["localhost", "a"] {
        refused(&proxy, nonsense);
    }
    assert_eq!(questions(&app).len(), 3);
    let told = |lines: &[serde_json::Value]| {
        lines.iter().filter(|line| line["msg"].as_str().unwrap().contains("too many unknown names")).count()
    };
    crate::support::eventually("lines of refused handshakes", || told(&proxy.all_lines()) == 5);
}

#[test]
fn a_url_that_nobody_can_be_asked_at_is_refused_at_once() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let told =
        proxy.fails(&proxy.deploy_command("web", &app, &["--tls", "--tls-on-demand-url", "http://a b/"]));
    assert!(told.starts_with("Error: tls-on-demand-url http://a b/: "), "{told}");
    assert!(app.probes().is_empty());
}
