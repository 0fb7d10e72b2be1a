//! A configuration from its files: everything is checked first, in Kamal's order, then read, then compared.

use super::document::{DEFAULT_HOOKS_PATH, load};
use super::errors::Errors;
use super::keys::root::FIELDS;
use super::node::Value;
use super::role::{Shared, check_labels};
use super::schema::check;
use super::setting::Setting;
use super::*;

impl Config {
    /// Reads a configuration for one destination, as Kamal 2.12.0 does. Everything that is wrong comes back at once,
    /// the first being what Kamal would have said.
    pub fn read(
        base: &Document,
        destination: Option<&Document>,
        context: &Context,
    ) -> Result<Config, ConfigErrors> {
        let mut errors = Errors::new(std::iter::once(base).chain(destination).collect());
        let root = load(base, destination, context, &mut errors);
        let Some(root) = root else { return Err(errors.failed()) };
        let setting = Setting::root(&root);
        check_sections(&setting, &mut errors);
        let config = Config::assemble(&setting, context, &mut errors);
        rules::check(&config, &setting, context, &mut errors);
        let warnings = errors.finish()?;
        Ok(Config { warnings, ..config })
    }

    /// Reads what is sound; what is not has been reported and gets its default.
    fn assemble(root: &Setting, context: &Context, errors: &mut Errors) -> Config {
        let registry = Registry::read(&root.section("registry"));
        let service = root.text("service").unwrap_or_default();
        let image = root.filled_text("image");
        let image = image.or_else(|| registry.is_local().then(|| service.clone()));
        let primary_role = root.text("primary_role").unwrap_or_else(|| "web".to_string());
        let roles = Role::read_all(&Shared::new(root, &primary_role), errors);
        let accessories = root.section("accessories");
        let accessories =
            accessories.entries().map(|(_, accessory)| Accessory::read(&accessory, &service, &roles, errors));
        let accessories = accessories.collect();
        let text = |key: &str, default: &str| root.text(key).unwrap_or_else(|| default.to_string());
        Config {
            image: image.unwrap_or_default(),
            destination: context.destination.clone(),
            registry,
            roles,
            accessories,
            builder: Builder::read(&root.section("builder"), &context.local_arch, errors),
            ssh: Ssh::read(&root.section("ssh"), errors),
            sshkit: Sshkit::read(&root.section("sshkit"), errors),
            boot: Boot::read(&root.section("boot"), errors),
            logging: Logging::read(&root.section("logging")),
            output: Output::read(&root.section("output")),
            aliases: root.pairs("aliases").into_iter().collect(),
            hooks_path: text("hooks_path", DEFAULT_HOOKS_PATH),
            hooks_output: HookOutput::read(&root.section("hooks_output")),
            secrets_path: text("secrets_path", ".kamal/secrets"),
            error_pages_path: root.text("error_pages_path"),
            retain_containers: at_least_zero(root, "retain_containers", 5),
            readiness_delay: root.number("readiness_delay", errors).unwrap_or(7),
            deploy_timeout: root.number("deploy_timeout", errors).unwrap_or(30),
            drain_timeout: root.number("drain_timeout", errors).unwrap_or(30),
            warnings: Vec::new(),
            written: Written::from(root),
            service,
            primary_role,
        }
    }
}

/// Kamal's own order.
fn check_sections(root: &Setting, errors: &mut Errors) {
    check(root, FIELDS, errors);
    check_labels(root, errors);
    let section = |key| root.get(key).filter(|section| section.node.map().is_some());
    Role::check_all(root, errors);
    if let Some(registry) = section("registry").filter(|registry| !registry.node.is_blank()) {
        Registry::check(&registry, errors);
    }
    for (_, accessory) in root.section("accessories").entries() {
        Accessory::check(&accessory, root, errors);
    }
    for (_, alias) in root.section("aliases").entries() {
        alias::check(&alias, errors);
    }
    if let Some(boot) = section("boot") {
        Boot::check(&boot, errors);
    }
    if root.get("builder").is_none_or(|builder| builder.node.map().is_some()) {
        let needs_arch = !Registry::read(&root.section("registry")).is_local();
        Builder::check(&root.section("builder"), needs_arch, errors);
    }
    if let Some(env) = section("env") {
        Env::check(&env, errors);
    }
    if let Some(logging) = section("logging") {
        Logging::check(&logging, errors);
    }
    if let Some(output) = section("output") {
        Output::check(&output, errors);
    }
    if let Some(proxy) =
        root.get("proxy").filter(|proxy| proxy.node.map().is_some() || proxy.node.bool().is_some())
    {
        Proxy::check(&proxy, None, errors);
    }
    if let Some(ssh) = section("ssh") {
        Ssh::check(&ssh, errors);
    }
    if let Some(sshkit) = section("sshkit") {
        Sshkit::check(&sshkit, errors);
    }
}

/// Too few is reported by the rules, in Kamal's words.
fn at_least_zero(root: &Setting, key: &str, default: u32) -> u32 {
    match root.get(key).map(|setting| &setting.node.value) {
        Some(Value::Int(number)) => u32::try_from((*number).max(0)).unwrap_or(u32::MAX),
        _ => default,
    }
}
