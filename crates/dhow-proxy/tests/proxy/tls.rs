use std::io::Read;
use std::net::TcpStream;

use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustls::{CipherSuite, HandshakeKind, ProtocolVersion};

use crate::support::tls::{Pair, Scene, leaf, pkcs1, sec1};
use crate::support::{Authority, Backend, Proxy, TlsClient, eventually};

#[test]
fn t_371_t_382_a_service_is_served_with_its_certificate_over_tls_1_2_and_1_3() {
    let scene = Scene::new();
    let pair = scene.deploy("web", &["a.com"], &[]);
    let (new, old) = (scene.authority.client(), TlsClient::without_tls13(&scene.authority));
    for (client, version) in [(new, ProtocolVersion::TLSv1_3), (old, ProtocolVersion::TLSv1_2)] {
        let mut secured = client.connect(scene.proxy.https, "a.com").unwrap();
        assert_eq!((secured.version, &secured.leaf), (version, &leaf(&pair.chain)));
        assert_eq!(secured.http.get("a.com", "/1").text(), "app");
        assert_eq!(secured.http.get("a.com", "/2").text(), "app");
    }
    assert_eq!(scene.app.last().header("x-forwarded-proto"), Some("https"));
    for line in scene.proxy.access_lines(4) {
        assert_eq!((&line["scheme"], &line["proto"]), (&"https".into(), &"HTTP/1.1".into()));
    }
    let list = String::from_utf8(scene.proxy.run(&["list"]).stdout).unwrap();
    assert!(list.contains("yes"), "{list}");
}

#[test]
fn ciphers_are_chosen_in_the_proxys_order_unless_the_client_is_slow_at_aes() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    for (first, agreed) in [
        (CipherSuite::TLS13_AES_256_GCM_SHA384, CipherSuite::TLS13_AES_128_GCM_SHA256),
        (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ] {
        let client = TlsClient::preferring(&scene.authority, first);
        assert_eq!(client.connect(scene.proxy.https, "a.com").unwrap().suite, agreed);
    }
}

