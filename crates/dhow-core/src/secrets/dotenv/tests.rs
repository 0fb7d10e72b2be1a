use super::*;

fn parsed(text: &str) -> Result<BTreeMap<String, String>, SecretsError> {
    let file = Document { path: ".kamal/secrets".to_string(), text: text.to_string() };
    let env =
        [("OUT", "outer"), ("A_IN_ENV", "env")].map(|(name, value)| (name.to_string(), value.to_string()));
    let values = parse(&file, &env.into(), &mut shell)?;
    Ok(values.iter().map(|(key, value)| (key.clone(), value.reveal().to_string())).collect())
}

/// A shell of three commands.
fn shell(command: &str) -> Result<String, CommandFailed> {
    match command.split_once(' ').unwrap_or((command, "")) {
        ("echo", text) => Ok(format!("{text}\n")),
        ("print", text) => Ok(text.to_string()),
        _ => {
            Err(CommandFailed { status: "exit status 1".to_string(), stderr: format!("cannot {command}\n") })
        }
    }
}

/// The value of the last key, `A` unless another is asked for.
fn gives(text: &str, expected: &str) {
    let values = parsed(text).unwrap();
    assert_eq!(values.get("A").map(String::as_str), Some(expected), "{text}");
}

fn ignores(text: &str) {
    assert!(parsed(text).unwrap().is_empty(), "{text}");
}

#[test]
fn assignments_take_several_forms() {
    for text in [
        "A=1",
        "A = 1",
        "export A=1",
        "A: 1",
        "  A=1  ",
        "\u{feff}A=1",
        "A=0\r\nA=1\r\n",
        "A=1 # one",
        "\n\nA=1",
    ] {
        gives(text, "1");
    }
    gives("A=", "");
    gives("A", "");
    gives("A=   ", "");
    assert_eq!(parsed("a.b_C1=x").unwrap()["a.b_C1"], "x");
    assert_eq!(parsed("export=1").unwrap()["export"], "1");
    assert_eq!(
        parsed("A=1\nB=$A\nA=2").unwrap(),
        [("A", "2"), ("B", "1")].map(|(k, v)| (k.into(), v.into())).into()
    );
}

#[test]
fn other_lines_are_ignored() {
    ["A:1", "A-B=1", "# A=1", "", "A B=1", "=1"].iter().for_each(|text| ignores(text));
}

#[test]
fn values_end_where_dotenv_ends_them() {
    gives("A=x#y", "x");
    gives("A=x # c", "x");
    gives("A=\"x # y\" # c", "x # y");
    gives("A=a b c  ", "a b c");
    gives("A=x\"y\"", "x\"y\"");
    gives("A=\"x", "\"x");
    gives("A='it''s'", "it''s");
    gives("A=\"a \\\"q\\\" b\"", "a \"q\" b");
    gives("A='a\\'", "a\\");
    gives("A=\"l1\nl2\"\nB=1", "l1\nl2");
    gives("A='l1\nl2' # c", "l1\nl2");
    gives("A=\"x\nB=\"y\"", "\"x");
}

#[test]
fn single_quotes_are_literal_and_backslashes_vanish_elsewhere() {
    gives("A='x $OUT \\n $(echo y)'", "x $OUT \\n $(echo y)");
    gives("A=a\\b", "ab");
    gives("A=l1\\nl2", "l1nl2");
    gives("A=\"l1\\nl2\"", "l1\\nl2");
    gives("DOTENV_LINEBREAK_MODE=legacy\nA=\"l1\\nl2\"", "l1\nl2");
}

#[test]
fn variables_are_replaced() {
    gives("A=\"x $OUT ${OUT}\"", "x outer outer");
    gives("A=x $OUT", "x outer");
    gives("B=1\nA=$B", "1");
    gives("OUT=own\nA=$OUT", "own");
    gives("A=$NOPE", "");
    gives("A=${OUT:-def}", "outer:-def}");
    gives("A=$1", "");
    gives("A=a$", "a$");
    gives("A=$$", "$$");
    gives("A=\"\\$OUT\"", "$OUT");
    gives("A=`echo x`", "`echo x`");
    gives("A_IN_ENV=own\nA=$A_IN_ENV", "own");
}

#[test]
fn commands_are_replaced() {
    gives("A=$(echo x)", "x");
    gives("A=\"a $(echo x) b\"", "a x b");
    gives("A=$(echo (a (b)) c)", "(a (b)) c");
    gives("A=$(echo $OUT)", "outer");
    gives("A=$(print x\n)", "$(print x");
    gives("A=\"$(print x\n\n)\"", "x\n");
    gives("A=\\$(cmd $OUT)", "$(cmd outer)");
    gives("A=$()", "$()");
    gives("A=$(echo a)$(echo b)", "ab");
}

#[test]
fn commands_nest_in_our_own() {
    gives("OUT=x\nA=$(echo $(echo $OUT))", "$(echo x)");
    let file = |text: &str| Document { path: "s".to_string(), text: text.to_string() };
    let check = |text: &str, expected: &str| {
        let mut run = |command: &str| match super::super::inline::arguments(command) {
            Some(words) => Ok(words.join("|")),
            None => shell(command),
        };
        let env = [("OUT".to_string(), "$(echo never)".to_string())].into();
        assert_eq!(parse(&file(text), &env, &mut run).unwrap()["A"].reveal(), expected, "{text}");
    };
    check("A=$(kamal secrets extract $(echo a  b) c)", "extract|a|b|c");
    check("A=$(kamal secrets extract \\\"$(echo a  b)\\\" c)", "extract|a  b|c");
    check("A=$(kamal secrets extract \\\\$(echo a) c)", "extract|$(echo|a)|c");
    check("A=$(kamal secrets extract $OUT)", "extract|$(echo|never)");
    check("A=$(kamal secrets extract $(kamal secrets extract $(echo a)))", "extract|extract|a");
}

#[test]
fn what_a_command_prints_is_the_value() {
    gives("A=$(echo pa\\$\\$w0rd\\$OUT)", "pa$$w0rd$OUT");
    gives("A=$(echo ${OUT})-$OUT", "outer-outer");
}

#[test]
fn a_failing_command_is_an_error_that_repeats_no_secret() {
    let error = parsed("TOKEN=hunter2\n\nA=$(op read $TOKEN)").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`op read $TOKEN` failed: exit status 1\n  cannot op read [REDACTED]\n  --> .kamal/secrets:3"
    );
}

#[test]
fn export_of_nothing_is_an_error() {
    assert_eq!(parsed("export A").unwrap_err().problem, "Line \"export A\" has an unset variable");
    gives("A=1\nexport A", "1");
}

#[test]
fn later_files_win() {
    let file = |path: &str, text: &str| Document { path: path.to_string(), text: text.to_string() };
    let files = [file("s-common", "A=1\nB=1"), file("s", "B=2\nC=$A")];
    let secrets = Secrets::read(&files, &BTreeMap::new(), &mut shell).unwrap();
    let values: Vec<_> = secrets.iter().map(|(key, value)| format!("{key}={}", value.reveal())).collect();
    assert_eq!(values, ["A=1", "B=2", "C="], "variables see their own file only");
    assert_eq!(secrets.find("D").unwrap_err().to_string(), "Secret 'D' not found in s-common, s");
}

#[test]
fn paths_follow_the_destination() {
    assert_eq!(Secrets::paths(".kamal/secrets", None), [".kamal/secrets-common", ".kamal/secrets"]);
    assert_eq!(Secrets::paths("s", Some("eu")), ["s-common", "s.eu"]);
}
