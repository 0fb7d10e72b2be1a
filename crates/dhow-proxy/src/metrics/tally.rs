//! What one worker counts. Plain numbers: no other thread sees them before they are copied.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use hyper::Method;

/// Upper bounds of the buckets of a histogram, in seconds; kamal-proxy's.
pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A worker's numbers.
#[derive(Default)]
pub struct Tally(RefCell<Counts>);

/// The numbers themselves, of one worker or of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// By name; the empty name is for requests that no service was found for.
    pub services: HashMap<String, ServiceCounts>,
    /// Clients' connections, by scheme.
    pub connections: BTreeMap<&'static str, Connections>,
}

/// What is counted for a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceCounts {
    /// Requests under way, those that are held included.
    pub in_flight: u64,
    /// Bytes of the bodies that clients announced, or sent if they announced none.
    pub received: u64,
    /// Bytes of the bodies that clients got.
    pub sent: u64,
    /// Requests that have ended.
    pub ended: BTreeMap<(&'static str, u16), Histogram>,
}

/// Connections of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Ever accepted.
    pub accepted: u64,
}

/// How long requests took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Requests within each bound, and not within the one before; the last are over all bounds.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// Of all of them.
    pub sum: Duration,
}

/// A request that has ended.
pub struct Ended<'a> {
    /// As received.
    pub method: &'a Method,
    /// As logged.
    pub status: u16,
    /// As logged.
    pub took: Duration,
    /// Bytes of its body, as announced or else received.
    pub received: u64,
    /// Bytes of its answer's body.
    pub sent: u64,
}

impl Tally {
    /// A request has come to a service.
    pub fn entered(&self, service: &str) {
        self.of(service, |counts| counts.in_flight += 1);
    }

    /// It has ended, or belongs to another service now.
    pub fn left(&self, service: &str) {
        self.of(service, |counts| counts.in_flight -= 1);
    }

    /// A request is over; the service's name is empty if it had none.
    pub fn ended(&self, service: &str, request: &Ended<'_>) {
        self.of(service, |counts| {
            counts.received += request.received;
            counts.sent += request.sent;
            let series = (method_label(request.method), request.status);
            counts.ended.entry(series).or_default().observe(request.took);
        });
    }

    /// A client has connected; it is counted as open until the result is dropped.
    pub fn connected(self: &Rc<Self>, scheme: &'static str) -> Connected {
        let mut counts = self.0.borrow_mut();
        let connections = counts.connections.entry(scheme).or_default();
        connections.open += 1;
        connections.accepted += 1;
        Connected { tally: Rc::clone(self), scheme }
    }

    /// A copy.
    pub fn counts(&self) -> Counts {
        self.0.borrow().clone()
    }

    fn of(&self, service: &str, count: impl FnOnce(&mut ServiceCounts)) {
        let mut counts = self.0.borrow_mut();
        match counts.services.get_mut(service) {
            Some(known) => count(known),
            None => count(counts.services.entry(service.to_owned()).or_default()),
        }
    }
}

/// A client's open connection.
pub struct Connected {
    tally: Rc<Tally>,
    scheme: &'static str,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.tally.0.borrow_mut().connections.entry(self.scheme).or_default().open -= 1;
    }
}

impl Counts {
    /// Adds what another worker has counted.
    pub fn add(&mut self, other: &Counts) {
        for (service, counts) in &other.services {
            self.services.entry(service.clone()).or_default().add(counts);
        }
        for (scheme, connections) in &other.connections {
            let sum = self.connections.entry(scheme).or_default();
            sum.open += connections.open;
            sum.accepted += connections.accepted;
        }
    }
}

impl ServiceCounts {
    fn add(&mut self, other: &Self) {
        self.in_flight += other.in_flight;
        self.received += other.received;
        self.sent += other.sent;
        for (series, histogram) in &other.ended {
            self.ended.entry(*series).or_default().add(histogram);
        }
    }
}

impl Histogram {
    /// All requests in it.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    fn observe(&mut self, took: Duration) {
        let bucket = BOUNDS.iter().position(|bound| took.as_secs_f64() <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket] += 1;
        self.sum += took;
    }

    fn add(&mut self, other: &Self) {
        for (sum, part) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += part;
        }
        self.sum += other.sum;
    }
}

/// The usual methods by their names, all others as one: clients must not be able to invent series.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(method: &Method, took: Duration) -> Ended<'_> {
        Ended { method, status: 200, took, received: 1, sent: 2 }
    }

    #[test]
    fn t_395_unusual_methods_are_one() {
        let label = |name: &str| method_label(&Method::from_bytes(name.as_bytes()).unwrap());
        for name in ["GET", "POST", "PATCH", "TRACE"] {
            assert_eq!(label(name), name);
        }
        assert_eq!(["CUSTOM", "get", "OTHER"].map(label), ["OTHER"; 3]);
    }

    #[test]
    fn what_workers_have_counted_adds_up() {
        let (one, other) = (Rc::new(Tally::default()), Rc::new(Tally::default()));
        let open = one.connected("http");
        drop(other.connected("http"));
        for tally in [&one, &other] {
            tally.entered("web");
            tally.ended("web", &ended(&Method::GET, Duration::from_millis(5)));
            tally.ended("web", &ended(&Method::GET, Duration::from_secs(11)));
        }
        other.left("web");
        let mut sum = one.counts();
        sum.add(&other.counts());
        let web = &sum.services["web"];
        assert_eq!((web.in_flight, web.received, web.sent), (1, 4, 8));
        let histogram = web.ended[&("GET", 200)];
        assert_eq!((histogram.count(), histogram.sum), (4, Duration::from_millis(22_010)));
        assert_eq!((histogram.buckets[0], histogram.buckets[BOUNDS.len()]), (2, 2));
        assert_eq!(sum.connections["http"], Connections { open: 1, accepted: 2 });
        drop(open);
        assert_eq!(one.counts().connections["http"].open, 0);
    }
}
