//! What a configuration may say. One table per section (in `keys`) carries what validation, `dhow docs`, the reference
//! pages, `dhow schema` and `dhow config --explain` know of its keys.

mod check;

use super::setting::Setting;

pub(super) use check::{check, check_hosts, check_keys, check_text_map, check_texts};

/// Keys of a mapping.
pub(super) type Fields = &'static [Field];

/// A key of a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// As written in the file.
    pub key: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What it is for, in half a sentence: hints say it, and documentation begins with it.
    pub about: &'static str,
    /// What else there is to know, in sentences.
    pub more: &'static str,
    /// How it could look: YAML on one line.
    pub example: &'static str,
    /// What holds where it is not written.
    pub absent: Absent,
    /// All that it may say, if that can be listed.
    pub choices: &'static [&'static str],
    /// The smallest and the largest whole number that makes sense.
    pub range: Option<(i64, i64)>,
    /// What a text must look like, for editors: a regular expression both Rust and JavaScript know.
    pub pattern: Option<&'static str>,
    /// The key it stands in for: not both.
    pub instead_of: Option<&'static str>,
    /// What dhow does with it that Kamal does not, in sentences.
    pub in_dhow: &'static str,
    /// Does it need dhow's own proxy?
    pub is_ours: bool,
}

/// What holds where a key is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Nobody has said; a test does not let it pass.
    Unsaid,
    /// It has to be there.
    Required,
    /// The same as if this YAML were written; a test holds reading to it.
    Default(&'static str),
    /// Something that cannot be written, in words.
    Means(&'static str),
    /// In a role: what the key of the same name says at the top of the file.
    Root(&'static str),
}

/// What a key may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Text, a number or a boolean.
    Text,
    /// Text only: numbers and booleans, which pass for text with Kamal, are refused later.
    Word,
    /// A whole number, not in quotes.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A list of texts.
    Texts,
    /// A text or a list of texts.
    TextOrTexts,
    /// A mapping whose values are texts.
    TextMap,
    /// A mapping of whatever another program takes; the keys are those with a meaning of their own.
    Flags(Fields),
    /// `true`, `false` or a mapping with these keys.
    Ssl(Fields),
    /// Hosts, perhaps with tags; or names that have none, which is checked later.
    Hosts { tagged: bool },
    /// Files or directories to mount: `LOCAL:REMOTE`, or mappings with these keys.
    Paths(Fields),
    /// A level, or levels by hook.
    HooksOutput,
    /// A boolean, a path or paths.
    SshConfig,
    /// A text, or a list of one text that names a secret. Checked by the registry: only some need it.
    Credential,
    /// A mapping with these keys.
    Fields(Fields),
    /// A mapping with these keys, which are checked later than those of other sections: Kamal's order.
    Section(Fields),
    /// The same, or one of these booleans. Kamal's message on anything else names only the mapping, and other booleans
    /// are refused later.
    SectionOr(Fields, &'static [bool]),
    /// Variables, or a mapping with these keys. Checked later.
    Env(Fields),
    /// Names, each for a mapping with these keys. Checked later.
    Named(Fields),
    /// Names, each for the variables of an environment. Checked later.
    Tags(Fields),
    /// Names, each for a command line. Checked later.
    CommandLines,
    /// A list of hosts, or names of roles, each for a list of hosts or a mapping with these keys. Checked later.
    Servers(Fields),
}

/// What may stand below a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Below {
    /// Keys that mean something.
    pub fields: Fields,
    /// A name that the user chooses, above those keys: `NAME`, `ROLE`; empty if there is none.
    pub name: &'static str,
    /// Do other keys pass as well?
    pub open: bool,
}

/// A key with its name, kind, purpose and example; the rest is added to it.
pub(super) const fn field(
    key: &'static str,
    kind: Kind,
    about: &'static str,
    example: &'static str,
) -> Field {
    Field {
        key,
        kind,
        about,
        more: "",
        example,
        absent: Absent::Unsaid,
        choices: &[],
        range: None,
        pattern: None,
        instead_of: None,
        in_dhow: "",
        is_ours: false,
    }
}

impl Field {
    /// What else there is to know.
    pub const fn more(self, more: &'static str) -> Field {
        Field { more, ..self }
    }

    /// It has to be written.
    pub const fn required(self) -> Field {
        Field { absent: Absent::Required, ..self }
    }

    /// The YAML that it stands for where it is not written.
    pub const fn default(self, yaml: &'static str) -> Field {
        Field { absent: Absent::Default(yaml), ..self }
    }

    /// What it means where it is not written.
    pub const fn otherwise(self, words: &'static str) -> Field {
        Field { absent: Absent::Means(words), ..self }
    }

    /// Where it is not written, the key of the same name at the top of the file holds, and without that these words.
    pub const fn or_root(self, words: &'static str) -> Field {
        Field { absent: Absent::Root(words), ..self }
    }

    /// All that it may say.
    pub const fn one_of(self, choices: &'static [&'static str]) -> Field {
        Field { choices, ..self }
    }

    /// The smallest whole number that makes sense.
    pub const fn at_least(self, smallest: i64) -> Field {
        self.between(smallest, i64::MAX)
    }

    /// The smallest and the largest whole number that make sense.
    pub const fn between(self, smallest: i64, largest: i64) -> Field {
        Field { range: Some((smallest, largest)), ..self }
    }

    /// What its text must look like.
    pub const fn like(self, pattern: &'static str) -> Field {
        Field { pattern: Some(pattern), ..self }
    }

    /// It stands in for another key.
    pub const fn instead_of(self, key: &'static str) -> Field {
        Field { instead_of: Some(key), ..self }
    }

    /// What dhow does with it that Kamal does not.
    pub const fn in_dhow(self, sentences: &'static str) -> Field {
        Field { in_dhow: sentences, ..self }
    }

    /// Kamal refuses it, and kamal-proxy cannot do it.
    pub const fn ours(self) -> Field {
        Field { is_ours: true, ..self }
    }

    /// All that is to be known of it, in sentences.
    pub fn documentation(&self) -> String {
        let mut text = sentence(self.about);
        if !self.more.is_empty() {
            text = format!("{text} {}", self.more);
        }
        if let Some(other) = self.instead_of {
            text = format!("{text} Instead of `{other}`.");
        }
        match self.in_dhow {
            "" if self.is_ours => format!("{text} Only in dhow, with its own proxy."),
            "" => text,
            sentences => format!("{text} In dhow: {sentences}"),
        }
    }
}

