//! The reference of the configuration: its pages are fresh, and its tables are those that reading goes by.

use super::sources::{Source, crates};
use dhow_core::config::reference;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn the_pages_of_the_reference_are_fresh() {
    let directory = crates().join("../docs/configuration");
    let update = std::env::var_os("UPDATE").is_some();
    let pages = reference::pages();
    for page in &pages {
        let path = directory.join(&page.file);
        if update {
            fs::create_dir_all(&directory).unwrap();
            fs::write(&path, &page.text).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        let help = "UPDATE=1 cargo test -p dhow --test main rewrites it";
        assert!(written == page.text, "{} is not what the tables say: {help}", path.display());
    }
    for entry in fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            pages.iter().any(|page| page.file == name),
            "docs/configuration/{name} is no page of the reference"
        );
    }
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let pages = reference::pages();
    for page in &pages {
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(pages.iter().any(|page| page.file == target), "{} links to {target}", page.file);
        }
    }
}

/// What is read but in no table would be refused as unknown, and documented nowhere.
#[test]
fn every_key_that_is_read_is_in_the_tables() {
    let paths = reference::keys();
    let known: BTreeSet<&str> = paths.iter().filter_map(|path| path.rsplit('.').next()).collect();
    let methods = ["text", "filled_text", "texts", "bool", "number", "port", "pairs", "section", "get"];
    let mut read = BTreeSet::new();
    for source in Source::of("dhow-core").iter().filter(|source| reads_sections(&source.path)) {
        for method in methods {
            let call = format!(".{method}(\"");
            read.extend(
                source
                    .text
                    .split(&call)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                    .map(str::to_string),
            );
        }
    }
    assert!(read.len() > 80, "{read:?}");
    let unknown: Vec<&String> = read.iter().filter(|key| !known.contains(key.as_str())).collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

/// Files of sections; hints know keys of Kamal 1 besides.
fn reads_sections(path: &str) -> bool {
    let name = path.strip_prefix("dhow-core/src/config/").unwrap_or("/");
    !name.contains('/') && name != "hints.rs"
}
