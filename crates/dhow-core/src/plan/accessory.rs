//! Accessories: containers beside the app, kept across deploys.

use super::{Input, Job, Line, LocalFile, Output, Place, Request, Step, audit, registry, wait_deadline};
use crate::commands::exec::{self, Attached, Exec};
use crate::commands::logs::LogOptions;
use crate::commands::{accessory, proxy};
use crate::config::{Accessory, HostFile, Tls};
use crate::facts::{Container, Facts};
use crate::plan::app::ExecRequest;
use crate::secrets::env_file;
use crate::shell::{Command, Script, Word};

/// What `dhow accessory …` is asked to do, with one accessory or (`all`) with each in file order.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessoryVerb {
    /// A name, or `all`.
    pub name: String,
    /// What.
    pub action: Action,
}

/// The second word.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `boot`.
    Boot,
    /// `reboot`.
    Reboot,
    /// `start`.
    Start,
    /// `stop`.
    Stop,
    /// `restart`.
    Restart,
    /// `details`.
    Details,
    /// `logs`.
    Logs(LogOptions),
    /// `exec` without a terminal.
    Exec(ExecRequest),
    /// `remove`.
    Remove,
}

/// Plans it.
pub fn plan(request: &Request, facts: &Facts, verb: &AccessoryVerb) -> Result<Step, String> {
    super::boot::docker_runs_everywhere(facts)?;
    let steps = chosen(request, &verb.name)?.into_iter().map(|own| act(request, facts, own, &verb.action));
    Ok(Step::InOrder(steps.collect::<Result<Vec<_>, _>>()?))
}

/// Boots every accessory that has no container yet.
pub fn boot_all(request: &Request, facts: &Facts) -> Result<Step, String> {
    let boots = request.config.accessories.iter().map(|own| boot(request, facts, own));
    Ok(Step::InOrder(boots.collect::<Result<Vec<_>, _>>()?))
}

/// The command line of an interactive `accessory exec`, and the host it runs on: the accessory's first.
pub fn interactive(
    request: &Request,
    name: &str,
    wanted: &ExecRequest,
    tty: bool,
) -> Result<(Place, Command), String> {
    let accessory = one(request, name)?;
    let hosts = request.targets.accessory_hosts(&accessory.hosts);
    let host = hosts.first().ok_or_else(|| format!("{name} has no host that is selected"))?;
    let attached = if tty { Attached::Terminal } else { Attached::Input };
    Ok((Place::host(host), exec_command(request, accessory, wanted, attached)))
}

fn chosen<'a>(request: &'a Request, name: &str) -> Result<Vec<&'a Accessory>, String> {
    match name {
        "all" => Ok(request.config.accessories.iter().collect()),
        name => one(request, name).map(|accessory| vec![accessory]),
    }
}

fn one<'a>(request: &'a Request, name: &str) -> Result<&'a Accessory, String> {
    let names: Vec<&str> = request.config.accessories.iter().map(|own| own.name.as_str()).collect();
    let options = if names.is_empty() { "none".to_string() } else { names.join(", ") };
    request
        .config
        .accessory(name)
        .ok_or_else(|| format!("No accessory by the name of '{name}' (options: {options})"))
}

fn act(request: &Request, facts: &Facts, own: &Accessory, action: &Action) -> Result<Step, String> {
    match action {
        Action::Boot => boot(request, facts, own),
        Action::Reboot => reboot(request, own),
        Action::Start => {
            Ok(on_hosts(request, own, |_| [audited(request, own, "Started"), start(request, own)].concat()))
        }
        Action::Stop => {
            Ok(on_hosts(request, own, |_| [audited(request, own, "Stopped"), stop(own)].concat()))
        }
        Action::Restart => Ok(on_hosts(request, own, |_| {
            [
                audited(request, own, "Stopped"),
                stop(own),
                audited(request, own, "Started"),
                start(request, own),
            ]
            .concat()
        })),
        Action::Details => Ok(show(request, own, accessory::details(own).into())),
        Action::Logs(options) => Ok(logs(request, own, options)),
        Action::Exec(wanted) => exec(request, own, wanted),
        Action::Remove => Ok(remove(request, own)),
    }
}

