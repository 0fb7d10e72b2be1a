use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::{Backend, Connection, Proxy};

fn deployed(flags: &[&str]) -> (Proxy, Backend) {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, flags);
    (proxy, app)
}

fn status(proxy: &Proxy, lines: &[&str]) -> u16 {
    proxy.request("GET", "/", lines, b"").status
}

fn password(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[test]
fn addresses_are_let_in_by_list() {
    let (proxy, app) = deployed(&["--deny-ip", "127.0.0.0/8"]);
    let refused = proxy.get("a.com", "/");
    assert_eq!((refused.status, refused.text().as_str()), (403, "<h1>403 Forbidden</h1>\n"));
    proxy.deploy("web", &app, &["--allow-ip", "private", "--deny-ip", "10.0.0.0/8"]);
    assert_eq!(status(&proxy, &["X-Forwarded-For: 10.0.0.1"]), 200, "what a client claims is not believed");
    proxy.deploy("web", &app, &["--allow-ip", "192.0.2.0/24", "--trusted-proxy", "127.0.0.1"]);
    assert_eq!(status(&proxy, &["X-Forwarded-For: 192.0.2.7"]), 200);
    assert_eq!(status(&proxy, &["X-Forwarded-For: 192.0.2.7, 198.51.100.1"]), 403);
    assert_eq!(status(&proxy, &[]), 403);
    proxy.deploy("web", &app, &["--allow-ip", "192.0.2.0/24", "--client-ip-header", "X-Real"]);
    assert_eq!((status(&proxy, &["X-Real: 192.0.2.1"]), status(&proxy, &["X-Real: 1.1.1.1"])), (200, 403));
}

#[test]
fn only_trusted_proxies_speak_for_clients() {
    let lines = ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"];
    let (proxy, app) = deployed(&["--trusted-proxy", "10.0.0.0/8", "--client-ip-header", "X-Real"]);
    proxy.request("GET", "/", &[&lines[..], &["X-Real: 6.6.6.6"]].concat(), b"");
    assert_eq!(app.last().header("x-forwarded-for"), Some("127.0.0.1"), "not even by --client-ip-header");
    assert_eq!(app.last().header("x-forwarded-proto"), Some("http"));
    proxy.deploy("web", &app, &["--trusted-proxy", "private", "--forward-headers=false"]);
    proxy.request("GET", "/", &lines, b"");
    assert_eq!(app.last().header("x-forwarded-for"), Some("1.1.1.1, 127.0.0.1"));
    assert_eq!(app.last().header("x-forwarded-proto"), Some("https"));
    let logged = proxy.access_lines(2);
    assert_eq!(
        (&logged[0]["remote_addr"], &logged[1]["remote_addr"]),
        (&"127.0.0.1".into(), &"1.1.1.1".into())
    );
}

#[test]
fn clients_that_ask_too_often_are_told_when_to_come_back() {
    let (proxy, app) = deployed(&["--rate-limit", "2/h", "--trusted-proxy", "127.0.0.1"]);
    let ask = |client: &str| proxy.request("GET", "/", &[&format!("X-Forwarded-For: {client}")], b"");
    assert_eq!((ask("1.1.1.1").status, ask("1.1.1.1").status), (200, 200));
    let refused = ask("1.1.1.1");
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&wait), "{wait}");
    assert_eq!(ask("2.2.2.2").status, 200);
    // A request that is held counts once, however often the routes change meanwhile.
    proxy.ok(&["pause", "web", "--max-pause", "30s"]);
    let mut held = proxy.connect();
    held.request("GET", "a.com", "/", &["X-Forwarded-For: 3.3.3.3"], b"");
    proxy.ok(&["pause", "web", "--max-pause", "29s"]);
    proxy.ok(&["pause", "web", "--max-pause", "28s"]);
    proxy.ok(&["resume", "web"]);
    assert_eq!(held.reply().status, 200);
    assert_eq!((ask("3.3.3.3").status, ask("3.3.3.3").status), (200, 429));
    assert_eq!(app.received().len(), 5, "what is refused does not reach the app");
}

