//! A configuration, with another merged over it where the input holds two: whatever they say, reading them ends with a
//! configuration or with errors. What was read is written again, and that must be YAML too.

#![no_main]

use dhow_core::config::{Config, Context, Document, is_caught_panic};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::Once;

static QUIET: Once = Once::new();

fuzz_target!(|input: &str| -> Corpus {
    QUIET.call_once(spare_caught_panics);
    // Templates are another target's.
    if input.contains("<%") {
        return Corpus::Reject;
    }
    let document = |path: &str, text: &str| Document { path: path.to_string(), text: text.to_string() };
    let (base, over) = input.split_once("\0").unwrap_or((input, ""));
    let (base, over) = (document("deploy.yml", base), document("deploy.far.yml", over));
    let over = (!over.text.is_empty()).then_some(&over);
    if let Ok(config) = Config::read(&base, over, &Context::default()) {
        let _written = config.to_yaml("v1");
    }
    Corpus::Keep
});

/// libFuzzer's hook ends the program at any panic, also at those that are caught.
fn spare_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|location| is_caught_panic(location.file())) {
            usual(panic);
        }
    }));
}
