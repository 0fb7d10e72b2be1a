//! All that a page has said up to a command: files, this machine, servers.

use super::here::Here;
use super::servers::{PROXY_IMAGE, Servers};
use clap::Parser;
use dhow::cli::{Cli, Verb};
use dhow::project::ProjectError;
use dhow::verbs;
use dhow_core::config::{Accessory, Computed, Config, Context, Document, explain, reference};
use dhow_core::plan::{Ids, LocalFile, LockWait, Request, Selection, Targets};
use dhow_core::secrets::{Secret, Secrets};
use std::collections::BTreeMap;

/// Where a page has come to.
#[derive(Default)]
pub struct Scene {
    files: BTreeMap<String, String>,
    /// This machine.
    pub here: Here,
    /// The others.
    pub servers: Servers,
}

impl Scene {
    /// Takes a fenced block: `servers`, `here`, or `LANGUAGE PATH` for a file of the project.
    pub fn set(&mut self, info: &str, block: &[&str]) {
        match info.split_once(' ') {
            Some((_, path)) => drop(self.files.insert(path.to_string(), block.join("\n") + "\n")),
            None if info == "servers" => self.servers = Servers::read(block),
            None if info == "here" => self.here = Here::read(block),
            None => panic!("a block is a file (```LANGUAGE PATH), `servers`, `here` or `console`: {info}"),
        }
    }

    /// The values that must never show.
    pub fn secret_values(&self) -> Vec<String> {
        self.secrets().iter().map(|(_, value)| value.reveal().to_string()).collect()
    }

    /// The words of a command line, read as dhow reads them.
    pub fn parse(line: &str) -> Result<Cli, String> {
        let words = shlex::split(line).expect("balanced quotes");
        Cli::try_parse_from(words).map_err(|error| error.to_string())
    }

    /// What is asked for. Secrets are there only if the command asks for them.
    pub fn request(&self, cli: &Cli) -> Result<Request, String> {
        let global = &cli.global;
        let config = self.config(global.destination.as_deref())?;
        let selection =
            Selection { hosts: global.hosts.clone(), roles: global.roles.clone(), primary: global.primary };
        let targets = Targets::select(&config, &selection).map_err(|error| error.to_string())?;
        let (command, subcommand) = verbs::words(&cli.verb);
        let git = self.here.workspace.git.as_ref();
        let revision = git.map(|git| git.revision.clone()).unwrap_or_default();
        let needs = verbs::needs(&cli.verb);
        let hooks = if global.skip_hooks { Vec::new() } else { self.here.hooks.clone() };
        Ok(Request {
            secrets: if needs.secrets_with(&hooks) { self.secrets() } else { Secrets::default() },
            targets,
            version: global.version.clone().unwrap_or(revision),
            version_given: global.version.is_some(),
            performer: PERFORMER.to_string(),
            locked_by: "Ann".to_string(),
            at: NOW.to_string(),
            ids: Ids { seed: 1 },
            hooks,
            command: (command.to_string(), subcommand.map(String::from)),
            roles_given: global.roles.clone(),
            lock_wait: global.lock_wait.then_some(LockWait {
                timeout: global.lock_wait_timeout,
                interval: global.lock_wait_interval,
            }),
            lock_inherited: self.here.lock_inherited,
            passes_input: self.here.passes_input,
            workspace: self.here.workspace.clone(),
            proxy_image: PROXY_IMAGE.to_string(),
            error_pages: self.error_pages(&config),
            files: self.accessory_files(&config),
            config,
        })
    }

    /// What a command prints that only prints.
    pub fn printed(&self, cli: &Cli) -> Option<Result<String, String>> {
        let destination = cli.global.destination.as_deref();
        match &cli.verb {
            Verb::Docs { topic } => {
                Some(reference::docs(topic.as_deref()).map_err(|unknown| unknown.to_string()))
            }
            Verb::Config { explain: Some(key) } => Some(self.explain(destination, key)),
            Verb::Config { explain: None } => Some(self.request(cli).map(|r| r.config.to_yaml(&r.version))),
            _ => None,
        }
    }

    fn explain(&self, destination: Option<&str>, key: &str) -> Result<String, String> {
        if let Some(computed) = Computed::named(key) {
            let revision = self.here.workspace.git.as_ref().map(|git| git.revision.clone());
            let origin = "git: the commit checked out here";
            return Ok(computed.explain(&self.config(destination)?, &revision.unwrap_or_default(), origin));
        }
        let (base, over, context) = self.sources(destination);
        explain(&base, over.as_ref(), &context, key).map_err(|error| error.to_string())
    }

    fn sources(&self, destination: Option<&str>) -> (Document, Option<Document>, Context) {
        let base = self.document("config/deploy.yml");
        let over = destination.map(|name| self.document(&format!("config/deploy.{name}.yml")));
        let context = Context {
            destination: destination.map(String::from),
            local_arch: "amd64".to_string(),
            ..Context::default()
        };
        (base, over, context)
    }

    fn config(&self, destination: Option<&str>) -> Result<Config, String> {
        let (base, over, context) = self.sources(destination);
        Config::read(&base, over.as_ref(), &context)
            .map_err(|errors| ProjectError::Config(errors).to_string())
    }

    fn document(&self, path: &str) -> Document {
        let text = self.files.get(path).unwrap_or_else(|| panic!("the page has no {path}"));
        Document { path: path.to_string(), text: text.clone() }
    }

    fn secrets(&self) -> Secrets {
        let path = ".kamal/secrets";
        let Some(text) = self.files.get(path) else { return Secrets::default() };
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let values = pairs.map(|(key, value)| (key.to_string(), Secret::new(value))).collect();
        Secrets::new(values, vec![path.to_string()])
    }

    fn accessory_files(&self, config: &Config) -> Vec<LocalFile> {
        let of = |own: &Accessory| {
            let found = own.files.iter().filter_map(|file| self.files.get_key_value(&file.local));
            let file = |(path, text): (&String, &String)| LocalFile {
                accessory: own.name.clone(),
                path: path.clone(),
                content: Ok(text.clone().into_bytes()),
            };
            found.map(file).collect::<Vec<_>>()
        };
        config.accessories.iter().flat_map(of).collect()
    }

    fn error_pages(&self, config: &Config) -> Vec<(String, Vec<u8>)> {
        let Some(directory) = &config.error_pages_path else { return Vec::new() };
        let in_directory = |path: &String| path.strip_prefix(&format!("{directory}/")).map(String::from);
        let pages = self.files.iter().filter_map(|(path, text)| Some((in_directory(path)?, text)));
        pages.map(|(name, text)| (name, text.clone().into_bytes())).collect()
    }
}

/// The time of every page.
pub const NOW: &str = "2026-01-02T03:04:05Z";
/// Who runs dhow in every page.
pub const PERFORMER: &str = "ann@example.com";
