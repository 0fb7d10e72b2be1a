//! A steady client: requests leave on a fixed schedule whether or not earlier ones were answered (open loop), so a
//! server that stalls is seen to stall instead of slowing its own test down.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::{self, Request};

/// No run is longer than this, however it was started.
const LONGEST: Duration = Duration::from_secs(600);
/// No run sends more than this.
const MOST: usize = 500_000;
/// Requests waiting for an answer at one time; the next one counts as failed, since nobody serves that queue.
const MOST_IN_FLIGHT: usize = 2_000;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running client. Dropping it stops it too.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    client: Option<JoinHandle<Report>>,
}

/// What the client saw.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests sent.
    pub sent: usize,
    /// Requests without an answer of status 200, by reason.
    pub failed: BTreeMap<String, usize>,
    /// The longest time from the moment a request was due to its full answer.
    pub slowest: Duration,
    /// Bodies of the good answers (the sample app's version) and how often each came.
    pub versions: BTreeMap<String, usize>,
    /// How long the client sent.
    pub lasted: Duration,
}

impl Load {
    /// Sends `rate` requests a second, these in turn, until [`Load::stop`].
    pub fn start(rate: u32, requests: impl IntoIterator<Item: Into<Request>>) -> Load {
        let requests: Vec<Request> = requests.into_iter().map(Into::into).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicUsize::new(0));
        let (told, counter) = (Arc::clone(&stop), Arc::clone(&sent));
        let client = thread::spawn(move || {
            let counted = requests.iter().cycle().take(MOST).inspect(|_| {
                counter.fetch_add(1, Ordering::Relaxed);
            });
            send(rate, counted, &told)
        });
        Load { stop, sent, client: Some(client) }
    }

    /// How many requests it has sent so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns when it has sent this many; at once if it has ended before.
    pub fn await_sent(&self, count: usize) {
        let is_running = || self.client.as_ref().is_some_and(|client| !client.is_finished());
        while self.sent() < count && is_running() {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends no more, waits for the answers that are still due and counts.
    pub fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let client = self.client.take().expect("taken only here, and stop consumes self");
        client.join().expect("the client thread does not panic")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Report {
    /// How many requests failed, for whatever reason.
    pub fn failures(&self) -> usize {
        self.failed.values().sum()
    }

    /// Requests sent a second.
    pub fn rate(&self) -> f64 {
        self.sent as f64 / self.lasted.as_secs_f64().max(0.001)
    }

    fn count(&mut self, answer: Answer) {
        self.sent += 1;
        self.slowest = self.slowest.max(answer.took);
        match answer.result {
            Ok(version) => *self.versions.entry(version).or_default() += 1,
            Err(reason) => *self.failed.entry(reason).or_default() += 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent ({:.0}/s), {} failed", self.sent, self.rate(), self.failures())?;
        for (reason, count) in &self.failed {
            write!(f, " [{count}: {reason}]")?;
        }
        write!(f, ", slowest {:.2} s", self.slowest.as_secs_f64())?;
        for (version, count) in &self.versions {
            write!(f, "; {count} x {version}")?;
        }
        Ok(())
    }
}

struct Answer {
    took: Duration,
    result: Result<String, String>,
}

fn send<'a>(rate: u32, requests: impl Iterator<Item = &'a Request>, stop: &AtomicBool) -> Report {
    let (answers, answered) = mpsc::channel();
    let in_flight = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    for (n, request) in requests.enumerate() {
        let due = start + Duration::from_secs_f64(n as f64 / f64::from(rate));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) || start.elapsed() > LONGEST {
            break;
        }
        ask(request.clone(), due, &in_flight, answers.clone());
    }
    let lasted = start.elapsed();
    drop(answers);
    let mut report = Report { lasted, ..Report::default() };
    answered.iter().for_each(|answer| report.count(answer));
    report
}

fn ask(request: Request, due: Instant, in_flight: &Arc<AtomicUsize>, answers: Sender<Answer>) {
    if in_flight.fetch_add(1, Ordering::Relaxed) >= MOST_IN_FLIGHT {
        in_flight.fetch_sub(1, Ordering::Relaxed);
        let result = Err(format!("{MOST_IN_FLIGHT} requests unanswered"));
        // The receiver outlives every sender: it is read to the end after the last request.
        let _ = answers.send(Answer { took: Duration::ZERO, result });
        return;
    }
    let in_flight = Arc::clone(in_flight);
    thread::spawn(move || {
        let result = judge(http::get(request, PATIENCE));
        in_flight.fetch_sub(1, Ordering::Relaxed);
        let _ = answers.send(Answer { took: due.elapsed(), result });
    });
}

fn judge(answer: Result<http::Response, http::HttpError>) -> Result<String, String> {
    match answer {
        Ok(response) if response.status == 200 => Ok(response.body.trim_end().to_string()),
        Ok(response) => Err(format!("status {}", response.status)),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer);
            }
        });
        url
    }

    fn sixty(urls: &[String]) -> Report {
        let requests: Vec<Request> = urls.iter().map(Request::from).collect();
        send(1_000, requests.iter().cycle().take(60), &AtomicBool::new(false))
    }

    #[test]
    fn good_answers_count_by_version() {
        let report = sixty(&[server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv1")]);
        assert_eq!((report.sent, report.failures()), (60, 0), "{report}");
        assert_eq!(report.versions["v1"], 60);
        assert!(report.lasted >= Duration::from_millis(59), "sent at the given rate, not faster");
    }

    #[test]
    fn bad_answers_count_by_reason() {
        let unavailable = server(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        let cut_short = server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nv1");
        let report = sixty(&[unavailable, cut_short, "http://127.0.0.1:1/".into()]);
        assert_eq!(report.failures(), 60, "{report}");
        let reasons: Vec<_> = report.failed.keys().map(String::as_str).collect();
        assert_eq!(reasons, ["cannot connect: connection refused", "incomplete answer", "status 503"]);
    }

    #[test]
    fn stopped_client_sends_no_more() {
        let requests = [server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nv1").into()];
        assert_eq!(send(1_000, requests.iter().cycle(), &AtomicBool::new(true)).sent, 0);
    }
}
