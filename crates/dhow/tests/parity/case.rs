//! A project of the corpus with one of its destinations, and what Kamal did with it.

use clap::Parser;
use dhow::cli::{Cli, Global};
use dhow::project::LocalSurroundings;
use dhow_core::config::{Accessory, Config, ConfigErrors, Context, Document, HostFile};
use dhow_core::plan::build::Workspace;
use dhow_core::plan::{Ids, LocalFile, Request, Selection, Targets};
use dhow_core::secrets::Secrets;
use dhow_core::secrets::dotenv::CommandFailed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A case that Kamal accepts.
pub struct Case {
    /// `FOLDER/CASE`.
    pub name: String,
    folder: PathBuf,
    inputs: Value,
    about: Value,
    expected: PathBuf,
}

/// A case laid out in a directory of its own.
pub struct Project {
    /// As dhow reads it.
    pub config: Config,
    _directory: TempDir,
    root: PathBuf,
    env: BTreeMap<String, String>,
    version: String,
}

/// Reference of the proxy's image in every run.
pub const PROXY_IMAGE: &str = "dhow-proxy:1.0";

/// All of them, by name.
pub fn all() -> Vec<Case> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dhow-core/tests/corpus");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders.iter().flat_map(|folder| of_folder(folder)).collect()
}

fn of_folder(folder: &Path) -> Vec<Case> {
    let inputs = json(&folder.join("expected/inputs.json")).unwrap();
    let cases = inputs["cases"].as_object().unwrap().iter().filter(|(_, about)| about["accepted"] == true);
    let case = |(name, about): (&String, &Value)| Case {
        name: format!("{}/{name}", folder.file_name().unwrap().to_str().unwrap()),
        folder: folder.to_path_buf(),
        inputs: inputs.clone(),
        about: about.clone(),
        expected: folder.join("expected").join(name),
    };
    cases.map(case).collect()
}

impl Case {
    /// What servers received from Kamal: `deploy`, or `accessories` where there are any.
    pub fn expected(&self, what: &str) -> Option<Value> {
        json(&self.expected.join(format!("{what}.json")))
    }

    /// The account on the servers.
    pub fn user(&self) -> &str {
        self.about["user"].as_str().unwrap()
    }

    /// Lays the project out and reads its configuration.
    pub fn project(&self) -> Project {
        let directory = tempfile::tempdir().unwrap();
        copy_tree(&self.folder, directory.path());
        for (path, content) in strings(&self.inputs["made"]) {
            write(&directory.path().join(path), &content);
        }
        for (name, line) in strings(&self.inputs["programs"]) {
            write_program(&directory.path().join("bin").join(name), &format!("echo '{line}'"));
        }
        write_program(&directory.path().join("bin/git"), &self.git());
        write_program(&directory.path().join("bin/date"), "echo '<time>'");
        let root = directory.path().join(self.about["dir"].as_str().unwrap());
        let env = self.environment(directory.path());
        let surroundings = Arc::new(LocalSurroundings::new(&root, env, &Global::default()));
        let config = self.read(&root, &surroundings);
        let config = config.unwrap_or_else(|errors| panic!("{} should be accepted:\n{errors}", self.name));
        let version = self.inputs["version"].as_str().unwrap().to_string();
        Project { config, _directory: directory, root, env: surroundings.environment(), version }
    }

    fn destination(&self) -> Option<String> {
        self.about["destination"].as_str().map(String::from)
    }

    fn environment(&self, directory: &Path) -> BTreeMap<String, String> {
        let mut env: BTreeMap<String, String> = strings(&self.inputs["env"]).into_iter().collect();
        env.insert("PATH".into(), format!("{}:/usr/bin:/bin", directory.join("bin").display()));
        env.insert("GEM_HOME".into(), directory.join(".gems").display().to_string());
        env.extend([("HOME", "/root"), ("USER", "root")].map(|(name, value)| (name.into(), value.into())));
        env.extend(self.destination().map(|name| ("KAMAL_DESTINATION".to_string(), name)));
        env
    }

