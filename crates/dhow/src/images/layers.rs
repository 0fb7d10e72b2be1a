//! The layers packed before, so that none is packed twice.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::spool::{self, PART_PREFIX, Packed, Packing, Spooled};

/// How long something that no export uses is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long an unfinished file is taken for one that is being written.
const UNFINISHED: Duration = Duration::from_secs(24 * 60 * 60);

/// A layer in the cache, as a registry serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// The digest of the packed bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// Gzip or Zstd.
    pub packing: Packing,
    /// The file that holds them.
    pub path: PathBuf,
}

/// What makes an image out of layers in the cache.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recipe {
    /// The image's configuration, byte for byte: its digest is the image's ID on the servers.
    pub config: String,
    /// The layers from the bottom up, each by the digest of what `docker save` wrote.
    pub layers: Vec<Digest>,
}

/// A folder of packed layers, `layers/SOURCE-DIGEST.gz`, and of recipes, `images/ID.json`. SOURCE is the digest of what
/// `docker save` wrote and DIGEST that of the file, so one rename makes an entry whole. Several runs may share it.
#[derive(Clone, Debug)]
pub(super) struct LayerCache {
    layers: PathBuf,
    images: PathBuf,
}

impl LayerCache {
    /// Opens the cache below `folder` and makes its folders where needed.
    pub(super) fn open(folder: &Path) -> io::Result<LayerCache> {
        let cache = LayerCache { layers: folder.join("layers"), images: folder.join("images") };
        fs::create_dir_all(&cache.layers)?;
        fs::create_dir_all(&cache.images)?;
        Ok(cache)
    }

    /// The layer packed from `source`, and notes that it was of use.
    pub(super) fn find(&self, source: &Digest) -> io::Result<Option<Layer>> {
        for entry in fs::read_dir(&self.layers)? {
            let path = entry?.path();
            let Some((digest, packing)) = packed_from(source, &path) else { continue };
            let Some(size) = touched(&path)? else { continue };
            return Ok(Some(Layer { digest, size, packing, path }));
        }
        Ok(None)
    }

    /// Copies a layer into the cache's folder, not yet packed.
    pub(super) fn spool(&self, layer: impl io::Read) -> io::Result<Spooled> {
        Spooled::read(layer, &self.layers)
    }

    /// Packs and keeps a layer. `goes_on` is asked now and then, and stops the work.
    pub(super) fn keep(&self, spooled: Spooled, goes_on: &dyn Fn() -> bool) -> io::Result<()> {
        let packed = spooled.pack(&self.layers, goes_on)?;
        let path = self.layers.join(file_name(&packed));
        packed.finish(&path)
    }

    /// The recipe of the image with this ID, and notes that it was of use.
    pub(super) fn recipe(&self, id: &Digest) -> io::Result<Option<Recipe>> {
        let path = self.recipe_path(id);
        let Some(_) = touched(&path)? else { return Ok(None) };
        Ok(serde_json::from_slice(&fs::read(&path)?).ok())
    }

    /// Keeps the recipe of the image with this ID.
    pub(super) fn keep_recipe(&self, id: &Digest, recipe: &Recipe) -> io::Result<()> {
        let part = spool::part_file(&self.images)?;
        serde_json::to_writer(part.as_file(), recipe)?;
        part.as_file().sync_all()?;
        part.persist(self.recipe_path(id))?;
        Ok(())
    }

