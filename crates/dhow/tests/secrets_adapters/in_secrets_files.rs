//! `secrets fetch` and `extract` in `.kamal/secrets`, in all the ways they are written.

use super::desk::Desk;

const FETCH: &str = "secrets fetch -a test --account x";

fn prints(secrets: &str, expected: &str) {
    let desk = Desk::new().file(".kamal/secrets", secrets);
    let ended = desk.dhow("secrets print");
    assert_eq!((ended.output.as_str(), ended.status), (expected, 0), "{secrets}\n{ended:?}");
}

fn fails(secrets: &str, expected: &[&str]) {
    let desk = Desk::new().file(".kamal/secrets", secrets);
    let ended = desk.dhow("secrets print");
    assert_eq!((ended.output.as_str(), ended.status), ("", 1), "{secrets}\n{ended:?}");
    for text in expected {
        assert!(ended.errors.contains(text), "{secrets}\n{ended:?}");
    }
}

#[test]
fn both_names_of_the_program_are_understood() {
    prints(&format!("A=$(kamal {FETCH} AB)"), "A=\\{\\\"AB\\\":\\\"BA\\\"\\}\n");
    prints(&format!("A=$(dhow {FETCH} AB)"), "A=\\{\\\"AB\\\":\\\"BA\\\"\\}\n");
    prints(&format!("S=$(dhow {FETCH} AB)\nA=$(dhow secrets extract AB $S)\nS="), "A=BA\nS=\n");
}

#[test]
fn commands_nest() {
    for nested in
        ["$(kamal secrets extract AB $(kamal FETCH))", "$(dhow secrets extract AB \"$(kamal FETCH)\")"]
    {
        let nested = nested.replace("FETCH", &format!("{FETCH} AB 'it LPAREN'"));
        prints(&format!("A={nested}"), "A=BA\n");
        prints(&format!("A=\"{}\"", nested.replace('"', "\\\"")), "A=BA\n");
    }
    let named = format!("$(kamal {FETCH} $(echo AB CD))");
    prints(&format!("A=$(kamal secrets extract CD {named})"), "A=DC\n");
    prints(r#"A=$(kamal secrets extract A "$(echo '{"A":"x  y"}')")"#, "A=x  y\n");
}

#[test]
fn pipelines_run_in_a_shell_that_knows_us() {
    prints(&format!("A=$(kamal {FETCH} AB | tr -d '{{}}')"), "A=\"AB\":\"BA\"\n");
    prints(&format!("A=$(echo got $(dhow {FETCH} AB))"), "A=got {\"AB\":\"BA\"}\n");
}

#[test]
fn failures_name_the_command_and_its_place() {
    fails(
        "A=1\nS=$(kamal secrets fetch -a test B)",
        &[
            "`kamal secrets fetch -a test B` failed: No value provided for required options '--account'",
            ".kamal/secrets:2",
        ],
    );
    fails("S=$(kamal secrets fetch A)", &["--adapter"]);
    fails(&format!("S=$(kamal {FETCH} A)\nB=$(kamal secrets extract B $S)"), &["Could not find secret B"]);
    fails("A=$(kamal secrets extract A {} hunter2)", &["`extract` takes a name and, as one word,"]);
    fails("S=$(kamal secrets print)", &["only `fetch` and `extract` can be used in a secrets file"]);
}

#[test]
fn failures_repeat_no_secret() {
    for secrets in [
        "TOKEN=hunter2\nA=$(kamal secrets fetch -a $TOKEN A)",
        "TOKEN=hunter2\nA=$(kamal secrets fetch -a test --$TOKEN A)",
        "TOKEN=\"{} hunter2\"\nA=$(kamal secrets extract A $TOKEN)",
    ] {
        let ended = Desk::new().file(".kamal/secrets", secrets).dhow("secrets print");
        assert_eq!((ended.output.as_str(), ended.status), ("", 1), "{ended:?}");
        assert!(!ended.errors.contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn a_deploy_file_needs_no_secrets_to_fetch() {
    let ended = Desk::new().file("config/deploy.yml", "{").dhow(&format!("{FETCH} AB"));
    assert_eq!(ended.output, "{\"AB\":\"BA\"}\n");
}
