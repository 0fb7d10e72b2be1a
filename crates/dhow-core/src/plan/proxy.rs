//! The proxy's container on each host, and the files it reads.

use super::{Input, Job, Line, Output, Place, Request, Step, audit, hooks, registry};
use crate::commands::logs::LogOptions;
use crate::commands::proxy::CertificatePaths;
use crate::commands::{app, proxy};
use crate::config::{Config, CustomCertificate, Proxy, ProxyRun, Role, Tls};
use crate::facts::Facts;
use crate::secrets::credentials_file::credentials_file;
use crate::shell::{Command, Script, Word, docker};

/// What `dhow proxy …` is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum ProxyVerb {
    /// `boot`.
    Boot,
    /// `reboot [--rolling]`.
    Reboot {
        /// One host after the other.
        rolling: bool,
    },
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
    /// `remove [--force]`.
    Remove {
        /// Even if other apps use it.
        force: bool,
    },
}

/// Plans it.
pub fn plan(request: &Request, facts: &Facts, verb: &ProxyVerb) -> Result<Step, String> {
    match verb {
        ProxyVerb::Boot => ensure_running(request, facts),
        ProxyVerb::Reboot { rolling } => reboot(request, facts, *rolling),
        ProxyVerb::Start => Ok(on_proxy_hosts(request, |_| audited(request, "Started proxy", start()))),
        ProxyVerb::Stop => Ok(on_proxy_hosts(request, |_| audited(request, "Stopped proxy", vec![stop()]))),
        ProxyVerb::Restart => Ok(on_proxy_hosts(request, |_| {
            audited(request, "Stopped proxy", [vec![stop()], start()].concat())
        })),
        ProxyVerb::Details => Ok(details(request)),
        ProxyVerb::Logs(options) => Ok(logs(request, options)),
        ProxyVerb::Remove { force } => Ok(remove(request, facts, *force)),
    }
}

/// Where nobody starts the proxy, it has to run: otherwise a deploy would fail only once containers were made.
pub fn runs_everywhere(request: &Request, facts: &Facts) -> Result<(), String> {
    let serves = |host: &&str| request.targets.roles_on(host).iter().any(|role| role.proxy.is_some());
    let runs = |host: &str| facts.of(host).proxy.is_some_and(|proxy| proxy.running);
    let hosts = request.targets.app_hosts();
    let without: Vec<&str> = hosts.into_iter().filter(serves).filter(|host| !runs(host)).collect();
    if !without.is_empty() {
        let hosts = without.join(", ");
        return Err(format!("kamal-proxy does not run on {hosts}\n  hint: `dhow proxy boot` starts it"));
    }
    request.targets.app_hosts().iter().try_for_each(|host| can_do_what_is_asked(request, facts, host))
}

/// Settings that kamal-proxy does not know would only be refused once containers were made.
fn can_do_what_is_asked(request: &Request, facts: &Facts, host: &str) -> Result<(), String> {
    let named = run_settings(&request.config, host).and_then(proxy::image_of);
    let image = facts.of(host).proxy.map(|existing| existing.image).or_else(|| named.clone());
    match (ours(&request.config, host).as_slice(), image) {
        ([first, ..], Some(image)) if proxy::is_kamals(&image) => {
            let hint = match named {
                Some(_) => {
                    "leave out `registry`, `repository` and `version` under `proxy.run`, then run `dhow proxy reboot`"
                }
                None => "`dhow proxy reboot` puts dhow's in its place, which goes on with all that is served",
            };
            Err(format!("`proxy.{first}` needs dhow's own proxy, and {host} has {image}\n  hint: {hint}"))
        }
        _ => Ok(()),
    }
}

/// What is written for a host that needs dhow's own proxy.
fn ours<'a>(config: &'a Config, host: &'a str) -> Vec<&'a str> {
    proxies(config, host).flat_map(|proxy| &proxy.ours).map(String::as_str).collect()
}

/// Makes and starts the proxy where it does not run, on every host with something proxied.
pub fn ensure_running(request: &Request, facts: &Facts) -> Result<Step, String> {
    let hosts = request.targets.proxy_hosts(&request.config);
    let boots = hosts.iter().map(|host| boot_on(request, facts, host)).collect::<Result<Vec<_>, _>>()?;
    Ok(Step::InOrder(vec![Step::Say("Ensure kamal-proxy is running...".into()), Step::AtOnce(boots)]))
}

