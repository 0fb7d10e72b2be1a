//! `boot:`: how many hosts at a time.

use super::errors::Errors;
use super::keys::boot::FIELDS;
use super::node::Value;
use super::schema::check;
use super::setting::Setting;

/// `boot:`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Boot {
    /// Size of a group of hosts; everything at once when absent.
    pub limit: Option<BootLimit>,
    /// Seconds to pause after a group.
    pub wait: u32,
    /// Whether roles of one host boot at the same time.
    pub parallel_roles: bool,
}

/// `boot.limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootLimit {
    /// So many hosts.
    Hosts(u32),
    /// So many of a hundred of all hosts (roles and accessories), rounded down, at least one.
    Percent(u32),
}

impl BootLimit {
    /// Hosts in a group, of `all` hosts.
    pub fn group_size(self, all: usize) -> usize {
        match self {
            BootLimit::Hosts(hosts) => hosts as usize,
            BootLimit::Percent(percent) => (all * percent as usize / 100).max(1),
        }
    }
}

impl Boot {
    /// Checks the section.
    pub(super) fn check(boot: &Setting, errors: &mut Errors) {
        check(boot, FIELDS, errors);
    }

    /// Reads the checked section.
    pub(super) fn read(boot: &Setting, errors: &mut Errors) -> Boot {
        Boot {
            limit: boot.get("limit").and_then(|limit| BootLimit::read(&limit, errors)),
            wait: boot.number("wait", errors).unwrap_or(0),
            parallel_roles: boot.bool("parallel_roles").unwrap_or(false),
        }
    }
}

impl BootLimit {
    /// A number of hosts, or a share of them. Kamal fails on anything else once it boots.
    fn read(limit: &Setting, errors: &mut Errors) -> Option<BootLimit> {
        let text = limit.node.text()?;
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        let hosts = matches!(limit.node.value, Value::Int(_)).then(|| text.parse().ok()).flatten();
        match (hosts.filter(|hosts| *hosts > 0), percent) {
            (Some(hosts), _) => Some(BootLimit::Hosts(hosts)),
            (None, Some(percent)) => Some(BootLimit::Percent(percent)),
            (None, None) => {
                let error = errors.at(limit, "should be a positive integer or a percentage");
                error.hint("hosts that boot at the same time, for example `limit: 2` or `limit: 25%`");
                None
            }
        }
    }
}
