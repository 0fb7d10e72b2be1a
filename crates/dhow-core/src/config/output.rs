//! `output:`: where else dhow's own output goes.

use super::errors::Errors;
use super::keys::output::FIELDS;
use super::schema::check;
use super::setting::Setting;

/// Sinks for what dhow says, besides the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// `otel.endpoint`: base address of an OpenTelemetry collector.
    pub otel_endpoint: Option<String>,
    /// `file.path`: directory of log files.
    pub file_path: Option<String>,
}

impl Output {
    /// Checks the section.
    pub(super) fn check(output: &Setting, errors: &mut Errors) {
        if check(output, FIELDS, errors) {
            require(output, "otel", "endpoint", "OTel endpoint is required", errors);
            require(output, "file", "path", "file path is required", errors);
        }
    }

    /// Reads the checked section.
    pub(super) fn read(output: &Setting) -> Output {
        let text = |sink, key| output.section(sink).text(key);
        Output { otel_endpoint: text("otel", "endpoint"), file_path: text("file", "path") }
    }
}

fn require(output: &Setting, sink: &str, key: &str, problem: &str, errors: &mut Errors) {
    let Some(sink) = output.get(sink) else { return };
    if sink.get(key).is_none_or(|value| value.node.is_blank()) {
        errors.plain(&sink, problem);
    }
}