/// Only where it has no container yet, running or not; files and directories everywhere.
fn boot(request: &Request, facts: &Facts, own: &Accessory) -> Result<Step, String> {
    let hosts = request.targets.accessory_hosts(&own.hosts);
    let is_own = |container: &Container| container.service == own.service && container.role.is_empty();
    let has_one = |host: &&&str| facts.of(host).containers.iter().any(is_own);
    let there: Vec<&str> = hosts.iter().filter(has_one).copied().collect();
    let mut steps = Vec::new();
    if !there.is_empty() {
        steps.push(Step::Say(format!(
            "Skipping booting `{}` on {}, a container already exists",
            own.name,
            there.join(", ")
        )));
    }
    let prepared = hosts.iter().map(|host| prepare(request, own, host)).collect::<Result<Vec<_>, _>>()?;
    steps.push(Step::AtOnce(prepared));
    let missing = hosts.iter().filter(|host| !there.contains(host));
    steps.push(Step::AtOnce(missing.map(|host| create(request, own, host)).collect::<Result<Vec<_>, _>>()?));
    Ok(Step::InOrder(steps))
}

/// Directories and files on the host.
fn prepare(request: &Request, own: &Accessory, host: &str) -> Result<Step, String> {
    let mut lines: Vec<Line> = accessory::make_directories(own).map(Line::quiet).into_iter().collect();
    for file in &own.files {
        lines.extend(upload(request, own, file)?);
    }
    Ok(if lines.is_empty() { Step::nothing() } else { job(host, lines).step() })
}

/// In base64, since a file may hold any bytes and a script only text.
fn upload(request: &Request, own: &Accessory, file: &HostFile) -> Result<Vec<Line>, String> {
    use base64::Engine;
    let is_this = |local: &&LocalFile| local.accessory == own.name && local.path == file.local;
    let local = request.files.iter().find(is_this);
    let content = local.ok_or_else(|| format!("Missing file: {}", file.local))?.content.clone()?;
    let text = base64::engine::general_purpose::STANDARD.encode(content);
    let path = accessory::file_path(own, file);
    let decode =
        Script::from(Command::new("base64").word("-d")).fed(Word::secret(crate::secrets::Secret::new(text)));
    Ok(vec![
        Line::quiet(accessory::make_file_directory(own, file)),
        Line::new(format!("upload {}", file.local), Script::WriteTo(Word::literal(path), Box::new(decode))),
        Line::quiet(accessory::own_file(own, file)),
    ])
}

fn create(request: &Request, own: &Accessory, host: &str) -> Result<Step, String> {
    let config = &request.config;
    let mut lines = login(request, own)?;
    lines.push(Line::quiet(proxy::create_network()));
    lines.extend(audited(request, own, "Booted"));
    let content = env_file::env_file(&own.env, &request.secrets).map_err(|error| error.to_string())?;
    lines.push(Line::quiet(Command::new("mkdir").word("-p").word(accessory::env_directory(config))));
    lines.push(Line::quiet(Script::replace_file(
        &accessory::env_file_path(config, own),
        "600",
        Word::secret(content),
    )));
    lines.extend(proxy_files(request, own)?);
    lines.push(Line::new(format!("docker run {}", own.service), accessory::run(config, own, host)));
    lines.extend(switch(request, own));
    let deadline = 1800 + wait_deadline(config);
    Ok(Job { deadline, ..job(host, lines) }.step())
}

/// What its proxy reads.
fn proxy_files(request: &Request, own: &Accessory) -> Result<Vec<Line>, String> {
    let Some(settings) = &own.proxy else { return Ok(Vec::new()) };
    let users = proxy::accessory_users(&request.config, own);
    let mut lines = super::proxy::users_file(request, settings, &users)?;
    lines.extend(super::proxy::dns_credentials(request, settings, &own.service)?);
    if let Tls::Custom(names) = &settings.tls {
        let paths = proxy::accessory_certificate(&request.config, own);
        lines.extend(super::proxy::certificate_files(request, names, &paths)?);
    }
    Ok(lines)
}

fn login(request: &Request, own: &Accessory) -> Result<Vec<Line>, String> {
    let registry = own.registry.as_ref().unwrap_or(&request.config.registry);
    Ok(registry::login(request, registry)?.into_iter().collect())
}

/// Requests to its container, if it has a proxy.
fn switch(request: &Request, own: &Accessory) -> Vec<Line> {
    let id = Word::output_of(accessory::container_id(own));
    let deploy = proxy::deploy_for_accessory(&request.config, own, &id);
    deploy
        .map(|deploy| Line::new(format!("switch requests to {} once it is healthy", own.service), deploy))
        .into_iter()
        .collect()
}

