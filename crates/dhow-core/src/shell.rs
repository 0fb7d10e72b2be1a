//! Shell text: words stay words until here, and only this module knows quoting.
//!
//! A [`Word`] is made of parts, a [`Command`] of words, a [`Script`] of commands. `Display` shows a script with its
//! secrets redacted; [`Script::reveal`] is what the transport sends.

use crate::secrets::Secret;
use std::fmt;

/// One word of a command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Expanded(String),
    Raw(String),
    Secret(Secret),
    ExpandedSecret(Secret),
    OutputOf(Box<Script>),
}

impl Word {
    /// Any text, arriving exactly as it is.
    pub fn literal(text: impl Into<String>) -> Word {
        Word(vec![Part::Literal(text.into())])
    }

    /// Kamal's double-quoted value: `${NAME}` is expanded by the host's shell, everything else is kept.
    pub fn expanded(text: impl Into<String>) -> Word {
        Word(vec![Part::Expanded(text.into())])
    }

    /// Shell text as it stands: the user's own command, volumes with `$PWD`, command substitution.
    pub fn raw(text: impl Into<String>) -> Word {
        Word(vec![Part::Raw(text.into())])
    }

    /// A secret, quoted, and redacted wherever it is shown.
    pub fn secret(secret: Secret) -> Word {
        Word(vec![Part::Secret(secret)])
    }

    /// Like [`Word::expanded`], and redacted wherever it is shown: build arguments.
    pub fn expanded_secret(secret: Secret) -> Word {
        Word(vec![Part::ExpandedSecret(secret)])
    }

    /// What a script prints, as one word: `"$(docker container ls --quiet)"`.
    pub fn output_of(script: impl Into<Script>) -> Word {
        Word(vec![Part::OutputOf(Box::new(script.into()))])
    }

    /// Two words written as one: `KEY=` and its value.
    pub fn then(mut self, next: impl Into<Word>) -> Word {
        self.0.extend(next.into().0);
        self
    }

    fn render(&self, secrets: Secrets) -> String {
        if let [Part::Literal(text)] = self.0.as_slice()
            && text.is_empty()
        {
            return "''".to_string();
        }
        self.0.iter().map(|part| part.render(secrets)).collect()
    }
}

impl<T: Into<String>> From<T> for Word {
    fn from(text: T) -> Word {
        Word::literal(text)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Redacted,
    Revealed,
}

impl Part {
    fn render(&self, secrets: Secrets) -> String {
        match (self, secrets) {
            (Part::Literal(text), _) => quote(text),
            (Part::Expanded(text), _) => quote_expanded(text),
            (Part::Raw(text), _) => text.clone(),
            (Part::Secret(_) | Part::ExpandedSecret(_), Secrets::Redacted) => "[REDACTED]".to_string(),
            (Part::Secret(secret), Secrets::Revealed) => quote_always(secret.reveal()),
            (Part::ExpandedSecret(secret), Secrets::Revealed) => quote_expanded(secret.reveal()),
            (Part::OutputOf(script), _) => format!("\"$({})\"", script.render(secrets)),
        }
    }
}

/// Single quotes where the shell would otherwise change the text.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if text.chars().all(plain) { text.to_string() } else { quote_always(text) }
}

fn quote_always(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Kamal's `quote()` (config sheet, section 15) without its defects: control characters arrive as they are.
fn quote_expanded(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    let mut rest = text;
    quoted.push('"');
    while let Some(c) = rest.chars().next() {
        let opens_expansion = rest.starts_with("${");
        if matches!(c, '"' | '\\' | '`') || (c == '$' && !opens_expansion) {
            quoted.push('\\');
        }
        quoted.push(c);
        rest = &rest[c.len_utf8()..];
    }
    quoted.push('"');
    quoted
}

/// A program and its words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command(Vec<Word>);

impl Command {
    /// Starts with the program.
    pub fn new(program: impl Into<Word>) -> Command {
        Command(vec![program.into()])
    }

    /// One more word.
    #[must_use]
    pub fn word(mut self, word: impl Into<Word>) -> Command {
        self.0.push(word.into());
        self
    }

    /// Several more words.
    #[must_use]
    pub fn words<W: Into<Word>>(mut self, words: impl IntoIterator<Item = W>) -> Command {
        self.0.extend(words.into_iter().map(Into::into));
        self
    }

    /// A flag and its value as two words: `--name shop-web-v1`.
    #[must_use]
    pub fn option(self, flag: &str, value: impl Into<Word>) -> Command {
        self.word(flag).word(value)
    }

    /// The words of several commands' ends: shared argument lists.
    #[must_use]
    pub fn extend(mut self, words: Vec<Word>) -> Command {
        self.0.extend(words);
        self
    }

    /// The words with secrets as they are, unquoted: for a program started without a shell. Only literal text and
    /// secrets may be in it, since there is no shell to expand anything.
    pub fn argv(&self) -> Vec<String> {
        let text = |part: &Part| match part {
            Part::Literal(text) | Part::Expanded(text) | Part::Raw(text) => text.clone(),
            Part::Secret(secret) | Part::ExpandedSecret(secret) => secret.reveal().to_string(),
            Part::OutputOf(script) => script.reveal(),
        };
        self.0.iter().map(|word| word.0.iter().map(text).collect()).collect()
    }

    fn render(&self, secrets: Secrets) -> String {
        let words: Vec<String> = self.0.iter().map(|word| word.render(secrets)).collect();
        words.join(" ")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Secrets::Redacted))
    }
}

