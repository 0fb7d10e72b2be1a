//! Tar archives in which nothing depends on when or where they are written.

use std::io;

use tar::{Builder, EntryType, Header};

/// The ID of the user and group that owns what nobody else must.
pub(super) const ROOT: u64 = 0;

/// An archive being written.
pub(super) struct Tree {
    tar: Builder<Vec<u8>>,
}

impl Tree {
    pub(super) fn new() -> Tree {
        Tree { tar: Builder::new(Vec::new()) }
    }

    /// Adds a folder that belongs to the user and the group with this ID.
    pub(super) fn folder(&mut self, path: &str, mode: u32, owner: u64) -> io::Result<()> {
        let mut header = header(EntryType::Directory, mode, owner);
        self.tar.append_data(&mut header, format!("{path}/"), io::empty())
    }

    /// Adds a file of root's.
    pub(super) fn file(&mut self, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
        let mut header = header(EntryType::Regular, mode, ROOT);
        header.set_size(content.len() as u64);
        self.tar.append_data(&mut header, path, content)
    }

    /// Adds a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) -> io::Result<()> {
        let mut header = header(EntryType::Symlink, 0o777, ROOT);
        self.tar.append_link(&mut header, path, target)
    }

    /// The whole archive.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.tar.into_inner()
    }
}

fn header(kind: EntryType, mode: u32, owner: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mtime(0);
    header.set_size(0);
    header
}
