//! Templates of configurations, whole.

use super::*;
use crate::ruby::Nowhere;
use crate::ruby::tests::memory::Memory;

fn rendered(text: &str) -> Result<Rendered, ErbError> {
    let document = Document { path: "deploy.yml".to_string(), text: text.to_string() };
    let env = [("HOST", "1.1.1.1"), ("EMPTY", ""), ("TWO", "a\nb")];
    let mut env = env.map(|(name, value)| (name.to_string(), value.to_string())).into();
    render(&document, &mut env, &Nowhere)
}

fn becomes(text: &str, expected: &str) {
    assert_eq!(rendered(text).map_err(|error| error.problem).unwrap(), *expected, "{text}");
}

impl PartialEq<str> for Rendered {
    fn eq(&self, text: &str) -> bool {
        self.text == text
    }
}

/// The message, its line and column, and the hint.
fn fails(text: &str) -> (String, usize, usize, String) {
    let error = rendered(text).unwrap_err();
    (error.problem, error.place.line, error.place.column, error.hint.unwrap_or_default())
}

#[test]
fn environment_variables_are_read() {
    becomes("a: <%= ENV[\"HOST\"] %>\n", "a: 1.1.1.1\n");
    becomes("a: <%= ENV['HOST'] -%>\nb", "a: 1.1.1.1b");
    becomes("<%= ENV.fetch('NONE', \"d\") %>", "d");
    becomes("<%= ENV.fetch( 'NONE' , ENV['HOST'] ) %>", "1.1.1.1");
    becomes("<%= ENV['NONE'] || ENV['NIX'] || 'x' %>", "x");
    becomes("<%= ENV['EMPTY'] || 'x' %><%=ENV['NONE']%>.", ".");
}

#[test]
fn text_between_tags_can_be_repeated_and_left_out() {
    becomes("<% %w[a b].each do |host| -%>\n- <%= host %>\n<% end -%>\n", "- a\n- b\n");
    becomes("<% if ENV['NONE'] %>a<% elsif ENV['HOST'] %>b<% else %>c<% end %>", "b");
}

#[test]
fn signs_are_erbs_own() {
    becomes("a<%# `rm -rf /` %>b <%% c %%> d -%> e", "ab <% c %%> d -%> e");
    becomes("<%= 'a %%> b' %>", "a %> b");
    becomes("x\n  <%- 1 -%>\ny  <%- 2 %>z\n", "x\ny  z\n");
    becomes("a<% 1 %>   <%- 2 %>b", "ab");
    becomes("\"#{1}\\n'", "\"#{1}\\n'");
    becomes("a\r\n<% 1 -%>\r\nb\0\u{1b}é", "a\r\nb\0\u{1b}é");
}

/// A comment hides the rest of its line of the program: the text after the tag, up to where the text ends.
#[test]
fn a_comment_in_a_tag_hides_what_it_hides_in_ruby() {
    becomes("a<% 1 # one %>b\nc<%= 2 %>", "a2");
}

#[test]
fn a_tag_without_an_end_is_text_and_a_warning() {
    let text = rendered("a: 1\n# <%= b").unwrap();
    assert_eq!(text.text, "a: 1\n#  b");
    assert_eq!(text.warnings[0].0.to_string(), "deploy.yml:2");
}

#[test]
fn what_a_template_raises_is_the_error() {
    let (message, line, column, hint) = fails("a: 1\nb: <% raise 'Set DOMAIN' unless ENV['DOMAIN'] %>");
    assert_eq!((message.as_str(), line, column), ("Set DOMAIN", 2, 7));
    assert_eq!(hint, "RuntimeError was raised by `raise 'Set DOMAIN'`");
}

#[test]
fn what_goes_wrong_most_comes_with_advice() {
    let hint = |text: &str| fails(text).3;
    assert!(
        hint("<%= ENV['NONE'].strip %>").starts_with("ENV['NONE'] is nil where that is not set: set it, or")
    );
    assert!(
        hint("<%= File.read('none') %>").starts_with("paths count from the directory that dhow is run in\n")
    );
    assert!(hint("<% if true %>a").ends_with("needs one `<% end %>`, and nothing else has one"));
    assert!(hint("a<% end %>").ends_with("needs one `<% end %>`, and nothing else has one"));
}

/// What Ruby says of a value may be a secret; what a template says itself is for everybody to read.
#[test]
fn values_do_not_show_in_errors() {
    let [integer, uri, own] =
        ["Integer(ENV['HOST'])", "URI.parse(ENV['TWO'])", "raise \"no #{ENV['HOST']}\""]
            .map(|code| fails(&format!("<%= {code} %>")).0);
    assert_eq!(integer, "invalid value for Integer(): [REDACTED]");
    assert_eq!(uri, "bad URI (is not URI?): [REDACTED]");
    assert_eq!(own, "no 1.1.1.1");
    assert_eq!(fails("<%= Integer('x1') %>").0, "invalid value for Integer(): \"x1\"");
}

