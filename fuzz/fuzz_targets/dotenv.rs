//! A secrets file: whatever it says, reading it ends with values or with an error, and the values can be written as the
//! file that containers get.

#![no_main]

use dhow_core::config::Document;
use dhow_core::secrets::{Secrets, inline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let document = Document { path: "secrets".to_string(), text: input.to_string() };
    let env = [("HOME".to_string(), "/root".to_string()), ("A".to_string(), "$B".to_string())].into();
    let mut run = |command: &str| {
        let _words = inline::arguments(command);
        Ok(command.to_string())
    };
    if let Ok(secrets) = Secrets::read(&[document], &env, &mut run) {
        for (name, value) in secrets.iter() {
            let _extracted = inline::extract(name, value.reveal());
        }
    }
});