#[test]
fn keys_are_read_in_all_their_encodings() {
    let scene = Scene::new();
    let (curve, rsa) = (KeyPair::generate().unwrap(), KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
    for (key, older) in [(&curve, sec1(&curve)), (&rsa, pkcs1(&rsa))] {
        let mut pair = scene.authority.issue_with(&["a.com"], key);
        scene.deploy_with("web", &["a.com"], &pair, &[]);
        assert_eq!(scene.text(&scene.authority.client(), "a.com"), "app");
        pair.key = older;
        scene.deploy_with("web", &["a.com"], &pair, &[]);
        assert_eq!(scene.text(&scene.authority.client(), "a.com"), "app");
    }
}

#[test]
fn o_18_names_of_handshakes_are_matched_without_case_and_by_wildcard() {
    let scene = Scene::new();
    scene.deploy("web", &["Shop.a.com", "*.b.com"], &[]);
    let client = scene.authority.client();
    for name in ["shop.a.com", "SHOP.A.COM", "x.b.com"] {
        assert_eq!(scene.text(&client, name), "app", "{name}");
    }
    assert!(client.refused(scene.proxy.https, "x.y.b.com").contains("UnrecognisedName"));
}

#[test]
fn names_that_nobody_serves_over_tls_are_refused_and_told() {
    let scene = Scene::new();
    scene.proxy.deploy("plain", &scene.app, &["--host", "plain.com"]);
    let client = scene.authority.client();
    for name in ["plain.com", "nobody.com"] {
        assert!(client.refused(scene.proxy.https, name).contains("UnrecognisedName"), "{name}");
    }
    assert!(client.without_sni().refused(scene.proxy.https, "a.com").contains("UnrecognisedName"));
    eventually("lines of failed handshakes", || scene.failures().len() == 3);
    let told = ": no service is served over TLS as \"plain.com\"";
    assert!(scene.failures().iter().any(|failure| failure.ends_with(told)));
}

#[test]
fn t_144_without_a_name_the_first_tls_host_is_served() {
    let scene = Scene::new();
    scene.proxy.deploy("a-plain", &scene.app, &["--host", "plain.com"]);
    let first = scene.deploy("b-first", &["b.com"], &[]);
    scene.deploy("c-second", &["a.com"], &[]);
    let client = scene.authority.client().without_sni();
    let secured = client.connect(scene.proxy.https, "b.com").unwrap();
    assert_eq!(secured.leaf, leaf(&first.chain));
    let line = scene.proxy.told("No server name; using default TLS hostname", 1).remove(0);
    assert_eq!((&line["level"], &line["host"]), (&"WARN".into(), &"b.com".into()));
    scene.proxy.ok(&["remove", "b-first"]);
    assert!(client.connect(scene.proxy.https, "a.com").is_ok());
}

#[test]
fn t_111_t_113_plain_requests_go_to_https_and_the_canonical_host_in_one_hop() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com", "www.a.com"], &["--canonical-host", "a.com"]);
    let location = |method: &str, host: &str| {
        let mut client = scene.proxy.connect();
        client.request(method, host, "/x?y=1", &[], b"");
        let reply = client.reply();
        assert_eq!((reply.status, reply.header("connection")), (301, Some("close")));
        (reply.header("location").unwrap().to_owned(), reply.body.is_empty())
    };
    assert_eq!(location("GET", "www.a.com"), ("https://a.com/x?y=1".into(), false));
    assert_eq!(location("POST", "a.com:80"), ("https://a.com/x?y=1".into(), true));
    let mut secured = scene.authority.client().connect(scene.proxy.https, "www.a.com").unwrap();
    let reply = secured.http.get("www.a.com", "/x");
    assert_eq!((reply.status, reply.header("location")), (301, Some("https://a.com/x")));
    scene.deploy("web", &["a.com"], &["--tls-redirect=false"]);
    assert_eq!(scene.proxy.get("a.com", "/").text(), "app");
    assert_eq!(scene.app.last().header("x-forwarded-proto"), Some("http"));
}

#[test]
fn o_20_a_stopped_service_still_redirects_to_https() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    scene.proxy.ok(&["stop", "web", "--message", "back soon"]);
    assert_eq!(scene.proxy.get("a.com", "/").status, 301);
    assert!(scene.text(&scene.authority.client(), "a.com").contains("back soon"));
}

#[test]
fn o_39_a_tls_connection_carries_requests_for_tls_services_only() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    scene.deploy("other", &["b.com"], &[]);
    scene.proxy.deploy("plain", &scene.app, &["--host", "plain.com"]);
    let mut secured = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap();
    assert_eq!(secured.http.get("b.com", "/").text(), "app");
    assert_eq!(secured.http.get("plain.com", "/").status, 503);
    assert_eq!(secured.http.get("a.com", "/").text(), "app");
}

#[test]
fn forwarded_headers_are_not_trusted_under_tls_unless_told_to() {
    let scene = Scene::new();
    let seen = || {
        let mut secured = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap();
        let lines = ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: gopher"];
        secured.http.request("GET", "a.com", "/", &lines, b"");
        assert_eq!(secured.http.reply().status, 200);
        let request = scene.app.last();
        ["x-forwarded-for", "x-forwarded-proto"].map(|name| request.header(name).unwrap().to_owned())
    };
    scene.deploy("web", &["a.com"], &[]);
    assert_eq!(seen(), ["127.0.0.1", "https"]);
    scene.deploy("web", &["a.com"], &["--forward-headers"]);
    assert_eq!(seen(), ["6.6.6.6, 127.0.0.1", "gopher"]);
}

