//! A layer on its way from `docker save` into the cache.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use tempfile::NamedTempFile;

use super::digest::{Digest, Hashing};

/// How the names of unfinished files begin; what a killed run leaves behind is known by it.
pub(super) const PART_PREFIX: &str = ".part-";

/// Every write to the compressor is this long but the last, since what it makes may depend on how it is fed.
const CHUNK: usize = 128 * 1024;

/// Fast rather than small. Measured on 600 MB of libraries: 107 MB/s and 40 % at level 3, 73 MB/s and 39 % at 6.
const LEVEL: Compression = Compression::new(3);

/// How the bytes of a layer are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all: what a Docker that keeps layers unpacked on disk saves.
    Tar,
    /// What registries serve, and what Docker's containerd image store saves.
    Gzip,
    /// As gzip, on request of whoever built the image; Docker pulls it since 23.0.
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Packing {
        match head {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
            _ => Packing::Tar,
        }
    }
}

/// A layer exactly as saved, in an unfinished file that goes away with this value.
pub(super) struct Spooled {
    /// The digest of the saved bytes: the layer's diff ID if they are a plain tar.
    pub source: Digest,
    part: NamedTempFile,
}

impl Spooled {
    /// Copies a layer into an unfinished file in `folder`.
    pub(super) fn read(mut layer: impl Read, folder: &Path) -> io::Result<Spooled> {
        let mut through = Hashing::new(part_file(folder)?);
        io::copy(&mut layer, &mut through)?;
        let (part, source) = through.finish();
        Ok(Spooled { source, part })
    }

    /// Packs the layer as a registry serves it. The same layer always gives the same bytes, so that servers know
    /// again what they have. `goes_on` is asked now and then, and stops the work.
    pub(super) fn pack(self, folder: &Path, goes_on: &dyn Fn() -> bool) -> io::Result<Packed> {
        let mut saved = self.part.reopen()?;
        let mut head = Vec::new();
        (&mut saved).take(4).read_to_end(&mut head)?;
        saved.rewind()?;
        match Packing::of(&head) {
            Packing::Tar => {
                let (part, digest) = gzip(saved, part_file(folder)?, goes_on)?;
                Ok(Packed { source: self.source, digest, packing: Packing::Gzip, part })
            }
            packing => {
                Ok(Packed { digest: self.source.clone(), source: self.source, packing, part: self.part })
            }
        }
    }
}

/// A layer as a registry serves it, still unfinished.
pub(super) struct Packed {
    /// As in [`Spooled`].
    pub source: Digest,
    /// The digest of the packed bytes.
    pub digest: Digest,
    /// Never a plain tar.
    pub packing: Packing,
    part: NamedTempFile,
}

impl Packed {
    /// Gives the file its name once it is whole on disk, so that no crash leaves half a layer under that name.
    pub(super) fn finish(self, path: &Path) -> io::Result<()> {
        self.part.as_file().sync_all()?;
        self.part.persist(path)?;
        Ok(())
    }
}

/// An unfinished file, removed unless it is given a name.
pub(super) fn part_file(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(PART_PREFIX).tempfile_in(folder)
}

/// Writes `from` through gzip. Neither time nor system is noted in the header: they would change the digest.
pub(super) fn gzip<W: Write>(from: impl Read, to: W, goes_on: &dyn Fn() -> bool) -> io::Result<(W, Digest)> {
    let mut encoder = GzBuilder::new().operating_system(255).write(Hashing::new(to), LEVEL);
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut from = from;
    loop {
        chunk.clear();
        (&mut from).take(CHUNK as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(encoder.finish()?.finish());
        }
        if !goes_on() {
            return Err(io::Error::other("not wanted any more"));
        }
        encoder.write_all(&chunk)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(content: &[u8]) -> (Packed, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let spooled = Spooled::read(content, folder.path()).unwrap();
        assert_eq!(spooled.source, Digest::of(content));
        (spooled.pack(folder.path(), &|| true).unwrap(), folder)
    }

    fn content(packed: &Packed) -> Vec<u8> {
        std::fs::read(packed.part.path()).unwrap()
    }

    /// Compressible, with some variety, and longer than a chunk.
    fn sample() -> Vec<u8> {
        (0u32..100_000).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_le_bytes()).collect()
    }

    #[test]
    fn tar_is_packed_and_unpacks_to_itself() {
        let (packed, _folder) = packed(&sample());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&content(&packed)[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, sample());
        assert_eq!(packed.digest, Digest::of(&content(&packed)));
        assert_eq!(packed.packing, Packing::Gzip);
    }

    #[test]
    fn same_layer_gives_the_same_bytes_however_it_arrives() {
        struct Dribble<'a>(&'a [u8]);
        impl Read for Dribble<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = buffer.len().min(1_021);
                self.0.read(&mut buffer[..length])
            }
        }
        let (whole, digest) = gzip(&sample()[..], Vec::new(), &|| true).unwrap();
        assert_eq!(gzip(Dribble(&sample()), Vec::new(), &|| true).unwrap(), (whole, digest));
    }

    /// Servers know layers by this digest. If a new compressor changes it, every layer of every app is sent once more
    /// after the upgrade: worth a line in the changelog, not more.
    #[test]
    fn packed_bytes_stay_the_same_between_releases() {
        let (_, digest) = gzip(&sample()[..], io::sink(), &|| true).unwrap();
        assert_eq!(
            digest.to_string(),
            "sha256:7157efada22a7671c7b2c9adfe44d87186a9907dd97ec41d7a5cbaa6055854e8"
        );
    }

    #[test]
    fn packed_layers_are_left_as_they_are() {
        for (bytes, packing) in
            [(&b"\x1f\x8b\x08rest"[..], Packing::Gzip), (b"\x28\xb5\x2f\xfdrest", Packing::Zstd)]
        {
            let (packed, _folder) = packed(bytes);
            assert_eq!((content(&packed).as_slice(), packed.packing), (bytes, packing));
            assert_eq!(packed.digest, Digest::of(bytes));
        }
    }

    #[test]
    fn unwanted_work_stops_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spooled = Spooled::read(&sample()[..], folder.path()).unwrap();
        assert!(spooled.pack(folder.path(), &|| false).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
