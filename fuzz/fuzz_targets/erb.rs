//! A template: whatever Ruby is in it, evaluating it ends, in bounded time and memory.

#![no_main]

use dhow_core::config::{Config, Context, Document, is_caught_panic};
use dhow_core::ruby::{FileKind, Moment, Ran, Surroundings, Unreadable};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::collections::BTreeMap;
use std::sync::{Arc, Once};

static QUIET: Once = Once::new();

fuzz_target!(|input: &str| -> Corpus {
    QUIET.call_once(spare_caught_panics);
    if !input.contains("<%") {
        return Corpus::Reject;
    }
    let document = Document { path: "deploy.yml".to_string(), text: input.to_string() };
    let env = [("HOST", "1.1.1.1"), ("HOSTS", "a,b"), ("EMPTY", "")];
    let context = Context {
        env: env.map(|(name, value)| (name.to_string(), value.to_string())).into(),
        surroundings: Arc::new(Small),
        ..Context::default()
    };
    // Most are no configuration, and all of them were evaluated.
    let _errors = Config::read(&document, None, &context);
    Corpus::Keep
});

/// Two files, and commands that repeat themselves.
struct Small;

impl Surroundings for Small {
    fn read(&self, path: &str) -> Result<String, Unreadable> {
        match path {
            "a.yml" => Ok("a: &a {b: [1, 2.5, ~]}\nc: *a\n".to_string()),
            ".env" => Ok("A=1\nB=\"$A\"\n".to_string()),
            _ => Err(Unreadable::Missing),
        }
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        match path {
            "a.yml" | ".env" => Some(FileKind::File),
            "." | "d" => Some(FileKind::Directory),
            _ => None,
        }
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let names: &[&str] = if directory == "." { &["a.yml", ".env", "d"] } else { &[] };
        names.iter().map(ToString::to_string).collect()
    }

    fn run(&self, command: &str, _: &BTreeMap<String, String>) -> Result<Ran, String> {
        Ok(Ran { printed: command.to_string(), status: i32::from(command.len() > 9) })
    }

    fn now(&self) -> Moment {
        Moment { seconds: 1_700_000_000, nanoseconds: 5, offset: 3_600 }
    }

    fn random(&self, count: usize) -> Result<Vec<u8>, String> {
        Ok(vec![7; count])
    }
}

/// libFuzzer's hook ends the program at any panic, also at those that are caught.
fn spare_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|location| is_caught_panic(location.file())) {
            usual(panic);
        }
    }));
}
