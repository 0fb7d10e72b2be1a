//! What a difference in the configuration adds to a command line, as seen from Kamal 2.12.0.

use dhow_core::commands::builder::{Build, ImageBuilder};
use dhow_core::commands::{accessory, app, proxy};
use dhow_core::config::{Config, Context, Document};
use dhow_core::secrets::{Secret, Secrets, env_file::env_file};

const BASE: &str = "
service: shop
image: acme/shop
servers: {web: {hosts: [10.0.0.1]}}
registry: {server: ghcr.io, username: acme, password: [REGISTRY_PASSWORD]}
builder: {arch: amd64}
accessories: {db: {image: x, host: 10.0.0.1}}
";

fn read(difference: &str) -> Config {
    let document = |path: &str, text: &str| Document { path: path.to_string(), text: text.to_string() };
    let context = Context { local_arch: "amd64".to_string(), ..Context::default() };
    let difference = document("deploy.yml", difference);
    let config = Config::read(&document("base.yml", BASE), Some(&difference), &context);
    config.unwrap_or_else(|errors| panic!("{}\n{errors}", difference.text))
}

fn line(config: &Config, name: &str) -> String {
    let web = &config.roles[0];
    match name {
        "run" => app::run(config, web, "10.0.0.1", "v1", "shop-web-v1", "hex").to_string(),
        "accessory" => accessory::run(config, &config.accessories[0], "10.0.0.1").to_string(),
        "proxy" => {
            let run = web.proxy.as_ref().and_then(|proxy| proxy.run.as_ref());
            proxy::run(run, "image").to_string()
        }
        "build" => {
            let build =
                Build { version: "v1", output: "registry", context: ".", no_cache: false, dirty: false };
            ImageBuilder::new(config, "amd64").build(&build).to_string()
        }
        other => panic!("no line is called {other}"),
    }
}

/// `difference | line | words it then has`, one per row; `~` before the words: which it then has not.
fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let columns: Vec<&str> = row.split(" | ").collect();
        let [difference, name, words] = columns[..] else { panic!("three columns: {row}") };
        let line = format!("{} ", line(&read(difference), name));
        match words.strip_prefix('~') {
            Some(words) => assert!(!line.contains(words), "{difference}\n{line}"),
            None => assert!(line.contains(&format!(" {words} ")), "{difference}\n{line}"),
        }
    }
}

#[test]
fn what_says_nothing_leaves_the_bare_name() {
    check(
        r#"
        {servers: {web: {options: {init: }}}} | run | --label destination --init ghcr.io/acme/shop:v1
        {servers: {web: {options: {shm-size: "", memory: 1g}}}} | run | --shm-size --memory "1g"
        {servers: {web: {options: {ulimit: [~, core=0]}}}} | run | --ulimit --ulimit "core=0"
        {accessories: {db: {options: {tty: ""}}}} | accessory | --tty x
        {env: {A: " ", B: ""}} | run | --env A --env B --env-file
        {labels: {a: " "}} | run | --label a
        {logging: {options: {max-size: " ", tag: []}}} | run | --log-opt max-size --log-opt tag
        {builder: {args: {A: " ", B: [], C: "", D: true}}} | build | --build-arg A --build-arg B --build-arg C --build-arg D=[REDACTED]
        {builder: {target: "", ssh: " "}} | build | --file Dockerfile .
        {accessories: {db: {files: [{local: a, remote: /b, options: ""}]}}} | accessory | --volume "$PWD"/shop-db/b:/b
        "#,
    );
}

#[test]
fn a_text_that_is_false_is_not_written() {
    check(
        r#"
        {asset_path: /a, servers: {web: {asset_path: false}}} | run | --volume "$PWD"/.kamal/apps/shop/assets/volumes/web-v1:/a
        {accessories: {db: {network: false}}} | accessory | --network kamal
        {accessories: {db: {service: no}}} | accessory | --name shop-db
        {builder: {context: false, target: no, dockerfile: off}} | build | --file Dockerfile .
        {builder: {provenance: false, sbom: false}} | build | --provenance false --sbom false
        {servers: {web: {options: {init: false}}}} | run | --init "false"
        {env: {A: false}, labels: {b: off}} | run | --env A="false"
        "#,
    );
}

#[test]
fn the_proxys_container_takes_any_option() {
    check(
        r#"
        {proxy: {run: {options: {restart: always, label: [a=b, "c=d e"]}}}} | proxy | --restart "always" --label "a=b" --label "c=d e" image
        {proxy: {run: {options: {init: }}}} | proxy | --init image
        "#,
    );
}

#[test]
fn a_builder_is_not_named_with_dockers_own_driver() {
    check(
        r#"
        {builder: {driver: docker}} | build | ~--builder
        {builder: {driver: docker, arch: arm64, remote: "ssh://b"}} | build | ~--builder
        {builder: {driver: kubernetes}} | build | --builder kamal-local-kubernetes
        "#,
    );
}

#[test]
fn the_last_of_two_secrets_for_a_variable_counts() {
    let secrets = [("S", "s"), ("T", "t")].map(|(key, value)| (key.to_string(), Secret::new(value)));
    let secrets = Secrets::new(secrets.into(), Vec::new());
    let config = read("{accessories: {db: {env: {secret: [S:T, S, S:T]}}}}");
    assert_eq!(
        env_file(&config.accessories[0].env, &secrets).map(|file| file.reveal().to_string()),
        Ok("S=t\n".into())
    );
}
