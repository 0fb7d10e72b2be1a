//! `boot:`.

use super::Section;
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "boot",
    path: "boot",
    title: "Booting",
    intro: "How many hosts get a new version at the same time. Without this section all hosts boot at once; \
        roles other than the primary one wait until that is healthy somewhere.",
};

pub(in crate::config) const FIELDS: Fields = &[
    field("limit", Kind::Text, "hosts that boot at the same time", "25%")
        .more(
            "A number of hosts, or a percentage of all hosts, those of accessories included: rounded down, \
             but at least one. A failure ends the deploy before the next group.",
        )
        .at_least(1)
        .like("^[0-9]+ *%$")
        .otherwise("all hosts at once"),
    field("wait", Kind::Integer, "seconds between groups of hosts", "10").at_least(0).default("0"),
    field("parallel_roles", Kind::Boolean, "whether roles of one host boot at the same time", "true")
        .more("Otherwise a host that has several roles boots one after the other.")
        .default("false"),
];
