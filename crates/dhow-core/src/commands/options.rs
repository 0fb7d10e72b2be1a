//! Lists of arguments made of configuration, shared by every `docker run`.

use crate::config::{Env, Logging, OptionValue, Options};
use crate::shell::Word;

/// Any flags of `docker run`, as `options:` writes them: `true` is the bare flag, a list repeats it.
pub fn options(options: &Options) -> Vec<Word> {
    options.iter().flat_map(|(key, value)| option(&format!("--{key}"), value)).collect()
}

/// `--env` for each clear value.
pub fn env(env: &Env) -> Vec<Word> {
    assignments("--env", &env.clear)
}

/// `--label` for each.
pub fn labels(labels: &[(String, String)]) -> Vec<Word> {
    assignments("--label", labels)
}

/// `--volume` for each, as written: the host's shell expands `$PWD` and `$HOME`.
pub fn volumes(volumes: &[String]) -> Vec<Word> {
    volumes.iter().flat_map(|volume| [Word::literal("--volume"), Word::raw(volume)]).collect()
}

/// `--log-driver` and `--log-opt`; with neither, logs are rotated at 10 MB.
pub fn logging(logging: &Logging) -> Vec<Word> {
    if logging.driver.is_none() && logging.options.is_empty() {
        return vec!["--log-opt".into(), "max-size=10m".into()];
    }
    let driver =
        logging.driver.iter().flat_map(|driver| [Word::literal("--log-driver"), Word::expanded(driver)]);
    driver.chain(assignments("--log-opt", &logging.options)).collect()
}

/// `FLAG NAME=VALUE` for each; a blank value leaves the bare name, which `--env` takes from the host's session.
pub fn assignments(flag: &str, entries: &[(String, String)]) -> Vec<Word> {
    entries.iter().flat_map(|(name, value)| [Word::literal(flag), assignment(name, value)]).collect()
}

fn assignment(name: &str, value: &str) -> Word {
    if value.trim().is_empty() {
        return Word::literal(name);
    }
    Word::literal(format!("{name}=")).then(Word::expanded(value))
}

fn option(flag: &str, value: &OptionValue) -> Vec<Word> {
    let pair = |value: &String| [Some(Word::literal(flag)), word(value)].into_iter().flatten();
    match value {
        OptionValue::Flag => vec![Word::literal(flag)],
        OptionValue::Value(value) => pair(value).collect(),
        OptionValue::List(values) => values.iter().flat_map(pair).collect(),
    }
}

/// Kamal writes no word at all for an empty text, so that `init:` is the bare flag.
fn word(value: &str) -> Option<Word> {
    (!value.is_empty()).then(|| Word::expanded(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::pairs;
    use crate::shell::Command;

    fn shows(words: Vec<Word>, expected: &str) {
        assert_eq!(Command::new("x").extend(words).to_string(), format!("x {expected}"));
    }

    #[test]
    fn options_are_flags_values_or_repeated() {
        let value = |text: &str| OptionValue::Value(text.to_string());
        let hosts = OptionValue::List(vec!["a:1".to_string(), "b:2".to_string()]);
        let all = vec![
            ("init".to_string(), OptionValue::Flag),
            ("cpus".to_string(), value("0.5")),
            ("tty".to_string(), value("false")),
            ("add-host".to_string(), hosts),
        ];
        shows(options(&all), r#"--init --cpus "0.5" --tty "false" --add-host "a:1" --add-host "b:2""#);
    }

    #[test]
    fn an_empty_value_leaves_the_bare_name() {
        let env = Env { clear: pairs(&[("A", "${HOST_A} $b"), ("B", "")]), secret: Vec::new() };
        shows(super::env(&env), r#"--env A="${HOST_A} \$b" --env B"#);
        shows(labels(&pairs(&[("public", "")])), "--label public");
    }

    #[test]
    fn volumes_are_left_to_the_hosts_shell() {
        shows(volumes(&["$HOME/x:/y".to_string()]), "--volume $HOME/x:/y");
    }

    #[test]
    fn logs_are_rotated_unless_something_else_is_asked_for() {
        shows(logging(&Logging::default()), "--log-opt max-size=10m");
        let journal = Logging { driver: Some("journald".to_string()), options: pairs(&[("tag", "shop")]) };
        shows(logging(&journal), r#"--log-driver "journald" --log-opt tag="shop""#);
    }
}
