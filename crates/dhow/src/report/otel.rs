//! `output.otel`: what a run says, as log records of OpenTelemetry (OTLP over HTTP, JSON; kamal-remote 10).

use super::{Event, Redaction, Report};
use bytes::Bytes;
use dhow_core::plan::{Place, Request};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Whose records they are.
pub struct About {
    /// `deploy`, `app boot`.
    pub command: String,
    /// The service, version, destination and performer of the run.
    pub service: String,
    /// See `service`.
    pub version: String,
    /// See `service`.
    pub destination: Option<String>,
    /// See `service`.
    pub performer: String,
    /// Thirty-two hex digits, different for each run.
    pub id: String,
}

impl From<&Request> for About {
    fn from(request: &Request) -> About {
        let (command, subcommand) = &request.command;
        let words = [Some(command.as_str()), subcommand.as_deref()];
        About {
            command: words.into_iter().flatten().collect::<Vec<_>>().join(" "),
            service: request.config.service.clone(),
            version: request.version.clone(),
            destination: request.config.destination.clone(),
            performer: request.performer.clone(),
            id: request.ids.hex("otel run", 16) + &request.ids.hex("otel run, the rest", 16),
        }
    }
}

/// A collector, and the records on their way to it.
pub struct Otel {
    records: mpsc::UnboundedSender<Value>,
    shipper: JoinHandle<Result<(), String>>,
    redaction: Redaction,
    endpoint: String,
    command: String,
    deployment: Option<Deployment>,
}

/// What records about deploying say besides.
struct Deployment {
    id: String,
    name: String,
}

/// Records in one request.
const BATCH: usize = 100;
/// How long a record waits for others.
const FLUSH: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
/// Commands whose records speak of a deployment.
const DEPLOYS: [&str; 4] = ["deploy", "redeploy", "rollback", "setup"];

impl Otel {
    /// Begins to send to `ENDPOINT/v1/logs`. Must be called within a runtime.
    pub fn start(endpoint: &str, about: About, redaction: Redaction) -> Otel {
        let id = uuid(&about.id);
        let (records, waiting) = mpsc::unbounded_channel();
        let sending = ship(endpoint.trim_end_matches('/').to_string(), resource(&about, &id), waiting);
        let shipper = tokio::spawn(sending);
        let name = format!("{} {}", about.command, about.service);
        let deployment = DEPLOYS.contains(&about.command.as_str()).then_some(Deployment { id, name });
        let command = about.command;
        let otel = Otel { records, shipper, redaction, endpoint: endpoint.to_string(), command, deployment };
        otel.tell("kamal.start", INFO, Vec::new(), None);
        otel
    }

    /// Tells how the run ended and waits until all is sent.
    ///
    /// # Errors
    /// Why some of it was not.
    pub async fn finish(self, failure: Option<&str>, took: Duration) -> Result<String, String> {
        let runtime = attribute("kamal.runtime", json!({"doubleValue": took.as_secs_f64()}));
        match failure {
            None => self.tell("kamal.complete", INFO, vec![runtime], Some("succeeded")),
            Some(failure) => {
                let message = text("exception.message", &self.redaction.of(failure));
                self.tell("kamal.failed", ERROR, vec![runtime, message], Some("failed"));
            }
        }
        drop(self.records);
        match timeout(FLUSH + ANSWER, self.shipper).await {
            Ok(Ok(shipped)) => shipped.map(|()| self.endpoint),
            Ok(Err(_)) | Err(_) => Err(format!("{} takes too long", self.endpoint)),
        }
    }

    fn tell(&self, name: &str, severity: Severity, mut attributes: Vec<Value>, status: Option<&str>) {
        attributes.insert(0, text("kamal.command", &self.command));
        if let Some(Deployment { id, name }) = &self.deployment {
            attributes.extend([text("deployment.id", id), text("deployment.name", name)]);
            attributes.extend(status.map(|status| text("deployment.status", status)));
        }
        let mut record = record(name, severity, attributes);
        record["eventName"] = name.into();
        self.send(record);
    }

    fn lines(&self, said: &str, severity: Severity, attributes: &[Value]) {
        for line in self.redaction.of(said).lines() {
            self.send(record(line, severity, attributes.to_vec()));
        }
    }

