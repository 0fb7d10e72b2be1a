//! What each command means: these words, this request, this plan.

mod interactive;
mod output;

use crate::cli::{
    Accessory, App, Build, Cli, DeployOptions, ExecOptions, Lock, Logs, Proxy, Prune, Registry, Rollout,
    RolloutShare, Secrets, Server, Verb,
};
use crate::init;
use crate::report::{Human, Redaction, Verbosity};
use crate::session::{Needs, Session, SessionError};
use dhow_core::commands::logs::LogOptions;
use dhow_core::commands::proxy::Share;
use dhow_core::config::json_schema;
use dhow_core::plan::accessory::{AccessoryVerb, Action};
use dhow_core::plan::app::{AppVerb, ExecRequest};
use dhow_core::plan::boot::rollout::RolloutVerb;
use dhow_core::plan::build::{self, BuildRequest};
use dhow_core::plan::deploy::{self, Deploy};
use dhow_core::plan::proxy::ProxyVerb;
use dhow_core::plan::{Phase, Request, Step, lock, server};
use output::confirm;

/// Runs a command to its end; the exit status of dhow.
pub async fn run(cli: Cli) -> u8 {
    match execute(&cli).await {
        Ok(()) => 0,
        Err(error) => {
            // A command of the user's own that failed has said why; its exit status says the rest.
            if !error.is_remote_status() {
                Human::new(Verbosity::Normal, Redaction::default()).error(&error.to_string());
            }
            error.exit_status()
        }
    }
}

async fn execute(cli: &Cli) -> Result<(), SessionError> {
    let global = &cli.global;
    match &cli.verb {
        Verb::Version => output::print(env!("CARGO_PKG_VERSION")),
        Verb::Init => Ok(init::write(&std::env::current_dir().map_err(|error| error.to_string())?)?),
        Verb::Config { explain: None } => output::config(global).await,
        Verb::Config { explain: Some(key) } => output::explain(global, key).await,
        Verb::Docs { topic } => output::docs(topic.as_deref()),
        Verb::Schema => output::print(json_schema().trim_end()),
        Verb::Secrets(Secrets::Fetch(options)) => output::fetch(global, options),
        Verb::Secrets(Secrets::Print) => output::secrets(global),
        Verb::Secrets(Secrets::Extract { name, json }) => output::extract(name, json),
        Verb::Env { .. } => Err(ENV_PUSH.to_string().into()),
        Verb::App(App::Exec(options)) if options.interactive => {
            interactive::app(global, exec_request(options)?).await
        }
        Verb::Accessory(Accessory::Exec { name, exec }) if exec.interactive => {
            interactive::accessory(global, name, exec_request(exec)?).await
        }
        Verb::Server(Server::Exec { interactive: true, command }) => {
            interactive::server(global, &command.join(" ")).await
        }
        verb => {
            ask_first(verb)?;
            let session = Session::open(global, words(verb), needs(verb)).await?;
            let plan = plan(verb, &session.request)?;
            if is_timed(verb) { session.run_timed(&plan).await } else { session.run(&plan).await }
        }
    }
}

const ENV_PUSH: &str = "`env push` is gone since Kamal 2: secrets travel with every boot, so `dhow app boot` (or a deploy) \
                        brings changed ones";

/// The command's words as hooks are told them.
pub fn words(verb: &Verb) -> (&'static str, Option<&'static str>) {
    match verb {
        Verb::Setup(_) => ("setup", None),
        Verb::Deploy(_) => ("deploy", None),
        Verb::Redeploy(_) => ("redeploy", None),
        Verb::Rollback { .. } | Verb::App(App::Rollback { .. }) => ("rollback", None),
        Verb::Build(action) => ("build", Some(action.name())),
        Verb::App(action) => ("app", Some(action.name())),
        Verb::Accessory(action) => ("accessory", Some(action.name())),
        Verb::Proxy(action) => ("proxy", Some(action.name())),
        Verb::Lock(action) => ("lock", Some(action.name())),
        Verb::Registry(action) => ("registry", Some(action.name())),
        Verb::Server(action) => ("server", Some(action.name())),
        Verb::Prune(action) => ("prune", Some(action.name())),
        Verb::Details => ("details", None),
        Verb::Audit => ("audit", None),
        Verb::Remove { .. } => ("remove", None),
        Verb::Secrets(_) => ("secrets", Some("print")),
        Verb::Config { .. } => ("config", None),
        Verb::Docs { .. } => ("docs", None),
        Verb::Schema => ("schema", None),
        Verb::Init => ("init", None),
        Verb::Env { .. } => ("env", None),
        Verb::Version => ("version", None),
    }
}

