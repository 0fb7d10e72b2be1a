//! The proxy's image, made from the program that dhow carries: no build, no registry, `docker load` and it is there.

mod layer;
mod program;

use std::io;

use serde_json::{Value, json};

pub use self::program::{Architecture, NoProxyBinary, embedded};

use super::digest::Digest;
use super::spool::gzip;
use super::tree::Tree;

/// Images are made at the beginning of time, so that the same program is the same image wherever it is made.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// An image that `docker load` takes, in everything that shows like kamal-proxy's own: the same user, directories,
/// ports and command, the label by which Kamal finds it, and a program called `kamal-proxy` on the PATH.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyImage {
    /// A tar archive in the layout of `docker save`, packed by gzip, for the standard input of `docker load`.
    pub archive: Vec<u8>,
    /// The image's ID once loaded, `sha256:…`. A Docker that keeps images in containerd's store has an ID of its own.
    pub id: String,
    /// What the image's label `dhow.proxy` says, the beginning of the program's SHA-256: by it a server of any kind can be
    /// asked whether it has this proxy.
    pub fingerprint: String,
    /// What the image is called once loaded.
    pub reference: String,
}

impl ProxyImage {
    /// The image of a statically linked proxy. `reference` is what it is to be called, and `certificates` a bundle of
    /// authorities in PEM, for programs that do not bring their own.
    pub fn new(
        program: &[u8],
        reference: &str,
        architecture: Architecture,
        certificates: Option<&[u8]>,
    ) -> ProxyImage {
        let layer = layer::tar(program, certificates).expect(IN_MEMORY);
        let fingerprint = Digest::of(program).hex()[..12].to_owned();
        let config = config(&fingerprint, architecture, &Digest::of(&layer)).to_string();
        let archive = archive(reference, config.as_bytes(), &layer).expect(IN_MEMORY);
        let id = Digest::of(config.as_bytes()).to_string();
        ProxyImage { archive, id, fingerprint, reference: reference.to_owned() }
    }
}

const IN_MEMORY: &str = "writing to memory does not fail, and no path is too long for tar";

fn config(fingerprint: &str, architecture: Architecture, diff_id: &Digest) -> Value {
    json!({
        "architecture": architecture.to_string(),
        "os": "linux",
        "created": CREATED,
        "config": {
            "User": "kamal-proxy",
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/home/kamal-proxy"],
            "ExposedPorts": { "80/tcp": {}, "443/tcp": {} },
            "Cmd": ["kamal-proxy", "run"],
            "Labels": {
                "org.opencontainers.image.title": "kamal-proxy",
                "dhow.proxy": fingerprint,
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created": CREATED, "created_by": "dhow" }],
    })
}

fn archive(reference: &str, config: &[u8], layer: &[u8]) -> io::Result<Vec<u8>> {
    let config_name = format!("{}.json", Digest::of(config).hex());
    let layer_name = format!("{}/layer.tar", Digest::of(layer).hex());
    let manifest = json!([{ "Config": config_name, "RepoTags": [reference], "Layers": [layer_name] }]);
    let mut tar = Tree::new();
    tar.file(&config_name, config, 0o644)?;
    tar.file(&layer_name, layer, 0o644)?;
    tar.file("manifest.json", manifest.to_string().as_bytes(), 0o644)?;
    let (archive, _) = gzip(&tar.finish()?[..], Vec::new(), &|| true)?;
    Ok(archive)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn image(certificates: Option<&[u8]>) -> ProxyImage {
        ProxyImage::new(b"program", "dhow-proxy:v1", Architecture::Arm64, certificates)
    }

    fn files(tar: impl Read) -> HashMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(tar);
        let read = |entry: io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    /// The documents that `docker load` follows, and the layer they lead to.
    fn loaded(image: &ProxyImage) -> (Value, HashMap<String, Vec<u8>>) {
        let files = files(GzDecoder::new(&image.archive[..]));
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(manifest[0]["RepoTags"], json!([image.reference]));
        let config = &files[manifest[0]["Config"].as_str().unwrap()];
        assert_eq!(Digest::of(config).to_string(), image.id);
        let layer = &files[manifest[0]["Layers"][0].as_str().unwrap()];
        let config: Value = serde_json::from_slice(config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"], json!([Digest::of(layer)]));
        (config, self::files(&layer[..]))
    }

    #[test]
    fn same_program_is_the_same_image() {
        assert!(image(None) == image(None));
        let other = ProxyImage::new(b"another", "dhow-proxy:v1", Architecture::Arm64, None);
        assert_ne!(other.id, image(None).id);
    }

    #[test]
    fn configuration_is_kamal_proxys() {
        let (config, _) = loaded(&image(None));
        assert_eq!((&config["architecture"], &config["os"]), (&json!("arm64"), &json!("linux")));
        assert_eq!(config["config"]["User"], "kamal-proxy");
        assert_eq!(config["config"]["Cmd"], json!(["kamal-proxy", "run"]));
        assert_eq!(config["config"].get("Entrypoint"), None);
        assert_eq!(config["config"]["ExposedPorts"], json!({ "80/tcp": {}, "443/tcp": {} }));
        let labels = json!({ "org.opencontainers.image.title": "kamal-proxy", "dhow.proxy": "1310ca2c8932" });
        assert_eq!(config["config"]["Labels"], labels);
    }

    #[test]
    fn certificates_are_there_if_handed_in() {
        const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
        assert_eq!(loaded(&image(Some(b"bundle"))).1[BUNDLE], b"bundle");
        assert!(!loaded(&image(None)).1.contains_key(BUNDLE));
    }

    #[test]
    fn program_is_in_its_place() {
        let (_, files) = loaded(&image(None));
        assert_eq!(files["usr/local/bin/dhow-proxy"], b"program");
        assert!(files.contains_key("usr/local/bin/kamal-proxy"));
    }
}
