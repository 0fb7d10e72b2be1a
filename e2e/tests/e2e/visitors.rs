//! Who may visit: what only dhow's own proxy can ask of clients.

use anyhow::Result;
use dhow_e2e::{Bed, Project};

use crate::site::{PROXY, inspect, servers};

/// `htpasswd -nbB ada lovelace`.
const USERS: &str = "STAGING_USERS='ada:$2y$05$.7H6/KarH8MEWFG2n7kUTuVYvKQ8NBwt4ztuN6jXBb2fui.doLppu'\n";

const RULES: &str = "  trusted_proxies: [private]\n  deny_ips: [192.0.2.66]\n  rate_limit: {requests: 3, per: 3600}\n  \
    basic_auth: {users: STAGING_USERS, except: [/up]}\n";

/// kamal-proxy cannot do it, which is said before anything changes; a reboot puts dhow's proxy in its place. (The image here is
/// dhow's own under the other name: what is to be seen is whose name counts.)
#[test]
fn rules_for_visitors_come_with_dhows_proxy() -> Result<()> {
    let bed = Bed::up(1)?;
    let server = &bed.servers[0];
    let shop = Project::new(&bed, "shop")?;
    shop.write(".kamal/secrets", &format!("{}{USERS}", String::from_utf8(shop.read(".kamal/secrets")?)?))?;
    shop.configure(&[&servers(&bed), PROXY])?;
    shop.commit("v1")?;
    shop.sh("dhow setup").ok();
    let url = server.url("/");
    let status =
        |options: &str| shop.sh(&format!("curl -s -o body -w '%{{http_code}}' {options} {url}")).ok().text();
    assert_eq!(status(""), "200");

    server.sh("docker tag $(docker images --quiet dhow-proxy | head -1) basecamp/kamal-proxy:v0.9.2");
    shop.configure(&[&servers(&bed), PROXY, "  run: {version: v0.9.2}\n"])?;
    shop.sh("dhow proxy reboot --yes").ok();
    shop.configure(&[&servers(&bed), PROXY, RULES])?;
    let refused = shop.sh("dhow deploy --skip-push");
    refused.exits(1).says(&["needs dhow's own proxy", "basecamp/kamal-proxy:v0.9.2", "dhow proxy reboot"]);
    assert_eq!(status(""), "200", "nothing has changed");

    shop.sh("dhow proxy reboot --yes").ok();
    assert!(inspect(server, "kamal-proxy", "{{.Config.Image}}").starts_with("dhow-proxy:"));
    assert_eq!(status(""), "200", "what was served goes on");
    let deployed = shop.sh("dhow deploy --skip-push").ok();
    assert!(!deployed.transcript().contains("$2y$"), "{}", deployed.transcript());
    assert_eq!(status(""), "401");
    assert_eq!((status("-u ada:lovelace"), status("-u ada:byron")), ("200".into(), "401".into()));
    assert_eq!(status("-u ada:lovelace"), "429", "the fourth in an hour");
    let from = |client: &str| status(&format!("-u ada:lovelace -H 'X-Forwarded-For: {client}'"));
    assert_eq!((from("198.51.100.1"), from("192.0.2.66")), ("200".into(), "403".into()));
    Ok(())
}
