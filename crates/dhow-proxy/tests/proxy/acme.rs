use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};

use crate::support::daemon::{Directory, new_directory};
use crate::support::pebble::Pebble;
use crate::support::tls::{leaf, sec1};
use crate::support::{Authority, Backend, Proxy, eventually};

const TLS: &[&str] = &["--tls", "--host", "a.com"];

/// A proxy that gets its certificates from this pebble.
fn proxy_for(pebble: &Pebble, directory: Arc<Directory>) -> Proxy {
    let acme = pebble.config(&directory);
    Proxy::start_with(directory, |config| config.acme = acme)
}

/// Where the files of a directory's certificates are.
fn cache(directory: &Directory, url: &str) -> PathBuf {
    use aws_lc_rs::digest::{SHA256, digest};
    let hash: String =
        digest(&SHA256, url.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    directory.0.join(".config/kamal-proxy/certs").join(hash)
}

#[test]
fn a_deployed_host_gets_its_certificate_and_keeps_it_over_a_restart() {
    let (pebble, directory, app) = (Pebble::new(), new_directory(), Backend::named("app"));
    let (url, config) = (pebble.url(), pebble.config(&directory));
    let root = config.root.unwrap();
    let environment =
        [("DHOW_PROXY_ACME_DIRECTORY", url.as_str()), ("DHOW_PROXY_ACME_ROOT", root.to_str().unwrap())];
    let proxy = Proxy::spawn_with(directory, &environment);
    let pebble = pebble.open(&proxy);
    proxy.deploy("web", &app, &["--tls", "--host", "A.com,www.a.com"]);
    let client = pebble.client();
    for name in ["a.com", "www.a.com"] {
        // The handshake waits for what the deploy began.
        let mut secured = client.connect(proxy.https, name).unwrap();
        assert_eq!(secured.http.get(name, "/").text(), "app");
    }
    assert_eq!(proxy.told("Certificate received", 2).len(), 2);
    assert!(proxy.lines("Request").iter().all(|line| line["service"] == "web"));
    let cache = cache(&proxy.directory, &url);
    for file in ["acme_account+key", "a.com", "www.a.com"] {
        let path = cache.join(file);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    }
    drop(pebble);
    let proxy = Proxy::spawn_with(proxy.kill(), &environment);
    assert_eq!(client.connect(proxy.https, "a.com").unwrap().http.get("a.com", "/").text(), "app");
    assert!(proxy.lines("Certificate received").is_empty());
}

#[test]
fn a_stopped_service_proves_itself_over_http_when_tls_questions_do_not_arrive() {
    let (pebble, app) = (Pebble::new(), Backend::named("app"));
    let proxy = proxy_for(&pebble, new_directory());
    proxy.deploy("web", &app, TLS);
    proxy.ok(&["stop", "web", "--message", "back soon"]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let pebble = pebble.open_asking(&proxy, nobody);
    proxy.told("Certificate received", 1);
    let asked: Vec<_> = proxy.access_lines(1);
    assert!(asked[0]["path"].as_str().unwrap().starts_with("/.well-known/acme-challenge/"));
    assert_eq!((&asked[0]["status"], &asked[0]["scheme"]), (&200.into(), &"http".into()));
    let mut secured = pebble.client().connect(proxy.https, "a.com").unwrap();
    assert!(secured.http.get("a.com", "/").text().contains("back soon"));
}

#[test]
fn a_deploy_does_not_need_the_authority_which_is_asked_again_until_it_answers() {
    let (pebble, app) = (Pebble::new(), Backend::named("app"));
    let proxy = proxy_for(&pebble, new_directory());
    proxy.deploy("web", &app, TLS);
    let line = proxy.told("Unable to get a certificate", 2).remove(0);
    assert_eq!((&line["level"], &line["host"]), (&"ERROR".into(), &"a.com".into()));
    assert!(line["error"].as_str().unwrap().contains("Connection refused"), "{line}");
    let refused = Authority::new().client().refused(proxy.https, "a.com");
    assert!(refused.contains("InternalError"), "{refused}");
    let pebble = pebble.open(&proxy);
    let client = pebble.client();
    eventually("a certificate", || client.connect(proxy.https, "a.com").is_ok());
}

#[test]
fn what_a_kamal_proxy_has_kept_is_used_and_renewed_in_time() {
    let (pebble, app, directory) = (Pebble::new(), Backend::named("app"), new_directory());
    let (authority, key) = (Authority::new(), KeyPair::generate().unwrap());
    let mut parameters = CertificateParams::new(vec!["a.com".into()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2050, 1, 1);
    let old = authority.issue_as(parameters, &key);
    let account = sec1(&KeyPair::generate().unwrap());
    let cache = cache(&directory, &pebble.url());
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(cache.join("a.com"), sec1(&key) + &old.chain).unwrap();
    std::fs::write(cache.join("acme_account+key"), &account).unwrap();
    // Nobody is there to ask yet: this is the one on disk, of whose lifetime two thirds were over in 2023.
    let proxy = proxy_for(&pebble, directory);
    proxy.deploy("web", &app, TLS);
    let mut secured = authority.client().connect(proxy.https, "a.com").unwrap();
    assert_eq!((secured.http.get("a.com", "/").text().as_str(), secured.leaf), ("app", leaf(&old.chain)));
    let pebble = pebble.open(&proxy);
    proxy.told("Certificate received", 1);
    assert!(pebble.client().connect(proxy.https, "a.com").is_ok());
    assert_eq!(std::fs::read_to_string(cache.join("acme_account+key")).unwrap(), account);
    assert_ne!(leaf(&std::fs::read_to_string(cache.join("a.com")).unwrap()), leaf(&old.chain));
}

#[test]
fn kept_files_that_cannot_be_used_are_told_about() {
    let authority = Authority::new();
    let expired = {
        let mut parameters = CertificateParams::new(vec!["a.com".into()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
        authority.issue_as(parameters, &KeyPair::generate().unwrap())
    };
    let other = authority.issue(&["b.com"]);
    for (pem, why) in [
        (expired.key + &expired.chain, "it has expired"),
        (other.key + &other.chain, "it is for another name"),
        ("nonsense".into(), "no certificate in this file"),
    ] {
        let (pebble, app, directory) = (Pebble::new(), Backend::named("app"), new_directory());
        let cache = cache(&directory, &pebble.url());
        std::fs::create_dir_all(&cache).unwrap();
        std::fs::write(cache.join("a.com"), pem).unwrap();
        let proxy = proxy_for(&pebble, directory);
        proxy.deploy("web", &app, TLS);
        assert_eq!(proxy.told("Kept certificate is not used", 1)[0]["error"], why);
        proxy.told("Unable to get a certificate", 1);
    }
}

#[test]
fn o_36_o_37_questions_are_answered_by_the_proxy_for_automatic_services_only() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, TLS);
    proxy.deploy("plain", &app, &["--host", "b.com"]);
    let path = "/.well-known/acme-challenge/unknown";
    for host in ["a.com", "a.com:8080"] {
        let reply = proxy.get(host, path);
        assert_eq!((reply.status, reply.text().trim_end()), (404, "acme/autocert: certificate cache miss"));
    }
    assert_eq!(proxy.get("b.com", path).text(), "app");
}

#[test]
fn t_129_names_that_no_authority_certifies_are_refused_or_told_about() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let refused = proxy.fails(&proxy.deploy_command("web", &app, &["--tls", "--host", "a.com,*.a.com"]));
    assert_eq!(refused.lines().next(), Some("Error: automatic TLS does not support wildcards"));
    assert!(app.probes().is_empty());
    proxy.deploy("web", &app, &["--tls", "--host", "localhost"]);
    let line = proxy.told("Unable to get a certificate", 1).remove(0);
    assert_eq!(line["error"], "only public names, with a dot in them, can get certificates");
    assert!(Authority::new().client().refused(proxy.https, "localhost").contains("InternalError"));
}

#[test]
fn a_host_that_is_gone_is_not_ordered_for_any_more() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, TLS);
    proxy.told("Unable to get a certificate", 1);
    proxy.ok(&["remove", "web"]);
    let told = proxy.lines("Unable to get a certificate").len();
    proxy.deploy("web", &app, &["--tls", "--host", "b.com"]);
    let lines = proxy.told("Unable to get a certificate", told + 3).split_off(told);
    assert!(lines.iter().all(|line| line["host"] == "b.com"), "{lines:?}");
    assert!(Authority::new().client().refused(proxy.https, "a.com").contains("UnrecognisedName"));
}
