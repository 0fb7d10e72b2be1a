//! Accessories: containers that are not the app, named by their service, without version or destination.

use super::app::directory as app_directory;
use super::{logs::LogOptions, options};
use crate::config::{Accessory, Config, HostDirectory, HostFile, Ownership};
use crate::shell::{Command, Script, Word, docker};

/// Makes and starts the container.
pub fn run(config: &Config, accessory: &Accessory, host: &str) -> Command {
    docker(["run", "--name", &accessory.service, "--detach", "--restart", &accessory.restart])
        .option("--network", &accessory.network)
        .extend(options::logging(&config.logging))
        .words(accessory.publish.iter().flat_map(|ports| ["--publish", ports]))
        .option("--env", format!("KAMAL_HOST={host}"))
        .extend(env(config, accessory))
        .extend(volumes(accessory))
        .option("--label", format!("service={}", accessory.service))
        .extend(options::labels(&accessory.labels))
        .extend(options::options(&accessory.options))
        .word(&accessory.image)
        .words(accessory.cmd.as_ref().map(Word::raw))
}

/// Starts the container that is there.
pub fn start(accessory: &Accessory) -> Command {
    docker(["container", "start", &accessory.service])
}

/// Stops the container.
pub fn stop(accessory: &Accessory) -> Command {
    docker(["container", "stop", &accessory.service])
}

/// Docker's table of the running container, for people.
pub fn details(accessory: &Accessory) -> Command {
    docker(["ps", "--filter", &label(accessory)])
}

/// The container's logs, both streams joined.
pub fn logs(accessory: &Accessory, logs: &LogOptions) -> Script {
    logs.of(&Word::literal(&accessory.service))
}

/// Prints the short id of the running container, nothing if it does not run.
pub fn container_id(accessory: &Accessory) -> Command {
    let name = format!("name=^{}$", accessory.service);
    docker(["container", "ls", "--filter", &name, "--quiet"])
}

/// Pulls the image.
pub fn pull(accessory: &Accessory) -> Command {
    docker(["image", "pull", &accessory.image])
}

/// Removes the stopped container.
pub fn remove_container(accessory: &Accessory) -> Command {
    docker(["container", "prune", "--force", "--filter", &label(accessory)])
}

/// Removes the image.
pub fn remove_image(accessory: &Accessory) -> Command {
    docker(["image", "rm", "--force", &accessory.image])
}

/// Removes the accessory's directory on the host, with its data.
pub fn remove_directory(accessory: &Accessory) -> Command {
    Command::new("rm").option("-rf", &accessory.service)
}

/// Directory of the accessories' env files.
pub fn env_directory(config: &Config) -> String {
    format!("{}/env/accessories", app_directory(config))
}

/// The file with an accessory's secrets, mode 0600.
pub fn env_file_path(config: &Config, accessory: &Accessory) -> String {
    format!("{}/{}.env", env_directory(config), accessory.name)
}

/// Makes the directories that are mounted, with mode and owner where they are given. `None` if there are none.
pub fn make_directories(accessory: &Accessory) -> Option<Script> {
    let make = |directory: &HostDirectory| {
        let path = directory_path(accessory, directory);
        let made = Command::new("mkdir").option("-p", &path);
        [Script::from(made)].into_iter().chain(own(&path, &directory.ownership))
    };
    let all: Vec<Script> = accessory.directories.iter().flat_map(make).collect();
    (!all.is_empty()).then_some(Script::And(all))
}

/// Where a file is uploaded to, relative to the user's home.
pub fn file_path(accessory: &Accessory, file: &HostFile) -> String {
    format!("{}{}", accessory.service, file.remote)
}

/// Makes the directory that a file is uploaded into.
pub fn make_file_directory(accessory: &Accessory, file: &HostFile) -> Command {
    let path = file_path(accessory, file);
    let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
    Command::new("mkdir").option("-p", directory)
}

/// Sets mode (755 unless given) and owner of an uploaded file.
pub fn own_file(accessory: &Accessory, file: &HostFile) -> Script {
    let mode = file.ownership.mode.clone().or_else(|| Some("755".to_string()));
    let ownership = Ownership { mode, owner: file.ownership.owner.clone() };
    Script::and(own(&file_path(accessory, file), &ownership))
}

/// Clear values as arguments, secrets from the env file.
pub(super) fn env(config: &Config, accessory: &Accessory) -> Vec<Word> {
    let file = env_file_path(config, accessory);
    [options::env(&accessory.env), vec!["--env-file".into(), file.into()]].concat()
}

/// Volumes as written, then files, then directories.
pub(super) fn volumes(accessory: &Accessory) -> Vec<Word> {
    let files = accessory
        .files
        .iter()
        .map(|file| mount(&file_path(accessory, file), &file.remote, file.options.as_ref()));
    let directories = accessory.directories.iter().map(|directory| {
        mount(&directory_path(accessory, directory), &directory.remote, directory.options.as_ref())
    });
    let mounts = files.chain(directories).flat_map(|mount| [Word::literal("--volume"), mount]);
    options::volumes(&accessory.volumes).into_iter().chain(mounts).collect()
}

/// Docker takes absolute paths only, and only the host knows the user's home.
fn mount(path: &str, remote: &str, options: Option<&String>) -> Word {
    let options = options.map(|options| format!(":{options}")).unwrap_or_default();
    let home = if path.starts_with('/') { Word::default() } else { Word::raw("\"$PWD\"/") };
    home.then(format!("{path}:{remote}{options}"))
}

