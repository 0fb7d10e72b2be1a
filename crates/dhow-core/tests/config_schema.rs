//! The schema that editors get, against what reading accepts and refuses.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/draft7.rs"]
mod draft7;

use dhow_core::config::{Config, Context, Document, json_schema, merged_json};
use serde_json::Value;

const BASE: &str = "
service: shop
image: acme/shop
servers: [10.0.0.1]
registry: {username: acme, password: [REGISTRY_PASSWORD]}
builder: {arch: amd64}
";

/// Is this, over the base, accepted by reading, and by the schema?
fn verdicts(difference: &str) -> (bool, Vec<String>) {
    let document = |path: &str, text: &str| Document { path: path.to_string(), text: text.to_string() };
    let (base, over) = (document("base.yml", BASE), document("over.yml", difference));
    let context = Context { local_arch: "amd64".to_string(), ..Context::default() };
    let json =
        merged_json(&base, Some(&over), &context).unwrap_or_else(|errors| panic!("{difference}: {errors}"));
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let wrong = draft7::check(&schema, &serde_json::from_str(&json).unwrap());
    (Config::read(&base, Some(&over), &context).is_ok(), wrong)
}

fn both_accept(table: &str) {
    for difference in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (read, wrong) = verdicts(difference);
        assert!(read, "reading refuses {difference}");
        assert_eq!(wrong, Vec::<String>::new(), "{difference}");
    }
}

fn both_refuse(table: &str) {
    for difference in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (read, wrong) = verdicts(difference);
        assert!(!read, "reading accepts {difference}");
        assert_ne!(wrong, Vec::<String>::new(), "{difference}");
    }
}

#[test]
fn what_reading_accepts_fits() {
    both_accept(
        r#"
        {x-shared: {anything: [1, ~]}}
        {servers: {web: [10.0.0.1: eu, 10.0.0.2: [eu, 1]], jobs: {hosts: [10.0.0.3], cmd: bin/jobs, proxy: false}}}
        {proxy: {ssl: yes, host: a.example.com}}
        {proxy: {ssl: {certificate_pem: A, private_key_pem: B}, host: a.example.com}}
        {proxy: {buffering: {max_request_body: 40_000_000}}}
        {env: {RAILS_ENV: production, WORKERS: 2, DEBUG: false}}
        {env: {clear: {A: 1}, secret: [B, "C:D"], tags: {eu: {REGION: eu}, us: {secret: [E]}}}}
        {registry: {server: "localhost:5000"}}
        {registry: {username: [NAME]}}
        {hooks_output: verbose}
        {hooks_output: {pre-deploy: quiet, my-own: verbose}}
        {ssh: {config: [~/.ssh/own], port: 2222, log_level: debug}}
        {ssh: {config: false}}
        {accessories: {db: {image: postgres, role: web, files: ["a:/b", {local: a, remote: /b, mode: "0640"}], proxy: false}}}
        {accessories: {db: {image: postgres, tags: [eu], options: {restart: on-failure:3, cpus: 2}, labels: {a: 1}}}}
        {builder: {arch: [amd64], args: {A: ~, B: [1]}, cache: {type: gha}, provenance: false}}
        {boot: {limit: 2}}
        {boot: {limit: 25%, wait: 3}}
        {aliases: {shell: app exec -i bash}}
        {readiness_delay: -1}
        {minimum_version: 2}
        "#,
    );
}

#[test]
fn what_reading_refuses_does_not_fit() {
    both_refuse(
        r#"
        {nonsense: 1}
        {builder: {x-shared: 1}}
        {service: [a]}
        {service: "a b"}
        {service: 1}
        {accessories: {db: {image: postgres, host: a, directories: [{local: a, remote: /b, mode: 0640}]}}}
        {proxy: {app_port: "3000"}}
        {proxy: {app_port: 70000}}
        {proxy: {ssl: maybe}}
        {proxy: {ssl: {certificate: A}, host: a}}
        {proxy: {healthcheck: {port: 3000}}}
        {proxy: true}
        {proxy: {hosts: [a: b]}}
        {servers: {web: {hosts: 10.0.0.1}}}
        {servers: {web: [{10.0.0.1: a, 10.0.0.2: b}]}}
        {servers: {web: [host: 10.0.0.1]}}
        {servers: {web: [10]}}
        {servers: {web: {hosts: [10.0.0.1], image: other}}}
        {servers: {web: {hosts: [10.0.0.1], env: {tags: {a: {B: c}}}}}}
        {env: {A: ~}}
        {env: {clear: {A: 1}, B: 2}}
        {env: {secret: NAME}}
        {registry: {password: [A, B]}}
        {registry: {url: ghcr.io}}
        {hooks_output: loud}
        {hooks_output: {pre-deploy: loud}}
        {accessories: {db: {image: postgres, host: a, proxy: true}}}
        {accessories: {db: {image: postgres, host: a, files: [a]}}}
        {accessories: {db: {image: postgres, host: a, options: {restart: no}}}}
        {builder: {cache: {type: disk}}}
        {boot: {limit: 0}}
        {aliases: {Shell: app exec bash}}
        {aliases: {deploy: app exec bash}}
        {ssh: {config: 1}}
        {retain_containers: 0}
        {drain_timeout: -1}
        {labels: ~}
        "#,
    );
}

/// An editor sees tags where values will be.
#[test]
fn erb_fits_wherever_a_value_does() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let erb = r#"<%= ENV["X"] %>"#;
    let values = [
        serde_json::json!({"service": erb, "retain_containers": erb, "proxy": {"ssl": erb, "app_port": erb}}),
        serde_json::json!({"servers": {"web": [erb], "jobs": {"hosts": erb}}, "hooks_output": erb, "labels": erb}),
        serde_json::json!({"servers": erb, "env": {"clear": erb, "secret": erb}, "ssh": {"log_level": erb}}),
        serde_json::json!({"boot": {"limit": erb, "parallel_roles": "yes"}, "builder": {"arch": erb, "cache": erb}}),
    ];
    for value in values {
        assert_eq!(draft7::check(&schema, &value), Vec::<String>::new(), "{value}");
    }
}

#[test]
fn every_key_is_explained_to_editors() {
    fn silent(schema: &Value, path: &str, found: &mut Vec<String>) {
        match schema {
            Value::Object(entries) => {
                for (name, property) in
                    entries.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    // Hooks are named in the type already.
                    let is_hook = path.ends_with("hooks_output/anyOf/");
                    if property.get("description").is_none() && !is_hook {
                        found.push(format!("{path}{name}"));
                    }
                }
                entries.iter().for_each(|(key, value)| silent(value, &format!("{path}{key}/"), found));
            }
            Value::Array(items) => items.iter().for_each(|item| silent(item, path, found)),
            _ => {}
        }
    }
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let mut found = Vec::new();
    silent(&schema, "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}
