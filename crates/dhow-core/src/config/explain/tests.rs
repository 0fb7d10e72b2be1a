use super::*;

fn document(path: &str, text: &str) -> Document {
    Document { path: path.to_string(), text: text.to_string() }
}

fn explained(text: &str, key: &str) -> String {
    explain(&document("deploy.yml", text), None, &Context::default(), key)
        .unwrap_or_else(|error| format!("error: {error}"))
}

/// Up to the documentation of the key.
fn first(text: &str, key: &str) -> String {
    let explained = explained(text, key);
    explained.split("\n\n").next().unwrap_or_default().trim_end().to_string()
}

#[test]
fn the_same_is_found_in_all_forms() {
    let table = [
        ("servers: [a, b: eu]", "servers.web.hosts.0", "servers.web.hosts.0: a"),
        ("servers: {web: [a]}", "servers.web.hosts.0", "servers.web.hosts.0: a"),
        ("servers: {web: {hosts: [a]}}", "servers.web.hosts.0", "servers.web.hosts.0: a"),
        ("env: {A: 1}", "env.clear.A", "env.clear.A: 1"),
        ("env: {clear: {A: 1}}", "env.A", "env.A: 1"),
        ("env: {tags: {eu: {A: 1}}}", "env.tags.eu.clear.A", "env.tags.eu.clear.A: 1"),
        ("servers: {jobs: {env: {A: 1}}}", "servers.jobs.env.clear.A", "servers.jobs.env.clear.A: 1"),
        ("labels: {a.b.c: x}", "labels.a.b.c", "labels.a.b.c: x"),
        ("proxy: {ssl: yes}", "proxy/ssl", "proxy/ssl: true"),
        ("x-a: {b: 1}", "x-a.b", "x-a.b: 1"),
        ("ssh: {user: deploy}", "ssh_options.user", "ssh.user: deploy"),
    ];
    for (text, key, expected) in table {
        assert_eq!(first(text, key), expected.replace('/', "."), "{text}");
    }
}

#[test]
fn roles_take_what_they_do_not_say_from_the_top() {
    let text = "
servers:
  web: {hosts: [a], proxy: {host: b}, logging: {driver: local}}
  jobs: {hosts: [a], proxy: true}
  cron: [a]
proxy: {app_port: 3000}
labels: {team: x}
stop_timeout: 9
";
    let table = [
        (
            "servers.web.proxy",
            "servers.web.proxy:\n  app_port: 3000  # deploy.yml:6:19\n  host: b         # deploy.yml:3:35",
        ),
        ("servers.web.proxy.app_port", "servers.web.proxy.app_port: 3000"),
        ("servers.jobs.proxy.app_port", "servers.jobs.proxy.app_port: 3000"),
        ("servers.jobs.proxy.ssl", "servers.jobs.proxy.ssl: false"),
        ("servers.cron.proxy.app_port", "servers.cron.proxy: false"),
        ("servers.cron.labels.team", "servers.cron.labels.team: x"),
        ("servers.cron.stop_timeout", "servers.cron.stop_timeout: 9"),
        ("servers.web.logging.driver", "servers.web.logging.driver: local"),
    ];
    for (key, expected) in table {
        assert_eq!(first(text, key), expected, "{key}");
    }
    let text = explained(text, "servers.cron.stop_timeout");
    assert!(
        text.contains("written in deploy.yml:8:15\n  stop_timeout: 9\ntaken from stop_timeout, which"),
        "{text}"
    );
}

#[test]
fn an_anchor_is_where_it_was_written() {
    let text = "x-env: &env\n  A: 1\nenv:\n  <<: *env\n  B: 2\n";
    let expected = "env:\n  A: 1  # deploy.yml:2:6\n  B: 2  # deploy.yml:5:6";
    assert_eq!(first(text, "env"), expected);
}

#[test]
fn unsound_files_are_explained_too() {
    assert!(explained("proxy: {ssl: true}", "proxy.ssl").contains("written in deploy.yml:1:14"));
    assert!(explained("a: [", "proxy.ssl").starts_with("error: this is not YAML"));
    assert!(explained("nonsense: 1", "nonsense").starts_with("nonsense: 1\n"));
}

#[test]
fn nothing_that_looks_like_a_secret_shows() {
    let text = "
registry: {username: acme, password: hunter2}
env: {clear: {API_TOKEN: hunter2, MODE: open}}
ssh:
  key_data: [\"-----BEGIN PRIVATE KEY-----hunter2\"]
accessories:
  db: {env: {ROOT_PASSWORD: hunter2}, cmd: run, registry: {password: hunter2}}
";
    let keys = [
        "registry",
        "registry.password",
        "registry.username",
        "env",
        "env.clear.API_TOKEN",
        "env.clear.MODE",
        "ssh",
        "ssh.key_data",
        "ssh.key_data.0",
        "accessories",
        "accessories.db.env.ROOT_PASSWORD",
        "accessories.db.cmd",
    ];
    for key in keys {
        let text = explained(text, key);
        assert!(!text.contains("hunter2"), "{key}:\n{text}");
        assert!(text.starts_with(key), "{key}:\n{text}");
    }
}
