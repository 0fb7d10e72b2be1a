//! What `dhow config` shows as it was written.

use super::node::{Map, Node, Value};
use super::setting::Setting;
use std::fmt;

/// The sections that `dhow config` repeats as they are in the files.
#[derive(Clone, PartialEq, Default)]
pub struct Written(Map);

/// Files may hold what nobody should see in a log.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(..)")
    }
}

impl Written {
    pub(super) fn from(root: &Setting) -> Written {
        match &root.node.value {
            Value::Map(map) => Written(map.clone()),
            _ => Written::default(),
        }
    }

    /// What stands at a dotted path of plain keys.
    pub(super) fn at(&self, path: &str) -> Option<&Node> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let node = self.section(first)?;
        rest.map_or(Some(node), |key| node.get(key))
    }

    pub(super) fn section(&self, key: &str) -> Option<&Node> {
        self.0.get(key)
    }
}
