//! Puts the proxy's program into dhow: the file that `DHOW_PROXY_BINARY` names, or nothing where it is not set.

use std::path::PathBuf;
use std::{env, fs};

const VARIABLE: &str = "DHOW_PROXY_BINARY";

fn main() {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let embedded = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("dhow-proxy");
    fs::write(&embedded, program())
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", embedded.display()));
}

fn program() -> Vec<u8> {
    let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        println!("cargo::rerun-if-changed=build.rs");
        return Vec::new();
    };
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read(&path).unwrap_or_else(|error| panic!("{VARIABLE} names {}: {error}", path.display()))
}
