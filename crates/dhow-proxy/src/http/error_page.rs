//! The pages for errors that the proxy itself answers with: built in, or the service's own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use hyper::StatusCode;

use crate::http::message::Answer;
use crate::service::Service;
use crate::template::Template;

/// Custom pages by status, read once when a service is deployed.
pub struct ErrorPages {
    by_status: HashMap<u16, Template>,
}

impl ErrorPages {
    /// Reads all `<status>.html` files of a directory. The error says which file or directory is wrong, and how.
    pub fn load(directory: &Path) -> Result<Self, String> {
        let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let entries = fs::read_dir(directory).map_err(|error| told(directory, &error))?;
        let mut by_status = HashMap::new();
        let mut pages = 0;
        for entry in entries {
            let path = entry.map_err(|error| told(directory, &error))?.path();
            if path.extension().is_none_or(|extension| extension != "html") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|error| told(&path, &error))?;
            let template = Template::parse(&text).map_err(|error| told(&path, &error))?;
            pages += 1;
            if let Some(status) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()) {
                by_status.insert(status, template);
            }
        }
        match pages {
            0 => Err(told(directory, &"no .html files in this directory")),
            _ => Ok(Self { by_status }),
        }
    }
}

/// The page for a status: the service's own if it has one, else the built-in one. `message` is a stop's.
pub fn respond(status: StatusCode, message: &str, service: Option<&Service>) -> Answer {
    let pages = service.and_then(|service| service.error_pages.as_ref());
    let custom = pages.and_then(|pages| pages.by_status.get(&status.as_u16()));
    let html = match custom {
        Some(template) => template.render(message),
        None => built_in(status, message),
    };
    Answer::new(status, Bytes::from(html)).with("Content-Type", "text/html; charset=utf-8")
}

/// A plain-text answer to a request that is not routed at all; it ends the connection.
pub fn refuse(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let answer = Answer::new(status, text.into()).with("Content-Type", "text/plain; charset=utf-8");
    answer.with("Connection", "close")
}

fn built_in(status: StatusCode, message: &str) -> String {
    let (reason, sentence) = match status.as_u16() {
        404 => ("Not Found", "There is nothing at this address."),
        413 => ("Content Too Large", "What was sent is larger than this site accepts."),
        502 => ("Bad Gateway", "The app behind this address did not give a proper answer."),
        503 => {
            ("Service Temporarily Unavailable", "This site is taking a short break. Please try again soon.")
        }
        504 => ("Gateway Timeout", "The app behind this address took too long to answer."),
        _ => return plain(status),
    };
    let sentence = if message.is_empty() { sentence.to_owned() } else { escaped(message) };
    PAGE.replace("{status}", status.as_str()).replace("{reason}", reason).replace("{sentence}", &sentence)
}

fn plain(status: StatusCode) -> String {
    format!("<h1>{} {}</h1>\n", status.as_u16(), status.canonical_reason().unwrap_or("Error"))
}

/// Text made safe for HTML, with the entities that Go uses.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&#34;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{status} — {reason}</title>
<style>
  :root { color-scheme: light dark; --ink: #1d2b33; --paper: #f7f5f0; --quiet: #5e6d76; --sail: #c8553d; }
  @media (prefers-color-scheme: dark) { :root { --ink: #ece8df; --paper: #141b20; --quiet: #93a1a9; --sail: #e2795f; } }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
         font: 1.0625rem/1.6 system-ui, sans-serif; }
  main { max-width: 30rem; padding: 2rem; text-align: center; }
  svg { width: 6rem; fill: none; stroke: var(--ink); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  svg .sail { fill: var(--sail); stroke: none; }
  h1 { margin: 1rem 0 .25rem; font-size: 1.5rem; line-height: 1.3; }
  p { margin: 0; color: var(--quiet); }
</style>
</head>
<body>
<main>
<svg viewBox="0 0 96 64" aria-hidden="true"><path class="sail" d="M44 4 76 40 44 42z"/><path d="M44 2v44M14 46h66c-5 9-12 13-22 13H36c-11 0-18-4-22-13z"/></svg>
<h1>{reason}</h1>
<p>{sentence}</p>
</main>
</body>
</html>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_311_pages_name_their_status() {
        assert!(built_in(StatusCode::NOT_FOUND, "").contains("Not Found"));
        assert!(built_in(StatusCode::SERVICE_UNAVAILABLE, "").contains("Service Temporarily Unavailable"));
        assert_eq!(built_in(StatusCode::IM_A_TEAPOT, ""), "<h1>418 I'm a teapot</h1>\n");
    }

    #[test]
    fn o_19_a_stop_message_is_escaped() {
        let page = built_in(StatusCode::SERVICE_UNAVAILABLE, "<b>\"back\" at 5</b>");
        assert!(page.contains("&lt;b&gt;&#34;back&#34; at 5&lt;/b&gt;"));
    }
}
