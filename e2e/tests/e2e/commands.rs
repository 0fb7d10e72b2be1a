//! Do the command lines of real teams work as they type them?

use anyhow::Result;
use dhow_e2e::{Bed, Host, Project, eventually, http};
use std::time::Duration;

use crate::site::{PROXY, containers, inspect, is_locked, running, servers, version_at};

/// One server, as most teams have: pipes and redirections in both directions, exit codes, a terminal.
#[test]
fn exec_is_a_pipe_to_the_container() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = deployed(&bed)?;
    let ballast = shop.read("base/ballast")?;

    shop.sh("dhow app exec 'cat /ballast' > new.bin").ok();
    shop.sh("dhow app exec --reuse 'cat /ballast' > running.bin").ok();
    assert!(shop.read("new.bin")? == ballast, "from a new container, byte for byte");
    assert!(shop.read("running.bin")? == ballast, "from the running one, byte for byte");
    slow_readers_get_all(&shop, &ballast)?;
    shop.sh("dhow app exec 'tar -cz ballast' > out.tar.gz && cat out.tar.gz | dhow app exec --reuse 'tar -xz -C /tmp'").ok();
    let sums = shop.sh("dhow app exec --reuse 'sha256sum /ballast /tmp/ballast'").ok().text();
    assert_eq!(
        sums.lines()
            .filter_map(|line| line.split(' ').next())
            .collect::<std::collections::HashSet<_>>()
            .len(),
        1,
        "{sums}"
    );

    shop.sh("dhow app exec --reuse \"sh -c 'exit 7'\"").exits(7);
    shop.sh("dhow app exec \"sh -c 'exit 7'\"").exits(7);
    shop.sh("dhow app exec 'sh -c \"echo one; echo two\"' | grep -c o").ok().prints(&["2"]);
    shop.sh("dhow app exec 'env | sort'").ok().prints(&["PATH=/bin"]);
    shop.sh("dhow app exec -e COLOUR:red 'env'").ok().prints(&["COLOUR=red"]);
    shop.sh("dhow server exec 'exit 3'").exits(3);

    terminal_is_passed_on(&shop);
    Ok(())
}

/// A program that ends while its last output still waits for a full SSH window (2 MiB, then the pipes on the way).
fn slow_readers_get_all(shop: &Project, ballast: &[u8]) -> Result<()> {
    for length in (2_258_000..2_306_000).step_by(8_000) {
        let command =
            format!("dhow app exec --reuse 'head -c {length} /ballast' | {{ sleep 1; cat; }} > slow.bin");
        shop.sh(&command).ok();
        assert!(shop.read("slow.bin")? == ballast[..length], "{length} bytes");
    }
    Ok(())
}

fn terminal_is_passed_on(shop: &Project) {
    let in_terminal = |line: &str| shop.sh(&format!("script --quiet --return --command '{line}' /dev/null"));
    in_terminal("dhow app exec --interactive --reuse tty").ok().prints(&["/dev/pts/"]);
    in_terminal("dhow app exec -i \"sh -c \\\"exit 5\\\"\"").exits(5);
    shop.sh("dhow app exec -i --reuse tty").exits(1).prints(&["not a tty"]);
}

/// Two servers: logs of both at once, each line with its host's name.
#[test]
fn logs_come_from_all_hosts() -> Result<()> {
    let bed = Bed::up(2)?;
    let shop = deployed(&bed)?;
    for (n, server) in bed.servers.iter().enumerate() {
        http::get(server.url(&format!("/early-{n}")), Duration::from_secs(5))?;
    }
    shop.sh("dhow app logs").ok().prints(&["/early-0", "/early-1", "listening on port 80"]);
    shop.sh("dhow app logs --lines 100 | grep /early-0").ok();
    shop.sh("dhow app logs --lines 1 | grep listening").exits(1);
    shop.sh("dhow app logs --grep early-1").ok().prints(&["/early-1"]);

    let mut following = shop.start("dhow app logs -f");
    following.until("the earlier lines", |logs| {
        logs.stdout().contains("/early-1") && logs.stdout().contains("/early-0")
    });
    for (n, server) in bed.servers.iter().enumerate() {
        http::get(server.url(&format!("/late-{n}")), Duration::from_secs(5))?;
    }
    let has = |text: &str, n: usize| {
        let address = bed.servers[n].address();
        text.lines()
            .any(|line| line.starts_with(&format!("{address}: ")) && line.contains(&format!("/late-{n}")))
    };
    following.until("the new lines", |logs| has(&logs.stdout(), 0) && has(&logs.stdout(), 1));
    following.interrupt("INT");
    following.wait();
    for server in &bed.servers {
        let nobody_follows = || server.try_sh("! pgrep --full '[d]ocker logs'").ok();
        eventually("nothing of `app logs -f` is left on the server", Duration::from_secs(5), nobody_follows)?;
    }
    Ok(())
}