/// What has to be known before a command can be planned. Secrets may ask a password manager, so only where they are used.
pub fn needs(verb: &Verb) -> Needs {
    let secrets = Needs { secrets: true, ..Needs::default() };
    let version = Needs { version: true, ..secrets };
    match verb {
        Verb::Setup(flags) => Needs { builds: !flags.skip_push, files: true, ..version },
        Verb::Deploy(flags) | Verb::Redeploy(flags) => Needs { builds: !flags.skip_push, ..version },
        Verb::App(App::Rollout(Rollout::Start { deploy, .. })) => {
            Needs { builds: !deploy.skip_push, ..version }
        }
        Verb::Build(Build::Push(_) | Build::Deliver(_)) => Needs { builds: true, ..version },
        Verb::Build(Build::Pull) => version,
        Verb::Rollback { .. } => secrets,
        Verb::App(App::Boot | App::Restart | App::Rollback { .. } | App::Exec(_)) => secrets,
        Verb::Accessory(Accessory::Boot { .. } | Accessory::Reboot { .. }) => {
            Needs { files: true, ..secrets }
        }
        Verb::Accessory(Accessory::Exec { .. }) => secrets,
        Verb::Proxy(Proxy::Boot | Proxy::Reboot { .. }) => secrets,
        Verb::Registry(Registry::Login(_) | Registry::Setup(_)) => secrets,
        _ => Needs::default(),
    }
}

/// Questions before what cannot be taken back.
fn ask_first(verb: &Verb) -> Result<(), SessionError> {
    match verb {
        Verb::Remove { yes } => confirm(*yes, "This will remove all containers and images. Are you sure?"),
        Verb::Proxy(Proxy::Reboot { yes, .. }) => confirm(
            *yes,
            "This will cause a brief outage on each host whose proxy cannot be upgraded in place. Are you sure?",
        ),
        Verb::Accessory(Accessory::Remove { name, yes }) => confirm(
            *yes,
            &format!(
                "This will remove all containers, images and data directories for {name}. Are you sure?"
            ),
        ),
        _ => Ok(()),
    }
}

fn is_timed(verb: &Verb) -> bool {
    matches!(verb, Verb::Setup(_) | Verb::Deploy(_) | Verb::Redeploy(_) | Verb::Rollback { .. })
}

/// The plan of a command.
///
/// # Errors
/// A message, if it cannot be planned with this configuration and these secrets.
pub fn plan(verb: &Verb, request: &Request) -> Result<Step, String> {
    match verb {
        Verb::Setup(flags) => deploy::setup(request, deploy_flags(flags)),
        Verb::Deploy(flags) => deploy::deploy(request, deploy_flags(flags)),
        Verb::Redeploy(flags) => deploy::redeploy(request, deploy_flags(flags)),
        Verb::Rollback { wanted } => Ok(deploy::rollback(request, wanted)),
        Verb::Build(action) => build_plan(action, request),
        Verb::App(action) => app_plan(action, request),
        Verb::Accessory(action) => accessory_plan(action, request),
        Verb::Proxy(action) => Ok(proxy_plan(action, request)),
        Verb::Lock(Lock::Status) => Ok(deploy::connecting(request, lock::status(request))),
        Verb::Lock(Lock::Acquire { message }) => {
            Ok(deploy::connecting(request, lock::acquire(request, message)))
        }
        Verb::Lock(Lock::Release) => Ok(deploy::connecting(request, lock::release(request))),
        Verb::Registry(action) => registry_plan(action, request),
        Verb::Server(Server::Bootstrap) => Ok(lock::with_lock(request, Step::Decide(Phase::InstallDocker))),
        Verb::Server(Server::Exec { command, .. }) => {
            Ok(deploy::connecting(request, server::run_command(request, &command.join(" "))))
        }
        Verb::Prune(action) => prune_plan(action, request),
        Verb::Details => Ok(details(request)),
        Verb::Audit => Ok(deploy::connecting(request, server::audit_log(request))),
        Verb::Remove { .. } => Ok(lock::with_lock(request, Step::Decide(Phase::Remove))),
        Verb::Secrets(_)
        | Verb::Config { .. }
        | Verb::Docs { .. }
        | Verb::Schema
        | Verb::Init
        | Verb::Env { .. }
        | Verb::Version => Ok(Step::nothing()),
    }
}

