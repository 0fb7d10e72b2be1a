//! The command line, as Kamal's users know it: words and flags only, no meaning.

mod options;

pub use options::{AppLogs, ExecOptions, FetchOptions, Global, Logs};

use clap::{Parser, Subcommand};

/// Deploy web apps in containers to servers that run Docker, over SSH, with zero downtime.
#[derive(Debug, Parser)]
#[command(name = "dhow", disable_version_flag = true, disable_help_flag = true, infer_subcommands = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Install Docker where it is missing, boot accessories, and deploy
    Setup(DeployOptions),
    /// Build, push and boot the app, with the proxy switching requests over once it is healthy
    Deploy(DeployOptions),
    /// Deploy without looking at the proxy and without pruning
    Redeploy(DeployOptions),
    /// Go back to a version that is still on the servers: a version, or `previous`
    Rollback {
        /// The version; the previous one if left out
        #[arg(default_value = "previous", value_name = "VERSION")]
        wanted: String,
    },
    /// Build the image, push it, or have the servers pull it
    #[command(subcommand)]
    Build(Build),
    /// The app's containers
    #[command(subcommand)]
    App(App),
    /// Databases, caches and other containers beside the app
    #[command(subcommand)]
    Accessory(Accessory),
    /// The proxy on the servers
    #[command(subcommand)]
    Proxy(Proxy),
    /// The deploy lock
    #[command(subcommand)]
    Lock(Lock),
    /// The registry
    #[command(subcommand)]
    Registry(Registry),
    /// The servers themselves
    #[command(subcommand)]
    Server(Server),
    /// Remove old containers and images
    #[command(subcommand)]
    Prune(Prune),
    /// The secrets files
    #[command(subcommand)]
    Secrets(Secrets),
    /// Show the containers of proxy, app and accessories
    Details,
    /// Show who did what on the servers
    Audit,
    /// Show the configuration as read, secrets redacted
    Config {
        /// Show where a value comes from: a key as in the file or in the output, such as proxy.ssl
        #[arg(long, value_name = "KEY")]
        explain: Option<String>,
    },
    /// Show what can be configured: the whole file, a section, or a key such as proxy.ssl
    Docs {
        /// accessory, alias, boot, builder, env, logging, output, proxy, registry, role, servers, ssh, sshkit, or a key
        #[arg(value_name = "SECTION")]
        topic: Option<String>,
    },
    /// Print a JSON Schema of config/deploy.yml, for completion and help in editors
    #[command(after_help = EDITORS)]
    Schema,
    /// Write a starting config/deploy.yml, .kamal/secrets and sample hooks
    Init,
    /// Remove the app, its accessories, and the proxy if no other app uses it
    Remove {
        /// Do not ask
        #[arg(short = 'y', long = "confirmed", visible_alias = "yes")]
        yes: bool,
    },
    /// What replaced it: `env push` is gone since Kamal 2
    #[command(hide = true)]
    Env {
        /// Anything.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Show dhow's version
    Version,
}

/// What to do with the schema.
const EDITORS: &str = "\
Save it in the project:

  dhow schema > .kamal/deploy.schema.json

and begin config/deploy.yml with this line, which VS Code (with its YAML extension), Neovim, Zed, Helix and others
understand:

  # yaml-language-server: $schema=../.kamal/deploy.schema.json";

/// Flags of the commands that deploy.
#[derive(Debug, Clone, clap::Args)]
pub struct DeployOptions {
    /// Do not build: the image is in the registry already
    #[arg(short = 'P', long)]
    pub skip_push: bool,
    /// Build without using cached layers
    #[arg(long)]
    pub no_cache: bool,
}

/// `dhow build …`.
#[derive(Debug, Subcommand)]
pub enum Build {
    /// Build, push and pull
    Deliver(BuildOptions),
    /// Build the image and push it
    Push(BuildOptions),
    /// Have the servers pull the image
    Pull,
    /// Create the builder
    Create,
    /// Remove the builder
    Remove,
    /// Show the builder
    Details,
}

/// Flags of the commands that build.
#[derive(Debug, Clone, clap::Args)]
pub struct BuildOptions {
    /// Build without using cached layers
    #[arg(long)]
    pub no_cache: bool,
    /// Where the image goes: `registry`, or `docker` for the local image store
    #[arg(long, default_value = "registry", value_parser = ["registry", "docker"])]
    pub output: String,
}

