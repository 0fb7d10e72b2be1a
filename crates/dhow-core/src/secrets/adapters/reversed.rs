//! `test`: a name's value is the name backwards.

use super::{Fetch, Fetched};
use crate::secrets::Secret;

pub(super) fn fetch(wanted: &Fetch) -> Fetched {
    let value =
        |name: &str| -> String { name.replace("LPAREN", "(").replace("RPAREN", ")").chars().rev().collect() };
    let names = wanted.names.iter().map(|name| wanted.prefix(name));
    names.map(|name| (name.clone(), Some(Secret::new(value(&name))))).collect()
}