fn deploy_flags(flags: &DeployOptions) -> Deploy {
    Deploy { skip_push: flags.skip_push, no_cache: flags.no_cache }
}

fn build_plan(action: &Build, request: &Request) -> Result<Step, String> {
    let wanted = |flags: &crate::cli::BuildOptions| BuildRequest {
        no_cache: flags.no_cache,
        output: flags.output.clone(),
    };
    match action {
        Build::Push(flags) => deploy::build_image(request, &wanted(flags), false),
        Build::Deliver(flags) => deploy::build_image(request, &wanted(flags), true),
        Build::Pull => Ok(deploy::connecting(request, build::pull(request)?)),
        Build::Create => Ok(build::create(request)),
        Build::Remove => Ok(build::remove(request)),
        Build::Details => Ok(build::details(request)),
    }
}

fn app_plan(action: &App, request: &Request) -> Result<Step, String> {
    let changing = |verb| Ok(lock::with_lock(request, Step::Decide(Phase::App(verb))));
    let looking = |verb| Ok(deploy::connecting(request, Step::Decide(Phase::App(verb))));
    match action {
        App::Boot | App::Restart => changing(AppVerb::Boot),
        App::Start => changing(AppVerb::Start),
        App::Stop => changing(AppVerb::Stop),
        App::Rollback { wanted } => Ok(deploy::rollback(request, wanted)),
        App::Exec(options) => looking(AppVerb::Exec(exec_request(options)?)),
        App::Logs(options) => {
            looking(AppVerb::Logs(log_options(&options.logs), options.container_id.clone()))
        }
        App::Details => looking(AppVerb::Details),
        App::Containers => looking(AppVerb::Containers),
        App::Images => looking(AppVerb::Images),
        App::Version => looking(AppVerb::Version),
        App::StaleContainers { stop: false } => looking(AppVerb::Stale { stop: false }),
        App::StaleContainers { stop: true } => changing(AppVerb::Stale { stop: true }),
        App::Rollout(action) => rollout_plan(action, request),
        App::Live => changing(AppVerb::Live),
        App::Maintenance { drain_timeout, message } => {
            changing(AppVerb::Maintenance { drain_timeout: *drain_timeout, message: message.clone() })
        }
        App::Remove => changing(AppVerb::Remove),
    }
}

fn rollout_plan(action: &Rollout, request: &Request) -> Result<Step, String> {
    let share = |share: &RolloutShare| Share { percent: share.percent, list: share.list.clone() };
    let changing = |verb| Ok(lock::with_lock(request, Step::Decide(Phase::Rollout(verb))));
    match action {
        Rollout::Start { deploy: flags, share: who } => {
            deploy::roll_out(request, deploy_flags(flags), share(who))
        }
        Rollout::Set(who) if share(who).is_empty() => {
            Err("say who is to see the rollout: --percent, --list, or both".into())
        }
        Rollout::Set(who) => changing(RolloutVerb::Set(share(who))),
        Rollout::Stop => changing(RolloutVerb::Stop),
    }
}

