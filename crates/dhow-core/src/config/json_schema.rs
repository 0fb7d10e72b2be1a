//! `dhow schema`: the tables as a JSON Schema (draft-07, which editors know best).
//!
//! An editor sees the file before ERB and with YAML 1.2: wherever a value may be of some type, text with an ERB tag in it
//! passes too, and so do `yes`, `off` and `40_000_000`, which only YAML 1.1 takes for more than text. Nothing is required:
//! what one file leaves out, the file of a destination may say.

mod json;

use super::compose;
use super::keys::{SECTIONS, root};
use super::reference::{documentation, page_of};
use super::schema::{Absent, Field, Fields, Kind};
use crate::commands::hook;
pub(super) use json::Json;
use json::object;

/// The schema, ready for a file.
pub fn json_schema() -> String {
    let definitions = SECTIONS.iter().filter_map(|section| Some((section.name, definition(section.name)?)));
    let schema = object([
        ("$schema", Json::text("http://json-schema.org/draft-07/schema#")),
        ("title", Json::text("config/deploy.yml of Kamal and dhow")),
        ("type", Json::text("object")),
        ("properties", properties(root::FIELDS)),
        ("patternProperties", object([("^x-", Json::Object(Vec::new()))])),
        ("additionalProperties", Json::Bool(false)),
        ("definitions", object(definitions)),
    ]);
    schema.to_text()
}

