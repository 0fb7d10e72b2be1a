//! Images without a registry, against the Docker of this machine: what it built is served, and pulled again.
//!
//! Everything made here has a name of this process's own and is removed at the end. Layers that Docker is to fetch are
//! removed from it first, so that what is counted was really sent.

#![expect(clippy::unwrap_used, reason = "what fails in a test's helper is the test's failure")]

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::{env, fs, process};

use dhow::images::{Architecture, Client, Export, ProxyImage, Registry, Served, export};
use tempfile::TempDir;

/// Bytes that no compression makes shorter, so that a layer of them is known by its size.
const LARGE: usize = 3_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn pull_fetches_an_exported_image() {
    let app = App::new("whole");
    app.build("v1");
    let built = app.describe("v1");
    let export = app.export("v1").await;
    app.forget("v1");
    let served = app.pull(&export, "v1").await;
    assert_eq!(app.describe("v1"), built);
    assert_eq!(served.layers, 2);
    assert!(served.bytes > LARGE as u64, "{served:?}");
    println!("first version: sent {} bytes in {} layers of {}", served.bytes, served.layers, export.layers());
}

#[tokio::test(flavor = "multi_thread")]
async fn second_version_sends_only_what_changed() {
    let app = App::new("changed");
    app.build("v1");
    let first = app.export("v1").await;
    app.change("version 2");
    app.build("v2");
    let second = app.export("v2").await;
    app.forget("v1");
    app.forget("v2");
    app.pull(&first, "v1").await;
    let served = app.pull(&second, "v2").await;
    assert_eq!(served.layers, 1);
    assert!(served.bytes < 10_000, "{served:?}");
    println!("second version: sent {} bytes in {} layer of {}", served.bytes, served.layers, second.layers());
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_has_everything_is_sent_nothing() {
    let app = App::new("known");
    app.build("v1");
    let export = app.export("v1").await;
    app.forget("v1");
    app.pull(&export, "v1").await;
    assert_eq!(app.pull(&export, "v1").await.layers, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tag_of_the_image_can_be_pulled() {
    let app = App::new("tags");
    app.build("v1");
    docker(&["tag", &app.name("v1"), &app.name("latest")]);
    let export = app.export("v1").await;
    assert_eq!(export.tags(), ["v1", "latest"]);
    app.pull(&export, "latest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn image_docker_does_not_have_is_an_error_in_dockers_words() {
    require_docker();
    let cache = tempfile::tempdir().unwrap();
    let error =
        export(Client::named("docker"), "localhost:5555/no-such-image:v1", cache.path()).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("no such image"), "{error}");
}

#[test]
fn proxy_image_is_loaded_and_runs() {
    require_docker();
    let folder = tempfile::tempdir().unwrap();
    let reference = format!("dhow-test-proxy-{}:v1", process::id());
    let image =
        ProxyImage::new(&static_program(folder.path()), &reference, architecture(), Some(b"a bundle"));
    let _images = Images { repository: reference.clone() };
    load(&image.archive);
    assert!(has_containerd_store() || inspect(&reference, "{{.Id}}") == image.id);
    assert_eq!(label(&reference, "org.opencontainers.image.title"), "kamal-proxy");
    assert_eq!(label(&reference, "dhow.proxy"), image.fingerprint);

    let volume = Volume::new();
    let mount = format!("{}:/home/kamal-proxy/.config/kamal-proxy", volume.name);
    let said = docker(&["run", "--rm", "--volume", &mount, &reference]);
    assert_eq!(said, "kamal-proxy run; state written by 1001; home /home/kamal-proxy; a bundle");
    let said = docker(&["run", "--rm", "--volume", &mount, &reference, "kamal-proxy", "list"]);
    assert!(said.starts_with("kamal-proxy list;"), "{said}");
}

/// An app of two layers, a large one below a small one.
struct App {
    repository: String,
    context: TempDir,
    cache: TempDir,
    _images: Images,
}

impl App {
    fn new(name: &str) -> App {
        require_docker();
        let context = tempfile::tempdir().unwrap();
        fs::write(context.path().join("Dockerfile"), "FROM scratch\nCOPY large /large\nCOPY small /small\n")
            .unwrap();
        fs::write(context.path().join("large"), noise(name)).unwrap();
        fs::write(context.path().join("small"), "version 1").unwrap();
        let repository = format!("dhow-test-{name}-{}/shop", process::id());
        let cache = tempfile::tempdir().unwrap();
        App { _images: Images { repository: repository.clone() }, repository, context, cache }
    }

    fn name(&self, tag: &str) -> String {
        format!("localhost:5555/{}:{tag}", self.repository)
    }

    fn build(&self, tag: &str) {
        docker(&["build", "--quiet", "--tag", &self.name(tag), &self.context.path().display().to_string()]);
    }

    /// What makes the image with this tag the one it is, from whichever port it was pulled.
    fn describe(&self, tag: &str) -> String {
        let names = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        let is_ours = |name: &&str| name.ends_with(&format!("/{}:{tag}", self.repository));
        let name = names.lines().find(is_ours).unwrap_or_else(|| panic!("no {tag} in {names}"));
        inspect(name, "{{.Created}} {{json .RootFS}} {{json .Config}}")
    }

    fn change(&self, small: &str) {
        fs::write(self.context.path().join("small"), small).unwrap();
    }

    async fn export(&self, tag: &str) -> Arc<Export> {
        Arc::new(export(Client::named("docker"), &self.name(tag), self.cache.path()).await.unwrap())
    }

    /// Makes Docker forget what it built.
    fn forget(&self, tag: &str) {
        docker(&["image", "rm", "--force", &self.name(tag)]);
    }

    /// Pulls from a registry of its own, as each server does.
    async fn pull(&self, export: &Arc<Export>, tag: &str) -> Served {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (registry, address) = Registry::serve_tcp(Arc::clone(export), anywhere).await.unwrap();
        docker(&["pull", "--quiet", &format!("localhost:{}/{}:{tag}", address.port(), self.repository)]);
        registry.served()
    }
}

/// Removes the images of a repository, from whichever port they were pulled.
struct Images {
    repository: String,
}

impl Drop for Images {
    fn drop(&mut self) {
        let images = run(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        for name in text(&images.stdout).lines().filter(|name| name.contains(&self.repository)) {
            run(&["image", "rm", "--force", name]);
        }
    }
}

struct Volume {
    name: String,
}

impl Volume {
    fn new() -> Volume {
        let name = format!("dhow-test-proxy-{}", process::id());
        docker(&["volume", "create", &name]);
        Volume { name }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        run(&["volume", "rm", "--force", &self.name]);
    }
}

/// What the proxy's container gives a program: its name, a home it may write to, and the bundle.
const PROGRAM: &str = r#"
    use std::os::unix::fs::MetadataExt;
    fn main() {
        let words: Vec<String> = std::env::args().collect();
        let home = std::env::var("HOME").unwrap();
        let state = format!("{home}/.config/kamal-proxy/state");
        std::fs::write(&state, "{}").unwrap();
        let uid = std::fs::metadata(&state).unwrap().uid();
        let bundle = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap();
        std::fs::write("/tmp/scratch", "").unwrap();
        println!("{}; state written by {uid}; home {home}; {bundle}", words.join(" "));
    }
"#;

fn static_program(folder: &Path) -> Vec<u8> {
    let (source, program) = (folder.join("program.rs"), folder.join("program"));
    fs::write(&source, PROGRAM).unwrap();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "-C", "target-feature=+crt-static", "-o"]).arg(&program).arg(&source);
    let output = command.output().expect("the rustc that builds this is there");
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::read(program).unwrap()
}

fn architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::Amd64 }
}

