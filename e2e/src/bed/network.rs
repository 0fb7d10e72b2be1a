use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::checked::{checked, eventually};

/// The bed's private network `10.77.N.0/24`: a bridge in a network namespace of its own, so that the machine's firewall
/// has no say in what hosts tell each other and no rule has to be added to it. One cable leads to the machine.
#[derive(Clone, Copy)]
pub struct Network {
    number: u8,
}

impl Network {
    /// The network of the bed with this number, made or not.
    pub fn of(number: u8) -> Network {
        Network { number }
    }

    /// Makes the bridge and gives the machine the address `10.77.N.1` on it.
    pub fn create(number: u8) -> Result<Network> {
        let network = Network { number };
        let name = &network.name();
        ip(&["netns", "add", name])?;
        ip(&["-n", name, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", name, "link", "set", "br0", "up"])?;
        ip(&["link", "add", name, "type", "veth", "peer", "name", "machine", "netns", name])?;
        ip(&["-n", name, "link", "set", "machine", "master", "br0", "up"])?;
        ip(&["link", "set", name, "up"])?;
        network.add_machine_address(1)?;
        Ok(network)
    }

    /// Name of the namespace with the bridge, of the machine's interface and of the containers' control group.
    pub fn name(&self) -> String {
        format!("dhow{}", self.number)
    }

    /// Name of a host's network namespace.
    pub fn namespace(&self, index: usize) -> String {
        format!("{}h{index}", self.name())
    }

    /// An address of this network.
    pub fn address(&self, last: usize) -> String {
        format!("10.77.{}.{last}", self.number)
    }

    /// The address of a host: 10 for the workstation, servers from 11.
    pub fn host_address(&self, index: usize) -> String {
        self.address(10 + index)
    }

    /// All addresses, as Docker and ssh want them written.
    pub fn range(&self) -> (String, String) {
        (self.address(0) + "/24", format!("10.77.{}.*", self.number))
    }

    /// Gives the machine one more address here.
    pub fn add_machine_address(&self, last: usize) -> Result<()> {
        ip(&["address", "add", &(self.address(last) + "/24"), "dev", &self.name()])
    }

    /// Makes a host's network namespace. There is no way out to the internet, so no test can come to need it.
    pub fn add_host(&self, index: usize) -> Result<()> {
        let (namespace, name, port) = (&self.namespace(index), &self.name(), &format!("h{index}"));
        ip(&["netns", "add", namespace])?;
        ip(&["-n", name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace])?;
        ip(&["-n", name, "link", "set", port, "master", "br0", "up"])?;
        ip(&["-n", namespace, "address", "add", &(self.host_address(index) + "/24"), "dev", "eth0"])?;
        ip(&["-n", namespace, "link", "set", "eth0", "up"])?;
        ip(&["-n", namespace, "link", "set", "lo", "up"])
    }

    /// How many hosts there are, the workstation included.
    pub fn hosts(&self) -> Result<usize> {
        Ok(self.namespaces()?.len() - 1)
    }

    /// Ends every process in the network's namespaces and removes them; fine if there are none.
    pub fn remove(&self) -> Result<()> {
        for namespace in self.namespaces()? {
            eventually("the processes of the host have ended", Duration::from_secs(10), || {
                end(&namespace).ok()
            })?;
            ip(&["netns", "delete", &namespace])?;
        }
        // The kernel removes the cable some time after its namespace; the next bed may want the name at once.
        if Path::new("/sys/class/net").join(self.name()).exists() {
            let _ = ip(&["link", "delete", &self.name()]);
        }
        Ok(())
    }

    fn namespaces(&self) -> Result<Vec<String>> {
        let list = checked(Command::new("ip").args(["netns", "list"]))?;
        let host = format!("{}h", self.name());
        let is_ours = |name: &&str| *name == self.name() || name.starts_with(&host);
        Ok(list.lines().filter_map(|line| line.split(' ').next()).filter(is_ours).map(String::from).collect())
    }
}

/// An error as long as somebody lives there. The first process of a host takes all others with it, those in containers too.
fn end(namespace: &str) -> Result<()> {
    let pids = checked(Command::new("ip").args(["netns", "pids", namespace]))?;
    if pids.trim().is_empty() {
        return Ok(());
    }
    // Some have gone by the time they are told to; those that have not are met again in the next round.
    let _ = checked(Command::new("kill").arg("-KILL").args(pids.split_whitespace()));
    anyhow::bail!("processes {pids} are still there")
}

fn ip(args: &[&str]) -> Result<()> {
    checked(Command::new("ip").args(args)).map(drop)
}
