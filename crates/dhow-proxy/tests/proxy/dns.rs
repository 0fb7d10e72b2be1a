//! Names that are proven through their zone.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Arc;

use dhow_proxy::acme::AcmeConfig;

use crate::support::bind::{Bind, SECRET};
use crate::support::daemon::{Directory, new_directory};
use crate::support::pebble::{OpenPebble, Pebble};
use crate::support::{Backend, Proxy};

/// A proxy, the authority that it asks, and the name server that both ask.
struct Scene {
    proxy: Proxy,
    bind: Bind,
    pebble: OpenPebble,
    acme: AcmeConfig,
    app: Backend,
}

impl Scene {
    fn new() -> Self {
        let directory = new_directory();
        let bind = Bind::serve(&directory, &[]);
        Self::with(directory, bind)
    }

    fn with(directory: Arc<Directory>, bind: Bind) -> Self {
        let pebble = Pebble::new();
        let mut acme = pebble.config(&directory);
        acme.name_server_port = bind.address.port();
        let proxy = Proxy::start_with(directory, |config| config.acme = acme.clone());
        let pebble = pebble.open_with_zones(&proxy, bind.address);
        Self { proxy, bind, pebble, acme, app: Backend::named("app") }
    }

    fn deploy(&self, hosts: &str, flags: &[String]) {
        self.proxy.deploy("web", &self.app, &words(hosts, flags));
    }

    fn refused(&self, hosts: &str, flags: &[String]) -> String {
        self.proxy.fails(&self.proxy.deploy_command("web", &self.app, &words(hosts, flags)))
    }

    /// What went wrong first.
    fn failure(&self) -> String {
        let line = self.proxy.told("Unable to get a certificate", 1).remove(0);
        line["error"].as_str().unwrap().to_owned()
    }
}

fn words<'a>(hosts: &'a str, flags: &'a [String]) -> Vec<&'a str> {
    let flags = flags.iter().map(String::as_str);
    ["--tls", "--host", hosts].into_iter().chain(flags).collect()
}

#[test]
fn a_wildcard_and_a_name_are_proven_by_signed_updates_of_their_zone() {
    let scene = Scene::new();
    scene.deploy("*.a.com,a.com", &scene.bind.flags());
    let client = scene.pebble.client();
    for name in ["www.a.com", "other.a.com", "a.com"] {
        let mut secured = client.connect(scene.proxy.https, name).unwrap();
        assert_eq!(secured.http.get(name, "/").text(), "app");
    }
    // One certificate for each host.
    assert_eq!(scene.proxy.told("Certificate received", 2).len(), 2);
    assert!(client.refused(scene.proxy.https, "x.y.a.com").contains("UnrecognisedName"));
    assert!(!scene.bind.has_text("_acme-challenge.a.com"), "the records were left in the zone");
    let state = std::fs::read_to_string(scene.proxy.directory.state()).unwrap();
    assert!(state.contains("\"tls_dns\":{\"provider\":\"rfc2136\"") && !state.contains(SECRET));
    // What is on disk serves after a restart, too.
    let Scene { proxy, pebble, bind, acme, app: _app } = scene;
    let directory = proxy.directory.clone();
    drop((proxy, pebble, bind));
    let proxy = Proxy::start_with(directory, |config| config.acme = acme);
    assert!(client.connect(proxy.https, "www.a.com").is_ok());
    assert!(proxy.lines("Certificate received").is_empty());
}

#[test]
fn credentials_that_the_proxy_was_given_are_its_own_and_go_with_the_service() {
    let scene = Scene::new();
    let flags = scene.bind.flags();
    let text = std::fs::read_to_string(&flags[3]).unwrap();
    let directory = &scene.proxy.directory;
    let mut command = directory.command(&["credentials", "web"]);
    let mut keeping = command.stdin(Stdio::piped()).spawn().unwrap();
    keeping.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(keeping.wait().unwrap().success());
    let kept = directory.state().with_file_name("credentials/web");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    scene.deploy("a.com", &[&flags[..2], &flags[4..]].concat());
    scene.proxy.told("Certificate received", 1);
    scene.proxy.ok(&["remove", "web"]);
    assert!(!kept.exists());
}

#[test]
fn an_alias_leads_to_the_record() {
    let directory = new_directory();
    let bind = Bind::serve_with(&directory, &[], "_acme-challenge.www CNAME proofs\n");
    let scene = Scene::with(directory, bind);
    scene.deploy("www.a.com", &scene.bind.flags());
    assert!(scene.pebble.client().connect(scene.proxy.https, "www.a.com").is_ok());
    assert!(!scene.bind.has_text("proofs.a.com"));
}

