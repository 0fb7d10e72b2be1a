use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::network::Network;
use crate::checked::eventually;

/// Where beds live: on a disk, since Docker's overlay file systems want one below them, and the same for every checkout
/// on the machine, since bed numbers are the machine's too.
const ROOT: &str = "/var/tmp";
const PREFIX: &str = "dhow-bed-";

/// The sole right to a bed number, and so to every name made of it: network namespaces, subnet, control groups,
/// directory. The kernel drops the lock when the process dies, which is how a crashed run is told from a running one.
pub struct Lease {
    number: u8,
    lock: File,
}

impl Lease {
    /// Removes what crashed runs left and takes the first free number.
    pub fn take() -> Result<Lease> {
        sweep()?;
        for number in 1..=250 {
            if let Some(lease) = Lease::claim(number)? {
                fs::create_dir(directory(number))?;
                return Ok(lease);
            }
        }
        bail!("250 beds are up; look into {ROOT}/{PREFIX}*")
    }

    /// The number, which is also the third byte of the bed's addresses.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Everything the bed keeps on disk is in here.
    pub fn directory(&self) -> PathBuf {
        directory(self.number)
    }

    /// Marks the bed as one that lives without its process.
    pub fn keep(&self) -> Result<()> {
        fs::write(kept_mark(self.number), "").context("cannot mark the bed as kept")
    }

    /// The number of the kept bed.
    pub fn kept() -> Result<Option<u8>> {
        Ok(numbers_in_use()?.into_iter().find(|&number| kept_mark(number).exists()))
    }

    /// Removes a kept bed.
    pub fn end_kept(number: u8) -> Result<()> {
        fs::remove_file(kept_mark(number)).context("no bed is kept under this number")?;
        sweep()
    }

    /// `None` if somebody has it. What a dead owner left under this number is removed.
    fn claim(number: u8) -> Result<Option<Lease>> {
        let Some(lock) = lock(&lock_path(number))? else { return Ok(None) };
        if kept_mark(number).exists() {
            return Ok(None);
        }
        clear(number)?;
        Ok(Some(Lease { number, lock }))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A failure leaves something for the next run's sweep; there is nobody to tell in a destructor.
        let _ = clear(self.number);
        let _ = fs::remove_file(lock_path(self.number));
        let _ = self.lock.unlock();
    }
}

/// The directory of a bed.
pub fn directory(number: u8) -> PathBuf {
    Path::new(ROOT).join(format!("{PREFIX}{number}"))
}

fn sweep() -> Result<()> {
    for number in numbers_in_use()? {
        // Claiming clears, dropping the claim removes its lock file.
        drop(Lease::claim(number)?);
    }
    Ok(())
}

fn numbers_in_use() -> Result<Vec<u8>> {
    let entries = fs::read_dir(ROOT).with_context(|| format!("cannot read {ROOT}"))?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    // A process that died early may have left its lock file alone.
    let number = |name: &str| name.strip_prefix(PREFIX)?.trim_end_matches(".lock").parse().ok();
    Ok(names.iter().filter_map(|name| number(name.to_str()?)).collect())
}

fn lock_path(number: u8) -> PathBuf {
    directory(number).with_extension("lock")
}

fn kept_mark(number: u8) -> PathBuf {
    directory(number).join("kept")
}

/// The locked file, unless another process holds it or has just removed it under our hands.
fn lock(path: &Path) -> Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the bed's number"),
    }
    let is_current =
        fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|ours| ours.ino() == now.ino()));
    Ok(is_current.then_some(file))
}

fn clear(number: u8) -> Result<()> {
    Network::of(number).remove()?;
    eventually("the containers' control groups are empty", Duration::from_secs(10), || {
        remove_control_groups(number).ok()
    })?;
    match fs::remove_dir_all(directory(number)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context("cannot remove the bed's directory")
        }
        _ => Ok(()),
    }
}

/// Docker leaves a group per container when it is killed: below each controller with cgroup v1, in one tree with v2.
fn remove_control_groups(number: u8) -> io::Result<()> {
    let root = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(root)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    for parent in controllers.chain([root.to_path_buf()]) {
        remove_empty_directories(&parent.join(Network::of(number).name()))?;
    }
    Ok(())
}

fn remove_empty_directories(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_empty_directories(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}
