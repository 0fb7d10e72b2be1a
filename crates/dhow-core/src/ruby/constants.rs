//! Names that begin with a capital letter: classes, modules, versions.

use super::exceptions;
use super::machine::Machine;
use super::stop::{Outcome, Stop};
use super::surroundings::FileKind;
use super::syntax::Span;
use super::value::Value;

/// Classes and modules that have methods here, or that values are asked about.
const CLASSES: &[&str] = &[
    "Array",
    "Base64",
    "BasicObject",
    "Binding",
    "Class",
    "Comparable",
    "Date",
    "Dir",
    "Dotenv",
    "ENV",
    "ERB",
    "Enumerable",
    "Enumerator",
    "FalseClass",
    "File",
    "FileTest",
    "Float",
    "Gem::Specification",
    "Hash",
    "IO",
    "Integer",
    "JSON",
    "Kamal::Utils",
    "Kernel",
    "MatchData",
    "Math",
    "NilClass",
    "Numeric",
    "Object",
    "Proc",
    "Process",
    "Range",
    "Regexp",
    "SecureRandom",
    "Shellwords",
    "String",
    "Symbol",
    "Time",
    "TrueClass",
    "URI",
    "YAML",
];

/// The version of Kamal that dhow stands in for.
const KAMAL_VERSION: &str = "2.12.0";

/// Where no Ruby is to be found.
const RUBY_VERSION: &str = "3.4.7";

/// Is it a name that has a value?
pub fn is_known(path: &str) -> bool {
    canonical(path).is_some() || ["RUBY_VERSION", "RUBY_ENGINE", "RUBY_PLATFORM"].contains(&path)
}

/// The value of a name.
pub fn value(machine: &mut Machine, path: &str, span: Span) -> Outcome {
    if let Some(class) = canonical(path) {
        return Ok(Value::Class(class));
    }
    match path {
        "RUBY_VERSION" | "RUBY_ENGINE_VERSION" => Ok(Value::text(ruby_version(machine, span))),
        "RUBY_ENGINE" => Ok(Value::text("ruby")),
        "Kamal::VERSION" => Ok(Value::text(KAMAL_VERSION)),
        "Float::INFINITY" => Ok(Value::Float(f64::INFINITY)),
        "Float::NAN" => Ok(Value::Float(f64::NAN)),
        "Math::PI" => Ok(Value::Float(std::f64::consts::PI)),
        "File::SEPARATOR" => Ok(Value::text("/")),
        "ARGV" => Ok(Value::list([])),
        path => Err(Stop::refuse(format!("{path} is not among the Ruby that dhow evaluates itself"), span)),
    }
}

fn canonical(path: &str) -> Option<&'static str> {
    let path = match path {
        "Psych" => "YAML",
        "YAML::SyntaxError" => "Psych::SyntaxError",
        "FileTest" => "File",
        path => path,
    };
    CLASSES.iter().copied().find(|class| *class == path).or_else(|| exceptions::class(path))
}

/// What the project asks for, else what is installed, else a recent one with a warning.
fn ruby_version(machine: &mut Machine, span: Span) -> String {
    let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if machine.surroundings.kind(".ruby-version") == Some(FileKind::File) {
        let written = machine.surroundings.read(".ruby-version").unwrap_or_default();
        let written = written.trim().trim_start_matches("ruby-");
        if is_version(written) {
            return written.to_string();
        }
    }
    let asked = machine.surroundings.run("ruby -e 'print RUBY_VERSION' 2>/dev/null", &machine.environment);
    match asked {
        Ok(ran) if ran.status == 0 && is_version(&ran.printed) => ran.printed,
        _ => {
            let text = format!(
                "RUBY_VERSION is taken to be {RUBY_VERSION}: there is neither a .ruby-version nor Ruby"
            );
            machine.warnings.push((span, text));
            RUBY_VERSION.to_string()
        }
    }
}
