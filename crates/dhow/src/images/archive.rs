//! What `docker save` writes: a tar archive, read once from front to back.
//!
//! Two layouts are in use, and `manifest.json` describes both. Up to Docker 24 (and in podman) there is a folder or a
//! file for each layer, symbolic links where two layers are the same, and `manifest.json` nearly last. Since Docker 25
//! it is an OCI layout, `blobs/sha256/…`, in which a name does not tell a layer from a configuration. So every file is
//! taken for what it contains: a small one that is JSON is a document, anything else is a layer.

use std::collections::HashMap;
use std::io::{self, Read};
use std::num::NonZero;
use std::path::{Component, Path};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use serde::Deserialize;
use serde::de::IgnoredAny;
use tar::{Entry, EntryType};

use super::digest::Digest;
use super::layers::LayerCache;
use super::spool::Spooled;

/// No registry takes a configuration longer than this, in bytes.
const LONGEST_DOCUMENT: u64 = 4 * 1024 * 1024;

/// Chains of links are not made by any Docker; this bounds what a broken archive can do.
const MOST_LINKS: usize = 8;

/// An image that was saved in a way we cannot read, or could not be put into the cache.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The stream ended early or is no tar archive, or the cache's disk is full or broken.
    #[error("cannot unpack the saved image into the cache: {0}")]
    Unpack(#[from] io::Error),
    /// A file that `manifest.json` names, or itself, is missing.
    #[error("the saved image has no `{0}`: it was not saved as a Docker image")]
    Missing(String),
    /// A document is not what it should be.
    #[error("the saved image's `{name}` cannot be read: {source}")]
    Document {
        /// The document's name in the archive.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The layers that were saved are not those that the image's configuration names.
    #[error(
        "the saved image's layers are not those of its configuration: try again, and if that does not help, build it again"
    )]
    OtherLayers,
}

/// A saved image whose layers are in the cache.
#[derive(Debug, Default)]
pub(super) struct Archive {
    documents: HashMap<String, String>,
    layers: HashMap<String, Digest>,
    links: HashMap<String, String>,
}

/// One image of `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    layers: Vec<String>,
}

impl Archive {
    /// Reads a saved image and packs those of its layers that the cache lacks, on as many threads as there are cores
    /// while the rest is still coming in. Always reads to the end. `goes_on` is asked now and then, and stops the work.
    pub(super) fn read(
        mut stream: impl Read,
        cache: &LayerCache,
        goes_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Archive, ArchiveError> {
        let (jobs, queue) = mpsc::channel();
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            let threads = thread::available_parallelism().map_or(1, NonZero::get);
            let packers: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| pack_all(&queue, cache, goes_on))).collect();
            let archive = Archive::read_entries(&mut stream, cache, &jobs);
            drop(jobs);
            io::copy(&mut stream, &mut io::sink())?;
            for packer in packers {
                packer.join().expect("a packer does not panic")?;
            }
            archive
        })
    }

    /// The image's configuration and its layers from the bottom up.
    pub(super) fn image(&self) -> Result<(&str, Vec<Digest>), ArchiveError> {
        let [listed] = self.parse::<[Listed; 1]>("manifest.json")?;
        let sources = listed.layers.iter().map(|path| self.layer(path)).collect::<Result<_, _>>()?;
        Ok((self.document(&listed.config)?, sources))
    }

    /// Whether an OCI layout's index names this image.
    pub(super) fn indexes(&self, id: &Digest) -> bool {
        self.document("index.json").is_ok_and(|index| index.contains(&id.to_string()))
    }

    fn read_entries(
        stream: impl Read,
        cache: &LayerCache,
        jobs: &mpsc::Sender<Spooled>,
    ) -> Result<Archive, ArchiveError> {
        let mut archive = Archive::default();
        for entry in tar::Archive::new(stream).entries()? {
            let entry = entry?;
            let path = plain(&entry.path()?);
            match entry.header().entry_type() {
                EntryType::Symlink => archive.link(&path, &entry, Path::new(&path).parent())?,
                EntryType::Link => archive.link(&path, &entry, None)?,
                EntryType::Regular | EntryType::Continuous => archive.file(path, entry, cache, jobs)?,
                _ => {}
            }
        }
        Ok(archive)
    }

    fn link(&mut self, path: &str, entry: &Entry<impl Read>, from: Option<&Path>) -> io::Result<()> {
        let target = entry.link_name()?.unwrap_or_default();
        let target = plain(&from.unwrap_or(Path::new("")).join(target));
        self.links.insert(path.to_owned(), target);
        Ok(())
    }

    fn file(
        &mut self,
        path: String,
        entry: Entry<impl Read>,
        cache: &LayerCache,
        jobs: &mpsc::Sender<Spooled>,
    ) -> io::Result<()> {
        let mut whole = Whole::new(entry);
        let mut head = Vec::new();
        if whole.left <= LONGEST_DOCUMENT {
            whole.read_to_end(&mut head)?;
            if let Some(document) = document(&head) {
                self.documents.insert(path, document);
                return Ok(());
            }
        }
        let spooled = cache.spool(head.chain(whole))?;
        self.layers.insert(path, spooled.source.clone());
        if cache.find(&spooled.source)?.is_none() {
            jobs.send(spooled).expect("the queue outlives the reader");
        }
        Ok(())
    }

    fn layer(&self, path: &str) -> Result<Digest, ArchiveError> {
        self.layers.get(self.resolve(path)).cloned().ok_or_else(|| ArchiveError::Missing(path.to_owned()))
    }

    fn document(&self, path: &str) -> Result<&str, ArchiveError> {
        let document = self.documents.get(self.resolve(path));
        document.map(String::as_str).ok_or_else(|| ArchiveError::Missing(path.to_owned()))
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self, path: &str) -> Result<T, ArchiveError> {
        serde_json::from_str(self.document(path)?)
            .map_err(|source| ArchiveError::Document { name: path.to_owned(), source })
    }

    fn resolve<'a>(&'a self, path: &'a str) -> &'a str {
        let next = |path: &&'a str| self.links.get(*path).map(String::as_str);
        std::iter::successors(Some(path), next).take(MOST_LINKS).last().unwrap_or(path)
    }
}

fn document(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok().map(|_| text.to_owned())
}

/// Takes jobs until there are no more. A job that fails does not stop the others; the first failure is told.
fn pack_all(
    queue: &Mutex<mpsc::Receiver<Spooled>>,
    cache: &LayerCache,
    goes_on: &dyn Fn() -> bool,
) -> io::Result<()> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let mut result = Ok(());
    while let Ok(spooled) = next() {
        result = result.and(cache.keep(spooled, goes_on));
    }
    result
}

/// A path without `.` and `..`, so that a link and what it points to are spelled alike.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

/// An entry that fails where the archive ends before the entry does.
struct Whole<R> {
    inner: R,
    left: u64,
}

impl<'a, R: Read> Whole<Entry<'a, R>> {
    fn new(entry: Entry<'a, R>) -> Self {
        Whole { left: entry.size(), inner: entry }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if length == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle of a file"));
        }
        self.left -= length as u64;
        Ok(length)
    }
}
