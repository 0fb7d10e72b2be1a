use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::bed::Host;

/// The big layer and the small one are apart, so that a test can see what crosses the wire when only the latter changes.
const DOCKERFILE: &str =
    "FROM scratch\nCOPY base /\nCOPY version /version\nENV PATH=/bin\nCMD [\"/bin/app\"]\n";
const SHELL_COMMANDS: [&str; 22] = [
    "bash",
    "cat",
    "date",
    "echo",
    "env",
    "false",
    "free",
    "grep",
    "gzip",
    "head",
    "ls",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stty",
    "tar",
    "touch",
    "true",
    "tty",
];
/// The size of the big layer's ballast, which no compression makes smaller.
const BALLAST: usize = 4 << 20;

/// Puts the built `dhow` where the workstation finds it.
pub fn install_dhow(workstation: &Host) -> Result<()> {
    let installed = workstation.programs().join("dhow");
    if !installed.exists() {
        copy(&built("DHOW_BIN", Path::new("release/dhow"))?, &installed)?;
    }
    Ok(())
}

/// Writes the Dockerfile and what goes into the image.
pub fn write_app(directory: &Path) -> Result<()> {
    let bin = directory.join("base/bin");
    fs::create_dir_all(&bin)?;
    fs::write(directory.join("Dockerfile"), DOCKERFILE)?;
    fs::write(directory.join("base/ballast"), ballast())?;
    fs::create_dir(directory.join("base/tmp"))?;
    fs::write(directory.join("base/tmp/.keep"), "")?;
    copy(&built("DHOW_SAMPLE_APP", &static_build("sample_app"))?, &bin.join("app"))?;
    copy(Path::new("/bin/busybox"), &bin.join("busybox"))?;
    for command in SHELL_COMMANDS {
        symlink("busybox", bin.join(command))?;
    }
    Ok(())
}

/// Docker's word for the machine's architecture.
pub fn docker_architecture() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A program that `script/build` makes: named by the environment, or in the target directory this very test came from.
fn built(variable: &str, path: &Path) -> Result<PathBuf> {
    if let Some(named) = env::var_os(variable) {
        return Ok(named.into());
    }
    let test = env::current_exe()?;
    let target = test.ancestors().nth(3).context("tests are built to TARGET/debug/deps")?;
    Ok(target.join(path))
}

fn static_build(program: &str) -> PathBuf {
    Path::new(&format!("{}-unknown-linux-gnu", env::consts::ARCH)).join("release").join(program)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}; script/build makes it", from.display()))?;
    Ok(())
}

/// The same in every run: the xorshift generator from a fixed seed.
fn ballast() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..BALLAST / 8).flat_map(|_| next().to_le_bytes()).collect()
}