/// `docker` with its first words.
pub fn docker<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    Command::new("docker").words(words)
}

/// Our own shell text run by `sh`, whatever the login shell is, with these words as its `$1`, `$2`, …: nothing is ever
/// interpolated into the text.
pub fn sh<W: Into<Word>>(text: &str, words: impl IntoIterator<Item = W>) -> Command {
    Command::new("sh").option("-c", text).word("sh").words(words)
}

/// Commands joined as a POSIX shell joins them. Every compound is written in braces, so scripts nest freely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// One command.
    Run(Command),
    /// Shell text of ours in which nothing was interpolated.
    Text(&'static str),
    /// `a && b`: stops at the first failure.
    And(Vec<Script>),
    /// `a ; b`: goes on whatever happens; the status is the last one's.
    Then(Vec<Script>),
    /// `a || b`.
    Or(Vec<Script>),
    /// `a | b`.
    Pipe(Vec<Script>),
    /// `if cond; then a; else b; fi`.
    If(Box<Script>, Box<Script>, Option<Box<Script>>),
    /// Standard input from a text, never on an argument list.
    Input(Word, Box<Script>),
    /// Standard output appended to a file.
    AppendTo(Word, Box<Script>),
    /// Standard output written to a file.
    WriteTo(Word, Box<Script>),
    /// Standard output and error thrown away.
    Silent(Box<Script>),
    /// Standard error joined to standard output.
    ErrorsToOutput(Box<Script>),
}

impl From<Command> for Script {
    fn from(command: Command) -> Script {
        Script::Run(command)
    }
}

impl Script {
    /// `a && b`.
    pub fn and(scripts: impl IntoIterator<Item = Script>) -> Script {
        Script::And(scripts.into_iter().collect())
    }

    /// `a ; b`.
    pub fn then(scripts: impl IntoIterator<Item = Script>) -> Script {
        Script::Then(scripts.into_iter().collect())
    }

    /// `a || b`.
    pub fn or(self, other: impl Into<Script>) -> Script {
        Script::Or(vec![self, other.into()])
    }

    /// `a | b`.
    pub fn pipe(self, into: impl Into<Script>) -> Script {
        Script::Pipe(vec![self, into.into()])
    }

    /// `if self; then yes; fi`.
    pub fn if_then(self, yes: impl Into<Script>) -> Script {
        Script::If(Box::new(self), Box::new(yes.into()), None)
    }

    /// `if self; then yes; else no; fi`.
    pub fn if_else(self, yes: impl Into<Script>, no: impl Into<Script>) -> Script {
        Script::If(Box::new(self), Box::new(yes.into()), Some(Box::new(no.into())))
    }

    /// With this text as standard input.
    pub fn fed(self, text: impl Into<Word>) -> Script {
        Script::Input(text.into(), Box::new(self))
    }

    /// With its output thrown away.
    pub fn silent(self) -> Script {
        Script::Silent(Box::new(self))
    }

    /// A file of the host replaced as a whole: written beside, given its mode, renamed.
    pub fn replace_file(path: &str, mode: &str, content: impl Into<Word>) -> Script {
        let beside = format!("{path}.new");
        let write = Command::new("printf").word("%s").word(content);
        Script::and([
            Script::WriteTo(Word::literal(&beside), Box::new(Script::Text(":"))),
            Command::new("chmod").word(mode).word(&beside).into(),
            Script::WriteTo(Word::literal(&beside), Box::new(write.into())),
            Command::new("mv").word(&beside).word(path).into(),
        ])
    }

    /// A shell variable, for [`Script::Text`] to use.
    pub fn assign(name: &'static str, value: impl Into<Word>) -> Script {
        Command::new(Word::raw(format!("{name}=")).then(value)).into()
    }