/// The keys of a checked section, as dotted paths from there, that need dhow's own proxy.
pub(super) fn ours(section: &Setting, fields: Fields) -> Vec<String> {
    let written = fields.iter().filter_map(|field| Some((field, section.get(field.key)?)));
    let paths = written.flat_map(|(field, setting)| match field.is_ours {
        true => vec![field.key.to_string()],
        false => {
            let below = ours(&setting, field.kind.below().fields);
            below.into_iter().map(|key| format!("{}.{key}", field.key)).collect()
        }
    });
    paths.collect()
}

/// Half a sentence made whole.
fn sentence(half: &str) -> String {
    let mut rest = half.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", rest.as_str())
}

impl Kind {
    /// What may stand below.
    pub fn below(self) -> Below {
        let keys = |fields| Below { fields, name: "", open: false };
        match self {
            Kind::Ssl(fields) | Kind::Fields(fields) | Kind::Section(fields) => keys(fields),
            Kind::SectionOr(fields, _) => keys(fields),
            Kind::Flags(fields) | Kind::Env(fields) => Below { open: true, ..keys(fields) },
            Kind::Named(fields) => Below { name: "NAME", ..keys(fields) },
            Kind::Servers(fields) => Below { name: "ROLE", ..keys(fields) },
            Kind::Tags(fields) => Below { name: "TAG", open: true, ..keys(fields) },
            Kind::Paths(fields) => Below { name: "0", ..keys(fields) },
            Kind::TextMap | Kind::HooksOutput | Kind::CommandLines => Below { open: true, ..keys(&[]) },
            Kind::Texts | Kind::TextOrTexts | Kind::Hosts { .. } => Below { open: true, ..keys(&[]) },
            Kind::SshConfig | Kind::Credential => Below { open: true, ..keys(&[]) },
            Kind::Text | Kind::Word | Kind::Integer | Kind::Boolean => keys(&[]),
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Word => "text, no number or boolean",
            Kind::Integer => "whole number",
            Kind::Boolean => "`true` or `false`",
            Kind::Texts => "list of texts",
            Kind::TextOrTexts => "text or list of texts",
            Kind::TextMap => "mapping of texts",
            Kind::Flags(_) => "mapping of anything",
            Kind::Ssl(_) => "`true`, `false` or mapping",
            Kind::Hosts { tagged: true } => "list of hosts, perhaps with tags",
            Kind::Hosts { tagged: false } => "list of texts",
            Kind::Paths(_) => "list of `LOCAL:REMOTE[:OPTIONS]` or mappings",
            Kind::HooksOutput => "text, or mapping of hooks to texts",
            Kind::SshConfig => "`true`, `false`, path or list of paths",
            Kind::Credential => "text, or list of one text that names a secret",
            Kind::Fields(_) | Kind::Section(_) => "mapping",
            Kind::SectionOr(_, []) => "mapping",
            Kind::SectionOr(_, [false]) => "mapping or `false`",
            Kind::SectionOr(_, _) => "`true`, `false` or mapping",
            Kind::Env(_) => "mapping of texts, or of `clear` and `secret`",
            Kind::Named(_) => "mapping of names to mappings",
            Kind::Tags(_) => "mapping of tags to environments",
            Kind::CommandLines => "mapping of names to command lines",
            Kind::Servers(_) => "list of hosts, or mapping of roles",
        }
    }
}