/// Keywords of a schema.
type Entries = Vec<(&'static str, Json)>;

/// What several keys share: the inside of a section.
fn definition(name: &str) -> Option<Json> {
    let field =
        root::FIELDS.iter().find(|field| page_of(field).is_some_and(|section| section.name == name))?;
    match field.kind {
        Kind::Section(fields) | Kind::SectionOr(fields, _) => Some(object(closed(fields))),
        _ => None,
    }
}

fn properties(fields: Fields) -> Json {
    object(fields.iter().map(|field| (field.key, property(field))))
}

fn property(field: &Field) -> Json {
    let mut entries = vec![("description", Json::Text(documentation(field)))];
    entries.extend(constraints(field));
    if let Absent::Default(yaml) = field.absent {
        entries.push(("default", value(yaml)));
    }
    entries.push(("examples", Json::List(vec![value(field.example)])));
    object(entries)
}

fn value(yaml: &str) -> Json {
    compose::read("example", yaml.to_string()).ok().flatten().map_or(Json::Null, |node| Json::of(&node))
}

fn constraints(field: &Field) -> Entries {
    let inside = |fields| match page_of(field) {
        Some(section) if definition(section.name).is_some() => {
            let reference = format!("#/definitions/{}", section.name);
            vec![("allOf", Json::List(vec![object([("$ref", Json::Text(reference))])]))]
        }
        _ => closed(fields),
    };
    match field.kind {
        Kind::Text if !field.choices.is_empty() => choice(field.choices),
        Kind::Text => [text(field.pattern), bounds(field.range)].concat(),
        Kind::Word => {
            let pattern = field.pattern.map(|pattern| ("pattern", or_erb(pattern)));
            [types(&["string"])].into_iter().chain(pattern).collect()
        }
        Kind::Integer => integer(field.range),
        Kind::Boolean => typed(&["boolean"], &[YES_OR_NO]),
        Kind::Texts => list(object(text(None))),
        Kind::TextOrTexts => [vec![types(&["string", "array"])], items(object(text(None)))].concat(),
        Kind::TextMap => named(text(None)),
        Kind::Flags(fields) => [mapping(), vec![("properties", properties(fields))]].concat(),
        Kind::Ssl(fields) => [typed(&["boolean", "object"], &[YES_OR_NO]), closed(fields)].concat(),
        Kind::Hosts { tagged: true } => list(object(host())),
        Kind::Hosts { tagged: false } => list(object(typed(&["string"], &[]))),
        Kind::Paths(fields) => list(object(path(fields))),
        Kind::HooksOutput => hooks_output(field.choices),
        Kind::SshConfig => [vec![types(&["boolean", "string", "array"])], items(object(text(None)))].concat(),
        Kind::Credential => credential(),
        Kind::Fields(fields) | Kind::Section(fields) => [mapping(), inside(fields)].concat(),
        Kind::SectionOr(fields, []) => [mapping(), inside(fields)].concat(),
        Kind::SectionOr(fields, booleans) => {
            let switch = typed(&["object", "boolean"], &[YES_OR_NO]);
            let never = [true, false].into_iter().find(|yes| !booleans.contains(yes));
            let never = never.map(|yes| ("not", object([("const", Json::Bool(yes))])));
            [switch, inside(fields), never.into_iter().collect()].concat()
        }
        Kind::Env(fields) => env(fields),
        Kind::Named(fields) => named([mapping(), closed(fields)].concat()),
        Kind::Tags(fields) => named(env(fields)),
        Kind::CommandLines => command_lines(),
        Kind::Servers(fields) => servers(fields),
    }
}

/// What YAML 1.1 reads as a boolean and YAML 1.2 as text.
const YES_OR_NO: &str = "^(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$";
/// What YAML 1.1 reads as a number and YAML 1.2 as text.
const GROUPED: &str = "^[0-9]+([_,][0-9]+)+$";
/// Text with an ERB tag.
const ERB: &str = "<%";

fn or_erb(pattern: &str) -> Json {
    Json::Text(format!("{pattern}|{ERB}"))
}

/// These types, or text that ERB or YAML 1.1 make one of them.
fn typed(names: &[&str], as_text: &[&str]) -> Entries {
    let all = [names, &["string"]].concat();
    let pattern = [as_text, &[ERB]].concat().join("|");
    match names.contains(&"string") {
        true => vec![types(names)],
        false => vec![types(&all), ("pattern", Json::Text(pattern))],
    }
}

fn types(names: &[&str]) -> (&'static str, Json) {
    match names {
        [name] => ("type", Json::text(name)),
        names => ("type", Json::List(names.iter().map(|name| Json::text(name)).collect())),
    }
}

/// Numbers and booleans are text, too.
fn text(pattern: Option<&str>) -> Entries {
    let pattern = pattern.map(|pattern| ("pattern", or_erb(pattern)));
    [types(&["string", "number", "boolean"])].into_iter().chain(pattern).collect()
}

fn integer(range: Option<(i64, i64)>) -> Entries {
    [typed(&["integer"], &[GROUPED]), bounds(range)].concat()
}

fn bounds(range: Option<(i64, i64)>) -> Entries {
    let (smallest, largest) = range.unzip();
    let bound = |name, bound: Option<i64>| bound.map(|bound| (name, Json::Int(bound.into())));
    let largest = largest.filter(|largest| *largest != i64::MAX);
    bound("minimum", smallest).into_iter().chain(bound("maximum", largest)).collect()
}

/// Symbols are text, too: `:verbose`.
fn choice(choices: &[&str]) -> Entries {
    let choices = object([("enum", Json::List(choices.iter().map(|choice| Json::text(choice)).collect()))]);
    let other = object([types(&["string"]), ("pattern", or_erb("^:"))]);
    vec![("anyOf", Json::List(vec![choices, other]))]
}

fn mapping() -> Entries {
    typed(&["object"], &[])
}

/// These keys and no others.
fn closed(fields: Fields) -> Entries {
    vec![("properties", properties(fields)), ("additionalProperties", Json::Bool(false))]
}

fn named(value: Entries) -> Entries {
    [mapping(), vec![("additionalProperties", object(value))]].concat()
}

fn items(item: Json) -> Entries {
    vec![("items", item)]
}

fn list(item: Json) -> Entries {
    [typed(&["array"], &[]), items(item)].concat()
}

/// An address, or one address with its tags.
fn host() -> Entries {
    let tags = [vec![types(&["string", "number", "boolean", "array"])], items(object(text(None)))].concat();
    let not_a_host = object([("enum", Json::List(["host", "hostname", "ip"].map(Json::text).to_vec()))]);
    vec![
        types(&["string", "object"]),
        ("minProperties", Json::Int(1)),
        ("maxProperties", Json::Int(1)),
        ("propertyNames", object([("not", not_a_host)])),
        ("additionalProperties", object(tags)),
    ]
}

/// `LOCAL:REMOTE[:OPTIONS]`, or a mapping, in which other keys mean nothing.
fn path(fields: Fields) -> Entries {
    vec![types(&["string", "object"]), ("pattern", or_erb("[^:]:[^:]")), ("properties", properties(fields))]
}

fn hooks_output(choices: &[&str]) -> Entries {
    let level = || object(choice(choices));
    let hooks = object(hook::NAMES.map(|name| (name, level())));
    let by_hook = object([types(&["object"]), ("properties", hooks), ("additionalProperties", level())]);
    vec![("anyOf", Json::List(vec![level(), by_hook]))]
}

fn credential() -> Entries {
    let mut name = vec![types(&["string", "array"])];
    name.extend(items(object([types(&["string"])])));
    name.extend([("minItems", Json::Int(1)), ("maxItems", Json::Int(1))]);
    name
}

/// Plain variables, until there is one of the special keys.
fn env(fields: Fields) -> Entries {
    let required = |field: &Field| object([("required", Json::List(vec![Json::text(field.key)]))]);
    let special = object([("anyOf", Json::List(fields.iter().map(required).collect()))]);
    let keys = object([("enum", Json::List(fields.iter().map(|field| Json::text(field.key)).collect()))]);
    let mut env = mapping();
    env.extend([
        ("properties", properties(fields)),
        ("additionalProperties", object(text(None))),
        ("if", special),
        ("then", object([("propertyNames", keys)])),
    ]);
    env
}

fn command_lines() -> Entries {
    let taken = object([("enum", Json::List(super::KAMALS_COMMANDS.map(Json::text).to_vec()))]);
    let name = object([("pattern", Json::text("^[a-z0-9_-]+$")), ("not", taken)]);
    [named(text(None)), vec![("propertyNames", name)]].concat()
}

fn servers(fields: Fields) -> Entries {
    let hosts = || items(object(host()));
    let role = [typed(&["array", "object"], &[]), hosts(), closed(fields)].concat();
    [typed(&["object", "array"], &[]), hosts(), vec![("additionalProperties", object(role))]].concat()
}