    fn send(&self, record: Value) {
        // The shipper only ends before us if it has panicked, and a deploy goes on without its records.
        let _unheard = self.records.send(record);
    }
}

impl Report for Otel {
    fn event(&self, event: Event<'_>) {
        let at = |at: &Place| vec![text("server.address", &at.to_string())];
        let printed = |place: Option<&Place>, stream: &str| {
            [place.map(at).unwrap_or_default(), vec![text("log.iostream", stream)]].concat()
        };
        let lossy = String::from_utf8_lossy;
        match event {
            Event::Say(said) => self.lines(said, INFO, &[]),
            Event::Warn(said) => self.lines(said, WARN, &[]),
            Event::Began { at: place, command, .. } => self.lines(command, INFO, &at(place)),
            Event::Progress { at: place, line } => self.lines(line, INFO, &at(place)),
            Event::Debug { at: place, text } => self.lines(text, DEBUG, &printed(Some(place), "stdout")),
            Event::Result { heading, bytes } => {
                self.lines(&lossy(bytes), INFO, &printed(heading.map(|(_, at)| at), "stdout"));
            }
            Event::ResultErrors(bytes) => self.lines(&lossy(bytes), INFO, &printed(None, "stderr")),
            Event::Followed { at, line } => self.lines(&lossy(line), INFO, &printed(at, "stdout")),
        }
    }
}

/// Number and name of OpenTelemetry.
type Severity = (u8, &'static str);
const DEBUG: Severity = (5, "DEBUG");
const INFO: Severity = (9, "INFO");
const WARN: Severity = (13, "WARN");
const ERROR: Severity = (17, "ERROR");

fn record(body: &str, (number, name): Severity, attributes: Vec<Value>) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
    json!({
        "timeUnixNano": now, "observedTimeUnixNano": now, "severityNumber": number, "severityText": name,
        "body": {"stringValue": body}, "attributes": attributes,
    })
}

fn text(key: &str, value: &str) -> Value {
    attribute(key, json!({"stringValue": value}))
}

fn attribute(key: &str, value: Value) -> Value {
    json!({"key": key, "value": value})
}

