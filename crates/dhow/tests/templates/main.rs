//! ERB in a project on disk: what dhow evaluates itself, what it has Ruby evaluate, and what both leave behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;

use desk::{Desk, Ruby};

/// Ruby that the evaluator does not know, in line 3.
const FOREIGN: &str = "service: shop\nimage: acme/shop\nservers: [<%= 'MS4xLjEuMQ=='.unpack1('m') %>]\n\
                       registry: {server: localhost:5555}\nbuilder: {arch: amd64}\n";

const RENDERED: &str = "service: shop\\nimage: acme/shop\\nservers: [1.1.1.1]\\n\
                        registry: {server: localhost:5555}\\nbuilder: {arch: amd64}\\n";

#[test]
fn ruby_is_asked_for_what_dhow_cannot_evaluate() {
    let answer =
        format!(r#"{{"text": "{RENDERED}", "environment": {{"HOST": "2.2.2.2", "VERSION": "v2"}}}}"#);
    let desk = Desk::new(Ruby::StandIn).file("config/deploy.yml", FOREIGN).file("answer", &answer);
    let over = "servers: [<%= ENV['HOST'] %>, '<%= ENV['KAMAL_DESTINATION'] %>.example.com']\n";
    let desk = desk.file("config/deploy.far.yml", over).env("HOST", "1.1.1.1");
    let ended = desk.dhow(&["config", "-d", "far"]);
    let left = [":hosts:\n- 2.2.2.2\n", ":version: v2\n"].map(|line| ended.output.contains(line));
    assert_eq!(left, [true, true], "the environment is what Ruby left: {ended:?}");
    let asked = "-EUTF-8 -rerb -rjson -e [..] config/deploy.yml, HOST=1.1.1.1, KAMAL_DESTINATION=far\n";
    assert_eq!(desk.read("asked"), asked);
}

#[test]
fn ruby_is_not_asked_for_the_rest() {
    let template = FOREIGN.replace("'MS4xLjEuMQ=='.unpack1('m')", "ENV['HOST']");
    let desk = Desk::new(Ruby::StandIn).file("config/deploy.yml", &template).env("HOST", "1.1.1.1");
    let ended = desk.dhow(&["config"]);
    assert!(ended.output.contains(":primary_host: 1.1.1.1\n"), "{ended:?}");
    assert!(!desk.path("asked").exists());
}

#[test]
fn what_ruby_raises_is_told_with_its_line() {
    let answer = r#"{"class": "KeyError", "message": "key not found: \"HOST\"", "line": 4}"#;
    let desk = Desk::new(Ruby::StandIn).file("config/deploy.yml", FOREIGN).file("answer", answer);
    let said = "error: key not found: \"HOST\"\n\
                \x20 --> config/deploy.yml:4:1, which says `registry: {server: localhost:5555}`\n\
                \x20 hint: Ruby raised this KeyError. dhow had Ruby evaluate this file, because of line 3: \
                String#unpack1 is not among the Ruby that dhow evaluates itself\n";
    assert_eq!(desk.dhow(&["config"]).errors, said);
}

#[test]
fn a_ruby_that_does_not_answer_is_told() {
    let ended = Desk::new(Ruby::StandIn).file("config/deploy.yml", FOREIGN).dhow(&["config"]);
    assert!(ended.errors.starts_with("rbenv: version '3.4.7' is not installed\n"), "{ended:?}");
    let error =
        "error: ruby ended without an answer (exit status: 127)\n  --> config/deploy.yml:3, which says";
    assert!(ended.errors.contains(error), "{ended:?}");
    assert_eq!(ended.status, 1);
}

#[test]
fn without_ruby_the_expression_is_named() {
    let ended = Desk::new(Ruby::None).file("config/deploy.yml", FOREIGN).dhow(&["config"]);
    let said = "error: ERB: String#unpack1 is not among the Ruby that dhow evaluates itself\n\
                \x20 --> config/deploy.yml:3, which says `servers: [<%= 'MS4xLjEuMQ=='.unpack1('m') %>]`\n\
                \x20 hint: install Ruby on this machine: dhow has it evaluate what it cannot evaluate itself;\n\
                \x20       or compute the value before you run dhow, and read it with ENV[\"NAME\"]\n";
    assert_eq!((ended.errors.as_str(), ended.status), (said, 1));
}

/// Where Ruby is installed, it does the same; elsewhere the stand-in has to do.
#[test]
fn the_real_ruby_answers_as_the_stand_in_does() {
    let Some(desk) = Desk::with_real_ruby() else { return };
    let template = format!("<% ENV['HOST'] = '2.2.2.2'; puts 'a word' %>{FOREIGN}");
    let over = "servers: ['<%= ENV['HOST'] %>']\n";
    let desk = desk.file("config/deploy.yml", &template).file("config/deploy.far.yml", over);
    let ended = desk.dhow(&["config", "-d", "far"]);
    assert!(ended.output.contains(":primary_host: 2.2.2.2\n"), "{ended:?}");
    assert!(ended.output.starts_with("---\n"), "what a template prints is no result: {ended:?}");
    assert_eq!(ended.errors, "a word\n", "what was evaluated twice is said once");

    let tells = FOREIGN.replace("arch: amd64", "arch: <%= Integer(ENV['SECRET']) %>");
    let desk = desk.file("config/deploy.yml", &tells).env("SECRET", "correct-horse");
    let ended = desk.dhow(&["config"]);
    assert!(ended.errors.contains("error: invalid value for Integer(): [REDACTED]\n"), "{ended:?}");

    let raises = FOREIGN.replace("arch: amd64", "arch: <%= ENV.fetch('NONE') %>");
    let ended = desk.file("config/deploy.yml", &raises).dhow(&["config"]);
    assert!(ended.errors.contains("error: key not found: \"NONE\"\n  --> config/deploy.yml:5,"), "{ended:?}");
}

#[test]
fn what_a_template_sets_counts_for_the_secrets_too() {
    let template = "<% require 'dotenv'; Dotenv.load('deploy.env'); ENV['B'] = 'two' -%>\n\
                    service: shop\nimage: acme/shop\nservers: [1.1.1.1]\nbuilder: {arch: amd64}\n";
    let desk = Desk::new(Ruby::None).file("config/deploy.yml", template).file("deploy.env", "A=one\n");
    let ended = desk.file(".kamal/secrets", "BOTH=$A$B\nTOLD=$(echo $A $B)\n").dhow(&["secrets", "print"]);
    assert_eq!(ended.output, "BOTH=onetwo\nTOLD=one two\n", "{ended:?}");
}

#[test]
fn what_a_template_sets_counts_for_the_version_and_for_hooks_too() {
    let template = "<% ENV['VERSION'] = 'v7'; ENV['COLOUR'] = 'blue' -%>\n\
                    service: shop\nimage: acme/shop\nservers: [localhost]\nbuilder: {arch: amd64}\n";
    let desk = Desk::new(Ruby::StandIn).file("config/deploy.yml", template);
    let ended = desk.dhow(&["config"]);
    assert!(ended.output.contains(":version: v7\n"), "{ended:?}");
    let desk = desk.program(".kamal/hooks/pre-connect", "echo \"$COLOUR\" >told");
    let ended = desk.dhow(&["server", "exec", "echo $COLOUR."]);
    assert_eq!(desk.read("told"), "blue\n", "{ended:?}");
    assert!(
        ended.output.contains(".\n") && !ended.output.contains("blue"),
        "a server is elsewhere: {ended:?}"
    );
}

/// The YAML parser panics on this one; nothing of that reaches the terminal.
#[test]
fn a_panic_of_the_parser_is_an_ordinary_error() {
    let ended = Desk::new(Ruby::None)
        .file("config/deploy.yml", "service: shop\nservers: [!x, b]\n")
        .dhow(&["config"]);
    let said = "error: this is not YAML: this cannot be read; is there a tag (`!name`) right before a comma?\n\
                \x20 --> config/deploy.yml:2:11, which says `servers: [!x, b]`\n";
    assert_eq!((ended.errors.as_str(), ended.status), (said, 1));
}
