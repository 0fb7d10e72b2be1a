//! The files a configuration is read from, and what else reading it depends on.

use super::compose::{Composed, compose};
use super::erb;
use super::errors::{ConfigErrors, Errors};
use super::json_schema::Json;
use super::node::{Node, Place, Value};
use super::setting::Setting;
use crate::ruby::{Nowhere, Surroundings};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A configuration file: its text, and its path as errors should show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `config/deploy.yml`, as the user knows it.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// What a configuration depends on besides its files; the caller has looked it up. Not printable: an environment is
/// full of secrets.
#[derive(Clone)]
pub struct Context {
    /// `-d`.
    pub destination: Option<String>,
    /// The environment that ERB sees: dhow's own, and `KAMAL_DESTINATION` where there is a destination.
    pub env: BTreeMap<String, String>,
    /// Architecture of this machine as docker names it (`amd64`, `arm64`): what is built for without `builder.arch`.
    pub local_arch: String,
    /// What else ERB can reach, and the directory of hooks; nothing by default.
    pub surroundings: Arc<dyn Surroundings>,
}

impl Default for Context {
    fn default() -> Context {
        Context {
            destination: None,
            env: BTreeMap::new(),
            local_arch: String::new(),
            surroundings: Arc::new(Nowhere),
        }
    }
}

/// `aliases:` alone, name to command line, before anything is checked: an alias must be expanded to know what to read.
/// Values that are no text are left out; reading the configuration reports them.
pub fn aliases(
    base: &Document,
    destination: Option<&Document>,
    context: &Context,
) -> Result<BTreeMap<String, String>, ConfigErrors> {
    let root = raw(base, destination, context)?;
    Ok(Setting::root(&root).pairs("aliases").into_iter().collect())
}

/// The merged files as JSON, before anything is checked: what `json_schema` describes.
pub fn merged_json(
    base: &Document,
    destination: Option<&Document>,
    context: &Context,
) -> Result<String, ConfigErrors> {
    Ok(Json::of(&raw(base, destination, context)?).to_text())
}

/// What a template comes to that is no configuration: an accessory's file whose name ends in `erb`. The environment is what it
/// sees.
pub fn rendered_file(
    document: &Document,
    environment: &BTreeMap<String, String>,
    surroundings: &dyn Surroundings,
) -> Result<String, ConfigErrors> {
    erb::render_file(document, &mut environment.clone(), surroundings).map_err(|error| {
        let mut errors = Errors::new(vec![document]);
        errors.report("", error.problem, &[&error.place]).hint = error.hint;
        errors.failed()
    })
}

/// Where hooks are without `hooks_path`.
pub(super) const DEFAULT_HOOKS_PATH: &str = ".kamal/hooks";

/// The merged files. Errors are collected; without a value there was at least one.
pub(super) fn load(
    base: &Document,
    destination: Option<&Document>,
    context: &Context,
    errors: &mut Errors,
) -> Option<Node> {
    let (base, over) = load_each(base, destination, context, errors)?;
    Some(over.map_or_else(|| base.clone(), |over| base.merged_with(&over)))
}

/// The files by themselves, in the same way.
pub(super) fn load_each(
    base: &Document,
    destination: Option<&Document>,
    context: &Context,
    errors: &mut Errors,
) -> Option<(Node, Option<Node>)> {
    let mut environment = context.env.clone();
    let mut read = |document| read(document, &mut environment, &*context.surroundings, errors);
    let base = read(base);
    let Some(destination) = destination else { return Some((base?, None)) };
    let destination = read(destination);
    Some((base?, Some(destination?)))
}

fn raw(base: &Document, destination: Option<&Document>, context: &Context) -> Result<Node, ConfigErrors> {
    let mut errors = Errors::new(std::iter::once(base).chain(destination).collect());
    let root = load(base, destination, context, &mut errors);
    errors.finish()?;
    Ok(root.unwrap_or_else(|| Node::absent().clone()))
}

/// What a template does to the environment is seen by the next.
fn read(
    document: &Document,
    environment: &mut BTreeMap<String, String>,
    surroundings: &dyn Surroundings,
    errors: &mut Errors,
) -> Option<Node> {
    let rendered = match erb::render(document, environment, surroundings) {
        Ok(rendered) => rendered,
        Err(error) => {
            errors.report("", error.problem, &[&error.place]).hint = error.hint;
            return None;
        }
    };
    rendered.warnings.iter().for_each(|(place, text)| errors.warn(place, text));
    match compose(&rendered) {
        Ok(Composed { root, warnings }) => {
            warnings.iter().for_each(|(place, text)| errors.warn(place, text));
            top(root, document, errors)
        }
        Err(error) => {
            let is_unclosed = |(_, text): &&(Place, String)| text.contains("not closed");
            let unclosed =
                rendered.warnings.iter().find(is_unclosed).map(|(place, text)| format!("{place}: {text}"));
            errors.report("", format!("this is not YAML: {}", error.problem), &[&error.place]).hint =
                unclosed;
            None
        }
    }
}

/// The top of a file must be a mapping.
fn top(root: Option<Node>, document: &Document, errors: &mut Errors) -> Option<Node> {
    let place = Place { file: document.path.as_str().into(), line: 0, column: 0 };
    match root {
        Some(Node { value: Value::Map(map), place, written }) => {
            Some(Node { value: Value::Map(map.with_text_keys()), place, written })
        }
        Some(Node { value: Value::Null, .. }) | None => {
            let error = errors.report("", format!("{} is empty", document.path), &[&place]);
            error.hint("write {} if there is nothing to say");
            None
        }
        Some(root) => {
            errors
                .report("", "should be a hash".to_string(), &[&root.place])
                .hint("write it as `key: value` lines");
            None
        }
    }
}
