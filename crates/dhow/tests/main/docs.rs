//! What the documents show works.

use super::sources::crates;
use clap::Parser;
use dhow::cli::Cli;
use dhow_core::config::{Config, Context, Document};
use std::fs;

#[test]
fn configurations_in_documents_are_accepted() {
    let examples = documents().into_iter().flat_map(|(path, text)| {
        fenced(&text, "yaml").into_iter().map(move |example| (path.clone(), example))
    });
    let whole: Vec<_> = examples.filter(|(_, example)| example.contains("service:")).collect();
    assert!(!whole.is_empty(), "README.md shows a configuration");
    whole.iter().for_each(|(path, example)| accept(path, example));
}

#[test]
fn the_configuration_of_init_is_accepted() {
    accept("init/deploy.yml", INIT);
}

#[test]
fn what_init_suggests_is_accepted() {
    // A comment that reads as YAML is a suggestion; prose is not.
    let suggestion = |line: &str| -> Option<String> {
        let (indent, rest) =
            line.split_once("# ").filter(|(_, rest)| !rest.starts_with("yaml-language-server"))?;
        let key = rest.trim_start().split([':', ' ']).next()?;
        let is_yaml =
            rest.trim_start().starts_with("- ") || rest.trim_start().starts_with(&format!("{key}:"));
        (indent.trim().is_empty() && is_yaml && !key.is_empty()).then(|| format!("{indent}{rest}"))
    };
    let lines: Vec<String> = INIT.lines().map(|line| suggestion(line).unwrap_or(line.to_string())).collect();
    let text = lines.join("\n");
    assert!(text.contains("\naccessories:\n  db:"), "suggestions are taken out of their comments:\n{text}");
    accept("init/deploy.yml with its suggestions", &text);
}

#[test]
fn command_lines_in_documents_are_understood() {
    let documents = documents();
    let lines = documents.iter().flat_map(|(path, text)| commands(text).map(move |line| (path, line)));
    let lines: Vec<_> = lines.collect();
    assert!(lines.len() > 5, "README.md shows commands: {lines:?}");
    for (path, line) in lines {
        let words = shlex::split(line).unwrap();
        if let Err(error) = Cli::try_parse_from(words) {
            assert!(!error.use_stderr(), "{path}: `{line}`: {error}");
        }
    }
}

const INIT: &str = include_str!("../../src/init/deploy.yml");

fn accept(path: &str, text: &str) {
    let document = Document { path: path.to_string(), text: text.to_string() };
    let context = Context { local_arch: "amd64".to_string(), ..Context::default() };
    if let Err(errors) = Config::read(&document, None, &context) {
        panic!("{path}:\n{errors}");
    }
}

/// `README.md` and what is in `docs/`.
fn documents() -> Vec<(String, String)> {
    let root = crates().join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let all = documents.chain([root.join("README.md")]);
    all.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// The fenced blocks of a language.
fn fenced(text: &str, language: &str) -> Vec<String> {
    let begin = format!("\n```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap_or_default().to_string()).collect()
}

/// `$ dhow …` in blocks, and `dhow …` between backticks.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let in_blocks = text.lines().filter_map(|line| line.strip_prefix("$ "));
    let inline = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    in_blocks.chain(inline).filter(|line| line.starts_with("dhow ") && !line.contains('…'))
}
