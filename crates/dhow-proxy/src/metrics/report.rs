//! The page of metrics: what the workers have counted, and what the control thread knows.

use std::collections::BTreeMap;

use super::exposition::{Kind, Page};
use super::process;
use super::tally::{BOUNDS, Counts, Histogram};
use crate::pool::Pool;
use crate::router::Router;
use crate::routes::Services;

const REQUESTS: &str = "kamal_proxy_http_requests_total";
const DURATION: &str = "kamal_proxy_http_request_duration_seconds";
const IN_FLIGHT: &str = "kamal_proxy_http_in_flight_requests";

/// Writes the page.
pub fn page(counts: &Counts, router: &Router) -> String {
    let mut page = Page::default();
    let services = router.snapshot();
    requests(&mut page, counts);
    bytes(&mut page, counts);
    connections(&mut page, counts);
    states(&mut page, &services);
    targets(&mut page, &services);
    certificates(&mut page, router.certificate_ends());
    page.family("dhow_proxy_build_info", Kind::Gauge, "Always 1; the version is in the label.");
    page.sample("dhow_proxy_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    process::write(&mut page);
    page.finish()
}

/// kamal-proxy's own families, labels and help included.
fn requests(page: &mut Page, counts: &Counts) {
    let mut series = Vec::new();
    for (service, counts) in sorted(counts) {
        for ((method, status), histogram) in &counts.ended {
            series.push((*method, service, status.to_string(), histogram));
        }
    }
    page.family(REQUESTS, Kind::Counter, "HTTP requests processed, by service, method and status.");
    for (method, service, status, histogram) in &series {
        let labels = [("method", *method), ("service", *service), ("status", status.as_str())];
        page.sample(REQUESTS, &labels, histogram.count());
    }
    page.family(DURATION, Kind::Histogram, "How long HTTP requests took, by service, method and status.");
    for (method, service, status, histogram) in &series {
        write_histogram(page, [("method", method), ("service", service), ("status", status)], histogram);
    }
    page.family(IN_FLIGHT, Kind::Gauge, "HTTP requests under way, by service.");
    for (service, counts) in sorted(counts).filter(|(service, _)| !service.is_empty()) {
        page.sample(IN_FLIGHT, &[("service", service)], counts.in_flight);
    }
}

fn write_histogram(page: &mut Page, labels: [(&str, &str); 3], histogram: &Histogram) {
    let mut within = 0;
    let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(histogram.buckets) {
        within += count;
        let [method, service, status] = labels;
        page.sample(&format!("{DURATION}_bucket"), &[method, service, status, ("le", &bound)], within);
    }
    page.sample(&format!("{DURATION}_sum"), &labels, histogram.sum.as_secs_f64());
    page.sample(&format!("{DURATION}_count"), &labels, histogram.count());
}

fn bytes(page: &mut Page, counts: &Counts) {
    let name = "dhow_proxy_http_request_body_bytes_total";
    page.family(name, Kind::Counter, "Bytes of request bodies.");
    for (service, counts) in sorted(counts) {
        page.sample(name, &[("service", service)], counts.received);
    }
    let name = "dhow_proxy_http_response_body_bytes_total";
    page.family(name, Kind::Counter, "Bytes of response bodies sent to clients.");
    for (service, counts) in sorted(counts) {
        page.sample(name, &[("service", service)], counts.sent);
    }
}

fn connections(page: &mut Page, counts: &Counts) {
    let name = "dhow_proxy_client_connections";
    page.family(name, Kind::Gauge, "Connections of clients that are open.");
    for (scheme, connections) in &counts.connections {
        page.sample(name, &[("scheme", scheme)], connections.open);
    }
    let name = "dhow_proxy_client_connections_total";
    page.family(name, Kind::Counter, "Connections of clients that were accepted.");
    for (scheme, connections) in &counts.connections {
        page.sample(name, &[("scheme", scheme)], connections.accepted);
    }
}

fn states(page: &mut Page, services: &Services) {
    let name = "dhow_proxy_service_state";
    page.family(name, Kind::Gauge, "1 for the state that a service is in.");
    for service in services.values() {
        for state in ["running", "paused", "stopped"] {
            let is_in = u8::from(service.pause.name() == state);
            page.sample(name, &[("service", &service.name), ("state", state)], is_in);
        }
    }
}

fn targets(page: &mut Page, services: &Services) {
    let mut targets = BTreeMap::new();
    for service in services.values() {
        let mut note = |set: &'static str, pool: &Pool| {
            for target in pool.targets() {
                // The same address may be given twice, or as a writer and as a reader.
                let known = targets.entry((service.name.clone(), set, target.address.as_str().to_owned()));
                let (healthy, in_flight) = known.or_insert((false, 0));
                *healthy |= target.is_healthy();
                *in_flight += target.in_flight();
            }
        };
        note("active", &service.active);
        service.rollout.iter().for_each(|pool| note("rollout", pool));
    }
    let name = "dhow_proxy_target_healthy";
    page.family(name, Kind::Gauge, "1 for a target that is healthy.");
    for ((service, set, target), (healthy, _)) in &targets {
        page.sample(name, &[("service", service), ("set", set), ("target", target)], u8::from(*healthy));
    }
    let name = "dhow_proxy_target_in_flight_requests";
    page.family(name, Kind::Gauge, "Requests that a target has under way.");
    for ((service, set, target), (_, in_flight)) in &targets {
        page.sample(name, &[("service", service), ("set", set), ("target", target)], in_flight);
    }
}

fn certificates(page: &mut Page, ends: BTreeMap<String, std::time::Duration>) {
    let name = "dhow_proxy_certificate_expiry_timestamp_seconds";
    page.family(name, Kind::Gauge, "When the certificate of a host expires, since the epoch.");
    for (host, end) in ends {
        page.sample(name, &[("host", &host)], end.as_secs());
    }
}

fn sorted(counts: &Counts) -> impl Iterator<Item = (&str, &super::tally::ServiceCounts)> {
    let sorted: BTreeMap<_, _> =
        counts.services.iter().map(|(name, counts)| (name.as_str(), counts)).collect();
    sorted.into_iter()
}
