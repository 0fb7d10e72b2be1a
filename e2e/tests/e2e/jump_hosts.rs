//! Servers that only a jump host reaches.

use anyhow::Result;
use dhow_e2e::{Bed, Kind, Project};

/// A second sshd on the jump host, which tells whom it lets in.
const TALKING_SSHD: &str = "config=$(cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '[s]shd -f /[^ ]*' | head -n 1 | cut -d ' ' -f 3)
/usr/sbin/sshd -f \"$config\" -p 2222 -o 'LogLevel VERBOSE' -o PidFile=/run/jump.pid -E /tmp/jump.log";

/// Named in deploy.yml or in ssh_config, for one command on all servers: the jump host sees one login.
#[test]
fn servers_share_a_jump_host() -> Result<()> {
    let bed =
        Bed::with(&[Kind::WithoutDocker, Kind::WithoutDocker, Kind::WithoutDocker, Kind::WithoutDocker])?;
    let [jump, behind @ ..] = &bed.servers[..] else { unreachable!("four hosts") };
    jump.sh(TALKING_SSHD);
    let shop = Project::new(&bed, "shop")?;
    let name = format!("root@{}:2222", jump.address());
    let addresses: Vec<&str> = behind.iter().map(|host| host.address()).collect();
    let trust = format!(
        "Host {}\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile known_hosts\n  IdentityFile {}\nMatch all\n  Include {}\n",
        jump.address(),
        bed.key().display(),
        bed.ssh_config().display()
    );
    let named = format!("ssh_config\n  proxy: {name}\n");
    let ways = [
        (named.as_str(), String::new()),
        ("ssh_config\n", format!("Host {}\n  ProxyJump {name}\n", addresses.join(" "))),
    ];
    for (config, jumps) in ways {
        jump.sh("truncate --size 0 /tmp/jump.log");
        shop.write("ssh_config", &(jumps + &trust))?;
        let yaml = shop.deploy_yaml(&[&format!("servers: [{}]\n", addresses.join(", "))]);
        let config = format!("config: {config}");
        shop.write(
            "config/deploy.yml",
            &yaml.replace(&format!("config: {}\n", bed.ssh_config().display()), &config),
        )?;
        let seen = shop.sh("dhow server exec 'echo came from ${SSH_CONNECTION%% *}'").ok();
        assert_eq!(
            seen.text().matches(&format!("came from {}", jump.address())).count(),
            3,
            "{}",
            seen.transcript()
        );
        assert_eq!(jump.sh("grep -c 'Accepted publickey' /tmp/jump.log"), "1");
    }
    jump.sh("kill $(cat /run/jump.pid)");
    shop.sh("dhow server exec true").exits(1).says(&["through the jump host", "Connection refused"]);
    Ok(())
}
