use std::net::TcpListener;

use crate::support::daemon::new_directory;
use crate::support::desk::Desk;
use crate::support::pebble::Pebble;
use crate::support::{Backend, Proxy, eventually};

const TLS: &[&str] = &["--tls", "--host", "a.com"];

/// What `list --json` says about the only certificate.
fn certificate(proxy: &Proxy) -> serde_json::Value {
    let list = proxy.run(&["list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    list["services"][0]["certificates"][0].clone()
}

#[test]
fn a_certificate_is_renewed_when_its_authority_wants_it() {
    let (pebble, directory, app) = (Pebble::new(), new_directory(), Backend::named("app"));
    // The first one at once, the second one in a far future.
    let window = |certificate| match certificate {
        0 => ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"],
        _ => ["2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z"],
    };
    let desk = Desk::new(pebble.authority(), pebble.api(), window);
    let mut acme = pebble.config(&directory);
    acme.directory = Some(desk.url());
    let proxy = Proxy::start_with(directory, |config| config.acme = acme);
    let pebble = pebble.open(&proxy);
    proxy.deploy("web", &app, TLS);
    proxy.told("Certificate received", 2);
    eventually("two certificates asked about", || desk.asked().len() == 2);
    let next = || certificate(&proxy)["next_attempt_at"].as_str().unwrap_or_default().to_owned();
    eventually("a renewal in the window", || next().starts_with("2100-01-01T"));
    assert!(desk.asked().iter().all(|id| id.split('.').count() == 2), "{:?}", desk.asked());
    assert!(pebble.client().connect(proxy.https, "a.com").is_ok());
    assert_eq!(proxy.lines("Certificate received").len(), 2);
}

#[test]
fn an_authority_without_such_wishes_leaves_a_third_of_the_life() {
    let (pebble, directory, app) = (Pebble::new(), new_directory(), Backend::named("app"));
    let acme = pebble.config(&directory);
    let proxy = Proxy::start_with(directory, |config| config.acme = acme);
    let _pebble = pebble.open(&proxy);
    proxy.deploy("web", &app, TLS);
    proxy.told("Certificate received", 1);
    eventually("a time for the renewal", || certificate(&proxy)["next_attempt_at"].is_string());
    let certificate = certificate(&proxy);
    assert!(certificate["next_attempt_at"].as_str().unwrap() < certificate["expires_at"].as_str().unwrap());
    assert!(certificate["last_error"].is_null());
}

#[test]
fn an_authority_for_customers_only_is_shown_whose_account_it_is() {
    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let (pebble, directory, app) =
        (Pebble::for_customer("kid-1", KEY), new_directory(), Backend::named("app"));
    let acme = pebble.config(&directory);
    let stranger = Proxy::start_with(directory.clone(), |config| config.acme = acme.clone());
    stranger.deploy("web", &app, TLS);
    let pebble = pebble.open(&stranger);
    let told = |line: &serde_json::Value| line["error"].as_str().unwrap().contains("externalAccountBinding");
    let refusals = || stranger.lines("Unable to get a certificate");
    eventually("a refusal", || refusals().iter().any(told));
    assert!(certificate(&stranger)["expires_at"].is_null());
    // The same directory, with the account key that was made in vain.
    let ports = [stranger.http.port(), stranger.https.port()];
    drop(stranger);
    let mut acme = acme;
    acme.external_account = Some(directory.write("eab", &format!("kid-1\n{KEY}\n")));
    let start = || {
        Proxy::start_with(directory.clone(), |config| {
            [config.http_port, config.https_port] = ports;
            config.acme = acme.clone();
        })
    };
    let customer = start();
    customer.told("Certificate received", 1);
    assert!(pebble.client().connect(customer.https, "a.com").is_ok());
    // And once more, with the account that is known now.
    drop(customer);
    let customer = start();
    customer.deploy("web", &app, &["--tls", "--host", "b.com"]);
    customer.told("Certificate received", 1);
    let log = format!("{:?}", customer.all_lines());
    assert!(!log.contains(KEY));
}

#[test]
fn an_external_account_that_cannot_be_read_is_a_start_failure() {
    let directory = new_directory();
    let path = directory.write("eab", "only-an-id\n");
    let mut run = directory.command(&["run", "--http-port", "0", "--https-port", "0"]);
    let output = run.env("DHOW_PROXY_ACME_EXTERNAL_ACCOUNT", &path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let why = "write two lines: the id of the key, and the HMAC key (base64url)";
    let expected = format!("Error: external account of the ACME directory: {}: {why}\n", path.display());
    assert_eq!(told, expected);
}

#[test]
fn an_authority_that_does_not_answer_holds_up_nobody_elses_certificates() {
    let (pebble, directory, app) = (Pebble::new(), new_directory(), Backend::named("app"));
    let acme = pebble.config(&directory);
    let proxy = Proxy::start_with(directory, |config| config.acme = acme);
    let pebble = pebble.open(&proxy);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}/dir", silent.local_addr().unwrap().port());
    // More names than are ordered at a time.
    let hosts = "b.com,c.com,d.com,e.com,f.com,g.com";
    proxy.deploy("slow", &app, &["--tls", "--host", hosts, "--tls-acme-directory", &url]);
    let _asked = silent.accept().unwrap();
    proxy.deploy("web", &app, TLS);
    assert!(pebble.client().connect(proxy.https, "a.com").is_ok());
    assert!(proxy.lines("Unable to get a certificate").is_empty(), "the silent one was waited for");
}