fn load(archive: &[u8]) {
    let mut child = Command::new("docker")
        .args(["load", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(archive).unwrap();
    assert!(child.wait().unwrap().success());
}

fn inspect(reference: &str, format: &str) -> String {
    docker(&["image", "inspect", "--format", format, reference])
}

fn label(reference: &str, name: &str) -> String {
    inspect(reference, &format!("{{{{index .Config.Labels \"{name}\"}}}}"))
}

/// Docker's containerd image store calls an image by what it was packed into, not by what it is.
fn has_containerd_store() -> bool {
    docker(&["info", "--format", "{{.DriverStatus}}"]).contains("io.containerd.snapshotter")
}

/// The same for the same seed, and different for others.
fn noise(seed: &str) -> Vec<u8> {
    let mix = |state: u64, byte| state.wrapping_mul(257).wrapping_add(u64::from(byte));
    let mut state = seed.bytes().fold(u64::from(process::id()) | 1, mix);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..LARGE).map(|_| next()).collect()
}

fn require_docker() {
    let version = run(&["version", "--format", "{{.Server.Version}}"]);
    assert!(
        version.status.success(),
        "these tests need a Docker daemon that `docker` reaches: {}",
        text(&version.stderr)
    );
}

/// Runs docker and returns what it printed; a failure is the test's.
fn docker(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "docker {}: {}", words.join(" "), text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// The builder inside the daemon is the one that is always there.
fn run(words: &[&str]) -> Output {
    Command::new("docker")
        .args(words)
        .env("DOCKER_BUILDKIT", "0")
        .output()
        .unwrap_or_else(|error| panic!("these tests need the program `docker`: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
