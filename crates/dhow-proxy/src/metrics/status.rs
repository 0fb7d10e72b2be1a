//! The status page: what `list --json` tells, for people to look at. One page of HTML that needs nothing else.

use crate::http::error_page::escaped;
use crate::inventory::{CertificateEntry, Inventory, ServiceEntry, TargetEntry};

/// Writes the page.
pub fn page(inventory: &Inventory) -> String {
    let services: String = inventory.services.iter().map(service).collect();
    let services = match services.as_str() {
        "" => "<p class=\"quiet\">No services yet.</p>\n",
        services => services,
    };
    PAGE.replace("{version}", &escaped(&inventory.version)).replace("{services}", services)
}

fn service(service: &ServiceEntry) -> String {
    let hosts = if service.hosts.is_empty() { "any host".to_owned() } else { service.hosts.join(", ") };
    let protocol = if service.tls { "https" } else { "http" };
    let message = service.message.iter().filter(|message| !message.is_empty());
    let message: String = message
        .map(|message| format!("<p class=\"quiet\">Told to visitors: {}</p>\n", escaped(message)))
        .collect();
    format!(
        "<section>\n<h2>{name} {state}</h2>\n<p>{protocol} · {hosts} · {paths}</p>\n{message}{targets}{rollout}{certificates}</section>\n",
        name = escaped(&service.service),
        state = badge(&service.state, service.state == "running"),
        hosts = escaped(&hosts),
        paths = escaped(&service.path_prefixes.join(", ")),
        targets = targets("Targets", &service.targets),
        rollout = rollout(service),
        certificates = certificates(&service.certificates),
    )
}

fn rollout(service: &ServiceEntry) -> String {
    let Some(rollout) = &service.rollout else { return String::new() };
    let share = rollout.percentage.map_or("nobody yet".to_owned(), |percentage| format!("{percentage}%"));
    targets(&format!("Rollout, seen by {share}"), &rollout.targets)
}

fn targets(caption: &str, targets: &[TargetEntry]) -> String {
    let row = |target: &TargetEntry| {
        let health = if target.is_passed_over { "passed over" } else { target.health.as_str() };
        let is_well = target.health == "healthy" && !target.is_passed_over;
        let in_flight = target.in_flight.to_string();
        let error = escaped(target.last_error.as_deref().unwrap_or_default());
        cells([
            &escaped(&target.address),
            &escaped(&target.role),
            &badge(health, is_well),
            &in_flight,
            &error,
        ])
    };
    let rows: String = targets.iter().map(row).collect();
    table(caption, ["Address", "Role", "Health", "In flight", "Last error"], &rows)
}

fn certificates(certificates: &[CertificateEntry]) -> String {
    if certificates.is_empty() {
        return String::new();
    }
    let row = |certificate: &CertificateEntry| {
        let expires = match &certificate.expires_at {
            Some(at) => escaped(at),
            None => badge("none yet", false),
        };
        let [next, error] = [&certificate.next_attempt_at, &certificate.last_error]
            .map(|text| escaped(text.as_deref().unwrap_or_default()));
        cells([&escaped(&certificate.host), &escaped(&certificate.source), &expires, &next, &error])
    };
    let rows: String = certificates.iter().map(row).collect();
    table("Certificates", ["Host", "From", "Expires", "Next attempt", "Last error"], &rows)
}

fn table(caption: &str, heads: [&str; 5], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let caption = escaped(caption);
    format!(
        "<div><table>\n<caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

/// A row of cells, which are HTML already.
fn cells(cells: [&str; 5]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

fn badge(text: &str, is_well: bool) -> String {
    let class = if is_well { "well" } else { "ill" };
    format!("<span class=\"{class}\">{}</span>", escaped(text))
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>dhow-proxy</title>
<style>
  :root { color-scheme: light dark; --ink: #1d2b33; --paper: #f7f5f0; --card: #fffdf9; --line: #ddd8cd; --quiet: #5e6d76; --well: #1f6f4a; --ill: #b3402a; }
  @media (prefers-color-scheme: dark) { :root { --ink: #ece8df; --paper: #141b20; --card: #1b242a; --line: #33404a; --quiet: #93a1a9; --well: #6cc79a; --ill: #f0907a; } }
  body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
  h1 { font-size: 1.375rem; margin: 0 0 1rem; }
  h1 small, .quiet { color: var(--quiet); font-weight: normal; }
  h2 { font-size: 1.125rem; margin: 0; }
  p { margin: .25rem 0; overflow-wrap: anywhere; }
  section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.25rem; margin: 0 0 1rem; }
  div { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; margin: .75rem 0 0; font-size: .9375rem; font-variant-numeric: tabular-nums; }
  caption { text-align: left; color: var(--quiet); }
  th, td:nth-child(3), td:nth-child(4) { white-space: nowrap; }
  th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
  tbody tr:last-child td { border-bottom: 0; }
  .well, .ill { border: 1px solid; border-radius: 1rem; padding: 0 .5rem; font-size: .8125rem; font-weight: normal; white-space: nowrap; }
  .well { color: var(--well); } .ill { color: var(--ill); }
</style>
</head>
<body>
<h1>dhow-proxy <small>{version}</small></h1>
{services}</body>
</html>
"#;
