//! `logging:`: docker's log driver of the containers.

use super::errors::Errors;
use super::keys::logging::FIELDS;
use super::options;
use super::schema::check;
use super::setting::Setting;

/// `logging:`; with neither driver nor options, `max-size=10m` is used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logging {
    /// `--log-driver`.
    pub driver: Option<String>,
    /// `--log-opt`, in file order.
    pub options: Vec<(String, String)>,
}

impl Logging {
    /// Checks a section.
    pub(super) fn check(logging: &Setting, errors: &mut Errors) {
        check(logging, FIELDS, errors);
    }

    /// Reads a checked section.
    pub(super) fn read(logging: &Setting) -> Logging {
        let driver = logging.filled_text("driver");
        let options = logging.section("options");
        let options =
            options.entries().map(|(key, value)| (key.key_text(), options::word(value.node))).collect();
        Logging { driver, options }
    }
}
