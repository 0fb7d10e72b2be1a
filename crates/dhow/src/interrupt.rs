//! Ctrl-C and SIGTERM: the first asks the run to put things back, the second ends it on the spot.

use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Turns true at the first signal. `announced` for runs that have things to put back then.
pub fn watch(announced: bool) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            // Without handlers the signals end the process as they do by default.
            return;
        };
        let mut next = async || tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () };
        next().await;
        if announced {
            tell("interrupted: putting things back (once more to stop at once)");
        }
        sender.send_replace(true);
        next().await;
        if announced {
            tell("stopped at once: if the deploy lock stays, `dhow lock release` removes it");
        }
        std::process::exit(130);
    });
    receiver
}

fn tell(text: &str) {
    let _nobody_reads = writeln!(std::io::stderr(), "{text}");
}
