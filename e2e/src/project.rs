//! An app to deploy: a git repository on the workstation with a Dockerfile, a deploy.yml and the sample app, and the
//! command lines that a developer types in it.

mod files;
mod running;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bed::{Bed, Host};
pub use running::{Outcome, Running};

/// The longest that any single command line may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// A directory with an app, and the workstation it is on.
pub struct Project<'bed> {
    bed: &'bed Bed,
    service: String,
    directory: PathBuf,
}

impl<'bed> Project<'bed> {
    /// A new project with its first commit, and `dhow` on the workstation's path. No deploy.yml yet.
    pub fn new(bed: &'bed Bed, service: &str) -> Result<Project<'bed>> {
        let directory = bed.directory(&format!("projects/{service}"))?;
        files::install_dhow(&bed.workstation)?;
        files::write_app(&directory)?;
        let project = Project { bed, service: service.to_string(), directory };
        project.write(".kamal/secrets", &format!("KAMAL_REGISTRY_PASSWORD={}\n", bed.registry.password()))?;
        project.sh("git init --quiet").ok();
        Ok(project)
    }

    /// Writes `config/deploy.yml`: what every test wants, and these sections.
    pub fn configure(&self, sections: &[&str]) -> Result<()> {
        self.write("config/deploy.yml", &self.deploy_yaml(sections))
    }

    /// The text of a deploy.yml: service, image, builder and ssh as every test wants them, and these sections.
    pub fn deploy_yaml(&self, sections: &[&str]) -> String {
        let (service, architecture) = (&self.service, files::docker_architecture());
        let common =
            format!("service: {service}\nimage: captain/{service}\nbuilder:\n  arch: {architecture}\n");
        let lines = |section: &&str| format!("{}\n", section.trim_end());
        common + &self.bed.ssh_yaml() + &sections.iter().map(lines).collect::<String>()
    }

    /// Writes a file of the project; the version to deploy stays the last commit.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.directory.join(path);
        fs::create_dir_all(path.parent().context("a path within the project")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a file that can be run.
    pub fn executable(&self, path: &str, text: &str) -> Result<()> {
        self.write(path, text)?;
        Ok(fs::set_permissions(self.directory.join(path), fs::Permissions::from_mode(0o755))?)
    }

    /// Writes a hook: a shell script with this body.
    pub fn hook(&self, name: &str, body: &str) -> Result<()> {
        self.executable(&format!(".kamal/hooks/{name}"), &format!("#!/bin/sh\n{body}\n"))
    }

    /// What a file of the project holds.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let path = self.directory.join(path);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Changes the app's small last layer, commits everything and returns the commit, which is the version to deploy.
    pub fn commit(&self, change: &str) -> Result<String> {
        self.write("version", change)?;
        self.sh("git add --all && git commit --quiet --message change").ok();
        Ok(self.sh("git rev-parse HEAD").ok().text())
    }

    /// Runs a shell line in the project's directory on the workstation, to its end.
    #[track_caller]
    pub fn sh(&self, line: &str) -> Outcome {
        self.start(line).wait()
    }

    /// Starts a shell line in a session of its own, as a terminal would.
    #[track_caller]
    pub fn start(&self, line: &str) -> Running {
        Running::start(&self.bed.workstation, &self.directory, line)
            .unwrap_or_else(|error| panic!("{line}: {error:#}"))
    }

    /// The project's directory, the same on the workstation and on the machine.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it deploys to.
    pub fn servers(&self) -> &'bed [Host] {
        &self.bed.servers
    }
}
