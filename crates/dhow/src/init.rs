//! `dhow init`: a configuration to start from.

use dhow_core::config::json_schema;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const DEPLOY: &str = include_str!("init/deploy.yml");
const SECRETS: &str = include_str!("init/secrets");

/// The sample hooks: name, and when it runs.
const HOOKS: [(&str, &str); 9] = [
    ("docker-setup", "after `dhow setup` has seen to Docker on the servers"),
    ("pre-connect", "before the first connection to a server"),
    ("pre-build", "before the image is built"),
    ("pre-deploy", "before the new version is booted; the deploy lock is held"),
    ("post-deploy", "after a deploy, a redeploy or a rollback"),
    ("pre-app-boot", "before the app boots on a group of servers"),
    ("post-app-boot", "after the app has booted on a group of servers"),
    ("pre-proxy-reboot", "before the proxy is replaced on a group of servers"),
    ("post-proxy-reboot", "after the proxy was replaced on a group of servers"),
];

/// Writes what is not there yet, and says so.
pub fn write(project: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("{} cannot be written: {error}", path.display());
    let config = project.join("config/deploy.yml");
    let made = create(&config, DEPLOY, 0o644).map_err(|error| failed(&config, error))?;
    tell(match made {
        true => "Created configuration file in config/deploy.yml",
        false => "Config file already exists in config/deploy.yml (remove first to create a new one)",
    });
    let secrets = project.join(".kamal/secrets");
    if create(&secrets, SECRETS, 0o600).map_err(|error| failed(&secrets, error))? {
        tell("Created .kamal/secrets file");
    }
    let schema = project.join(".kamal/deploy.schema.json");
    if create(&schema, &json_schema(), 0o644).map_err(|error| failed(&schema, error))? {
        tell("Created .kamal/deploy.schema.json for completion and help in editors");
    }
    let hooks = project.join(".kamal/hooks");
    let mut any = false;
    for (name, when) in HOOKS {
        let path = hooks.join(format!("{name}.sample"));
        any |= create(&path, &sample_hook(name, when), 0o755).map_err(|error| failed(&path, error))?;
    }
    if any {
        tell("Created sample hooks in .kamal/hooks");
    }
    Ok(())
}

fn sample_hook(name: &str, when: &str) -> String {
    format!(
        "#!/bin/sh\n# Runs {when}. Rename this file to `{name}` to use it; anything but exit status 0 stops dhow.\n\
         # It finds KAMAL_VERSION, KAMAL_PERFORMER, KAMAL_HOSTS and more in its environment.\n\n\
         echo \"$KAMAL_PERFORMER: {name} of $KAMAL_SERVICE_VERSION on $KAMAL_HOSTS\"\n"
    )
}

/// Creates a file with its directories, unless it exists.
fn create(path: &Path, content: &str, mode: u32) -> io::Result<bool> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = match fs::File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        file => file?,
    };
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(content.as_bytes())?;
    Ok(true)
}

fn tell(text: &str) {
    let _nobody_reads = writeln!(io::stderr(), "{text}");
}
