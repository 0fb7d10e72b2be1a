//! An image of the local Docker, made ready to be pulled.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use serde::Deserialize;

use super::archive::{Archive, ArchiveError};
use super::digest::Digest;
use super::docker::{self, Client, DockerError};
use super::layers::{Layer, LayerCache, Recipe};
use super::manifest::Manifest;
use super::reference::{Reference, ReferenceError};

/// What a registry serves of one image: its manifest, its configuration and its layers, which are files in the cache.
#[derive(Debug)]
pub struct Export {
    reference: Reference,
    tags: Vec<String>,
    manifest: Manifest,
    config: Blob,
    layers: Vec<Layer>,
}

/// Some content in memory.
#[derive(Debug)]
pub(super) struct Blob {
    pub content: Bytes,
    pub digest: Digest,
}

/// An image that could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is called something that no server could pull.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The local Docker did not give it out.
    #[error("cannot take the image from the local Docker: {0}")]
    Docker(#[from] DockerError),
    /// What the local Docker gave out cannot be used, or not be put into the cache.
    #[error("{source} (the cache is {folder})")]
    Archive {
        /// The cache's folder.
        folder: String,
        /// What is wrong.
        source: ArchiveError,
    },
    /// The folder for packed layers cannot be used.
    #[error("cannot use the cache of image layers in {folder}: {source}")]
    Cache {
        /// The folder.
        folder: String,
        /// Why not.
        source: io::Error,
    },
}

/// Makes an image of the local Docker ready to be served. `docker` is the client to ask, `reference` what the image is
/// called there (`localhost:5555/shop:abc`), `cache` a folder that is kept between runs. An image that was made ready
/// before is not read again, and a layer that was packed before is not packed again. What was of no use for 30 days is
/// removed. Dropping the future stops the work, and leaves nothing half done.
pub async fn export(docker: Client<'_>, reference: &str, cache: &Path) -> Result<Export, ExportError> {
    let reference = Reference::parse(reference)?;
    let folder = || cache.display().to_string();
    let in_cache = |source| ExportError::Cache { folder: folder(), source };
    let layers = LayerCache::open(cache).map_err(in_cache)?;
    let name = format!("{}:{}", reference.name, reference.tag);
    let image = docker::inspect(docker, &name).await?;
    let tags = tags(&reference, image.repo_tags.unwrap_or_default());
    let id = Digest::parse(&image.id);
    let ready = id.as_ref().map_or(Ok(None), |id| from_cache(&layers, id)).map_err(in_cache)?;
    let ready = match ready {
        Some(ready) => ready,
        None => from_docker(docker, &name, &layers, id)
            .await?
            .map_err(|source| ExportError::Archive { folder: folder(), source })?,
    };
    layers.prune(SystemTime::now()).map_err(in_cache)?;
    Ok(Export::new(reference, tags, ready))
}

impl Export {
    fn new(reference: Reference, tags: Vec<String>, (config, layers): Ready) -> Export {
        let manifest = Manifest::new(config.as_bytes(), &layers);
        let config = Blob { digest: Digest::of(config.as_bytes()), content: config.into() };
        Export { reference, tags, manifest, config, layers }
    }

    /// The image's repository as it appears in a registry's URLs, `/v2/REPOSITORY/…`: without the server.
    pub fn repository(&self) -> &str {
        &self.reference.repository
    }

    /// Every tag the image has in that repository; the one it was exported by comes first.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// How many layers the image has.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// What a server with none of the layers has to fetch, in bytes.
    pub fn compressed_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn config(&self) -> &Blob {
        &self.config
    }

    /// The layer with this digest, and its place from the bottom.
    pub(super) fn layer(&self, digest: &Digest) -> Option<(usize, &Layer)> {
        self.layers.iter().enumerate().find(|(_, layer)| layer.digest == *digest)
    }
}

fn tags(reference: &Reference, names: Vec<String>) -> Vec<String> {
    let mut tags = vec![reference.tag.clone()];
    for other in names.iter().filter_map(|name| Reference::parse(name).ok()) {
        if other.name == reference.name && !tags.contains(&other.tag) {
            tags.push(other.tag);
        }
    }
    tags
}

/// A configuration and its layers.
type Ready = (String, Vec<Layer>);

fn from_cache(cache: &LayerCache, id: &Digest) -> io::Result<Option<Ready>> {
    let Some(recipe) = cache.recipe(id)? else { return Ok(None) };
    let layers = find_all(cache, &recipe.layers)?;
    Ok(layers.map(|layers| (recipe.config, layers)))
}

async fn from_docker(
    docker: Client<'_>,
    name: &str,
    cache: &LayerCache,
    id: Option<Digest>,
) -> Result<Result<Ready, ArchiveError>, DockerError> {
    let cache = cache.clone();
    let wanted = Arc::new(());
    let is_wanted = Arc::downgrade(&wanted);
    let read = move |stream| {
        let archive = Archive::read(stream, &cache, &|| is_wanted.strong_count() > 0)?;
        take(&archive, &cache, id)
    };
    let ready = docker::save(docker, name, read).await?;
    drop(wanted);
    Ok(ready)
}

