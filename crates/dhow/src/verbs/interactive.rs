//! Commands with a terminal: ssh (or docker) gets dhow's own, over the connection that is open already.

use crate::cli::Global;
use crate::session::{Needs, Session, SessionError};
use dhow_core::plan::app::{self, ExecRequest};
use dhow_core::plan::{Place, accessory};
use std::io::IsTerminal;
use tokio::process::Command;

const SECRETS: Needs = Needs { secrets: true, builds: false, version: false, files: false };

/// `app exec -i`.
pub async fn app(global: &Global, wanted: ExecRequest) -> Result<(), SessionError> {
    let session = Session::open(global, ("app", Some("exec")), SECRETS).await?;
    session.connect().await?;
    let (at, command) = app::interactive(&session.request, &session.facts().await?, &wanted, is_terminal())?;
    become_it(&session, &at, &command.to_string()).await
}

/// `accessory exec -i`.
pub async fn accessory(global: &Global, name: &str, wanted: ExecRequest) -> Result<(), SessionError> {
    let session = Session::open(global, ("accessory", Some("exec")), SECRETS).await?;
    session.connect().await?;
    let (at, command) = accessory::interactive(&session.request, name, &wanted, is_terminal())?;
    become_it(&session, &at, &command.to_string()).await
}

/// `server exec -i`.
pub async fn server(global: &Global, command: &str) -> Result<(), SessionError> {
    let session =
        Session::open(global, ("server", Some("exec")), Needs { secrets: false, ..SECRETS }).await?;
    session.connect().await?;
    let at = Place::host(session.request.targets.primary_host());
    become_it(&session, &at, command).await
}

fn is_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Hands our terminal to the command and takes over its exit status.
async fn become_it(session: &Session, at: &Place, command: &str) -> Result<(), SessionError> {
    let words =
        session.live().interactive(at, command, is_terminal()).await.map_err(|error| error.to_string())?;
    let ended = Command::new(&words[0]).args(&words[1..]).status().await;
    session.live().close().await;
    let status = ended.map_err(|error| format!("{} could not be started: {error}", words[0]))?;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(SessionError::Status(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255))),
    }
}
