//! The document that a registry answers with first: which configuration and which layers make the image.

use serde::Serialize;

use super::digest::Digest;
use super::layers::Layer;
use super::spool::Packing;

/// A manifest and its names.
#[derive(Debug)]
pub(super) struct Manifest {
    /// The document.
    pub json: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// What kind of manifest it is.
    pub media_type: &'static str,
}

/// The names that a family of manifests gives its parts.
struct Family {
    manifest: &'static str,
    config: &'static str,
}

/// Read by every Docker since 1.10.
const DOCKER: Family = Family {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
};

/// Needed for layers packed by zstd, which Docker's own family has no name for.
const OCI: Family = Family {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
};

const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    size: u64,
    digest: Digest,
}

impl Manifest {
    /// The manifest of an image: Docker's schema 2, or the OCI specification's where Docker's does not suffice.
    pub(super) fn new(config: &[u8], layers: &[Layer]) -> Manifest {
        let is_oci = layers.iter().any(|layer| layer.packing == Packing::Zstd);
        let family = if is_oci { OCI } else { DOCKER };
        let document = Document {
            schema_version: 2,
            media_type: family.manifest,
            config: Descriptor {
                media_type: family.config,
                size: config.len() as u64,
                digest: Digest::of(config),
            },
            layers: layers.iter().map(|layer| describe(layer, is_oci)).collect(),
        };
        let json = serde_json::to_vec(&document).expect("a document of text and numbers has a JSON form");
        Manifest { digest: Digest::of(&json), json, media_type: family.manifest }
    }
}

fn describe(layer: &Layer, is_oci: bool) -> Descriptor {
    let media_type = match (layer.packing, is_oci) {
        (Packing::Zstd, _) => OCI_ZSTD,
        (_, true) => OCI_GZIP,
        (_, false) => DOCKER_GZIP,
    };
    Descriptor { media_type, size: layer.size, digest: layer.digest.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(packing: Packing) -> Layer {
        Layer { digest: Digest::of(b"packed"), size: 6, packing, path: "packed.gz".into() }
    }

    #[test]
    fn image_of_gzip_layers_is_dockers_schema_2() {
        let manifest = Manifest::new(b"{}", &[layer(Packing::Gzip)]);
        assert_eq!(
            String::from_utf8_lossy(&manifest.json),
            r#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","#
                .to_owned()
                + r#""config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":2,"#
                + r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"#
                + r#""layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":6,"digest":""#
                + &format!("{}\"}}]}}", Digest::of(b"packed"))
        );
        assert_eq!(manifest.digest, Digest::of(&manifest.json));
    }

    #[test]
    fn zstd_layer_makes_it_an_oci_manifest() {
        let manifest = Manifest::new(b"{}", &[layer(Packing::Gzip), layer(Packing::Zstd)]);
        assert_eq!(manifest.media_type, OCI.manifest);
        let json: serde_json::Value = serde_json::from_slice(&manifest.json).unwrap();
        assert_eq!(json["mediaType"], OCI.manifest);
        assert_eq!(json["config"]["mediaType"], OCI.config);
        assert_eq!(json["layers"][0]["mediaType"], OCI_GZIP);
        assert_eq!(json["layers"][1]["mediaType"], OCI_ZSTD);
    }
}