    /// Removes what was of no use for 30 days, and what killed runs left unfinished a day ago.
    pub(super) fn prune(&self, now: SystemTime) -> io::Result<()> {
        for folder in [&self.layers, &self.images] {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let is_part = entry.file_name().to_string_lossy().starts_with(PART_PREFIX);
                let limit = if is_part { UNFINISHED } else { KEPT };
                if is_older(&entry, now, limit)? {
                    remove(&entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn recipe_path(&self, id: &Digest) -> PathBuf {
        self.images.join(format!("{}.json", id.hex()))
    }
}

fn file_name(packed: &Packed) -> String {
    let extension = if packed.packing == Packing::Zstd { "zst" } else { "gz" };
    format!("{}-{}.{extension}", packed.source.hex(), packed.digest.hex())
}

fn packed_from(source: &Digest, path: &Path) -> Option<(Digest, Packing)> {
    let packing = match path.extension()?.to_str()? {
        "gz" => Packing::Gzip,
        "zst" => Packing::Zstd,
        _ => return None,
    };
    let digest = path.file_stem()?.to_str()?.strip_prefix(source.hex())?.strip_prefix('-')?;
    Some((Digest::from_hex(digest)?, packing))
}

/// Notes that a file was of use, and tells its size. `None` where it is not, or another run has just removed it.
fn touched(path: &Path) -> io::Result<Option<u64>> {
    let file = match File::options().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    file.set_modified(SystemTime::now())?;
    Ok(Some(file.metadata()?.len()))
}

/// A file of which the time is not known, or that another run has just removed, is not old.
fn is_older(entry: &fs::DirEntry, now: SystemTime, limit: Duration) -> io::Result<bool> {
    match entry.metadata() {
        Ok(metadata) => Ok(now.duration_since(metadata.modified()?).is_ok_and(|age| age > limit)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn cache() -> (LayerCache, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (LayerCache::open(folder.path()).unwrap(), folder)
    }

    fn keep(cache: &LayerCache, content: &[u8]) -> Digest {
        let spooled = cache.spool(content).unwrap();
        let source = spooled.source.clone();
        cache.keep(spooled, &|| true).unwrap();
        source
    }

    #[test]
    fn kept_layer_is_found_by_what_was_saved() {
        let (cache, _folder) = cache();
        let source = keep(&cache, b"a layer");
        let layer = cache.find(&source).unwrap().unwrap();
        let packed = fs::read(&layer.path).unwrap();
        assert_eq!((layer.size, layer.digest), (packed.len() as u64, Digest::of(&packed)));
        assert_eq!(cache.find(&Digest::of(b"another")).unwrap(), None);
    }

    #[test]
    fn unfinished_layer_is_not_found() {
        let (cache, folder) = cache();
        let source = Digest::of(b"a layer");
        fs::write(folder.path().join("layers").join(format!("{PART_PREFIX}x")), b"half").unwrap();
        fs::write(folder.path().join("layers").join(format!("{}-.gz", source.hex())), b"half").unwrap();
        assert_eq!(cache.find(&source).unwrap(), None);
    }

    #[test]
    fn kept_recipe_is_found_by_the_image() {
        let (cache, _folder) = cache();
        let id = Digest::of(b"{}");
        let recipe = Recipe { config: "{}".into(), layers: vec![Digest::of(b"a layer")] };
        assert_eq!(cache.recipe(&id).unwrap(), None);
        cache.keep_recipe(&id, &recipe).unwrap();
        assert_eq!(cache.recipe(&id).unwrap(), Some(recipe));
    }

    #[test]
    fn damaged_recipe_is_none() {
        let (cache, _folder) = cache();
        let id = Digest::of(b"{}");
        fs::write(cache.recipe_path(&id), "{\"config\":").unwrap();
        assert_eq!(cache.recipe(&id).unwrap(), None);
    }

    #[test]
    fn prune_removes_what_was_of_no_use_for_thirty_days() {
        let (cache, _folder) = cache();
        let (old, used) = (keep(&cache, b"old"), keep(&cache, b"used"));
        for source in [&old, &used] {
            let path = cache.find(source).unwrap().unwrap().path;
            File::options()
                .append(true)
                .open(path)
                .unwrap()
                .set_modified(SystemTime::now() - 31 * DAY)
                .unwrap();
        }
        cache.find(&used).unwrap();
        cache.prune(SystemTime::now()).unwrap();
        assert_eq!(cache.find(&old).unwrap(), None);
        assert!(cache.find(&used).unwrap().is_some());
    }

    #[test]
    fn prune_removes_what_killed_runs_left() {
        let (cache, folder) = cache();
        let part = folder.path().join("layers").join(format!("{PART_PREFIX}x"));
        fs::write(&part, b"half").unwrap();
        cache.prune(SystemTime::now() + DAY / 2).unwrap();
        assert!(part.exists());
        cache.prune(SystemTime::now() + 2 * DAY).unwrap();
        assert!(!part.exists());
    }
}