fn boot_on(request: &Request, facts: &Facts, host: &str) -> Result<Step, String> {
    let existing = facts.of(host).proxy;
    can_do_what_is_asked(request, facts, host)?;
    match &existing {
        Some(existing) if proxy::is_too_old(&existing.image) => Err(format!(
            "kamal-proxy on {host} ({}) is too old, run `dhow proxy reboot` in order to update it to at least {}",
            existing.image,
            proxy::MINIMUM_VERSION
        )),
        // It runs, so its network and directory are there.
        Some(existing) if existing.running => Ok(Step::nothing()),
        Some(_) => Ok(job(host, start()).step()),
        None => Ok(create(request, facts, host)),
    }
}

fn create(request: &Request, facts: &Facts, host: &str) -> Step {
    let image = Image::choose(request, facts, host);
    Step::InOrder(vec![image.send(request, facts, host), image.make(request, host)])
}

/// Where the proxy's image comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Image {
    /// `proxy.run` names it.
    Configured,
    /// kamal-proxy, where it is there already.
    Kamals,
    /// dhow brings it along.
    Ours,
}

impl Image {
    fn choose(request: &Request, facts: &Facts, host: &str) -> Image {
        if run_settings(&request.config, host).and_then(proxy::image_of).is_some() {
            return Image::Configured;
        }
        let is_there = facts.of(host).proxy.is_some_and(|existing| proxy::is_kamals(&existing.image));
        if is_there && ours(&request.config, host).is_empty() { Image::Kamals } else { Image::Ours }
    }

    /// Sends the image if it is ours and missing.
    fn send(self, request: &Request, facts: &Facts, host: &str) -> Step {
        if self != Image::Ours || facts.of(host).images.contains(&request.proxy_image) {
            return Step::nothing();
        }
        let name = format!("send the proxy's image {}", request.proxy_image);
        let load = Command::new("docker").word("load");
        // A job whose standard input is taken has no marks, so what it does is said beforehand.
        let say = Step::Say(format!("  {host}  {name}"));
        let send = job(host, vec![Line::new(name, load)]).reading(Input::ProxyImage);
        Step::InOrder(vec![say, Job { deadline: 600, ..send }.step()])
    }

    /// Sends or pulls the image while another container still serves.
    fn bring(self, request: &Request, facts: &Facts, host: &str) -> Step {
        if self == Image::Ours {
            return self.send(request, facts, host);
        }
        let named = run_settings(&request.config, host).and_then(proxy::image_of);
        let reference = named.unwrap_or_else(|| proxy::KAMALS_IMAGE.to_string());
        let mut lines = if self == Image::Configured { login(request) } else { Vec::new() };
        let is_there = Script::from(docker(["image", "inspect", &reference])).silent();
        lines.push(Line::new(format!("docker pull {reference}"), is_there.or(docker(["pull", &reference]))));
        job(host, lines).waiting(600).step()
    }

    /// Makes the container; Docker pulls an image that is not ours.
    fn make(self, request: &Request, host: &str) -> Step {
        let mut lines = if self == Image::Configured { login(request) } else { Vec::new() };
        lines.push(Line::quiet(proxy::create_network()));
        lines.push(Line::quiet(proxy::prepare_directory()));
        let reference = if self == Image::Ours { &request.proxy_image } else { proxy::KAMALS_IMAGE };
        let boot = proxy::boot(run_settings(&request.config, host), reference);
        lines.push(Line::new("start kamal-proxy", boot));
        lines.push(Line::quiet(proxy::wait_until_it_answers()));
        Job { deadline: 300, ..job(host, lines) }.step()
    }
}

fn login(request: &Request) -> Vec<Line> {
    // A missing credential is reported by the step that needs it to push or pull the app's image.
    registry::login(request, &request.config.registry).ok().flatten().into_iter().collect()
}

/// The first `proxy.run` that applies to a host; the configuration made sure that all agree.
pub fn run_settings<'a>(config: &'a Config, host: &'a str) -> Option<&'a ProxyRun> {
    proxies(config, host).find_map(|proxy| proxy.run.as_ref())
}

/// Everything that is proxied on a host.
fn proxies<'a>(config: &'a Config, host: &'a str) -> impl Iterator<Item = &'a Proxy> {
    let roles = config.roles.iter().filter(move |role| role.runs_on(host));
    let accessories =
        config.accessories.iter().filter(move |own| own.hosts.iter().any(|other| other == host));
    roles.filter_map(|role| role.proxy.as_ref()).chain(accessories.filter_map(|own| own.proxy.as_ref()))
}

