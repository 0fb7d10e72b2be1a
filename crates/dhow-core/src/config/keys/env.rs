//! `env:`.

use super::Section;
use crate::config::schema::{Field, Fields, Kind, field};

pub(in crate::config) const SECTION: Section = Section {
    name: "env",
    path: "env",
    title: "Environment",
    intro: "The environment of the app's containers: either plain variables, or, as soon as there is a \
        secret, values under `clear` and names of secrets under `secret`. A role's `env` comes on top of \
        this one, the tags of a host on top of both.\n\n\
        `${NAME}` in a value is replaced on the server, by the server's own variable. An empty value passes \
        on the variable of the server. Values of secrets come from `.kamal/secrets`; they travel in a file \
        that only the SSH user can read, never on a command line.",
};

const CLEAR: Field =
    field("clear", Kind::TextMap, "values everybody may see", "{RAILS_ENV: production, DB_HOST: 10.0.0.2}")
        .more("Numbers and booleans are passed on as text.")
        .otherwise("none");

const SECRET: Field =
    field("secret", Kind::Texts, "names of secrets", "[RAILS_MASTER_KEY, \"DB_PASSWORD:MAIN_DB_PASSWORD\"]")
        .more("`NAME:KEY` gives the variable NAME the value of the secret KEY.")
        .otherwise("none");

const TAGS: Field = field(
    "tags",
    Kind::Tags(WITHOUT_TAGS),
    "environments of hosts with a tag",
    "{primary: {JOBS: 1}, eu: {clear: {REGION: eu}, secret: [EU_API_KEY]}}",
)
.more("Tags are given to hosts under `servers`. Only in the `env` at the top of the file.")
.otherwise("none");

/// Of the app.
pub(in crate::config) const FIELDS: Fields = &[CLEAR, SECRET, TAGS];

/// Of a role, an accessory or a tag.
pub(in crate::config) const WITHOUT_TAGS: Fields = &[CLEAR, SECRET];