fn reboot(request: &Request, own: &Accessory) -> Result<Step, String> {
    let replace = |host: &&str| -> Result<Step, String> {
        let mut lines = login(request, own)?;
        lines.push(Line::new(format!("docker pull {}", own.image), accessory::pull(own)));
        lines.extend(stop(own));
        lines.push(audit(request, None, &format!("Remove {} accessory container", own.name)));
        lines.push(Line::new(format!("remove {}", own.service), accessory::remove_container(own)));
        let old_goes = Job { deadline: 1800, ..job(host, lines) }.step();
        Ok(Step::InOrder(vec![old_goes, prepare(request, own, host)?, create(request, own, host)?]))
    };
    let hosts = request.targets.accessory_hosts(&own.hosts);
    Ok(Step::AtOnce(hosts.iter().map(replace).collect::<Result<Vec<_>, _>>()?))
}

fn start(request: &Request, own: &Accessory) -> Vec<Line> {
    let start = Line::new(format!("docker start {}", own.service), accessory::start(own));
    [vec![start], switch(request, own)].concat()
}

fn stop(own: &Accessory) -> Vec<Line> {
    let leave = own.proxy.as_ref().map(|_| Line::quiet(proxy::remove(&own.service)).optional());
    let stop = Line::new(format!("docker stop {}", own.service), accessory::stop(own)).optional();
    [Some(stop), leave].into_iter().flatten().collect()
}

fn logs(request: &Request, own: &Accessory, options: &LogOptions) -> Step {
    let script = accessory::logs(own, options);
    if !options.follow {
        return show(request, own, script);
    }
    let follow =
        |host: &str| job(host, vec![Line::quiet(script.clone())]).waiting(0).showing(Output::Follow).step();
    Step::AtOnce(request.targets.accessory_hosts(&own.hosts).into_iter().map(follow).collect())
}

fn exec(request: &Request, own: &Accessory, wanted: &ExecRequest) -> Result<Step, String> {
    let hosts = request.targets.accessory_hosts(&own.hosts);
    let alone = hosts.len() == 1;
    let stdin = request.passes_input && alone;
    let command = exec_command(request, own, wanted, if stdin { Attached::Input } else { Attached::Output });
    let executed = format!("Executed cmd '{}' on {} accessory", wanted.command, own.name);
    let before =
        [vec![audit(request, None, &executed)], if wanted.reuse { Vec::new() } else { login(request, own)? }]
            .concat();
    let on_host = |host: &str| {
        let output = if alone { Output::Raw } else { heading(own) };
        let input = if stdin { Input::Stdin } else { Input::Nothing };
        let run = job(host, vec![Line::quiet(command.clone())]).waiting(0).showing(output).reading(input);
        Step::InOrder(vec![job(host, before.clone()).step(), run.step()])
    };
    Ok(Step::AtOnce(hosts.into_iter().map(on_host).collect()))
}

fn exec_command(request: &Request, own: &Accessory, wanted: &ExecRequest, attached: Attached) -> Command {
    let exec = Exec { command: &wanted.command, env: &wanted.env, attached };
    match wanted.reuse {
        true => exec::in_container(&own.service, &exec),
        false => exec::in_new_accessory(&request.config, own, &exec),
    }
}

/// Container, image and data.
pub fn remove(request: &Request, own: &Accessory) -> Step {
    on_hosts(request, own, |_| {
        let mut lines = stop(own);
        lines.push(audit(request, None, &format!("Remove {} accessory container", own.name)));
        lines.push(Line::new(
            format!("remove {} with its data", own.service),
            accessory::remove_container(own),
        ));
        lines.push(audit(request, None, &format!("Removed {} accessory image", own.name)));
        lines.push(Line::quiet(accessory::remove_image(own)).optional());
        lines.push(Line::quiet(accessory::remove_directory(own)));
        let env_file = accessory::env_file_path(&request.config, own);
        lines.push(Line::quiet(Command::new("rm").word("-f").word(env_file)));
        lines
    })
}

fn show(request: &Request, own: &Accessory, script: Script) -> Step {
    let show = |host: &str| job(host, vec![Line::quiet(script.clone())]).showing(heading(own)).step();
    Step::AtOnce(request.targets.accessory_hosts(&own.hosts).into_iter().map(show).collect())
}

fn heading(own: &Accessory) -> Output {
    Output::Result { heading: format!("Accessory {}", own.name), if_failed: None }
}

fn audited(request: &Request, own: &Accessory, done: &str) -> Vec<Line> {
    vec![audit(request, None, &format!("{done} {} accessory", own.name))]
}

fn on_hosts(request: &Request, own: &Accessory, lines: impl Fn(&str) -> Vec<Line>) -> Step {
    let on_host = |host: &str| Job { deadline: 300, ..job(host, lines(host)) }.step();
    Step::AtOnce(request.targets.accessory_hosts(&own.hosts).into_iter().map(on_host).collect())
}

fn job(host: &str, lines: Vec<Line>) -> Job {
    Job::new(Place::host(host), lines)
}