    /// Succeeds whatever happens.
    pub fn ignore_failure(self) -> Script {
        self.or(Script::Text("true"))
    }

    /// The text to run, secrets included: for the transport only.
    pub fn reveal(&self) -> String {
        self.render(Secrets::Revealed)
    }

    fn render(&self, secrets: Secrets) -> String {
        let nested = |script: &Script| script.render_nested(secrets);
        let joined = |scripts: &[Script], by: &str| scripts.iter().map(nested).collect::<Vec<_>>().join(by);
        match self {
            Script::Run(command) => command.render(secrets),
            Script::Text(text) => (*text).to_string(),
            Script::And(scripts) => joined(scripts, " && "),
            Script::Then(scripts) => joined(scripts, " ; "),
            Script::Or(scripts) => joined(scripts, " || "),
            Script::Pipe(scripts) => joined(scripts, " | "),
            Script::If(condition, yes, no) => {
                let no = no.as_ref().map(|no| format!("else {}; ", no.render(secrets))).unwrap_or_default();
                format!("if {}; then {}; {no}fi", condition.render(secrets), yes.render(secrets))
            }
            Script::Input(text, script) => {
                format!("printf %s {} | {}", text.render(secrets), nested(script))
            }
            Script::AppendTo(file, script) => format!("{} >> {}", nested(script), file.render(secrets)),
            Script::WriteTo(file, script) => format!("{} > {}", nested(script), file.render(secrets)),
            Script::Silent(script) => format!("{} > /dev/null 2>&1", nested(script)),
            Script::ErrorsToOutput(script) => format!("{} 2>&1", nested(script)),
        }
    }

    fn render_nested(&self, secrets: Secrets) -> String {
        let text = self.render(secrets);
        match self {
            Script::Run(_) | Script::If(..) | Script::Silent(_) => text,
            _ if self.is_single() => text,
            _ => format!("{{ {text}; }}"),
        }
    }

    fn is_single(&self) -> bool {
        match self {
            Script::And(scripts) | Script::Then(scripts) | Script::Or(scripts) | Script::Pipe(scripts) => {
                scripts.len() == 1 && scripts[0].is_single()
            }
            Script::Run(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Secrets::Redacted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(script: impl Into<Script>, expected: &str) {
        assert_eq!(script.into().to_string(), expected);
    }

    #[test]
    fn plain_words_stay_bare_and_others_are_quoted() {
        shows(docker(["run", "--name", "shop-web-v1"]), "docker run --name shop-web-v1");
        shows(Command::new("echo").word("it's $HOME").word(""), r"echo 'it'\''s $HOME' ''");
    }

    #[test]
    fn expanded_values_keep_braces_and_nothing_else() {
        let word = |text: &str| Command::new("x").word(Word::expanded(text));
        shows(word("${HOME} $HOME $(id) `id`"), r#"x "${HOME} \$HOME \$(id) \`id\`""#);
        shows(word(r#"a "b" \c"#), r#"x "a \"b\" \\c""#);
    }

    #[test]
    fn secrets_show_as_redacted_and_travel_as_input() {
        let secret = Secret::new("p'w");
        let login = Script::from(docker(["login", "--password-stdin"])).fed(Word::secret(secret));
        assert_eq!(login.to_string(), "printf %s [REDACTED] | docker login --password-stdin");
        assert_eq!(login.reveal(), r"printf %s 'p'\''w' | docker login --password-stdin");
    }

    #[test]
    fn build_arguments_are_expanded_and_redacted() {
        let argument = Word::literal("TOKEN=").then(Word::expanded_secret(Secret::new("${A} $B")));
        let build = Script::from(Command::new("build").word(argument));
        assert_eq!(build.to_string(), "build TOKEN=[REDACTED]");
        assert_eq!(build.reveal(), r#"build TOKEN="${A} \$B""#);
    }

    #[test]
    fn a_word_can_be_what_a_script_prints() {
        let id = Word::output_of(docker(["ps", "-q"])).then(":80");
        shows(Command::new("x").word(id), r#"x "$(docker ps -q)":80"#);
    }

    #[test]
    fn our_own_text_takes_its_words_as_parameters() {
        shows(sh("echo \"$1\"", ["it's"]), r#"sh -c 'echo "$1"' sh 'it'\''s'"#);
    }

    #[test]
    fn compounds_nest_in_braces() {
        let a = || Script::from(Command::new("a"));
        shows(Script::and([a(), a().or(a())]), "a && { a || a; }");
        shows(a().if_else(a(), a().silent()), "if a; then a; else a > /dev/null 2>&1; fi");
        shows(Script::and([a()]).or(a()), "a || a");
    }
}
