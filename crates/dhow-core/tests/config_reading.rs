//! What a right configuration means.

use dhow_core::config::*;
use dhow_core::ruby::Surroundings;
use std::collections::BTreeMap;
use std::sync::Arc;

const BASE: &str = "
service: shop
image: acme/shop
registry: {username: acme, password: [REGISTRY_PASSWORD]}
builder: {arch: amd64}
";

fn document(path: &str, text: &str) -> Document {
    Document { path: path.to_string(), text: text.to_string() }
}

fn context() -> Context {
    Context { local_arch: "arm64".to_string(), ..Context::default() }
}

fn read(text: &str) -> Config {
    Config::read(&document("deploy.yml", text), None, &context()).unwrap_or_else(|errors| panic!("{errors}"))
}

fn with(text: &str) -> Config {
    read(&format!("{BASE}{text}"))
}

#[test]
fn roles_are_sorted_and_only_the_primary_one_is_proxied() {
    let config = with(
        "
servers:
  workers: {hosts: [b, a, b], cmd: bin/jobs, stop_timeout: 5}
  api: {hosts: [c], proxy: true}
  web: [a]
proxy: {host: 'x.example.com, y.example.com', app_port: 3000}
stop_timeout: 9
",
    );
    let names: Vec<&str> = config.roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(names, ["api", "web", "workers"]);
    let workers = config.role("workers").unwrap();
    assert_eq!(workers.hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((workers.proxy.as_ref(), workers.stop_timeout), (None, Some(5)));
    let web = config.role("web").unwrap();
    assert_eq!(web.proxy.as_ref().unwrap().hosts, ["x.example.com", "y.example.com"]);
    assert_eq!(web.proxy, config.role("api").unwrap().proxy);
    assert_eq!(web.stop_timeout, Some(9));
}

#[test]
fn a_role_takes_its_host_from_the_root_and_overrides_the_rest() {
    let config = with(
        "
servers:
  web: {hosts: [a], proxy: {ssl: true, healthcheck: {path: /ok}}}
  api: {hosts: [b], proxy: false}
proxy: {host: x, response_timeout: 5, healthcheck: {interval: 2, path: /up}}
",
    );
    let proxy = config.role("web").unwrap().proxy.as_ref().unwrap();
    assert_eq!((proxy.tls.clone(), proxy.response_timeout, proxy.app_port), (Tls::Automatic, Some(5), 80));
    let check = HealthCheck { interval: Some(2), timeout: None, path: Some("/ok".to_string()) };
    assert_eq!(proxy.healthcheck, check);
    assert_eq!(config.role("api").unwrap().proxy, None);
}

#[test]
fn environments_are_merged_root_role_tags() {
    let config = with(
        "
servers:
  web:
    hosts: [a, {b: [t1, t2, unknown]}]
    env: {clear: {A: role, R: 1}, secret: [S2]}
env:
  clear: {A: root, B: root, E: ''}
  secret: [S1, 'X:Y']
  tags:
    t1: {B: one, C: one}
    t2: {clear: {C: two}, secret: [S1, S3]}
",
    );
    let env = |host: &str| {
        let env = config.role("web").unwrap().env_on(host).unwrap();
        let clear: Vec<String> = env.clear.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let secret: Vec<String> =
            env.secret.iter().map(|name| format!("{}:{}", name.variable, name.key)).collect();
        (clear.join(" "), secret.join(" "))
    };
    assert_eq!(env("a"), ("A=role B=root E= R=1".into(), "S1:S1 X:Y S2:S2".into()));
    assert_eq!(env("b"), ("A=role B=one E= R=1 C=two".into(), "S1:S1 X:Y S2:S2 S3:S3".into()));
}

#[test]
fn tags_without_a_root_env_are_no_tags() {
    let config = with("servers: [{a: t1}]\n");
    assert_eq!(config.roles[0].hosts[0].tags, ["t1"]);
    assert_eq!(config.roles[0].hosts[0].env, Env::default());
}

#[test]
fn accessories_find_their_hosts() {
    let config = with(
        "
servers:
  web: {hosts: [{a: t1}, {b: t10}]}
  jobs: [{c: [t1]}, a]
accessories:
  one: {image: redis, host: x, port: 6379}
  by-role: {image: redis, roles: [jobs, web], service: cache, network: own}
  by-tag: {image: redis, tag: t1, registry: {server: ghcr.io, username: u, password: [P]}}
",
    );
    let hosts = |name| config.accessory(name).unwrap().hosts.clone();
    assert_eq!(hosts("one"), ["x"]);
    assert_eq!(hosts("by-role"), ["c", "a", "b"]);
    assert_eq!(hosts("by-tag"), ["c", "a"], "t1 is not t10");
    let one = config.accessory("one").unwrap();
    assert_eq!((one.service.as_str(), one.publish.as_deref()), ("shop-one", Some("6379:6379")));
    assert_eq!((one.restart.as_str(), one.network.as_str()), ("unless-stopped", "kamal"));
    assert_eq!(config.accessory("by-role").unwrap().service, "cache");
    assert_eq!(config.accessory("by-tag").unwrap().image, "ghcr.io/redis");
}

#[test]
fn files_and_directories_come_in_two_forms() {
    let config = with(
        "
servers: [a]
accessories:
  db:
    image: mysql
    host: a
    files:
      - config/my.cnf:/etc/mysql/my.cnf:ro,Z
      - {local: key, remote: /key, mode: '0600', owner: '1000:1000', options: Z}
    directories:
      - data:/var/lib/mysql
",
    );
    let db = config.accessory("db").unwrap();
    assert_eq!(db.files[0].options.as_deref(), Some("ro,Z"));
    assert_eq!(db.files[0].ownership.mode.as_deref(), Some("755"));
    let owner = Ownership { mode: Some("0600".to_string()), owner: Some("1000:1000".to_string()) };
    assert_eq!(db.files[1].ownership, owner);
    assert_eq!(
        (db.directories[0].local.as_str(), db.directories[0].remote.as_str()),
        ("data", "/var/lib/mysql")
    );
    assert_eq!(db.directories[0].ownership, Ownership::default());
}

#[test]
fn options_keep_their_shapes() {
    let config = with(
        "
servers:
  web:
    hosts: [a]
    options: {memory: 2g, cpus: 0.5, init: true, tty: false, cap-add: [A, B], restart: always}
",
    );
    let role = config.role("web").unwrap();
    let expected = vec![
        ("memory".to_string(), OptionValue::Value("2g".to_string())),
        ("cpus".to_string(), OptionValue::Value("0.5".to_string())),
        ("init".to_string(), OptionValue::Flag),
        ("tty".to_string(), OptionValue::Value("false".to_string())),
        ("cap-add".to_string(), OptionValue::List(vec!["A".to_string(), "B".to_string()])),
    ];
    assert_eq!((role.options.clone(), role.restart.as_str()), (expected, "always"));
}

#[test]
fn without_a_registry_dhow_serves_the_image_itself() {
    let config = read("service: shop\nservers: [a]\n");
    assert_eq!(config.registry.server.as_deref(), Some(Registry::BUILT_IN));
    assert_eq!(config.repository(), "localhost:5555/shop");
    assert_eq!(config.builder.arch, ["arm64"], "what this machine is");
    let message = |text: &str| {
        Config::read(&document("d", text), None, &context())
            .unwrap_err()
            .iter()
            .next()
            .unwrap()
            .message
            .clone()
    };
    let partly = "service: shop\nimage: s\nservers: [a]\nregistry: {server: ghcr.io}\n";
    assert_eq!(message(partly), "registry/username: is required");
    let no_arch = "service: shop\nimage: s\nservers: [a]\nregistry: {username: a, password: b}\n";
    assert_eq!(message(no_arch), "builder: Builder arch not set");
}

#[test]
fn destinations_merge_mappings_and_replace_the_rest() {
    let base = document(
        "deploy.yml",
        &format!("{BASE}servers: [a, b]\nenv: {{clear: {{A: 1, B: 1}}}}\nvolumes: [x]\n"),
    );
    let over = document("deploy.eu.yml", "servers: [c]\nenv: {clear: {B: 2, C: 3}}\nproxy: {app_port: x}\n");
    let context = Context { destination: Some("eu".to_string()), ..context() };
    let errors = Config::read(&base, Some(&over), &context).unwrap_err();
    assert!(errors.to_string().contains("--> deploy.eu.yml:3"), "a value keeps its own file: {errors}");
    let over = document("deploy.eu.yml", "servers: [c]\nenv: {clear: {B: 2, C: 3}}\n");
    let config = Config::read(&base, Some(&over), &context).unwrap();
    assert_eq!(config.roles[0].hosts.len(), 1);
    let clear =
        [("A", "1"), ("B", "2"), ("C", "3")].map(|(name, value)| (name.to_string(), value.to_string()));
    assert_eq!(config.roles[0].env_on("c").unwrap().clear, clear);
    assert_eq!((config.app(), config.latest_tag()), ("shop-eu".to_string(), "latest-eu".to_string()));
}

#[test]
fn merge_keys_follow_the_document() {
    let config = with(
        "
x-one: &one {A: one, B: one}
x-two: &two {A: two, C: two}
servers: [a]
env:
  clear:
    <<: [*one, *two]
    B: own
    D: own
    <<: {D: merged}
",
    );
    let env = &config.roles[0].hosts[0].env;
    let clear: BTreeMap<&str, &str> =
        env.clear.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(clear, BTreeMap::from([("A", "one"), ("B", "own"), ("C", "two"), ("D", "merged")]));
}

#[test]
fn what_ruby_passes_over_is_a_warning() {
    let warnings =
        with("servers: [a]\nvolumes: [x]\nvolumes: [y]\nrun_directory: /x\n...\nnot: [read\n").warnings;
    let [twice, directory, end] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(twice.starts_with("volumes is written twice") && twice.ends_with("(deploy.yml:8)"), "{twice}");
    assert!(directory.starts_with("the document ends here"), "{directory}");
    assert!(end.starts_with("run_directory has no effect"), "{end}");
}

#[test]
fn a_block_at_the_end_needs_no_line_end() {
    let cmd = |text: &str| {
        with(&format!("servers: {{web: {{hosts: [a]}}}}\nasset_path: {text}")).roles[0].asset_path.clone()
    };
    let path = |text: &str| Some((text.to_string(), None));
    assert_eq!(cmd("|\n  /a"), path("/a"));
    assert_eq!(cmd("|\n  /a\n"), path("/a\n"));
    assert_eq!(cmd("|-\n  /a\n"), path("/a"));
    assert_eq!(cmd(">"), None);
}

#[test]
fn ports_in_base_60_are_a_warning() {
    let config = with("servers: [a]\naccessories: {ssh: {image: i, host: h, port: 8:22}}\n");
    assert_eq!(config.warnings, ["YAML reads 8:22 as the number 30120; put it in quotes (deploy.yml:7)"]);
}

#[test]
fn hosts_listed_twice_and_requests_claimed_twice_are_warnings() {
    let warnings = |text: &str| with(text).warnings;
    let twice = warnings("servers: {web: [a, b, a: [x]]}\nenv: {tags: {x: {}}}\n");
    assert_eq!(twice, ["a is listed twice; it counts once, with its last tags (deploy.yml:6)"]);
    let shared = "servers: {web: [a, b], api: {hosts: [b], proxy: true}}\nproxy: {host: x.example.com}\n";
    let expected =
        "api and web both want the requests for x.example.com on b; the proxy takes one (deploy.yml:6)";
    assert_eq!(warnings(shared), [expected]);
    for apart in [
        "servers: {web: [a], api: {hosts: [b], proxy: true}}\nproxy: {host: x.example.com}\n",
        "servers: {web: [a], api: {hosts: [a], proxy: {path_prefix: /api}}}\nproxy: {host: x.example.com}\n",
        "servers: {web: [a], api: {hosts: [a], proxy: {host: y.example.com}}}\nproxy: {}\n",
        "servers: [a]\naccessories: {db: {image: x, host: a, port: '0.0.0.0:8000-8010:8000-8010/udp'}}\n",
    ] {
        assert_eq!(warnings(apart), Vec::<String>::new(), "{apart}");
    }
}

#[test]
fn traefik_labels_are_a_warning() {
    let labels = "{traefik.http.routers.shop.rule: 'Host(`shop.example.com`)'}";
    let config = with(&format!("servers: {{web: {{hosts: [a], labels: {labels}}}}}\n"));
    assert!(config.warnings[0].contains("write `proxy: {host: shop.example.com}`"), "{:?}", config.warnings);
}

#[test]
fn aliases_are_read_before_anything_is_checked() {
    let base = document("deploy.yml", "aliases: {shell: app exec -i bash, bad: [x]}\nnonsense: 1\n");
    let over = document("deploy.eu.yml", "aliases: {logs: <%= ENV['LOGS'] %>}\n");
    let context = Context { env: [("LOGS".to_string(), "app logs -f".to_string())].into(), ..context() };
    let found = aliases(&base, Some(&over), &context).unwrap();
    assert_eq!(
        found,
        [("logs", "app logs -f"), ("shell", "app exec -i bash")].map(|(a, b)| (a.into(), b.into())).into()
    );
}

struct OldHooks;

impl Surroundings for OldHooks {
    fn names(&self, directory: &str) -> Vec<String> {
        assert_eq!(directory, ".kamal/hooks");
        ["pre-traefik-reboot", "pre-deploy"].map(String::from).into()
    }
}

#[test]
fn old_hooks_must_be_renamed() {
    let text = format!("{BASE}servers: [a]\n");
    let context = Context { surroundings: Arc::new(OldHooks), ..context() };
    let errors = Config::read(&document("deploy.yml", &text), None, &context).unwrap_err();
    let message = "Found pre-traefik-reboot, these should be renamed to (pre|post)-proxy-reboot";
    assert_eq!(errors.iter().next().unwrap().message, message);
}

#[test]
fn remaining_sections_have_their_defaults() {
    let config = with("servers: [a]\n");
    assert_eq!(
        (config.ssh.user.as_str(), config.ssh.port, config.ssh.config.clone()),
        ("root", 22, SshConfigFiles::Default)
    );
    assert_eq!(config.sshkit, Sshkit { max_concurrent_starts: 30, pool_idle_timeout: 900, dns_retries: 3 });
    assert_eq!((config.retain_containers, config.readiness_delay), (5, 7));
    assert_eq!((config.deploy_timeout, config.drain_timeout), (30, 30));
    assert_eq!((config.boot.clone(), config.logging.clone()), (Boot::default(), Logging::default()));
    let config = with(
        "
servers: [a]
ssh: {proxy: bastion, port: '2222', config: [~/.ssh/own], keys_only: yes}
boot: {limit: 25%, wait: 2}
readiness_delay: -1
asset_path: /rails/public/assets:ro
hooks_output:
  pre-deploy: :quiet
output: {file: {path: /var/log/kamal}}
",
    );
    assert_eq!((config.ssh.proxy.as_deref(), config.ssh.port), (Some("root@bastion"), 2222));
    assert_eq!(config.ssh.config, SshConfigFiles::Files(vec!["~/.ssh/own".to_string()]));
    assert_eq!((config.boot.limit, config.boot.wait), (Some(BootLimit::Percent(25)), 2));
    assert_eq!(config.readiness_delay, -1);
    assert_eq!(
        config.roles[0].asset_path,
        Some(("/rails/public/assets".to_string(), Some("ro".to_string())))
    );
    assert_eq!(config.hooks_output, [(Some("pre-deploy".to_string()), HookOutput::Quiet)].into());
    assert_eq!(config.output.file_path.as_deref(), Some("/var/log/kamal"));
}

#[test]
fn rules_for_visitors_need_dhows_proxy() {
    let config = with(
        "
servers: [a]
proxy:
  hosts: [a.com, www.a.com]
  www_redirect: remove
  trusted_proxies: [cloudflare, 10.0.0.0/8]
  rate_limit: {requests: 100}
  basic_auth: {users: USERS, except: [/up]}
  run: {debug: true, proxy_protocol: [10.0.0.0/8]}
  response_headers: {X-Frame-Options: DENY, Server: false, X-Age: 5}
  hsts: {max_age: 31536000, include_subdomains: true}
  compression: [zstd, gzip]
  path_timeouts: {/reports: 300, /events: 0}
  sticky_sessions: true
",
    );
    let proxy = config.roles[0].proxy.as_ref().unwrap();
    let visitors = ["www_redirect", "trusted_proxies", "rate_limit", "basic_auth"];
    let others =
        ["response_headers", "hsts", "compression", "path_timeouts", "sticky_sessions", "run.proxy_protocol"];
    assert_eq!(proxy.ours, [&visitors[..], &others].concat());
    let set = [("X-Frame-Options", "DENY"), ("X-Age", "5")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(proxy.policy.answers.set_headers, set);
    let targets = &proxy.policy.targets;
    assert_eq!(targets.path_timeouts, [("/reports".into(), 300), ("/events".into(), 0)]);
    assert!(targets.sticky_sessions && targets.idle_timeout.is_none());
    assert_eq!(proxy.policy.answers.compression, ["zstd", "gzip"]);
    assert_eq!(proxy.policy.answers.removed_headers, ["Server"]);
    let hsts = Hsts { max_age: 31_536_000, include_subdomains: true, preload: false };
    assert_eq!(proxy.policy.answers.hsts, Some(hsts));
    assert_eq!(proxy.policy.rate_limit, Some(RateLimit { requests: 100, per: 60, burst: None }));
    let users = BasicAuth { users: "USERS".into(), except: vec!["/up".into()] };
    assert_eq!(proxy.policy.basic_auth, Some(users));
    let plain = with("servers: [a]\nproxy: {host: a.com, canonical_host: a.com}\n");
    assert!(plain.roles[0].proxy.as_ref().unwrap().ours.is_empty());
}

#[test]
fn a_zone_proves_wildcards_and_any_number_of_servers() {
    let config = with(
        r#"
servers: [a, b]
proxy:
  host: "*.example.com"
  ssl:
    staging: true
    dns: {provider: rfc2136, credentials: [TSIG], settings: {RFC2136_NAMESERVER: 10.0.0.53}, propagation_timeout: 60}
"#,
    );
    let proxy = config.roles[0].proxy.as_ref().unwrap();
    assert_eq!((&proxy.tls, proxy.acme.staging), (&Tls::Automatic, true));
    let dns = proxy.acme.dns.as_ref().unwrap();
    assert_eq!((dns.provider.as_str(), dns.propagation_timeout), ("rfc2136", Some(60)));
    assert_eq!(dns.credentials, ["TSIG"]);
    assert_eq!(dns.settings, [("RFC2136_NAMESERVER".to_string(), "10.0.0.53".to_string())]);
    assert_eq!(proxy.ours, ["ssl.dns"]);
}

#[test]
fn certificates_on_demand_need_no_host() {
    let config = with("servers: [a]\nproxy: {ssl_on_demand_url: /tls/check}\n");
    let proxy = config.roles[0].proxy.as_ref().unwrap();
    assert_eq!((&proxy.tls, proxy.tls_on_demand_url.as_deref()), (&Tls::Automatic, Some("/tls/check")));
    assert_eq!(proxy.ours, ["ssl_on_demand_url"]);
}