fn take(archive: &Archive, cache: &LayerCache, id: Option<Digest>) -> Result<Ready, ArchiveError> {
    let (config, sources) = archive.image()?;
    let layers = find_all(cache, &sources)?.ok_or(ArchiveError::OtherLayers)?;
    if !are_layers_of(config, &sources, &layers)? {
        return Err(ArchiveError::OtherLayers);
    }
    let recipe = Recipe { config: config.to_owned(), layers: sources };
    // A tag can move to another image between `docker image inspect` and `docker save`.
    if let Some(id) = id.filter(|id| *id == Digest::of(config.as_bytes()) || archive.indexes(id)) {
        cache.keep_recipe(&id, &recipe)?;
    }
    Ok((recipe.config, layers))
}

fn find_all(cache: &LayerCache, sources: &[Digest]) -> io::Result<Option<Vec<Layer>>> {
    sources.iter().map(|source| cache.find(source).transpose()).collect::<Option<_>>().transpose()
}

/// Whether these are the layers that a configuration names by the digests of their plain tars. Of a layer that was saved
/// packed that digest is not known; whoever pulls it will look.
fn are_layers_of(config: &str, sources: &[Digest], layers: &[Layer]) -> Result<bool, ArchiveError> {
    let diff_ids = diff_ids(config)?;
    let is_of = |((diff_id, source), layer): ((&Digest, &Digest), &Layer)| {
        diff_id == source || layer.digest == *source
    };
    Ok(diff_ids.len() == sources.len() && diff_ids.iter().zip(sources).zip(layers).all(is_of))
}