#[test]
fn t_146_o_38_a_sub_path_service_is_served_as_its_root_is() {
    let scene = Scene::new();
    let api = Backend::named("api");
    scene.deploy("web", &["a.com"], &[]);
    scene.proxy.deploy("api", &api, &["--host", "a.com", "--path-prefix", "/api"]);
    let client = scene.authority.client();
    let mut secured = client.connect(scene.proxy.https, "a.com").unwrap();
    assert_eq!(secured.http.get("a.com", "/api/x").text(), "api");
    assert_eq!(scene.proxy.get("a.com", "/api/x").header("location"), Some("https://a.com/api/x"));
    scene.proxy.ok(&["remove", "web"]);
    assert_eq!(scene.proxy.get("a.com", "/api/x").text(), "api");
    assert!(client.refused(scene.proxy.https, "a.com").contains("UnrecognisedName"));
}

#[test]
fn t_114_t_372_t_373_an_unusable_certificate_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    let pair = scene.deploy("web", &["a.com"], &[]);
    let before = scene.proxy.state();
    let other = scene.authority.issue(&["a.com"]);
    let directory = &scene.proxy.directory;
    let missing = {
        let mut flags = pair.flags(directory, "missing");
        flags[2] = directory.0.join("nothing.pem").to_str().unwrap().to_owned();
        flags
    };
    let with = |chain: &str, key: &str, name: &str| {
        Pair { chain: chain.into(), key: key.into() }.flags(directory, name)
    };
    for (flags, why) in [
        (missing, "nothing.pem: No such file or directory"),
        (with(&pair.chain, &other.key, "swapped"), "the key does not belong to the certificate"),
        (with("nonsense", &pair.key, "no-chain"), "no-chain/cert.pem: no certificate in this file"),
        (with(&pair.chain, "nonsense", "no-key"), "no-key/key.pem: no private key in this file"),
    ] {
        let flags = [&["--host", "a.com"][..], &flags.each_ref().map(String::as_str)].concat();
        let told = scene.proxy.fails(&scene.proxy.deploy_command("web", &scene.app, &flags));
        assert!(told.starts_with("Error: unable to load certificate\n") && told.contains(why), "{told}");
    }
    assert_eq!(scene.proxy.told("Error loading TLS certificate", 4)[0]["service"], "web");
    assert_eq!(scene.proxy.state(), before);
    assert_eq!(scene.text(&scene.authority.client(), "a.com"), "app");
}

#[test]
fn a_redeploy_brings_the_new_certificate_and_leaves_open_connections_alone() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    let client = scene.authority.client();
    let mut open = client.connect(scene.proxy.https, "a.com").unwrap();
    assert_eq!(open.http.get("a.com", "/").text(), "app");
    let renewed = scene.deploy("web", &["a.com"], &[]);
    assert_eq!(
        scene.authority.client().connect(scene.proxy.https, "a.com").unwrap().leaf,
        leaf(&renewed.chain)
    );
    assert_eq!(open.http.get("a.com", "/").text(), "app");
}

#[test]
fn t_132_tls_services_are_restored() {
    let (proxy, authority) = (Proxy::spawn(), Authority::new());
    let (app, api) = (Backend::named("app"), Backend::named("api"));
    let flags = authority.issue(&["*.a.com"]).flags(&proxy.directory, "web");
    let flags = [&["--host", "*.a.com"][..], &flags.each_ref().map(String::as_str)].concat();
    proxy.deploy("web", &app, &flags);
    proxy.deploy("api", &api, &["--host", "*.a.com", "--path-prefix", "/api"]);
    let before = proxy.state();
    let proxy = Proxy::spawn_in(proxy.kill());
    assert_eq!(proxy.get("x.a.com", "/").header("location"), Some("https://x.a.com/"));
    let mut secured = authority.client().connect(proxy.https, "x.a.com").unwrap();
    assert_eq!(secured.http.get("x.a.com", "/").text(), "app");
    assert_eq!(secured.http.get("x.a.com", "/api/x").text(), "api", "o_41");
    let path = "/api/.well-known/acme-challenge/x";
    assert_eq!(secured.http.get("x.a.com", path).text(), "api", "o_40");
    assert_eq!(proxy.state(), before);
}

