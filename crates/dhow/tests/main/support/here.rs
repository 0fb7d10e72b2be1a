//! The operator's machine: git, Docker, hooks.

use dhow_core::plan::build::{GitFacts, Workspace};

/// A `here` block. Without one: a clean git checkout, Docker with buildx, no hooks.
pub struct Here {
    /// For builds.
    pub workspace: Workspace,
    /// Hooks that exist.
    pub hooks: Vec<String>,
    /// Whether the environment of local programs is written down.
    pub shows_env: bool,
    /// Something is piped into dhow.
    pub passes_input: bool,
    /// Started by a hook of a command that holds the lock.
    pub lock_inherited: bool,
}

impl Default for Here {
    fn default() -> Here {
        let directory = "/home/ann/shop".to_string();
        let git =
            GitFacts { root: directory.clone(), revision: REVISION.to_string(), changes: String::new() };
        Here {
            workspace: Workspace {
                directory,
                git: Some(git),
                architecture: "amd64".to_string(),
                has_docker: true,
                has_buildx: true,
                clones: "/tmp/kamal-clones/shop-0123456789ab".to_string(),
                has_dockerfile: true,
            },
            hooks: Vec::new(),
            shows_env: false,
            passes_input: false,
            lock_inherited: false,
        }
    }
}

const REVISION: &str = "5f2c1d9a7b3e4f60819283746556473829100abc";

impl Here {
    /// Reads a block, a line per difference.
    pub fn read(block: &[&str]) -> Here {
        let mut here = Here::default();
        block.iter().for_each(|line| here.learn(line));
        here
    }

    fn learn(&mut self, line: &str) {
        let workspace = &mut self.workspace;
        match line.split_once(": ").unwrap_or((line, "")) {
            ("no docker", "") => (workspace.has_docker, workspace.has_buildx) = (false, false),
            ("no buildx", "") => workspace.has_buildx = false,
            ("no Dockerfile", "") => workspace.has_dockerfile = false,
            ("no git", "") => workspace.git = None,
            ("changed", files) => {
                let git = workspace.git.as_mut().expect("changes need git");
                git.changes = files.split(", ").map(|file| format!(" M {file}\n")).collect();
            }
            ("hooks", names) => self.hooks = names.split(' ').map(String::from).collect(),
            ("show the environment", "") => self.shows_env = true,
            ("piped input", "") => self.passes_input = true,
            ("KAMAL_LOCK", "true") => self.lock_inherited = true,
            other => panic!("not something to say of this machine: {other:?}"),
        }
    }
}
