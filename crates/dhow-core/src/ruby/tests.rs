//! Expressions and what they are in Ruby. The results in `expressions.txt` are Ruby's own.

pub(crate) mod memory;

use super::{Machine, Stop, parse};
use memory::Memory;

/// `inspect` of what an expression is, or `! Class: message` of what it raises, or `? ` and what is not understood.
fn shown(expression: &str, memory: &Memory) -> String {
    let env =
        [("HOST", "1.1.1.1"), ("HOME", "/root")].map(|(name, value)| (name.to_string(), value.to_string()));
    let mut machine = Machine::new(memory, env.into());
    let program = match parse(expression) {
        Ok(program) => program,
        Err(error) => return format!("? no Ruby: {}", error.problem),
    };
    let shown = machine.evaluate(&program).and_then(|value| machine.inspected(&value, program.span));
    machine.show_said();
    match shown {
        Ok(text) => text,
        Err(Stop::Raised(exception, _)) => {
            format!("! {}: {}", exception.class, exception.message.lines().next().unwrap_or_default())
        }
        Err(Stop::Refused(refusal)) => format!("? {}", refusal.what),
        Err(_) => "? it ends early".to_string(),
    }
}

/// What Ruby answers where these files are.
#[test]
fn files_and_commands_are_what_they_are_in_ruby() {
    let memory = Memory::with(&[
        (".env", "HOST=ignored\nPORT=80\n"),
        ("config/hosts.yml", "web: [1.1.1.1, 2.2.2.2]\nmaster: &m {a: 1}\nother: {<<: *m}\n"),
        ("kamal/a.yml", "a: 1\n"),
        ("kamal/b.yml", "b: <%= 1 + 1 %>\n"),
        ("VERSION", "1.2.3\n"),
    ]);
    for (expression, expected) in [
        ("File.read('VERSION').strip", r#""1.2.3""#),
        ("File.read(File.expand_path('./VERSION')).chomp", r#""1.2.3""#),
        ("IO.read(File.join('.', 'VERSION')).split('.').map(&:to_i)", "[1, 2, 3]"),
        ("File.exist?('VERSION') ? 'yes' : 'no'", r#""yes""#),
        ("[File.exist?('NONE'), File.file?('kamal'), File.directory?('kamal')]", "[false, false, true]"),
        ("File.readlines('.env', chomp: true)", r#"["HOST=ignored", "PORT=80"]"#),
        ("Dir.glob('kamal/*.yml')", r#"["kamal/a.yml", "kamal/b.yml"]"#),
        ("Dir['**/hosts.yml']", r#"["config/hosts.yml"]"#),
        ("Dir.children('kamal')", r#"["a.yml", "b.yml"]"#),
        ("Dir['kamal/*'].sort.map { |f| ERB.new(File.read(f)).result }.join", r#""a: 1\nb: 2\n""#),
        ("YAML.load_file('config/hosts.yml')['web']", r#"["1.1.1.1", "2.2.2.2"]"#),
        ("YAML.load(File.read('config/hosts.yml'), aliases: true)['other']", r#"{"a" => 1}"#),
        ("Dotenv.load; [ENV['HOST'], ENV['PORT']]", r#"["1.1.1.1", "80"]"#),
        ("Dotenv.overload('.env'); ENV['HOST']", r#""ignored""#),
        ("require 'dotenv/load'; ENV.fetch('PORT')", r#""80""#),
        ("`echo hi`", r#""hi\n""#),
        ("%x(echo #{ENV['HOST']}).strip", r#""1.1.1.1""#),
        ("`false`; $?.success?", "false"),
        ("[system('echo hi'), system('false'), system('nonesuch')]", "[true, false, nil]"),
        ("`nonesuch`", "! Errno::ENOENT: No such file or directory - nonesuch"),
    ] {
        assert_eq!(shown(expression, &memory), expected, "{expression}");
    }
    assert_eq!(*memory.said.lock().unwrap(), "hi\n", "what system's command prints is shown");
}

#[test]
fn expressions_are_what_they_are_in_ruby() {
    let lines = include_str!("tests/expressions.txt").lines();
    let pairs = lines.filter_map(|line| line.split_once("  #=> "));
    let wrong: Vec<String> = pairs
        .map(|(expression, expected)| (expression, expected, shown(expression, &Memory::default())))
        .filter(|(_, expected, found)| expected != found)
        .map(|(expression, expected, found)| format!("{expression}\n    Ruby {expected}\n    dhow {found}"))
        .collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