#[test]
fn a_password_is_asked_for_and_checked() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let hash = bcrypt::hash("lovelace", 4).unwrap();
    let users = proxy.directory.write("users", &format!("ada:{hash}\n"));
    let users = users.display().to_string();
    let flags = ["--basic-auth-path", &users, "--basic-auth-except", "/up,/hooks"];
    proxy.deploy("web", &app, &flags);
    let asked = proxy.get("a.com", "/");
    assert_eq!(asked.status, 401);
    assert_eq!(asked.header("www-authenticate"), Some("Basic realm=\"Restricted\", charset=\"UTF-8\""));
    for _ in 0..2 {
        assert_eq!(status(&proxy, &[&password("ada", "lovelace")]), 200);
        assert_eq!(status(&proxy, &[&password("ada", "byron")]), 401);
        assert_eq!(status(&proxy, &[&password("bob", "lovelace")]), 401);
    }
    assert_eq!(proxy.get("a.com", "/hooks/github").status, 200);
    assert_eq!(proxy.get("a.com", "/hooked").status, 401);
    // One connection goes on after either answer.
    let mut client = Connection::open(proxy.http);
    for (credentials, expected) in [("byron", 401), ("lovelace", 200), ("byron", 401)] {
        client.request("GET", "a.com", "/", &[&password("ada", credentials)], b"");
        assert_eq!(client.reply().status, expected);
    }
    assert!(!format!("{:?}", proxy.all_lines()).contains("lovelace"));
}

#[test]
fn rules_survive_a_restart_and_stay_shut_without_their_file() {
    let (proxy, app) = (Proxy::spawn(), Backend::named("app"));
    let hash = bcrypt::hash("lovelace", 4).unwrap();
    let users = proxy.directory.write("users", &format!("ada:{hash}\n"));
    proxy.deploy("web", &app, &["--basic-auth-path", &users.display().to_string()]);
    assert_eq!(proxy.state()[0]["options"]["dhow"]["basic_auth_path"], users.display().to_string());
    let proxy = Proxy::spawn_in(proxy.kill());
    assert_eq!((status(&proxy, &[]), status(&proxy, &[&password("ada", "lovelace")])), (401, 200));
    std::fs::remove_file(users).unwrap();
    let proxy = Proxy::spawn_in(proxy.kill());
    assert_eq!(status(&proxy, &[&password("ada", "lovelace")]), 503);
    assert_eq!(proxy.lines("Unable to load the rules for clients").len(), 1);
}

#[test]
fn without_rules_the_state_file_is_kamal_proxys() {
    let (proxy, _app) = deployed(&[]);
    assert!(proxy.state()[0]["options"].get("dhow").is_none());
}

#[test]
fn hosts_go_to_or_from_their_www_name() {
    let hosts = ["--host", "a.com,www.a.com,api.a.com"];
    let (proxy, app) = deployed(&[&hosts[..], &["--www-redirect", "remove"]].concat());
    let moved = proxy.get("www.a.com", "/x?y");
    assert_eq!((moved.status, moved.header("location")), (301, Some("http://a.com/x?y")));
    assert_eq!((proxy.get("a.com", "/").status, proxy.get("api.a.com", "/").status), (200, 200));
    proxy.deploy("web", &app, &[&hosts[..], &["--www-redirect", "add"]].concat());
    assert_eq!(proxy.get("a.com", "/").header("location"), Some("http://www.a.com/"));
}

#[test]
fn rules_that_make_no_sense_change_nothing() {
    let (proxy, app) = deployed(&[]);
    let missing = proxy.directory.0.join("missing").display().to_string();
    let plain = proxy.directory.write("plain", "ada:lovelace\n").display().to_string();
    for (flags, error) in [
        (&["--allow-ip", "300.1.1.1"][..], "allow-ip: \"300.1.1.1\" is no address; use one (192.0.2.7)"),
        (&["--rate-limit", "fast"], "rate-limit \"fast\" is no rate; use requests/time, for example 100/1m"),
        (&["--rate-limit-burst", "5"], "rate-limit-burst needs a rate-limit"),
        (&["--basic-auth-path", &missing], "missing: No such file or directory"),
        (&["--basic-auth-path", &plain], "plain: line 1: the password is not hashed with bcrypt"),
        (&["--basic-auth-except", "/up"], "basic-auth-except needs a basic-auth-path"),
        (&["--www-redirect", "both"], "www-redirect \"both\" is neither \"add\" nor \"remove\""),
        (&["--host", "a.com", "--www-redirect", "add"], "www-redirect needs a host and its www."),
    ] {
        let told = proxy.fails(&proxy.deploy_command("web", &app, flags));
        assert!(told.contains(error) && !told.contains("lovelace"), "{flags:?}: {told}");
        assert_eq!(proxy.get("a.com", "/").status, 200);
    }
}
