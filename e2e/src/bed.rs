//! Real servers on this machine: each host is a network namespace with its own address, inside its own process, mount
//! and name spaces, with its own dockerd and sshd. Needs root and the packages of `script/prepare`.
//!
//! A bed is a private network `10.77.N.0/24`. Its first host is the *workstation*, where dhow and the builds run and
//! where a registry with accounts listens; the others are *servers*. The test process itself has the address `10.77.N.1`.
//! Hosts run the programs of the machine, but have a `/root`, `/run`, `/tmp` and `/etc` of their own.

mod host;
mod keys;
mod lease;
mod network;
mod registry;
mod relay;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use host::{Host, Kind};
use keys::Keys;
use lease::Lease;
use network::Network;
pub use registry::Registry;
pub use relay::Relay;

/// A workstation and some servers, gone without a trace when dropped.
pub struct Bed {
    /// Where dhow runs: Docker to build with, git, ssh, and a home directory of its own.
    pub workstation: Host,
    /// Where dhow deploys to.
    pub servers: Vec<Host>,
    /// The registry on the workstation.
    pub registry: Registry,
    keys: Keys,
    network: Network,
    lease: Lease,
}

impl Bed {
    /// A bed with this many servers that have all they need.
    pub fn up(servers: usize) -> Result<Bed> {
        Bed::with(&vec![Kind::Server; servers])
    }

    /// A bed with one server of each given kind, ready for use.
    pub fn with(servers: &[Kind]) -> Result<Bed> {
        require_root()?;
        let lease = Lease::take()?;
        let bed = Bed::start(lease, servers)?;
        bed.await_ready()?;
        Ok(bed)
    }

    /// Lets the bed outlive this process, for a human; [`KeptBed::down`] removes it.
    pub fn keep(self) -> Result<()> {
        self.lease.keep()?;
        std::mem::forget(self);
        Ok(())
    }

    /// Addresses, ssh key and registry account, as shell assignments.
    pub fn environment(&self) -> Result<String> {
        KeptBed { number: self.lease.number() }.environment()
    }

    /// The bed that an earlier process kept, if there is one.
    pub fn kept() -> Result<Option<KeptBed>> {
        Ok(Lease::kept()?.map(|number| KeptBed { number }))
    }

    /// The `ssh:` section for a deploy.yml, with the bed's own key and known hosts.
    pub fn ssh_yaml(&self) -> String {
        let (key, config) = (self.keys.private().display(), self.keys.config().display());
        format!("ssh:\n  keys: [{key}]\n  keys_only: true\n  config: {config}\n")
    }

    /// The same for the `ssh` command.
    pub fn ssh_options(&self) -> String {
        format!("-i {} -F {}", self.keys.private().display(), self.keys.config().display())
    }

    /// The client configuration that trusts the servers.
    pub fn ssh_config(&self) -> &Path {
        self.keys.config()
    }

    /// The key that servers let in.
    pub fn key(&self) -> &Path {
        self.keys.private()
    }

    /// A key no server knows.
    pub fn stranger_key(&self) -> &Path {
        self.keys.stranger()
    }

    /// A second address for a server's sshd, at the end of a long cable: every byte takes half of `round_trip` each way.
    pub fn far_away(&self, server: &Host, round_trip: Duration) -> Result<Relay<'_>> {
        Relay::start(&self.network, server, round_trip)
    }

    /// An address of this network where nobody answers.
    pub fn nobody(&self) -> String {
        self.network.address(250)
    }

    /// A new directory that every host sees under the same path.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.lease.directory().join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    fn start(lease: Lease, servers: &[Kind]) -> Result<Bed> {
        let network = Network::create(lease.number())?;
        let keys = Keys::generate(lease.directory(), &network)?;
        let registry = Registry::configure(lease.directory(), &network)?;
        let place = |index| lease.directory().join(format!("h{index}"));
        let workstation = Host::start(&network, &keys, 0, Kind::Workstation, &place(0))?;
        let servers = servers
            .iter()
            .enumerate()
            .map(|(i, &kind)| Host::start(&network, &keys, i + 1, kind, &place(i + 1)))
            .collect::<Result<_>>()?;
        Ok(Bed { workstation, servers, registry, keys, network, lease })
    }

    fn await_ready(&self) -> Result<()> {
        self.workstation.await_ready()?;
        self.servers.iter().try_for_each(Host::await_ready)?;
        self.registry.await_ready()
    }
}

/// A bed that outlived the process that made it.
pub struct KeptBed {
    number: u8,
}

impl KeptBed {
    /// The host with this index: 0 is the workstation, servers count from 1.
    pub fn host(&self, index: usize) -> Result<Host> {
        Host::attach(
            &Network::of(self.number),
            index,
            &lease::directory(self.number).join(format!("h{index}")),
        )
    }

    /// Addresses of the servers, in order.
    pub fn servers(&self) -> Result<Vec<String>> {
        let network = Network::of(self.number);
        let hosts = network.hosts()?;
        Ok((1..hosts).map(|index| network.host_address(index)).collect())
    }

    /// Like [`Bed::environment`].
    pub fn environment(&self) -> Result<String> {
        let (directory, network) = (lease::directory(self.number), Network::of(self.number));
        let keys = Keys::at(&directory);
        Ok(format!(
            "BED_SERVERS='{}'\nBED_KEY={}\nBED_SSH_CONFIG={}\nBED_REGISTRY={}\nBED_REGISTRY_USER={}\nBED_REGISTRY_PASSWORD={}\n",
            self.servers()?.join(" "),
            keys.private().display(),
            keys.config().display(),
            registry::address(&network),
            registry::USER,
            registry::PASSWORD,
        ))
    }

    /// Takes it down.
    pub fn down(self) -> Result<()> {
        Lease::end_kept(self.number)
    }
}

fn require_root() -> Result<()> {
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self")?);
    if owner != 0 {
        bail!("test hosts need root: they are network namespaces with their own Docker");
    }
    Ok(())
}