/// `dhow app …`.
#[derive(Debug, Subcommand)]
pub enum App {
    /// Boot the app (or reboot it if it runs already)
    Boot,
    /// Start the existing container: the newest one, or that of `--version`
    Start,
    /// Stop the running container
    Stop,
    /// Stop and boot the version that runs
    Restart,
    /// Run a command in a new container, or with --reuse in the running one
    Exec(ExecOptions),
    /// Show the app's log
    Logs(AppLogs),
    /// Show the running containers
    Details,
    /// Show all containers, those kept for a rollback among them
    Containers,
    /// Show the images on the servers
    Images,
    /// Show the version that runs
    Version,
    /// Go back to a version that is still on the servers
    Rollback {
        /// The version; the previous one if left out
        #[arg(default_value = "previous", value_name = "VERSION")]
        wanted: String,
    },
    /// Show, or stop, running containers that are not current
    #[command(alias = "stale_containers")]
    StaleContainers {
        /// Stop them
        #[arg(short = 's', long)]
        stop: bool,
    },
    /// Show another version to some visitors (a canary)
    #[command(subcommand)]
    Rollout(Rollout),
    /// Let requests through again after `maintenance`
    Live,
    /// Answer 503 instead of passing requests on
    Maintenance {
        /// Seconds in-flight requests may take
        #[arg(long)]
        drain_timeout: Option<u32>,
        /// Shown on the page
        #[arg(long)]
        message: Option<String>,
    },
    /// Remove containers and images of the app
    Remove,
}

/// `dhow app rollout …`.
#[derive(Debug, Subcommand)]
pub enum Rollout {
    /// Build and start a version beside the current one, for the visitors named
    Start {
        /// How the version gets there.
        #[command(flatten)]
        deploy: DeployOptions,
        /// Who sees it at once.
        #[command(flatten)]
        share: RolloutShare,
    },
    /// Choose which visitors see it
    Set(RolloutShare),
    /// Send everybody to the current version and remove the other
    Stop,
}

/// Who sees a rollout, told by the cookie `kamal-rollout` that the app sets.
#[derive(Debug, Clone, clap::Args)]
pub struct RolloutShare {
    /// Share of the values of the cookie `kamal-rollout`
    #[arg(long, value_name = "0-100", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub percent: Option<u8>,
    /// A value of the cookie that always sees it (repeatable)
    #[arg(long, value_name = "VALUE")]
    pub list: Vec<String>,
}

/// `dhow accessory …`; NAME may be `all` where several make sense.
#[derive(Debug, Subcommand)]
pub enum Accessory {
    /// Boot an accessory, unless it has a container already
    Boot {
        /// Its name, or `all`
        name: String,
    },
    /// Pull its image and replace its container
    Reboot {
        /// Its name, or `all`
        name: String,
    },
    /// Start its container
    Start {
        /// Its name, or `all`
        name: String,
    },
    /// Stop its container
    Stop {
        /// Its name, or `all`
        name: String,
    },
    /// Stop and start its container
    Restart {
        /// Its name, or `all`
        name: String,
    },
    /// Show its containers
    Details {
        /// Its name, or `all`
        #[arg(default_value = "all")]
        name: String,
    },
    /// Run a command in a new container of it, or with --reuse in the running one
    Exec {
        /// Its name
        name: String,
        /// Flags and command.
        #[command(flatten)]
        exec: ExecOptions,
    },
    /// Show its log
    Logs {
        /// Its name
        name: String,
        /// Flags.
        #[command(flatten)]
        logs: Logs,
    },
    /// Remove its container, image and data directory
    Remove {
        /// Its name, or `all`
        name: String,
        /// Do not ask
        #[arg(short = 'y', long = "confirmed", visible_alias = "yes")]
        yes: bool,
    },
}

/// `dhow proxy …`.
#[derive(Debug, Subcommand)]
pub enum Proxy {
    /// Start the proxy where it does not run
    Boot,
    /// Replace the proxy's container
    Reboot {
        /// One server after the other
        #[arg(long)]
        rolling: bool,
        /// Do not ask
        #[arg(short = 'y', long = "confirmed", visible_alias = "yes")]
        yes: bool,
    },
    /// Start the proxy's container
    Start,
    /// Stop the proxy's container
    Stop,
    /// Stop and start the proxy's container
    Restart,
    /// Show the proxy's container
    Details,
    /// Show the proxy's log
    Logs(Logs),
    /// Remove the proxy, unless other apps use it
    Remove {
        /// Even if other apps use it
        #[arg(long)]
        force: bool,
    },
}