#[test]
fn lock_can_be_held_by_hand() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = deployed(&bed)?;
    shop.sh("dhow lock status").ok();
    shop.sh("dhow lock acquire -m 'high tide'").ok();
    assert!(is_locked(&bed.servers[0]));
    let details = bed.servers[0].sh("base64 -d .kamal/lock-shop/details");
    assert!(
        details.starts_with("Locked by: Ada at ") && details.ends_with("\nMessage: high tide"),
        "{details}"
    );
    let status = shop.sh("dhow lock status").ok();
    assert!(status.transcript().contains("high tide"), "{}", status.transcript());
    shop.sh("dhow deploy --skip-push").exits(1).says(&["Ada", "high tide", "dhow lock release"]);
    shop.sh("dhow lock release").ok();
    assert!(!is_locked(&bed.servers[0]));
    shop.sh("dhow deploy --skip-push").ok();
    Ok(())
}

/// What teams use to look at, mend and remove an app.
#[test]
fn app_proxy_and_registry_are_managed() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    shop.configure(&[&servers(&bed), &bed.registry.yaml(), PROXY])?;
    let first = shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let second = shop.commit("v2")?;
    shop.sh("dhow deploy").ok();
    let server = &bed.servers[0];
    let [first_name, second_name] = [&first, &second].map(|version| format!("shop-web-{version}"));

    shop.sh("dhow details").ok().prints(&["kamal-proxy", &second_name]);
    shop.sh("dhow audit")
        .ok()
        .prints(&[&format!("Booted app version {first}"), &format!("Booted app version {second}")]);
    shop.sh("dhow app version").ok().prints(&[&second]);
    shop.sh("dhow app containers").ok().prints(&[&first_name, &second_name]);
    shop.sh("dhow app images").ok().prints(&[&first, &second]);
    shop.sh("dhow proxy details").ok().prints(&["kamal-proxy"]);
    shop.sh("dhow proxy logs").ok();
    shop.sh("dhow registry logout").ok();
    assert!(server.try_sh(&format!("docker pull {}/captain/shop:{first}", bed.registry.address())).is_err());
    shop.sh("dhow registry login").ok();
    assert!(!server.sh("cat .docker/config.json").is_empty());

    states_follow(&shop, server, &second);
    shop.sh("dhow app boot").ok();
    assert_eq!(version_at(server), second);
    shop.sh("dhow prune containers --retain 1").ok();
    shop.sh("dhow prune all").ok();
    shop.sh("dhow proxy reboot --yes").ok();
    assert_eq!(version_at(server), second);
    shop.sh("dhow remove --yes").ok();
    nothing_remains(server);
    shop.sh("dhow setup").ok();
    assert_eq!(version_at(server), second);
    Ok(())
}

fn states_follow(shop: &Project, server: &Host, version: &str) {
    let status = || http::get(server.url("/"), Duration::from_secs(5)).expect("the proxy answers").status;
    shop.sh("dhow app maintenance").ok();
    assert_eq!(status(), 503);
    shop.sh("dhow app live").ok();
    assert_eq!(status(), 200);
    shop.sh("dhow app stop").ok();
    assert_eq!((status(), running(server)), (404, Vec::new()));
    shop.sh("dhow app start").ok();
    assert_eq!((status(), version_at(server)), (200, version.to_string()));
}

fn nothing_remains(server: &Host) {
    assert_eq!(containers(server, ""), Vec::<String>::new());
    assert_eq!(server.sh("docker images --quiet"), "");
    assert_eq!(server.sh("find .kamal -mindepth 2"), "");
}

#[test]
fn accessories_are_managed() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = deployed(&bed)?;
    let server = &bed.servers[0];
    // An image that is on the server already, as one from a public registry would be on the next boot.
    server.sh("docker tag $(docker images --quiet --filter label=service=shop | head -1) search:1");
    let accessory = format!(
        "accessories:\n  search:\n    image: search:1\n    host: {}\n    port: 7700:80\n    cmd: /bin/app\n    directories: [data:/data]\n",
        server.address()
    );
    shop.configure(&[&servers(&bed), PROXY, &accessory])?;
    let started = || inspect(server, "shop-search", "{{.State.StartedAt}} {{.State.Status}}");

    shop.sh("dhow accessory boot search").ok();
    let first = started();
    assert!(first.ends_with(" running"), "{first}");
    shop.sh("dhow accessory details search").ok().prints(&["shop-search"]);
    shop.sh("dhow accessory logs search").ok().prints(&["listening on port 80"]);
    shop.sh("dhow accessory exec search --reuse 'cat /version'").ok();
    shop.sh("dhow accessory restart search").ok();
    assert_ne!(started(), first);
    shop.sh("dhow accessory stop search").ok();
    assert!(started().ends_with(" exited"));
    shop.sh("dhow accessory start search").ok();
    assert!(started().ends_with(" running"));
    let unknown = shop.sh("dhow accessory restart serach");
    assert!(!unknown.succeeded(), "{}", unknown.transcript());
    unknown.says(&["serach", "search"]);
    shop.sh("dhow accessory remove search --yes").ok();
    assert_eq!(containers(server, "--filter name=shop-search"), Vec::<String>::new());
    assert_eq!(server.sh("ls -d shop-search || true"), "");
    Ok(())
}

/// The app on all servers, without a registry.
fn deployed(bed: &Bed) -> Result<Project<'_>> {
    let shop = Project::new(bed, "shop")?;
    shop.configure(&[&servers(bed), PROXY])?;
    shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    Ok(shop)
}
