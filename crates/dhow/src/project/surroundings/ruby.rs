//! Ruby itself, for what the evaluator does not know.

use dhow_core::ruby::{RubyFailed, RubyRendered};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Stdio};

const RENDER: &str = include_str!("render.rb");

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Rendered { text: String, environment: BTreeMap<String, String> },
    Failed { class: String, message: String, line: Option<usize> },
}

/// Has this `ruby` evaluate the template in a file, with our terminal, so that commands in it can ask. `None` where
/// there is no such program.
pub fn render(mut ruby: Command, path: &str) -> Option<Result<RubyRendered, RubyFailed>> {
    ruby.args(["-EUTF-8", "-rerb", "-rjson", "-e", RENDER, path]);
    let ended = ruby.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::inherit()).output();
    let failed = |message: String| Err(RubyFailed { message, class: None, line: None });
    let ended = match ended {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(failed(format!("ruby cannot be started: {error}"))),
        Ok(ended) => ended,
    };
    Some(match serde_json::from_slice(&ended.stdout) {
        Ok(Answer::Rendered { text, environment }) => Ok(RubyRendered { text, environment }),
        Ok(Answer::Failed { class, message, line }) => Err(RubyFailed { message, class: Some(class), line }),
        Err(_) => failed(format!("ruby ended without an answer ({})", ended.status)),
    })
}
