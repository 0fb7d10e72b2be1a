//! Is everything that a deploy.yml asks for really there, as Docker sees it?

use std::time::Duration;

use anyhow::Result;
use dhow_e2e::{Bed, Host, Project, http};

use crate::site::{PROXY, containers, inspect, version_at};

const SECRETS: &str = "DATABASE_URL=postgres://u:p@db/shop\nQUOTED='it costs \"5 €\"'\nCACHE_KEY=c4che\n";
const ENV: &str = "env:
  clear:
    BOOT_MS: 10
    HOST_HOME: ${HOME}
  secret:
    - DATABASE_URL
    - QUOTED
";

/// A web and a worker role, an accessory with everything an accessory can have, secrets, and a second destination.
#[test]
fn roles_and_accessories_are_what_was_asked_for() -> Result<()> {
    let bed = Bed::up(2)?;
    let shop = Project::new(&bed, "shop")?;
    let [web, worker] = [0, 1].map(|index| &bed.servers[index]);
    let cache_image = push_accessory_image(&bed, &shop);
    shop.write("config/cache.conf", "maxmemory 1gb\n")?;
    let password = format!("KAMAL_REGISTRY_PASSWORD={}\n", bed.registry.password());
    shop.write(".kamal/secrets", &(password + SECRETS))?;
    shop.configure(&[
        &roles(web, worker),
        &bed.registry.yaml(),
        PROXY,
        ENV,
        &accessory(worker, &cache_image),
    ])?;
    let version = shop.commit("v1")?;
    shop.sh("dhow setup").ok();

    app_is_right(web, worker, &version)?;
    accessory_is_right(worker, &cache_image)?;
    destination_is_apart(&bed, &shop)?;
    assert_eq!(version_at(web), version, "the first destination serves on");
    Ok(())
}

fn roles(web: &Host, worker: &Host) -> String {
    let (web, worker) = (web.address(), worker.address());
    format!(
        "servers:
  web: [{web}]
  worker:
    hosts: [{worker}]
    cmd: /bin/app worker
    labels:
      team: sea
    options:
      memory: 64m
readiness_delay: 0
volumes:
  - storage:/storage
"
    )
}

fn accessory(host: &Host, image: &str) -> String {
    let host = host.address();
    format!(
        "accessories:
  cache:
    image: {image}
    host: {host}
    port: \"6379:80\"
    cmd: /bin/app
    env:
      clear:
        SIZE: 12
      secret:
        - CACHE_KEY
    files:
      - config/cache.conf:/etc/cache.conf
    directories:
      - data:/data
    volumes:
      - cache-volume:/volume
    labels:
      tier: fast
"
    )
}

/// Accessories use images that others made, so dhow does not build this one.
fn push_accessory_image(bed: &Bed, shop: &Project) -> String {
    let (registry, login) = (bed.registry.address(), bed.registry.login_line());
    let image = format!("{registry}/captain/cache:7");
    shop.sh(&format!(
        "echo 7 >version && docker build --quiet --tag {image} . && {login} \
         && docker push {image} && docker logout {registry}"
    ))
    .ok();
    image
}

fn app_is_right(web: &Host, worker: &Host, version: &str) -> Result<()> {
    let [name, worker_name] = ["web", "worker"].map(|role| format!("shop-{role}-{version}"));
    assert_eq!(containers(web, ""), ["kamal-proxy", &name]);
    assert_eq!(containers(worker, ""), ["shop-cache", &worker_name]);
    assert_eq!(
        inspect(web, &name, "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.NetworkMode}}"),
        "unless-stopped kamal"
    );
    assert_eq!(
        inspect(
            web,
            &name,
            r#"{{.Config.Labels.service}} {{.Config.Labels.role}} [{{.Config.Labels.destination}}]"#
        ),
        "shop web []"
    );
    assert_eq!(
        inspect(worker, &worker_name, "{{.Config.Labels.team}} {{.HostConfig.Memory}} {{.Config.Cmd}}"),
        "sea 67108864 [/bin/app worker]"
    );
    assert_eq!(inspect(web, &name, "{{range .Mounts}}{{.Name}}:{{.Destination}}{{end}}"), "storage:/storage");

    let env = http::get(web.url("/env"), Duration::from_secs(5))?.body;
    let address = web.address();
    for line in [
        "BOOT_MS=10",
        "DATABASE_URL=postgres://u:p@db/shop",
        "HOST_HOME=/root",
        "QUOTED=it costs \"5 €\"",
        &format!("KAMAL_CONTAINER_NAME={name}"),
        &format!("KAMAL_HOST={address}"),
        &format!("KAMAL_VERSION={version}"),
    ] {
        assert!(env.lines().any(|have| have == line), "no {line} in\n{env}");
    }
    assert_eq!(web.sh("stat -c %a .kamal/apps/shop/env/roles/web.env"), "600");
    assert!(!web.sh("ps ax").contains("postgres://"), "a secret on a command line");
    Ok(())
}

fn accessory_is_right(host: &Host, image: &str) -> Result<()> {
    let state = inspect(
        host,
        "shop-cache",
        "{{.State.Status}} {{.Config.Image}} {{.Config.Labels.service}} {{.Config.Labels.tier}}",
    );
    assert_eq!(state, format!("running {image} shop-cache fast"));
    assert_eq!(http::get(format!("http://{}:6379/", host.address()), Duration::from_secs(5))?.body, "7");
    let env = host.sh("docker exec shop-cache env");
    assert!(env.contains("SIZE=12") && env.contains("CACHE_KEY=c4che"), "{env}");
    assert_eq!(host.sh("docker exec shop-cache cat /etc/cache.conf"), "maxmemory 1gb");
    host.sh("docker exec shop-cache touch /data/kept /volume/kept");
    assert_eq!(host.sh("ls shop-cache/data"), "kept");
    assert_eq!(host.sh("ls $(docker volume inspect --format '{{.Mountpoint}}' cache-volume)"), "kept");
    assert_eq!(host.sh("stat -c %a .kamal/apps/shop/env/accessories/cache.env"), "600");
    Ok(())
}

/// `-d staging`: another file, another host, another name for everything.
fn destination_is_apart(bed: &Bed, shop: &Project) -> Result<()> {
    let host = &bed.servers[1];
    let staging = format!("servers: [{}]\nenv:\n  clear:\n    STAGE: staging\n", host.address());
    shop.write("config/deploy.staging.yml", &staging)?;
    shop.write(
        ".kamal/secrets-common",
        &format!("KAMAL_REGISTRY_PASSWORD={}\nCACHE_KEY=c4che\n", bed.registry.password()),
    )?;
    shop.write(".kamal/secrets.staging", "DATABASE_URL=staging\nQUOTED=plain\n")?;
    let version = shop.commit("staging")?;
    shop.sh("dhow deploy -d staging").ok();
    let name = format!("shop-web-staging-{version}");
    assert_eq!(inspect(host, &name, "{{.Config.Labels.destination}}"), "staging");
    let env = http::get(host.url("/env"), Duration::from_secs(5))?.body;
    assert!(env.contains("KAMAL_DESTINATION=staging\n") && env.contains("STAGE=staging\n"), "{env}");
    assert!(env.contains("DATABASE_URL=staging\n"), "{env}");
    assert_eq!(host.sh("ls .kamal/apps"), "shop\nshop-staging");
    shop.sh("dhow app details -d staging").ok().prints(&[&name]);
    Ok(())
}