#[test]
fn a_program_puts_the_record_up_and_takes_it_down() {
    let scene = Scene::new();
    let directory = scene.proxy.directory.clone();
    let log = directory.0.join("hook.log");
    let script = format!(
        "#!/bin/sh\necho \"$1 $2 $DHOW_DNS_ZONE\" >> {}\n\
         case $1 in present) line=\"update add $2 60 TXT $3\" ;; *) line=\"update delete $2 TXT $3\" ;; esac\n\
         printf '%s\\n' \"server 127.0.0.1 {}\" 'zone a.com' \"$line\" send | nsupdate -y \"hmac-sha256:dhow-key:$TSIG\"\n",
        log.display(),
        scene.bind.address.port()
    );
    let program = directory.write("hook", &script);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let credentials = format!("EXEC_PATH={}\nTSIG={SECRET}\n", program.display());
    scene.deploy("*.a.com", &scene.bind.flags_for("exec", &credentials));
    assert!(scene.pebble.client().connect(scene.proxy.https, "www.a.com").is_ok());
    let calls = std::fs::read_to_string(log).unwrap();
    assert_eq!(calls, "present _acme-challenge.a.com a.com\ncleanup _acme-challenge.a.com a.com\n");
}

#[test]
fn a_program_that_fails_says_why_without_its_secrets() {
    let scene = Scene::new();
    let program =
        scene.proxy.directory.write("hook", "#!/bin/sh\necho \"no entry for $TOKEN\" >&2\nexit 3\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let credentials = format!("EXEC_PATH={}\nTOKEN=very-secret\n", program.display());
    scene.deploy("a.com", &scene.bind.flags_for("exec", &credentials));
    let expected = format!("dns-01: {} present: exit status: 3: no entry for [REDACTED]", program.display());
    assert_eq!(scene.failure(), expected);
}

#[test]
fn a_server_that_refuses_the_key_is_understood() {
    for (from, to, told) in [
        ("dhow-key", "other-key", "the server does not know the TSIG key (BADKEY): name or algorithm differ"),
        (
            "bWFueSBz",
            "b3RoZXIg",
            "the server refuses the TSIG key's signature (BADSIG): is the secret the same?",
        ),
        ("TSIG_KEY", "NO_KEY", "REFUSED"),
    ] {
        let scene = Scene::new();
        let mut flags = scene.bind.flags();
        let credentials = std::fs::read_to_string(&flags[3]).unwrap().replace(from, to);
        flags = scene.bind.flags_for("rfc2136", &credentials);
        scene.deploy("a.com", &flags);
        let address = scene.bind.address;
        assert_eq!(scene.failure(), format!("dns-01: update of the zone a.com at {address}: {told}"));
    }
}

#[test]
fn the_authority_is_not_told_before_all_servers_of_the_zone_show_the_record() {
    let directory = new_directory();
    let bind = Bind::serve(&directory, &["127.0.0.2"]);
    let scene = Scene::with(directory, bind);
    let flags = [&scene.bind.flags()[..], &["--tls-dns-propagation-timeout".into(), "100ms".into()]].concat();
    scene.deploy("a.com", &flags);
    let told = scene.failure();
    let begin = "dns-01: ns1.a.com (127.0.0.2): ";
    let end = ", 100ms after the record _acme-challenge.a.com was put into the zone";
    assert!(told.starts_with(begin) && told.ends_with(end), "{told}");
    let list = scene.proxy.run(&["list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["services"][0]["certificates"][0]["last_error"], told);
    assert!(scene.proxy.lines("Certificate received").is_empty());
    // Who does not want to wait need not.
    let flags = [&scene.bind.flags()[..], &["--tls-dns-propagation-timeout".into(), "0s".into()]].concat();
    scene.deploy("a.com", &flags);
    scene.proxy.told("Certificate received", 1);
}

#[test]
fn what_cannot_work_is_refused_by_the_deploy() {
    let scene = Scene::new();
    let flags = |provider: &str, credentials: &str| scene.bind.flags_for(provider, credentials);
    let path = scene.proxy.directory.0.join("credentials");
    let path = path.display();
    let unable = "Error: unable to use the DNS provider\n ";
    assert_eq!(
        scene.refused("*.a.com", &[]),
        "Error: automatic TLS does not support wildcards\n  unless their zone proves them: --tls-dns-provider"
    );
    assert_eq!(
        scene.refused("a.com", &flags("bind", "")),
        "Error: service options invalid: unknown DNS provider \"bind\"; there are cloudflare, digitalocean, exec, hetzner, \
         rfc2136, route53"
    );
    for (provider, key) in [
        ("cloudflare", "CLOUDFLARE_API_TOKEN"),
        ("digitalocean", "DIGITALOCEAN_TOKEN"),
        ("exec", "EXEC_PATH"),
        ("hetzner", "HETZNER_API_TOKEN"),
        ("rfc2136", "RFC2136_NAMESERVER"),
        ("route53", "AWS_ACCESS_KEY_ID"),
    ] {
        assert_eq!(
            scene.refused("a.com", &flags(provider, "")),
            format!("{unable} {path}: {key} is missing")
        );
    }
    let mut without_file = flags("cloudflare", "");
    without_file[3] = "/nowhere".into();
    assert_eq!(
        scene.refused("a.com", &without_file),
        format!("{unable} /nowhere: No such file or directory (os error 2)")
    );
    assert_eq!(
        scene.refused("a.com", &["--tls-dns-credentials".into(), "x".into()]),
        "Error: tls-dns-credentials can only be set with tls-dns-provider"
    );
    let refused = scene.refused("a.com", &["--tls-dns-provider".into(), "exec".into()]);
    assert!(
        refused.ends_with("/kamal-proxy/credentials/web: No such file or directory (os error 2)"),
        "{refused}"
    );
    assert!(scene.app.probes().is_empty());
}
