//! Jump hosts: one connection to each, however many hosts are behind it.
//!
//! `ProxyJump` by itself makes one for every host, and a jump host's sshd drops logins that come in tens (`MaxStartups`).

use super::ssh::{Known, socket_name, start_master};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// The connections to jump hosts of one run.
pub struct JumpHosts {
    directory: PathBuf,
    open: Mutex<HashMap<String, Arc<OnceCell<PathBuf>>>>,
}

impl JumpHosts {
    /// None yet. Control sockets go into `directory`, which only this user may enter.
    pub fn new(directory: &Path) -> JumpHosts {
        JumpHosts { directory: directory.to_path_buf(), open: Mutex::default() }
    }

    /// Words for `ssh` that lead through this jump host, as `ProxyJump` names it (a list is a chain: the last one is asked).
    /// `options` are further words for ssh.
    ///
    /// # Errors
    /// What ssh said.
    pub async fn through(&self, jump: &str, options: &[String]) -> Result<Vec<String>, String> {
        let cell =
            self.open.lock().expect("no panic while held").entry(jump.to_string()).or_default().clone();
        let words = [options, &destination(jump)].concat();
        let socket = cell.get_or_try_init(|| self.connect(jump, &words)).await?;
        let command: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let socket = socket.display();
        Ok(vec!["-o".into(), format!("ProxyCommand=ssh -S {socket} -W '[%h]:%p' {}", command.join(" "))])
    }

    async fn connect(&self, jump: &str, words: &[String]) -> Result<PathBuf, String> {
        let socket = self.directory.join(socket_name(&format!("jump {jump}")));
        let policy = Known::ask(words).await.policy();
        let started = start_master(&[&policy, words].concat(), &socket).await;
        started.map_err(|said| format!("through the jump host {jump}: {said}"))?;
        Ok(socket)
    }

    /// Ends them all.
    pub async fn close(&self) {
        let open: Vec<_> = self.open.lock().expect("no panic while held").drain().collect();
        for (jump, cell) in open {
            let Some(socket) = cell.get() else { continue };
            let mut exit = Command::new("ssh");
            exit.arg("-S").arg(socket).args(["-O", "exit"]).args(destination(&jump));
            let _already_gone = exit.stdin(Stdio::null()).stderr(Stdio::null()).status().await;
        }
    }
}

/// `[user@]host[:port]`, perhaps after others to go through first, as words for ssh.
fn destination(jump: &str) -> Vec<String> {
    let (before, last) = jump.rsplit_once(',').map_or((None, jump), |(before, last)| (Some(before), last));
    let first = before.into_iter().flat_map(|before| ["-J".to_string(), before.to_string()]);
    let last = if last.starts_with("ssh://") { last.to_string() } else { format!("ssh://{last}") };
    first.chain([last]).collect()
}

/// For the shell that runs a `ProxyCommand`, in which ssh replaces `%`.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''").replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_ends_at_its_last_host() {
        assert_eq!(destination("bastion"), ["ssh://bastion"]);
        assert_eq!(destination("ann@10.0.0.1:2222"), ["ssh://ann@10.0.0.1:2222"]);
        assert_eq!(destination("a,ssh://b:22"), ["-J", "a", "ssh://b:22"]);
        assert_eq!(destination("a,b,c"), ["-J", "a,b", "ssh://c"]);
    }
}
