//! `aliases:`.

use super::Section;

pub(in crate::config) const SECTION: Section = Section {
    name: "alias",
    path: "aliases",
    title: "Aliases",
    intro: "Command lines with a name of their own: with `shell: app exec -i --reuse bash`, `dhow shell` \
        opens a shell in the app's container. Words after the name are added to the command line. A name has \
        lowercase letters, digits, `-` and `_`, and is not that of one of Kamal's commands.",
};

pub(in crate::config) const EXAMPLE: &str = "{shell: app exec -i --reuse bash, console: app exec -i --reuse \
    \"bin/rails console\", logs: app logs -f}";