/// A new container, on each host in turn or on all at once. What is served comes back from the state it keeps.
fn reboot(request: &Request, facts: &Facts, rolling: bool) -> Result<Step, String> {
    let hosts: Vec<String> =
        request.targets.proxy_hosts(&request.config).into_iter().map(String::from).collect();
    let size = if rolling { 1 } else { hosts.len().max(1) };
    let group = |group: &[String]| {
        let on_hosts = group.iter().map(|host| reboot_on(request, facts, host)).collect();
        Step::InOrder(vec![
            hooks::hook_for_hosts(request, "pre-proxy-reboot", group),
            Step::AtOnce(on_hosts),
            hooks::hook_for_hosts(request, "post-proxy-reboot", group),
        ])
    };
    Ok(Step::InOrder(hosts.chunks(size).map(group).collect()))
}

/// What takes long is done while the old proxy still serves.
fn reboot_on(request: &Request, facts: &Facts, host: &str) -> Step {
    let remove = vec![stop(), Line::new("remove kamal-proxy", proxy::remove_container())];
    let image = Image::choose(request, facts, host);
    let runs_ours = facts.of(host).proxy.is_some_and(|own| own.running && proxy::is_ours(&own.image));
    if image == Image::Ours && runs_ours {
        let upgrade = upgrade(request, host);
        return Step::InOrder(vec![image.bring(request, facts, host), upgrade]);
    }
    Step::InOrder(vec![
        image.bring(request, facts, host),
        job(host, audited(request, "Rebooted proxy", remove)).step(),
        image.make(request, host),
    ])
}

/// dhow's own proxy takes over from itself without a gap, unless its container has to be another.
fn upgrade(request: &Request, host: &str) -> Step {
    let settings = run_settings(&request.config, host);
    let image = &request.proxy_image;
    let notice = Command::new("echo").word("its settings have changed, so it is replaced: a brief outage");
    let replace = Script::and([
        notice.into(),
        unseen(proxy::stop()),
        unseen(proxy::remove_container()),
        unseen(proxy::run(settings, image)),
    ]);
    let remove_next = || Line::quiet(Script::from(proxy::remove_next()).silent()).optional();
    let lines = vec![
        remove_next(),
        Line::new("compare kamal-proxy with its settings", unseen(proxy::create_next(settings, image))),
        Line::new(
            "upgrade kamal-proxy in place, or replace it",
            proxy::has_same_settings().if_else(proxy::take_over_in_place(), replace),
        ),
        Line::quiet(proxy::wait_until_it_answers()),
        remove_next(),
    ];
    let job = job(host, audited(request, "Rebooted proxy", lines)).showing(Output::Progress);
    Job { deadline: 300, ..job }.step()
}

/// Without the names and ids that Docker prints.
fn unseen(script: impl Into<Script>) -> Script {
    Script::WriteTo(Word::literal("/dev/null"), Box::new(script.into()))
}

/// Certificates and error pages of a role, written where the proxy's container reads them.
pub fn files(request: &Request, role: &Role, settings: &Proxy) -> Result<Vec<Line>, String> {
    let config = &request.config;
    let mut lines = Vec::new();
    if let Tls::Custom(names) = &settings.tls {
        lines.extend(certificate_files(request, names, &proxy::role_certificate(config, role))?);
    }
    lines.extend(users_file(request, settings, &proxy::role_users(config, role))?);
    lines.extend(dns_credentials(request, settings, &config.prefix(role))?);
    if !request.error_pages.is_empty() {
        let directory = app::error_pages_directory(config, &request.version);
        lines.push(Line::quiet(Command::new("mkdir").word("-p").word(&directory)));
        for (name, content) in &request.error_pages {
            let text = String::from_utf8_lossy(content).into_owned();
            lines.push(Line::quiet(Script::replace_file(&format!("{directory}/{name}"), "644", text)));
        }
    }
    Ok(lines)
}