#[test]
fn a_missing_variable_is_told_with_what_to_do() {
    let (message, line, column, hint) = fails("<%# one\ntwo %>\nb: <%= ENV.fetch('NONE') %>");
    assert_eq!((message.as_str(), line, column), ("key not found: \"NONE\"", 3, 8));
    assert_eq!(hint, "set NONE in the environment, or give a default: ENV.fetch(\"NONE\", \"…\")");
}

#[test]
fn what_is_not_understood_is_named_with_its_place() {
    let (message, line, column, hint) = fails("a: 1\nb: <%= ENV['HOST'].unpack1('m') %>");
    let expected = "ERB: String#unpack1 is not among the Ruby that dhow evaluates itself";
    assert_eq!((message.as_str(), line, column), (expected, 2, 8));
    assert!(hint.starts_with("install Ruby on this machine"), "{hint}");
    assert!(fails("<% class A; end %>").0.contains("\"class\" is not among the Ruby"));
    assert!(fails("<%= Rails.root %>").0.contains("Rails is not among"));
}

/// A branch that is not taken may hold anything.
#[test]
fn only_what_is_run_has_to_be_understood() {
    becomes("<% if ENV['NONE'] %><% class A; end; Rails.root %><% end %>a", "a");
}

#[test]
fn what_is_no_ruby_is_refused_with_its_place() {
    let (message, line, ..) = fails("a: 1\nb: <%= 1 + %>");
    assert!(message.starts_with("the ERB in this file is not Ruby: "), "{message}");
    assert_eq!(line, 2);
}

#[test]
fn nothing_runs_without_an_end() {
    for text in [
        "<% loop { } %>",
        "<% while true; end %>",
        "<% a = 'x'; loop { a << a } %>",
        "<% f = ->(x) { f.(x) }; f.(1) %>",
    ] {
        assert!(fails(text).0.starts_with("ERB: this "), "{text}");
    }
}

#[test]
fn templates_of_projects_become_what_ruby_makes_of_them() {
    let memory = Memory::with(&[
        (".ruby-version", "3.4.7\n"),
        (".tool-versions", "ruby 3.4.7\nnodejs 22.1.0\n"),
        ("VERSION", "1.2.3\n"),
        ("config/database.yml", "default: &d\n  adapter: postgresql\nproduction:\n  <<: *d\n  host: db\n"),
        ("config/hosts.yml", "web: [1.1.1.1, 2.2.2.2]\nmaster: &m {a: 1}\nother: {<<: *m}\n"),
        ("empty", ""),
        ("kamal/a.yml", "a: 1\n"),
        ("kamal/b.yml", "b: <%= 1 + 1 %>\n"),
        ("package.json", r#"{"name":"shop","version":"2.0.1","deps":{"a":"^1"},"list":[1,2.5,null,true]}"#),
    ]);
    let env = [
        ("HOST", "1.1.1.1"),
        ("HOSTS", "1.1.1.1, 2.2.2.2"),
        ("PORT", "3000"),
        ("EMPTY", ""),
        ("DEPLOY_ENV", "staging"),
        ("RAILS_ENV", "production"),
        ("USER", "ann"),
        ("FLAG", "true"),
        ("JSONV", r#"{"a":[1,{"b":"c"}]}"#),
        ("URL", "https://user:pa%20ss@db.example.com:5432/shop?pool=5#x"),
        ("MULTI", "a\nb\n"),
    ];
    let env = env.map(|(name, value)| (name.to_string(), value.to_string()));
    let cases: Vec<&str> = include_str!("idioms.txt").split("==========\n").skip(1).collect();
    assert!(cases.len() > 90, "the templates are there: {}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let (template, expected) = case.split_once("---------- is\n").unwrap();
        let document = Document { path: "deploy.yml".to_string(), text: template.to_string() };
        let found = match render(&document, &mut env.clone().into(), &memory) {
            Ok(rendered) => rendered.text,
            Err(error) => format!("! {}", error.problem),
        };
        // Ruby's class stands in the hint.
        let expected = expected
            .strip_prefix("! ")
            .map_or(expected.to_string(), |raised| format!("! {}", raised.split_once(": ").unwrap().1));
        if found.trim_end() != expected.trim_end() {
            wrong.push(format!("{template}  Ruby:\n{expected}\n  dhow:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn lines_are_those_of_the_file() {
    let text = rendered("<%#\n\n%>a\n<%= ENV['TWO'] %>\nc\n").unwrap();
    assert_eq!(text.text, "a\na\nb\nc\n");
    assert_eq!([1, 2, 3, 4].map(|line| text.source_line(line)), [3, 4, 4, 5]);
    let text = rendered("a\n<% 2.times do -%>\nb\nc\n<% end -%>\nd\n").unwrap();
    assert_eq!(text.text, "a\nb\nc\nb\nc\nd\n");
    assert_eq!([1, 2, 3, 4, 5, 6].map(|line| text.source_line(line)), [1, 3, 4, 3, 4, 6]);
}
