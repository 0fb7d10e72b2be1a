//! `hooks_output:`: how much of what hooks print is shown.

use super::errors::Errors;
use super::setting::Setting;
use std::collections::BTreeMap;

/// How much of a hook's output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookOutput {
    /// Not even that it ran.
    Quiet,
    /// Its output, line by line.
    Verbose,
}

impl HookOutput {
    /// Checks the levels; Kamal does so last of all.
    pub(super) fn check(output: &Setting, errors: &mut Errors) {
        if output.node.text().is_some() {
            check_level(output, "", errors);
        }
        for (hook, level) in output.entries() {
            check_level(&level, &format!(" for hook '{}'", hook.key_text()), errors);
        }
    }

    /// Reads the checked section: one level for all hooks (`None`), or levels by hook.
    pub(super) fn read(output: &Setting) -> BTreeMap<Option<String>, HookOutput> {
        let level = |setting: &Setting| HookOutput::named(&setting.node.text()?);
        let by_hook =
            output.entries().filter_map(|(hook, setting)| Some((Some(hook.key_text()), level(&setting)?)));
        by_hook.chain(level(output).map(|level| (None, level))).collect()
    }

    fn named(name: &str) -> Option<HookOutput> {
        match name {
            "quiet" => Some(HookOutput::Quiet),
            "verbose" => Some(HookOutput::Verbose),
            _ => None,
        }
    }
}

fn check_level(level: &Setting, hook: &str, errors: &mut Errors) {
    let Some(name) = level.node.text() else { return };
    if HookOutput::named(&name).is_none() {
        errors.plain(level, format!("Invalid hooks_output '{name}'{hook}, must be one of: quiet, verbose"));
    }
}
