//! A running program with its three streams, here or on a host, and the loop that drives a job through it.

use super::{Finished, Heard, Listener, WorldError};
use crate::world::BoxFuture;
use dhow_core::plan::{Job, Output};
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream to write to or read from, whatever is behind it.
pub type Sink = Pin<Box<dyn AsyncWrite + Send>>;
/// See [`Sink`].
pub type Source = Pin<Box<dyn AsyncRead + Send>>;

/// A started program. Dropping it lets go of a remote one and kills a local one.
pub struct Channel {
    pub stdin: Sink,
    pub stdout: Source,
    pub stderr: Source,
    pub wait: BoxFuture<'static, io::Result<i32>>,
}

/// What goes into a program's standard input.
pub enum Feed {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, and no end while the program runs.
    Open(Vec<u8>),
    /// dhow's own standard input.
    Stdin,
}

/// Seconds granted beyond a job's deadline, so that the host's own enforcement is heard first.
const GRACE: u32 = 10;
/// Exit status of `timeout` when it had to act.
const TIMED_OUT: i32 = 124;

/// Feeds, listens and waits. Returns how the program ended.
pub async fn drive(
    channel: Channel,
    feed: Feed,
    job: &Job,
    listener: &Listener<'_>,
) -> Result<Finished, WorldError> {
    let broken = |error: io::Error| WorldError::Broken { at: job.at.clone(), detail: error.to_string() };
    let deadline = || WorldError::Deadline { at: job.at.clone(), seconds: job.deadline };
    let work = converse(channel, feed, job, listener);
    let finished = match job.deadline {
        0 => work.await,
        seconds => tokio::time::timeout(Duration::from_secs((seconds + GRACE).into()), work)
            .await
            .map_err(|_| deadline())?,
    };
    match finished {
        Ok(finished) if finished.status == TIMED_OUT && job.deadline > 0 => Err(deadline()),
        Ok(finished) => Ok(finished),
        Err(error) => Err(broken(error)),
    }
}

async fn converse(channel: Channel, feed: Feed, job: &Job, listener: &Listener<'_>) -> io::Result<Finished> {
    let Channel { stdin, stdout, stderr, wait } = channel;
    let keep = !matches!(job.output, Output::Raw | Output::Follow | Output::Progress);
    let mut lines = Markers::default();
    let outputs_and_status = async {
        let outputs = tokio::try_join!(
            read(stdout, |bytes| {
                listener(Heard::Stdout(bytes));
                if keep { bytes.to_vec() } else { Vec::new() }
            }),
            read(stderr, |bytes| lines.sift(bytes, listener)),
        )?;
        // Only now: taking the status lets go of the session, and ssh throws away what it has not passed on by then.
        Ok::<_, io::Error>((outputs, wait.await?))
    };
    let ((stdout, stderr), status) = tokio::select! {
        // The program may end without reading all its input, so its end decides, not ours.
        biased;
        ended = outputs_and_status => ended?,
        never = feed_all(stdin, feed) => never?,
    };
    Ok(Finished { status, stdout, stderr, line: lines.current })
}

async fn feed_all<T>(mut stdin: Sink, feed: Feed) -> io::Result<T> {
    let fed = match feed {
        Feed::Bytes(bytes) => stdin.write_all(&bytes).await,
        Feed::Open(bytes) => {
            let written = stdin.write_all(&bytes).await.and(stdin.flush().await);
            if written.is_ok() {
                return std::future::pending().await;
            }
            written
        }
        Feed::Stdin => tokio::io::copy(&mut tokio::io::stdin(), &mut stdin).await.map(drop),
    };
    match fed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    let _closed_early = stdin.shutdown().await;
    drop(stdin);
    std::future::pending().await
}

async fn read(mut source: Source, mut keep: impl FnMut(&[u8]) -> Vec<u8>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = source.read(&mut buffer).await?;
        if length == 0 {
            return Ok(kept);
        }
        kept.extend(keep(&buffer[..length]));
    }
}

/// Takes the marks between a job's lines (see `Job::script`) out of standard error.
#[derive(Default)]
struct Markers {
    pending: Vec<u8>,
    current: usize,
}

impl Markers {
    fn sift(&mut self, bytes: &[u8], listener: &Listener<'_>) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let mut kept = Vec::new();
        while let Some(start) = self.pending.iter().position(|byte| *byte == Job::MARK) {
            self.pass_on(start, listener, &mut kept);
            let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') else {
                return kept;
            };
            let mark: Vec<u8> = self.pending.drain(..=end).collect();
            if let Some(line) = std::str::from_utf8(&mark[1..end]).ok().and_then(|text| text.parse().ok()) {
                self.current = line;
                listener(Heard::Line(line));
            }
        }
        self.pass_on(self.pending.len(), listener, &mut kept);
        kept
    }

    fn pass_on(&mut self, length: usize, listener: &Listener<'_>, kept: &mut Vec<u8>) {
        if length > 0 {
            let bytes: Vec<u8> = self.pending.drain(..length).collect();
            listener(Heard::Stderr(&bytes));
            kept.extend(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn marks_are_taken_out_wherever_the_stream_is_cut() {
        let whole = b"a\n\x1e1\nwarning\n\x1e12\nlast";
        for cut in 0..whole.len() {
            let seen = Mutex::new(Vec::new());
            let listener = |heard: Heard<'_>| {
                if let Heard::Line(line) = heard {
                    seen.lock().unwrap().push(line);
                }
            };
            let mut markers = Markers::default();
            let mut kept = markers.sift(&whole[..cut], &listener);
            kept.extend(markers.sift(&whole[cut..], &listener));
            assert_eq!(kept, b"a\nwarning\nlast", "cut at {cut}");
            assert_eq!(*seen.lock().unwrap(), [1, 12]);
        }
    }
}
