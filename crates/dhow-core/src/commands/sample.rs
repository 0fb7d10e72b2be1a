//! A small configuration for the tests of this module: one web role behind the proxy, one role without, one database.

use crate::config::*;
use std::collections::BTreeMap;

/// `shop`: web on 1.1.1.1 behind the proxy, workers on 1.1.1.2.
pub fn config() -> Config {
    Config {
        service: "shop".to_string(),
        image: "acme/shop".to_string(),
        destination: None,
        registry: registry("ghcr.io"),
        roles: vec![role("web", "1.1.1.1", Some(proxy())), role("workers", "1.1.1.2", None)],
        primary_role: "web".to_string(),
        accessories: vec![accessory()],
        builder: builder(),
        ssh: ssh(),
        sshkit: Sshkit { max_concurrent_starts: 30, pool_idle_timeout: 900, dns_retries: 3 },
        boot: Boot::default(),
        logging: Logging::default(),
        aliases: BTreeMap::new(),
        hooks_path: ".kamal/hooks".to_string(),
        hooks_output: BTreeMap::new(),
        secrets_path: ".kamal/secrets".to_string(),
        error_pages_path: None,
        retain_containers: 5,
        readiness_delay: 7,
        deploy_timeout: 30,
        drain_timeout: 30,
        warnings: Vec::new(),
        output: Output::default(),
        written: Written::default(),
    }
}

/// The same with a difference.
pub fn with(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = config();
    change(&mut config);
    config
}

/// The same for a destination.
pub fn staging() -> Config {
    with(|config| config.destination = Some("staging".to_string()))
}

/// Names and values.
pub fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
}

/// A registry with an account whose password is a secret.
pub fn registry(server: &str) -> Registry {
    Registry {
        server: Some(server.to_string()),
        username: Some(Credential::Plain("acme".to_string())),
        password: Some(Credential::Secret("REGISTRY_PASSWORD".to_string())),
    }
}

/// The proxy settings of an empty `proxy:`.
pub fn proxy() -> Proxy {
    Proxy { app_port: 80, ..Proxy::default() }
}

/// The words that `changed` has more than `plain`: they must be in one piece, the rest the same.
pub fn added(plain: &str, changed: &str) -> String {
    let words: [Vec<&str>; 2] = [plain, changed].map(|line| line.split(' ').collect());
    let [plain, changed] = words.each_ref().map(Vec::as_slice);
    let same = plain.iter().zip(changed).take_while(|(a, b)| a == b).count();
    changed[same..].strip_suffix(&plain[same..]).expect("a difference in one piece").join(" ")
}

fn role(name: &str, host: &str, proxy: Option<Proxy>) -> Role {
    Role {
        name: name.to_string(),
        hosts: vec![Host { name: host.to_string(), tags: Vec::new(), env: Env::default() }],
        cmd: None,
        labels: Vec::new(),
        options: Vec::new(),
        restart: "unless-stopped".to_string(),
        logging: Logging::default(),
        volumes: Vec::new(),
        asset_path: None,
        proxy,
        stop_timeout: None,
    }
}

fn accessory() -> Accessory {
    Accessory {
        name: "db".to_string(),
        service: "shop-db".to_string(),
        image: "postgres:16".to_string(),
        registry: None,
        hosts: vec!["1.1.1.3".to_string()],
        cmd: None,
        publish: None,
        labels: Vec::new(),
        options: Vec::new(),
        restart: "unless-stopped".to_string(),
        env: Env::default(),
        files: Vec::new(),
        directories: Vec::new(),
        volumes: Vec::new(),
        network: "kamal".to_string(),
        proxy: None,
    }
}

fn builder() -> Builder {
    Builder {
        arch: vec!["amd64".to_string()],
        remote: None,
        local: true,
        driver: None,
        context: None,
        dockerfile: "Dockerfile".to_string(),
        target: None,
        args: Vec::new(),
        secrets: Vec::new(),
        ssh: None,
        cache: None,
        provenance: None,
        sbom: None,
        pack: None,
    }
}

fn ssh() -> Ssh {
    Ssh {
        user: "root".to_string(),
        port: 22,
        proxy: None,
        proxy_command: None,
        log_level: None,
        keys_only: None,
        keys: Vec::new(),
        key_data: Vec::new(),
        config: SshConfigFiles::Default,
        forward_agent: None,
    }
}