    /// What the commands of templates ask: for the commit, or the first of its letters.
    fn git(&self) -> String {
        let version = self.inputs["version"].as_str().unwrap();
        format!("case \"$*\" in *--short*|describe*) echo {} ;; *) echo {version} ;; esac", &version[..7])
    }

    fn read(&self, root: &Path, surroundings: &Arc<LocalSurroundings>) -> Result<Config, ConfigErrors> {
        let base = PathBuf::from(self.about["config"].as_str().unwrap());
        let over = self.destination().map(|name| base.with_extension(format!("{name}.yml")));
        let document = |path: &Path| Document {
            path: path.display().to_string(),
            text: fs::read_to_string(root.join(path)).unwrap(),
        };
        let context = Context {
            destination: self.destination(),
            env: surroundings.environment(),
            local_arch: "amd64".to_string(),
            surroundings: surroundings.clone(),
        };
        Config::read(&document(&base), over.as_deref().map(document).as_ref(), &context)
    }
}

impl Project {
    /// What a command line asks for.
    pub fn request(&self, words: &[&str]) -> (Cli, Request) {
        let cli = Cli::try_parse_from([&["dhow"], words].concat()).unwrap();
        let request = Request {
            targets: Targets::select(&self.config, &Selection::default()).unwrap(),
            secrets: self.secrets(),
            version: self.version.clone(),
            version_given: false,
            performer: "ann@example.com".to_string(),
            locked_by: "Ann".to_string(),
            at: "2026-01-02T03:04:05Z".to_string(),
            ids: Ids { seed: 1 },
            hooks: Vec::new(),
            command: (words[0].to_string(), None),
            roles_given: None,
            lock_inherited: false,
            lock_wait: None,
            passes_input: false,
            workspace: Workspace::default(),
            proxy_image: PROXY_IMAGE.to_string(),
            error_pages: self.error_pages(),
            files: self.accessory_files(),
            config: self.config.clone(),
        };
        (cli, request)
    }

    fn secrets(&self) -> Secrets {
        let paths = Secrets::paths(&self.config.secrets_path, self.config.destination.as_deref());
        let document = |path: &String| {
            let text = fs::read_to_string(self.root.join(path)).ok()?;
            Some(Document { path: path.clone(), text })
        };
        let files: Vec<Document> = paths.iter().filter_map(document).collect();
        Secrets::read(&files, &self.env, &mut |command| self.substitute(command)).unwrap()
    }

    fn substitute(&self, command: &str) -> Result<String, CommandFailed> {
        let mut shell = Command::new("sh");
        let printed =
            shell.args(["-c", command]).env_clear().envs(&self.env).current_dir(&self.root).output().unwrap();
        assert!(printed.status.success(), "{command}: {}", String::from_utf8_lossy(&printed.stderr));
        Ok(String::from_utf8(printed.stdout).unwrap())
    }

    fn error_pages(&self) -> Vec<(String, Vec<u8>)> {
        let Some(path) = &self.config.error_pages_path else { return Vec::new() };
        let names = fs::read_dir(self.root.join(path)).unwrap().map(|entry| entry.unwrap().path());
        let pages = names.filter(|path| path.extension().is_some_and(|extension| extension == "html"));
        pages
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_string(), fs::read(&path).unwrap()))
            .collect()
    }

    fn accessory_files(&self) -> Vec<LocalFile> {
        let of = |own: &Accessory| {
            let file = |file: &HostFile| LocalFile {
                accessory: own.name.clone(),
                path: file.local.clone(),
                content: Ok(fs::read(self.root.join(&file.local)).unwrap()),
            };
            own.files.iter().map(file).collect::<Vec<_>>()
        };
        self.config.accessories.iter().flat_map(of).collect()
    }
}

fn json(path: &Path) -> Option<Value> {
    Some(serde_json::from_str(&fs::read_to_string(path).ok()?).unwrap())
}

fn strings(object: &Value) -> Vec<(String, String)> {
    let entries = object.as_object().unwrap().iter();
    entries.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_string())).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            write(&target, &fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn write_program(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    write(path, &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