/// `dhow lock …`.
#[derive(Debug, Subcommand)]
pub enum Lock {
    /// Show who holds it
    Status,
    /// Take it, so that nobody deploys
    Acquire {
        /// Why
        #[arg(short = 'm', long)]
        message: String,
    },
    /// Give it back, whoever holds it
    Release,
}

/// `dhow registry …`.
#[derive(Debug, Subcommand)]
pub enum Registry {
    /// Log in here and on the servers
    Login(RegistryOptions),
    /// Log out here and on the servers
    Logout(RegistryOptions),
    /// As `login`
    Setup(RegistryOptions),
    /// As `logout`
    Remove(RegistryOptions),
}

/// Where to log in or out.
#[derive(Debug, Clone, clap::Args)]
pub struct RegistryOptions {
    /// Not here
    #[arg(short = 'L', long)]
    pub skip_local: bool,
    /// Not on the servers
    #[arg(short = 'R', long)]
    pub skip_remote: bool,
}

/// `dhow server …`.
#[derive(Debug, Subcommand)]
pub enum Server {
    /// Install Docker where it is missing
    Bootstrap,
    /// Run a command on the servers
    Exec {
        /// With a terminal, on the primary server
        #[arg(short = 'i', long)]
        interactive: bool,
        /// The command
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
}

/// `dhow prune …`.
#[derive(Debug, Subcommand)]
pub enum Prune {
    /// Containers and images
    All,
    /// Stopped containers beyond those retained
    Containers {
        /// How many to keep per role
        #[arg(long)]
        retain: Option<u32>,
    },
    /// Images that no container uses
    Images,
}

/// `dhow secrets …`.
#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// Fetch secrets from a password manager or an encrypted file and print them as JSON
    Fetch(FetchOptions),
    /// Print the merged secrets files
    Print,
    /// Print one value of what `secrets fetch` printed
    Extract {
        /// The name, or its last part
        name: String,
        /// What `secrets fetch` printed
        json: String,
    },
}

impl Build {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Build::Deliver(_) => "deliver",
            Build::Push(_) => "push",
            Build::Pull => "pull",
            Build::Create => "create",
            Build::Remove => "remove",
            Build::Details => "details",
        }
    }
}

impl App {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            App::Boot => "boot",
            App::Start => "start",
            App::Stop => "stop",
            App::Restart => "restart",
            App::Exec(_) => "exec",
            App::Logs(_) => "logs",
            App::Details => "details",
            App::Containers => "containers",
            App::Images => "images",
            App::Version => "version",
            App::Rollback { .. } => "rollback",
            App::StaleContainers { .. } => "stale_containers",
            App::Rollout(_) => "rollout",
            App::Live => "live",
            App::Maintenance { .. } => "maintenance",
            App::Remove => "remove",
        }
    }
}

impl Accessory {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Accessory::Boot { .. } => "boot",
            Accessory::Reboot { .. } => "reboot",
            Accessory::Start { .. } => "start",
            Accessory::Stop { .. } => "stop",
            Accessory::Restart { .. } => "restart",
            Accessory::Details { .. } => "details",
            Accessory::Exec { .. } => "exec",
            Accessory::Logs { .. } => "logs",
            Accessory::Remove { .. } => "remove",
        }
    }
}

impl Proxy {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Proxy::Boot => "boot",
            Proxy::Reboot { .. } => "reboot",
            Proxy::Start => "start",
            Proxy::Stop => "stop",
            Proxy::Restart => "restart",
            Proxy::Details => "details",
            Proxy::Logs(_) => "logs",
            Proxy::Remove { .. } => "remove",
        }
    }
}

impl Lock {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Lock::Status => "status",
            Lock::Acquire { .. } => "acquire",
            Lock::Release => "release",
        }
    }
}

impl Registry {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Registry::Login(_) => "login",
            Registry::Logout(_) => "logout",
            Registry::Setup(_) => "setup",
            Registry::Remove(_) => "remove",
        }
    }
}

impl Server {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Server::Bootstrap => "bootstrap",
            Server::Exec { .. } => "exec",
        }
    }
}

impl Prune {
    /// The word, as hooks are told it.
    pub fn name(&self) -> &'static str {
        match self {
            Prune::All => "all",
            Prune::Containers { .. } => "containers",
            Prune::Images => "images",
        }
    }
}