fn accessory_plan(action: &Accessory, request: &Request) -> Result<Step, String> {
    let decide =
        |name: &str, action| Step::Decide(Phase::Accessory(AccessoryVerb { name: name.to_string(), action }));
    let changing = |name: &str, action| Ok(lock::with_lock(request, decide(name, action)));
    let looking = |name: &str, action| Ok(deploy::connecting(request, decide(name, action)));
    match action {
        Accessory::Boot { name } => changing(name, Action::Boot),
        Accessory::Reboot { name } => changing(name, Action::Reboot),
        Accessory::Start { name } => changing(name, Action::Start),
        Accessory::Stop { name } => changing(name, Action::Stop),
        Accessory::Restart { name } => changing(name, Action::Restart),
        Accessory::Remove { name, .. } => changing(name, Action::Remove),
        Accessory::Details { name } => looking(name, Action::Details),
        Accessory::Logs { name, logs } => looking(name, Action::Logs(log_options(logs))),
        Accessory::Exec { name, exec } => looking(name, Action::Exec(exec_request(exec)?)),
    }
}

fn proxy_plan(action: &Proxy, request: &Request) -> Step {
    let changing = |verb| lock::with_lock(request, Step::Decide(Phase::Proxy(verb)));
    let looking = |verb| deploy::connecting(request, Step::Decide(Phase::Proxy(verb)));
    match action {
        Proxy::Boot => changing(ProxyVerb::Boot),
        Proxy::Reboot { rolling, .. } => changing(ProxyVerb::Reboot { rolling: *rolling }),
        Proxy::Start => changing(ProxyVerb::Start),
        Proxy::Stop => changing(ProxyVerb::Stop),
        Proxy::Restart => changing(ProxyVerb::Restart),
        Proxy::Remove { force } => changing(ProxyVerb::Remove { force: *force }),
        Proxy::Details => looking(ProxyVerb::Details),
        Proxy::Logs(logs) => looking(ProxyVerb::Logs(log_options(logs))),
    }
}

fn registry_plan(action: &Registry, request: &Request) -> Result<Step, String> {
    let step = match action {
        Registry::Login(skip) | Registry::Setup(skip) => {
            server::registry_login(request, !skip.skip_local, !skip.skip_remote)?
        }
        Registry::Logout(skip) | Registry::Remove(skip) => {
            server::registry_logout(request, !skip.skip_local, !skip.skip_remote)?
        }
    };
    Ok(deploy::connecting(request, step))
}

fn prune_plan(action: &Prune, request: &Request) -> Result<Step, String> {
    let (containers, images, retain) = match action {
        Prune::All => (true, true, None),
        Prune::Containers { retain } => (true, false, *retain),
        Prune::Images => (false, true, None),
    };
    if retain == Some(0) {
        return Err("retain must be at least 1".into());
    }
    Ok(lock::with_lock(request, server::prune_all(request, containers, images, retain)))
}

fn details(request: &Request) -> Step {
    let all = AccessoryVerb { name: "all".into(), action: Action::Details };
    let parts = [Phase::Proxy(ProxyVerb::Details), Phase::App(AppVerb::Details), Phase::Accessory(all)];
    deploy::connecting(request, Step::InOrder(parts.map(Step::Decide).to_vec()))
}

fn exec_request(options: &ExecOptions) -> Result<ExecRequest, String> {
    let pair = |text: &String| {
        let separator = text.find(['=', ':']);
        let split = separator.map(|at| (text[..at].to_string(), text[at + 1..].to_string()));
        split.ok_or_else(|| format!("-e {text}: expected NAME=VALUE"))
    };
    let command = options.command.iter().map(|word| word.trim()).collect::<Vec<_>>().join(" ");
    if command.trim().is_empty() {
        return Err("No command provided. You must specify a command to execute.".into());
    }
    Ok(ExecRequest {
        command,
        reuse: options.reuse,
        env: options.env.iter().map(pair).collect::<Result<_, _>>()?,
        detach: options.detach,
        raw: options.raw,
    })
}

/// Defaults of Kamal: 100 lines, unless followed (10), since a time or filtered.
fn log_options(logs: &Logs) -> LogOptions {
    let unbounded = logs.since.is_some() || logs.grep.is_some();
    let default = if logs.follow { 10 } else { 100 };
    LogOptions {
        since: logs.since.clone(),
        lines: logs.lines.or((!unbounded).then_some(default)),
        grep: logs.grep.clone(),
        grep_options: logs.grep_options.clone(),
        follow: logs.follow,
        timestamps: !logs.skip_timestamps,
    }
}