fn diff_ids(config: &str) -> Result<Vec<Digest>, ArchiveError> {
    #[derive(Deserialize)]
    struct Config {
        rootfs: RootFs,
    }
    #[derive(Deserialize)]
    struct RootFs {
        diff_ids: Option<Vec<Digest>>,
    }
    serde_json::from_str::<Config>(config)
        .map(|config| config.rootfs.diff_ids.unwrap_or_default())
        .map_err(|source| ArchiveError::Document { name: "configuration".to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::images::saved::{Docker, Layout, Saved, save, save_packed};
    use crate::images::spool::gzip;

    /// Longer than a document may be, so that it is never taken for one.
    const LARGE: &[u8] = &[7; 5_000_000];
    const MEDIUM: &[u8] = &[9; 300_000];
    const SMALL: &[u8] = b"a small layer";

    async fn export_from(docker: &Docker) -> Result<Export, ExportError> {
        export(Client::named(&docker.program()), "shop:v1", &docker.cache()).await
    }

    fn packed(content: &[u8]) -> Vec<u8> {
        gzip(content, Vec::new(), &|| true).unwrap().0
    }

    fn assert_serves(export: &Export, saved: &Saved, layers: &[&[u8]]) {
        assert_eq!(export.config().content, saved.config);
        let served: Vec<_> = export.layers.iter().map(|layer| fs::read(&layer.path).unwrap()).collect();
        assert_eq!(served, layers.iter().map(|layer| packed(layer)).collect::<Vec<_>>());
        for (layer, content) in export.layers.iter().zip(&served) {
            assert_eq!((&layer.digest, layer.size), (&Digest::of(content), content.len() as u64));
        }
    }

    #[tokio::test]
    async fn either_layout_gives_the_same() {
        for layout in [Layout::Folders, Layout::Oci] {
            let saved = save(layout, &[MEDIUM, SMALL]);
            let docker = Docker::with(&saved);
            let export = export_from(&docker).await.unwrap();
            assert_serves(&export, &saved, &[MEDIUM, SMALL]);
            assert_eq!((export.repository(), export.tags()), ("shop", &["v1".to_owned()][..]));
            assert_eq!(export.compressed_bytes(), (packed(MEDIUM).len() + packed(SMALL).len()) as u64);
        }
    }

    #[tokio::test]
    async fn layer_may_be_longer_than_a_document() {
        let saved = save(Layout::Folders, &[LARGE]);
        let docker = Docker::with(&saved);
        assert_eq!(export_from(&docker).await.unwrap().layers(), 1);
    }

    #[tokio::test]
    async fn layer_that_occurs_twice_is_served_twice() {
        for layout in [Layout::Folders, Layout::Oci] {
            let saved = save(layout, &[SMALL, MEDIUM, SMALL]);
            let docker = Docker::with(&saved);
            let export = export_from(&docker).await.unwrap();
            assert_serves(&export, &saved, &[SMALL, MEDIUM, SMALL]);
        }
    }

    #[tokio::test]
    async fn layer_that_was_saved_packed_is_served_as_it_is() {
        let layer = packed(MEDIUM);
        let saved = save_packed(Layout::Oci, &[&layer], &[Digest::of(MEDIUM)]);
        let docker = Docker::with(&saved);
        let export = export_from(&docker).await.unwrap();
        assert_eq!(export.layers[0].digest, Digest::of(&layer));
        assert_eq!(fs::read(&export.layers[0].path).unwrap(), layer);
    }

    #[tokio::test]
    async fn image_that_was_exported_before_is_not_saved_again() {
        for layout in [Layout::Folders, Layout::Oci] {
            let saved = save(layout, &[MEDIUM, SMALL]);
            let docker = Docker::with(&saved);
            export_from(&docker).await.unwrap();
            let again = export_from(&docker).await.unwrap();
            assert_serves(&again, &saved, &[MEDIUM, SMALL]);
            assert_eq!(docker.saves(), 1);
        }
    }

    #[tokio::test]
    async fn layer_that_was_packed_before_is_not_packed_again() {
        let docker = Docker::with(&save(Layout::Folders, &[MEDIUM, SMALL]));
        let first = export_from(&docker).await.unwrap();
        // Bytes that packing would not give, to tell the old file from a new one.
        fs::write(&first.layers[0].path, b"packed before").unwrap();
        docker.holds(&save(Layout::Folders, &[MEDIUM, b"a changed layer"]));
        let second = export_from(&docker).await.unwrap();
        assert_eq!(docker.saves(), 2);
        assert_eq!(fs::read(&second.layers[0].path).unwrap(), b"packed before");
        assert_ne!(second.layers[1].digest, first.layers[1].digest);
    }

    #[tokio::test]
    async fn layer_that_is_gone_from_the_cache_is_packed_again() {
        let saved = save(Layout::Folders, &[MEDIUM, SMALL]);
        let docker = Docker::with(&saved);
        let first = export_from(&docker).await.unwrap();
        fs::remove_file(&first.layers[1].path).unwrap();
        let second = export_from(&docker).await.unwrap();
        assert_serves(&second, &saved, &[MEDIUM, SMALL]);
    }

    #[tokio::test]
    async fn image_that_a_tag_moved_to_meanwhile_is_not_remembered_for_the_other() {
        let docker = Docker::with(&save(Layout::Folders, &[SMALL]));
        docker.inspects(&Digest::of(b"the image before").to_string(), &["shop:v1"]);
        export_from(&docker).await.unwrap();
        export_from(&docker).await.unwrap();
        assert_eq!(docker.saves(), 2);
    }

    #[tokio::test]
    async fn tags_of_other_repositories_are_not_served() {
        let saved = save(Layout::Folders, &[SMALL]);
        let docker = Docker::with(&saved);
        docker.inspects(&saved.id, &["shop:latest", "shop:v1", "ghcr.io/acme/shop:v9", "<none>:<none>"]);
        assert_eq!(export_from(&docker).await.unwrap().tags(), ["v1", "latest"]);
    }

    #[tokio::test]
    async fn dockers_own_words_are_the_error() {
        let docker = Docker::saying("echo 'no space left' >&2; exit 1");
        let said = export_from(&docker).await.unwrap_err().to_string();
        assert!(said.ends_with("docker save shop:v1` failed: no space left"), "{said}");
    }

    #[tokio::test]
    async fn missing_docker_is_told() {
        let cache = tempfile::tempdir().unwrap();
        let said =
            export(Client::named("/nowhere/docker"), "shop:v1", cache.path()).await.unwrap_err().to_string();
        assert!(said.contains("cannot start `/nowhere/docker`") && said.contains("installed"), "{said}");
    }

    #[tokio::test]
    async fn image_cut_short_is_refused_and_leaves_nothing() {
        let saved = save(Layout::Folders, &[LARGE]);
        for kept in [600, 2_000, 1_000_000, saved.tar.len() - 3_000] {
            let docker = Docker::saying(&format!("head -c {kept} \"$here/saved.tar\""));
            docker.holds(&saved);
            let error = export_from(&docker).await.unwrap_err();
            assert!(matches!(error, ExportError::Archive { .. }), "{kept}: {error}");
            assert_eq!(unfinished(&docker), 0, "{kept}");
        }
    }

    #[tokio::test]
    async fn other_layers_than_configured_are_refused() {
        let docker = Docker::with(&save_packed(Layout::Folders, &[SMALL], &[Digest::of(MEDIUM)]));
        let error = export_from(&docker).await.unwrap_err();
        assert!(matches!(error, ExportError::Archive { source: ArchiveError::OtherLayers, .. }), "{error}");
    }

    #[test]
    fn dropped_export_stops_docker_and_leaves_nothing() {
        // `exec`, so that there is no shell in between whose child would stay.
        let docker = Docker::saying("head -c 1000000 \"$here/saved.tar\"; exec tail -f /dev/null");
        docker.holds(&save(Layout::Folders, &[LARGE]));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let begun = async {
                while unfinished(&docker) == 0 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                _ = export_from(&docker) => unreachable!("docker never comes to an end"),
                () = begun => {}
            }
        });
        // Waits for the reader, which goes on until the program that it reads from is gone.
        drop(runtime);
        assert_eq!(unfinished(&docker), 0);
    }

    fn unfinished(docker: &Docker) -> usize {
        let files = fs::read_dir(docker.cache().join("layers")).into_iter().flatten();
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count()
    }
}
