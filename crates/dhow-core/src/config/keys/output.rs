//! `output:`.

use super::Section;
use crate::config::schema::{Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "output",
    path: "output",
    title: "Output",
    intro: "Where else the output of commands goes, besides the terminal.",
};

const OTEL: Fields =
    &[field("endpoint", Kind::Text, "an OpenTelemetry collector", "http://otel-gateway:4318").required()];

const FILE: Fields = &[field("path", Kind::Text, "a directory for log files", "/var/log/kamal/").required()];

pub(in crate::config) const FIELDS: Fields = &[
    field("otel", Kind::Fields(OTEL), "OpenTelemetry", "{endpoint: \"http://otel-gateway:4318\"}")
        .more("What a run that changes something says is sent there as log records.")
        .otherwise("nothing is sent")
        .in_dhow("the endpoint begins with `http://`."),
    field("file", Kind::Fields(FILE), "log files", "{path: /var/log/kamal/}")
        .more("Each run that changes something writes a file of its own, on the machine that deploys.")
        .otherwise("no file is written"),
];
