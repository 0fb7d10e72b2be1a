//! `logging:`.

use super::Section;
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "logging",
    path: "logging",
    title: "Logging",
    intro: "Where docker keeps what containers print. Roles may say otherwise, key by key; accessories take \
        this. Without driver and options, docker's own driver is used with files of at most 10 MB.",
};

pub(in crate::config) const FIELDS: Fields = &[
    field("driver", Kind::Text, "docker's log driver", "local")
        .more("As docker's `--log-driver` takes it.")
        .otherwise("the default of the docker daemon"),
    field("options", Kind::Flags(&[]), "options of the driver", "{max-size: 100m}")
        .more("As docker's `--log-opt` takes them.")
        .otherwise("`max-size=10m`, and none if there is a driver"),
];