fn directory_path(accessory: &Accessory, directory: &HostDirectory) -> String {
    match directory.local.strip_prefix('/') {
        Some(_) => directory.local.clone(),
        None => format!("{}/{}", accessory.service, directory.local),
    }
}

fn own(path: &str, ownership: &Ownership) -> Vec<Script> {
    let set = |program: &str, value: &String| Command::new(program).word(value).word(path).into();
    let mode = ownership.mode.iter().map(|mode| set("chmod", mode));
    mode.chain(ownership.owner.iter().map(|owner| set("chown", owner))).collect()
}

fn label(accessory: &Accessory) -> String {
    format!("label=service={}", accessory.service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::{added, config, pairs, staging};
    use crate::config::OptionValue;

    fn runs(accessory: &Accessory) -> String {
        run(&config(), accessory, "1.1.1.3").to_string()
    }

    fn changed(change: impl FnOnce(&mut Accessory)) -> Accessory {
        let mut accessory = config().accessories[0].clone();
        change(&mut accessory);
        accessory
    }

    fn adds(change: impl FnOnce(&mut Accessory)) -> String {
        added(&runs(&changed(|_| ())), &runs(&changed(change)))
    }

    #[test]
    fn run_is_kamals_line() {
        assert_eq!(
            runs(&changed(|_| ())),
            "docker run --name shop-db --detach --restart unless-stopped --network kamal --log-opt max-size=10m \
             --env KAMAL_HOST=1.1.1.3 --env-file .kamal/apps/shop/env/accessories/db.env --label service=shop-db \
             postgres:16"
        );
    }

    #[test]
    fn only_the_env_file_has_a_destination() {
        let staging = staging();
        let line = run(&staging, &staging.accessories[0], "1.1.1.3").to_string();
        assert!(line.contains("--name shop-db "), "{line}");
        assert!(line.contains("--env-file .kamal/apps/shop-staging/env/accessories/db.env "), "{line}");
    }

    #[test]
    fn settings_add_their_arguments() {
        let text = |text: &str| text.to_string();
        assert_eq!(
            adds(|db| db.publish = Some(text("127.0.0.1:5432:5432"))),
            "--publish 127.0.0.1:5432:5432"
        );
        assert_eq!(adds(|db| db.env.clear = pairs(&[("A", "b")])), r#"--env A="b""#);
        assert_eq!(adds(|db| db.labels = pairs(&[("a", "b")])), r#"--label a="b""#);
        assert_eq!(adds(|db| db.cmd = Some(text("postgres -c fsync=off"))), "postgres -c fsync=off");
        let cpus = (text("cpus"), OptionValue::Value(text("2")));
        assert_eq!(adds(|db| db.options = vec![cpus]), r#"--cpus "2""#);
    }

    fn file() -> HostFile {
        HostFile {
            local: "config/my.cnf".to_string(),
            remote: "/etc/mysql/my.cnf".to_string(),
            options: Some("ro".to_string()),
            ownership: Ownership::default(),
        }
    }

    fn directory(local: &str) -> HostDirectory {
        let ownership = Ownership { mode: Some("0750".to_string()), owner: Some("999:999".to_string()) };
        HostDirectory { local: local.to_string(), remote: "/data".to_string(), options: None, ownership }
    }

    #[test]
    fn volumes_come_before_files_and_directories() {
        let all = |db: &mut Accessory| {
            db.directories = vec![directory("data"), directory("/srv/data")];
            db.files = vec![file()];
            db.volumes = vec!["pg:/var/lib".to_string()];
        };
        assert_eq!(
            adds(all),
            "--volume pg:/var/lib --volume \"$PWD\"/shop-db/etc/mysql/my.cnf:/etc/mysql/my.cnf:ro \
             --volume \"$PWD\"/shop-db/data:/data --volume /srv/data:/data"
        );
    }

    #[test]
    fn directories_get_the_mode_and_owner_given() {
        assert_eq!(make_directories(&changed(|_| ())), None);
        let db = changed(|db| db.directories = vec![directory("data")]);
        assert_eq!(
            make_directories(&db).unwrap().to_string(),
            "mkdir -p shop-db/data && chmod 0750 shop-db/data && chown 999:999 shop-db/data"
        );
    }

    #[test]
    fn files_are_put_into_the_accessorys_directory() {
        let db = changed(|_| ());
        assert_eq!(file_path(&db, &file()), "shop-db/etc/mysql/my.cnf");
        assert_eq!(make_file_directory(&db, &file()).to_string(), "mkdir -p shop-db/etc/mysql");
        assert_eq!(own_file(&db, &file()).to_string(), "chmod 755 shop-db/etc/mysql/my.cnf");
    }

    #[test]
    fn everything_else_goes_by_the_service() {
        let db = changed(|_| ());
        assert_eq!(details(&db).to_string(), "docker ps --filter label=service=shop-db");
        assert_eq!(
            remove_container(&db).to_string(),
            "docker container prune --force --filter label=service=shop-db"
        );
        assert_eq!(container_id(&db).to_string(), "docker container ls --filter 'name=^shop-db$' --quiet");
        assert_eq!(remove_directory(&db).to_string(), "rm -rf shop-db");
    }
}
