//! The only layer of the proxy's image: a root file system with nothing in it that the proxy does not need.

use std::io;

use crate::images::tree::{ROOT, Tree};

/// kamal-proxy's user: the first free ID in its image. The volumes are written by either proxy, so it must be the same.
const KAMAL_PROXY: u64 = 1001;

const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
                      kamal-proxy:x:1001:1001::/home/kamal-proxy:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nkamal-proxy:x:1001:\n";

/// A statically linked program can follow nothing else.
const NSSWITCH: &str = "hosts: files dns\n";

/// The layer's tar archive: the same for the same program and certificates.
pub(super) fn tar(program: &[u8], certificates: Option<&[u8]>) -> io::Result<Vec<u8>> {
    let mut tree = Tree::new();
    add_settings(&mut tree, certificates)?;
    add_home(&mut tree)?;
    tree.folder("tmp", 0o1777, ROOT)?;
    add_program(&mut tree, program)?;
    tree.finish()
}

fn add_settings(tree: &mut Tree, certificates: Option<&[u8]>) -> io::Result<()> {
    tree.folder("etc", 0o755, ROOT)?;
    tree.file("etc/group", GROUP.as_bytes(), 0o644)?;
    tree.file("etc/nsswitch.conf", NSSWITCH.as_bytes(), 0o644)?;
    tree.file("etc/passwd", PASSWD.as_bytes(), 0o644)?;
    let Some(bundle) = certificates else { return Ok(()) };
    tree.folder("etc/ssl", 0o755, ROOT)?;
    tree.folder("etc/ssl/certs", 0o755, ROOT)?;
    tree.file("etc/ssl/certs/ca-certificates.crt", bundle, 0o644)
}

fn add_home(tree: &mut Tree) -> io::Result<()> {
    tree.folder("home", 0o755, ROOT)?;
    tree.folder("home/kamal-proxy", 0o755, KAMAL_PROXY)?;
    tree.folder("home/kamal-proxy/.apps-config", 0o755, KAMAL_PROXY)?;
    tree.folder("home/kamal-proxy/.config", 0o755, KAMAL_PROXY)?;
    tree.folder("home/kamal-proxy/.config/kamal-proxy", 0o700, KAMAL_PROXY)
}

fn add_program(tree: &mut Tree, program: &[u8]) -> io::Result<()> {
    tree.folder("usr", 0o755, ROOT)?;
    tree.folder("usr/local", 0o755, ROOT)?;
    tree.folder("usr/local/bin", 0o755, ROOT)?;
    tree.file("usr/local/bin/dhow-proxy", program, 0o755)?;
    tree.link("usr/local/bin/kamal-proxy", "dhow-proxy")
}
