//! For tests: images as `docker save` writes them, and a program that stands in for `docker`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::digest::Digest;
use super::tree::Tree;

/// The layouts of `docker save`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    /// Up to Docker 24: a folder for each layer, links to layers that came before, the manifest last.
    Folders,
    /// Since Docker 25: everything by its digest, and an index beside the manifest.
    Oci,
}

/// An image as it is saved.
pub(super) struct Saved {
    pub tar: Vec<u8>,
    pub config: String,
    /// What `docker image inspect` calls the image.
    pub id: String,
}

/// Saves an image of layers that are plain tars, as far as dhow can tell.
pub(super) fn save(layout: Layout, layers: &[&[u8]]) -> Saved {
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer)).collect();
    save_packed(layout, layers, &diff_ids)
}

/// Saves an image of layers that may be packed, and says what they are when they are not.
pub(super) fn save_packed(layout: Layout, layers: &[&[u8]], diff_ids: &[Digest]) -> Saved {
    let config = json!({ "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids } }).to_string();
    match layout {
        Layout::Folders => folders(config, layers),
        Layout::Oci => oci(config, layers),
    }
}

fn folders(config: String, layers: &[&[u8]]) -> Saved {
    let mut tree = Tree::new();
    let id = Digest::of(config.as_bytes());
    let config_name = format!("{}.json", id.hex());
    tree.file(&config_name, config.as_bytes(), 0o644).unwrap();
    let names: Vec<_> = (0..layers.len()).map(|place| format!("folder-{place}/layer.tar")).collect();
    for (place, layer) in layers.iter().enumerate() {
        tree.file(&format!("folder-{place}/VERSION"), b"1.0", 0o644).unwrap();
        match layers[..place].iter().position(|before| before == layer) {
            Some(same) => tree.link(&names[place], &format!("../{}", names[same])).unwrap(),
            None => tree.file(&names[place], layer, 0o644).unwrap(),
        }
    }
    let manifest = json!([{ "Config": config_name, "RepoTags": ["shop:v1"], "Layers": names }]);
    tree.file("manifest.json", manifest.to_string().as_bytes(), 0o644).unwrap();
    Saved { tar: tree.finish().unwrap(), config, id: id.to_string() }
}

/// With the index's digest for an ID, as Docker's containerd image store has it.
fn oci(config: String, layers: &[&[u8]]) -> Saved {
    let mut tree = Tree::new();
    let name = |content: &[u8]| format!("blobs/sha256/{}", Digest::of(content).hex());
    let id = Digest::of(b"an OCI manifest").to_string();
    for content in layers.iter().copied().chain([config.as_bytes()]) {
        tree.file(&name(content), content, 0o644).unwrap();
    }
    let index = json!({ "schemaVersion": 2, "manifests": [{ "digest": id }] });
    tree.file("index.json", index.to_string().as_bytes(), 0o644).unwrap();
    let names: Vec<_> = layers.iter().map(|layer| name(layer)).collect();
    let manifest =
        json!([{ "Config": name(config.as_bytes()), "RepoTags": null, "Layers": names, "LayerSources": {} }]);
    tree.file("manifest.json", manifest.to_string().as_bytes(), 0o644).unwrap();
    tree.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644).unwrap();
    Saved { tar: tree.finish().unwrap(), config, id }
}

/// A program that answers as `docker` does about one image, and notes every time it saves it.
pub(super) struct Docker {
    folder: TempDir,
}

impl Docker {
    pub(super) fn with(saved: &Saved) -> Docker {
        let docker = Docker::saying("cat \"$here/saved.tar\"");
        docker.holds(saved);
        docker
    }

    /// What it does on `docker save` is up to a line of shell.
    pub(super) fn saying(on_save: &str) -> Docker {
        let folder = tempfile::tempdir().unwrap();
        let docker = Docker { folder };
        install(
            &docker.folder.path().join("docker"),
            &format!(
                "#!/bin/sh\nhere=$(dirname \"$0\")\ncase \"$1\" in\n\
                 image) cat \"$here/inspected.json\" ;;\n\
                 save) echo saved >> \"$here/saves\"; {on_save} ;;\nesac\n"
            ),
        );
        docker.inspects(&Digest::of(b"some image").to_string(), &[]);
        docker
    }

    /// From now on it has this image.
    pub(super) fn holds(&self, saved: &Saved) {
        fs::write(self.folder.path().join("saved.tar"), &saved.tar).unwrap();
        self.inspects(&saved.id, &["shop:v1"]);
    }

    pub(super) fn inspects(&self, id: &str, names: &[&str]) {
        let inspected = json!([{ "Id": id, "RepoTags": names, "Architecture": "amd64" }]);
        fs::write(self.folder.path().join("inspected.json"), inspected.to_string()).unwrap();
    }

    pub(super) fn program(&self) -> String {
        self.folder.path().join("docker").display().to_string()
    }

    /// A folder for the cache.
    pub(super) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(super) fn saves(&self) -> usize {
        fs::read_to_string(self.folder.path().join("saves")).map_or(0, |saves| saves.lines().count())
    }
}

/// Written by another process: Linux refuses to run a file while a process has it open for writing, and any test that
/// starts a program at that moment would have it open for a while.
fn install(path: &Path, script: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}
