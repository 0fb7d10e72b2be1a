//! The env file of a container: its secrets, one per line, as docker's `--env-file` reads them.

use super::ruby_dump::ruby_dump;
use super::{MissingSecret, Secret, Secrets};
use crate::config::Env;

/// The file's content. Values keep Kamal's escapes, since either tool may have written the file a container was
/// started with: a newline arrives as `\n`, a backslash doubled. Without secrets it is a single newline.
pub fn env_file(env: &Env, secrets: &Secrets) -> Result<Secret, MissingSecret> {
    secrets.require(env.secret.iter().map(|name| name.key.as_str()))?;
    let mut lines: Vec<(&str, String)> = Vec::new();
    for name in &env.secret {
        let value = escaped(secrets.find(&name.key)?.reveal());
        match lines.iter_mut().find(|(variable, _)| *variable == name.variable) {
            Some((_, earlier)) => *earlier = value,
            None => lines.push((&name.variable, value)),
        }
    }
    if lines.is_empty() {
        return Ok(Secret::new("\n"));
    }
    Ok(Secret::new(lines.iter().map(|(variable, value)| format!("{variable}={value}\n")).collect::<String>()))
}

/// Docker takes quotes and `#` literally, so those two escapes are undone.
fn escaped(value: &str) -> String {
    ruby_dump(value).replace("\\\"", "\"").replace("\\#", "#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretName;
    use std::collections::BTreeMap;

    fn file(entries: &[&str], values: &[(&str, &str)]) -> Result<String, MissingSecret> {
        let secret = entries.iter().map(|entry| SecretName::parse(entry)).collect();
        let env = Env { clear: Vec::new(), secret };
        let values: BTreeMap<String, Secret> =
            values.iter().map(|(key, value)| ((*key).to_string(), Secret::new(*value))).collect();
        let secrets = Secrets::new(values, vec![".kamal/secrets".to_string()]);
        env_file(&env, &secrets).map(|file| file.reveal().to_string())
    }

    #[test]
    fn lines_follow_the_list() {
        let values = [("A", "1"), ("B", "2"), ("C", "3")];
        assert_eq!(file(&["B", "X:A"], &values).unwrap(), "B=2\nX=1\n");
        assert_eq!(file(&["X:A", "B", "X:C"], &values).unwrap(), "X=3\nB=2\n", "the later lookup wins");
    }

    #[test]
    fn no_secrets_are_a_single_newline() {
        assert_eq!(file(&[], &[]).unwrap(), "\n");
    }

    #[test]
    fn values_are_escaped_as_by_kamal() {
        let value = |text: &str| file(&["A"], &[("A", text)]).unwrap();
        assert_eq!(value("a\nb\tc"), "A=a\\nb\\tc\n");
        assert_eq!(value(r"C:\dir"), "A=C:\\\\dir\n");
        assert_eq!(value("\"q\" $X `y` #{z} #@w é"), "A=\"q\" $X `y` #{z} #@w é\n");
        assert_eq!(value("\u{1}\u{1b}\u{7f}"), "A=\\x01\\e\\x7F\n");
    }

    #[test]
    fn a_missing_secret_is_named_with_the_files_searched() {
        let error = file(&["B"], &[]).unwrap_err();
        assert_eq!(error.to_string(), "Secret 'B' not found in .kamal/secrets");
        let error = file(&["A", "X:B", "C", "B"], &[("A", "1")]).unwrap_err();
        assert_eq!(error.to_string(), "Secret 'B' not found in .kamal/secrets\n  nor: C");
        let secrets = Secrets::new(BTreeMap::new(), vec![".kamal/secrets-common".to_string()]);
        let secrets = secrets.searched([".kamal/secrets-common", ".kamal/secrets.eu"].map(String::from));
        assert_eq!(
            secrets.require(["A"]).unwrap_err().to_string(),
            "Secret 'A' not found in .kamal/secrets-common\n  \
             hint: .kamal/secrets.eu would be read too, but there is no such file"
        );
    }
}