#[test]
fn o_24_a_service_whose_certificate_is_gone_takes_no_other_along() {
    let scene = Scene::new();
    scene.deploy("gone", &["gone.com"], &[]);
    scene.deploy("web", &["a.com"], &[]);
    let Scene { proxy, app: _app, authority } = scene;
    let directory = proxy.directory.clone();
    drop(proxy);
    std::fs::remove_file(directory.0.join("gone/cert.pem")).unwrap();
    let proxy = Proxy::start_in(directory);
    let line = proxy.told("Error loading TLS certificate", 1).remove(0);
    assert_eq!((&line["level"], &line["service"]), (&"ERROR".into(), &"gone".into()));
    assert!(line["error"].as_str().unwrap().contains("gone/cert.pem: No such file"), "{line}");
    let client = authority.client();
    assert_eq!(client.connect(proxy.https, "a.com").unwrap().http.get("a.com", "/").text(), "app");
    assert!(client.refused(proxy.https, "gone.com").contains("InternalError"));
    assert_eq!(proxy.get("gone.com", "/").status, 301);
}

#[test]
fn a_client_comes_back_without_a_full_handshake_whichever_worker_it_meets() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    let client = scene.authority.client();
    assert_eq!(scene.text(&client, "a.com"), "app");
    for _ in 0..8 {
        let mut secured = client.connect(scene.proxy.https, "a.com").unwrap();
        assert_eq!(secured.kind, HandshakeKind::Resumed);
        // The answer comes after the next tickets.
        assert_eq!(secured.http.get("a.com", "/").text(), "app");
    }
}

#[test]
fn a_handshake_that_is_not_finished_is_ended_and_holds_nobody_up() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    let mut slow: Vec<_> = (0..8).map(|_| TcpStream::connect(scene.proxy.https).unwrap()).collect();
    for _ in 0..8 {
        assert_eq!(scene.text(&scene.authority.client(), "a.com"), "app");
    }
    for stream in &mut slow {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    eventually("lines of failed handshakes", || scene.failures().len() == 8);
    assert!(scene.failures()[0].ends_with(": the client took too long"));
}

#[test]
fn plain_http_on_the_tls_port_and_foreign_protocols_are_refused() {
    let scene = Scene::new();
    scene.deploy("web", &["a.com"], &[]);
    let client = scene.authority.client();
    assert!(
        client
            .clone()
            .speaking("gopher")
            .refused(scene.proxy.https, "a.com")
            .contains("NoApplicationProtocol")
    );
    let mut plain = crate::support::Connection::open(scene.proxy.https);
    plain.send(b"GET / HTTP/1.1\r\nHost: a.com\r\n\r\n");
    assert!(plain.try_reply().is_none());
    assert_eq!(scene.text(&client, "a.com"), "app");
}

#[test]
fn a_certificate_that_changes_on_disk_is_served_without_a_deploy() {
    let scene = Scene::new();
    let first = scene.deploy("web", &["a.com"], &[]);
    let client = scene.authority.client();
    let served = || scene.authority.client().connect(scene.proxy.https, "a.com").unwrap().leaf;
    let mut open = client.connect(scene.proxy.https, "a.com").unwrap();
    assert_eq!(open.leaf, leaf(&first.chain));
    let second = scene.authority.issue(&["a.com"]);
    // Half of a pair is no pair: the first one stays.
    let directory = &scene.proxy.directory;
    directory.write("web/cert.pem", &second.chain);
    let line = scene.proxy.told("Unable to reload a certificate", 1).remove(0);
    assert!(
        line["error"].as_str().unwrap().ends_with("the key does not belong to the certificate"),
        "{line}"
    );
    let listed = || String::from_utf8(scene.proxy.run(&["list", "--json"]).stdout).unwrap();
    assert!(listed().contains("the key does not belong to the certificate"));
    assert_eq!(served(), leaf(&first.chain));
    directory.write("web/key.pem", &second.key);
    eventually("the second certificate", || served() == leaf(&second.chain));
    assert_eq!(scene.proxy.told("Certificate reloaded", 1)[0]["service"], "web");
    assert!(listed().contains("\"last_error\": null"));
    assert_eq!(open.http.get("a.com", "/").text(), "app");
}
