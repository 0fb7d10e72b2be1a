//! Images without a registry: what the local Docker built reaches the servers with nothing in between.
//!
//! [`export()`] turns an image of the local Docker into what a registry serves, packing only layers that were not
//! packed before. [`Registry`] serves that to one server, so that a plain `docker pull` there fetches the layers it
//! lacks. [`ProxyImage`] is the proxy's image, made from the program that dhow carries and sent by `docker load`.

mod archive;
mod digest;
mod docker;
mod export;
mod layers;
mod manifest;
mod proxy;
mod reference;
mod registry;
#[cfg(test)]
mod saved;
mod spool;
mod tree;

pub use archive::ArchiveError;
pub use digest::Digest;
pub use docker::{Client, DockerError};
pub use export::{Export, ExportError, export};
pub use proxy::{Architecture, NoProxyBinary, ProxyImage, embedded};
pub use reference::ReferenceError;
pub use registry::{Registry, Served};

/// What the proxy's image is called on the servers. Kamal compares the tag with the oldest kamal-proxy it works with
/// (`v0.9.2`), so it is a version above that, made from our own.
pub fn proxy_reference() -> String {
    format!("dhow-proxy:v1.{}.{}", env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH"))
}

/// The proxy's image as `docker load` takes it, of the program that this dhow carries.
pub fn proxy_archive() -> Result<Vec<u8>, NoProxyBinary> {
    // The carried program is built with dhow, for the same processor.
    let architecture = if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::Amd64 };
    Ok(ProxyImage::new(&embedded()?, &proxy_reference(), architecture, None).archive)
}