/// A custom certificate and its key, from the secrets they are named after.
pub fn certificate_files(
    request: &Request,
    names: &CustomCertificate,
    paths: &CertificatePaths,
) -> Result<Vec<Line>, String> {
    let directory = paths.certificate.rsplit_once('/').map_or(".", |(directory, _)| directory);
    let mut lines = vec![Line::quiet(Command::new("mkdir").word("-p").word(directory))];
    // The proxy's user is not the SSH user, so it has to be readable for others too, as Kamal leaves it.
    for (path, key) in
        [(&paths.certificate, &names.certificate_pem), (&paths.private_key, &names.private_key_pem)]
    {
        let content = request.secrets.find(key).map_err(|error| error.to_string())?.clone();
        lines.push(Line::quiet(Script::replace_file(path, "644", Word::secret(content))));
    }
    Ok(lines)
}

/// What the holder of the hosts' zone wants to know, given to the proxy: other users of the server shall not read it.
pub fn dns_credentials(request: &Request, settings: &Proxy, service: &str) -> Result<Vec<Line>, String> {
    let Some(dns) = &settings.acme.dns else { return Ok(Vec::new()) };
    let content = credentials_file(dns, &request.secrets)?;
    Ok(vec![Line::quiet(proxy::keep_credentials(service, Word::secret(content)))])
}

/// The users who may come, from the secret that the settings name.
pub fn users_file(request: &Request, settings: &Proxy, path: &str) -> Result<Vec<Line>, String> {
    let Some(auth) = &settings.policy.basic_auth else { return Ok(Vec::new()) };
    let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
    let users = request.secrets.find(&auth.users).map_err(|error| error.to_string())?.clone();
    Ok(vec![
        Line::quiet(Command::new("mkdir").word("-p").word(directory)),
        Line::quiet(Script::replace_file(path, "644", Word::secret(users))),
    ])
}

fn details(request: &Request) -> Step {
    show_on_proxy_hosts(request, proxy::details().into())
}

fn logs(request: &Request, options: &LogOptions) -> Step {
    if options.follow {
        let follow = |host: &str| {
            job(host, vec![Line::quiet(proxy::logs(options))]).waiting(0).showing(Output::Follow).step()
        };
        return Step::AtOnce(request.targets.proxy_hosts(&request.config).into_iter().map(follow).collect());
    }
    show_on_proxy_hosts(request, proxy::logs(options))
}

fn show_on_proxy_hosts(request: &Request, script: Script) -> Step {
    let show = |host: &str| {
        let output = Output::Result { heading: "Proxy".into(), if_failed: None };
        job(host, vec![Line::quiet(script.clone())]).showing(output).step()
    };
    Step::AtOnce(request.targets.proxy_hosts(&request.config).into_iter().map(show).collect())
}

fn remove(request: &Request, facts: &Facts, force: bool) -> Step {
    let mut steps = Vec::new();
    for host in request.targets.proxy_hosts(&request.config) {
        let others: Vec<String> =
            facts.of(host).apps.into_iter().filter(|app| *app != request.config.app()).collect();
        if !others.is_empty() && !force {
            steps.push(Step::Warn(format!(
                "Not removing the proxy on {host}, as other apps are installed ({}), ignore this check with dhow proxy remove --force",
                others.join(", ")
            )));
            continue;
        }
        steps.push(remove_on(request, host));
    }
    Step::InOrder(steps)
}

/// Container, image and directory.
pub fn remove_on(request: &Request, host: &str) -> Step {
    let lines = vec![
        stop(),
        Line::new("remove kamal-proxy", proxy::remove_container()),
        audit(request, None, "Removed proxy container"),
        Line::quiet(proxy::remove_image()),
        audit(request, None, "Removed proxy image"),
        Line::quiet(proxy::remove_directory()).optional(),
    ];
    job(host, lines).step()
}

fn on_proxy_hosts(request: &Request, lines: impl Fn(&str) -> Vec<Line>) -> Step {
    let hosts = request.targets.proxy_hosts(&request.config);
    Step::AtOnce(hosts.into_iter().map(|host| job(host, lines(host)).step()).collect())
}

fn audited(request: &Request, text: &str, lines: Vec<Line>) -> Vec<Line> {
    [vec![audit(request, None, text)], lines].concat()
}

fn start() -> Vec<Line> {
    vec![Line::new("start kamal-proxy", proxy::start()), Line::quiet(proxy::wait_until_it_answers())]
}

fn stop() -> Line {
    Line::new("stop kamal-proxy", proxy::stop()).optional()
}

fn job(host: &str, lines: Vec<Line>) -> Job {
    Job::new(Place::host(host), lines)
}