/// Who speaks: Kamal's names, since dashboards are made with them.
fn resource(about: &About, run_id: &str) -> Vec<Value> {
    let mut attributes = vec![
        text("service.name", "kamal"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("kamal.run_id", run_id),
        text("kamal.performer", &about.performer),
        text("kamal.deploy_version", &about.version),
        text("service.namespace", &about.service),
    ];
    attributes.extend(about.destination.iter().map(|name| text("deployment.environment.name", name)));
    attributes
}

/// A UUID (version 4, RFC 9562) of thirty-two digits.
fn uuid(digits: &str) -> String {
    let part = |range| &digits[range];
    format!("{}-{}-4{}-a{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

/// Sends what comes, in batches, until nobody sends any more. A collector that fails once is told at the end; the records
/// of later batches may still reach it.
async fn ship(
    endpoint: String,
    resource: Vec<Value>,
    mut waiting: mpsc::UnboundedReceiver<Value>,
) -> Result<(), String> {
    let mut outcome = Ok(());
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        let fill = async {
            while batch.len() < BATCH {
                let Some(record) = waiting.recv().await else { break };
                batch.push(record);
            }
        };
        // Time is up, or the batch is full, or the run has ended: in each case what there is goes out.
        let _time_is_up = timeout(FLUSH, fill).await;
        let body = json!({"resourceLogs": [{
            "resource": {"attributes": resource},
            "scopeLogs": [{"scope": {"name": "kamal", "version": env!("CARGO_PKG_VERSION")}, "logRecords": batch}],
        }]});
        outcome = outcome.and(post(&endpoint, body.to_string()).await);
    }
    outcome
}

async fn post(endpoint: &str, body: String) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{endpoint}: {error}");
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return Err(format!("{endpoint}: dhow sends to http:// only, so to a collector in your own network"));
    };
    let (authority, path) =
        rest.split_once('/').map_or((rest, String::new()), |(to, path)| (to, format!("/{path}")));
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { authority.to_string() } else { format!("{authority}:80") };
    let connecting = timeout(CONNECT, TcpStream::connect(&address)).await;
    let stream =
        connecting.map_err(|_| failed(&"no connection within 2 s"))?.map_err(|error| failed(&error))?;
    let talk = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);
        let request = hyper::Request::post(format!("{path}/v1/logs"))
            .header("host", authority)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .expect("these headers are valid");
        let answer = sender.send_request(request).await;
        driving.abort();
        answer.map(|answer| answer.status())
    };
    let status = timeout(ANSWER, talk).await.map_err(|_| failed(&"no answer within 5 s"))?;
    match status.map_err(|error| failed(&error))? {
        status if status.is_success() => Ok(()),
        status => Err(failed(&status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    /// Answers so many requests with a status; what was asked for comes out of the channel, head and body.
    fn collector(status: &'static str, requests: usize) -> (String, Receiver<(String, Value)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/collect/", listener.local_addr().unwrap());
        let (told, heard) = channel();
        std::thread::spawn(move || {
            for _ in 0..requests {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = Vec::new();
                let body = loop {
                    let mut part = [0; 4096];
                    let length = stream.read(&mut part).unwrap();
                    asked.extend_from_slice(&part[..length]);
                    let text = String::from_utf8_lossy(&asked).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    if let Ok(body) = serde_json::from_str(body) {
                        break (head.to_lowercase(), body);
                    }
                };
                told.send(body).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
            }
        });
        (endpoint, heard)
    }

    fn about(command: &str) -> About {
        About {
            command: command.to_string(),
            service: "shop".into(),
            version: "v2".into(),
            destination: Some("staging".into()),
            performer: "ann@example.com".into(),
            id: "0123456789abcdef".repeat(2),
        }
    }

    fn secret() -> Redaction {
        Redaction::new(["hunter2".to_string()])
    }

    #[tokio::test]
    async fn a_run_arrives_at_its_collector() {
        let (endpoint, heard) = collector("200 OK", 1);
        let otel = Otel::start(&endpoint, about("deploy"), secret());
        let at = &Place::host("10.0.0.1");
        otel.event(Event::Debug { at, text: "one\npassword hunter2" });
        assert_eq!(otel.finish(Some("hunter2 is wrong"), Duration::from_secs(2)).await, Ok(endpoint));
        let (head, body) = heard.recv().unwrap();
        assert!(head.starts_with("post /collect/v1/logs http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        let logs = &body["resourceLogs"][0];
        let resource = logs["resource"]["attributes"].to_string();
        for expected in
            ["\"kamal\"", "01234567-89ab-4def-a123-456789abcdef", "ann@example.com", "staging", "\"v2\""]
        {
            assert!(resource.contains(expected), "{expected} in {resource}");
        }
        let records = logs["scopeLogs"][0]["logRecords"].as_array().unwrap();
        let said: Vec<_> = records
            .iter()
            .map(|record| {
                (record["severityNumber"].as_u64().unwrap(), record["body"]["stringValue"].as_str().unwrap())
            })
            .collect();
        assert_eq!(said, [(9, "kamal.start"), (5, "one"), (5, "password [REDACTED]"), (17, "kamal.failed")]);
        assert_eq!(records[3]["eventName"], "kamal.failed");
        let last = records[3]["attributes"].to_string();
        for expected in ["deploy shop", "\"failed\"", "[REDACTED] is wrong", "doubleValue"] {
            assert!(last.contains(expected), "{expected} in {last}");
        }
        assert!(!body.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn what_does_not_arrive_is_told_and_ends_nothing() {
        let (endpoint, _heard) = collector("503 Busy", 1);
        let otel = Otel::start(&endpoint, about("app boot"), secret());
        let error = otel.finish(None, Duration::ZERO).await.unwrap_err();
        assert!(error.ends_with("/collect: 503 Service Unavailable"), "{error}");
        let otel = Otel::start("https://otel.example.com", about("app boot"), secret());
        let error = otel.finish(None, Duration::ZERO).await.unwrap_err();
        assert!(error.contains("http:// only"), "{error}");
    }

    #[tokio::test]
    async fn many_lines_go_in_batches() {
        let (endpoint, heard) = collector("200 OK", 3);
        let otel = Otel::start(&endpoint, about("app boot"), secret());
        (0..248).for_each(|_| otel.event(Event::Say("a line")));
        otel.finish(None, Duration::ZERO).await.unwrap();
        let counts = heard
            .iter()
            .map(|(_, body)| body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap().len());
        assert_eq!(counts.collect::<Vec<_>>(), [100, 100, 50]);
    }
}
