use super::*;
use crate::config::keys::root;
use crate::config::node::{Map, Node, Value};
use crate::config::schema::Fields;
use crate::config::yaml::Yaml;
use crate::config::{Config, ConfigErrors, Context, Document, Written, compose};

const BASE: &str = "
service: shop
image: acme/shop
servers: {web: [10.0.0.1: primary]}
registry: {username: acme, password: [KAMAL_REGISTRY_PASSWORD]}
builder: {arch: amd64}
";

/// The base with this over it.
fn load(over: &str) -> Result<Config, ConfigErrors> {
    let document = |path: &str, text: &str| Document { path: path.to_string(), text: text.to_string() };
    let context = Context {
        destination: Some("production".to_string()),
        local_arch: "amd64".to_string(),
        ..Context::default()
    };
    Config::read(&document("base.yml", BASE), Some(&document("over.yml", over)), &context)
}

fn accept(over: &str) -> Config {
    load(over).unwrap_or_else(|errors| panic!("{errors}\n\nin\n{over}"))
}

fn parse(yaml: &str) -> Node {
    compose::read("yaml", yaml.to_string()).unwrap_or_else(|error| panic!("{yaml}: {error}")).unwrap()
}

/// A key where it stands: what its mapping holds besides, and what stands around that.
struct Placed<'a> {
    path: String,
    field: &'static Field,
    beside: &'a Node,
    around: &'a dyn Fn(Node) -> Node,
}

impl Placed<'_> {
    /// A configuration in which the key has this value; absent without one.
    fn document(&self, value: Option<Node>) -> String {
        let key = |key: &str| Node::unplaced(Value::Text(key.to_string()));
        let mut map = Map::default();
        for (other, value) in without_rivals(self.beside, self.field).map().unwrap().iter() {
            if other.key_text() != self.field.key {
                map.insert(other.clone(), value.clone());
            }
        }
        value.and_then(|value| map.insert(key(self.field.key), value));
        Yaml::Node(&(self.around)(Node::unplaced(Value::Map(map)))).document()
    }
}

/// Visits every key of the tables.
fn each(mut visit: impl FnMut(&Placed)) {
    below(root::FIELDS, "", &Node::unplaced(Value::Map(Map::default())), &|map| map, &mut visit);
}

fn below(
    fields: Fields,
    path: &str,
    beside: &Node,
    around: &dyn Fn(Node) -> Node,
    visit: &mut dyn FnMut(&Placed),
) {
    for field in fields {
        let path = format!("{path}{}", field.key);
        visit(&Placed { path: path.clone(), field, beside, around });
        let below_it = field.kind.below();
        let example = parse(field.example);
        let name = example_of(below_it.name);
        let inside = if below_it.name.is_empty() { Some(&example) } else { example.get(name) };
        let all = all_of(below_it.fields);
        // Plain variables and `clear` do not go together.
        let is_plain = matches!(field.kind, Kind::Env(_) | Kind::Tags(_));
        let inside = inside.filter(|inside| inside.map().is_some() && !is_plain).unwrap_or(&all);
        let wrap = |node: Node| {
            let node = match below_it.name {
                "" => node,
                "0" => Node::unplaced(Value::List(vec![node])),
                _ => single(name, node),
            };
            around(with(&without_rivals(beside, field), field.key, node))
        };
        below(below_it.fields, &format!("{path}."), inside, &wrap, visit);
    }
}

/// What may stand beside a key: not what it stands in for, nor that one's other half.
fn without_rivals(beside: &Node, field: &Field) -> Node {
    let is_rival = |key: &str| match field.instead_of {
        Some("certificate_pem") => key.ends_with("_pem"),
        other => other == Some(key),
    };
    let mut map = Map::default();
    for (key, value) in beside.map().unwrap().iter().filter(|(key, _)| !is_rival(&key.key_text())) {
        map.insert(key.clone(), value.clone());
    }
    Node::unplaced(Value::Map(map))
}

fn single(key: &str, value: Node) -> Node {
    with(&Node::unplaced(Value::Map(Map::default())), key, value)
}

fn with(node: &Node, key: &str, value: Node) -> Node {
    let mut map = node.map().unwrap().clone();
    map.insert(Node::unplaced(Value::Text(key.to_string())), value);
    Node::unplaced(Value::Map(map))
}

fn all_of(fields: Fields) -> Node {
    let all = Node::unplaced(Value::Map(Map::default()));
    let fields = fields.iter().filter(|field| field.instead_of.is_none());
    fields.fold(all, |all, field| with(&all, field.key, parse(field.example)))
}

#[test]
fn every_key_is_documented() {
    let mut count = 0;
    each(|placed| {
        let (path, field) = (&placed.path, placed.field);
        count += 1;
        let text = field.documentation();
        let sentences = text.matches(". ").count() + 1;
        assert!(text.split(' ').count() > 2, "{path} lacks documentation");
        assert!(text.ends_with('.') && !text.ends_with(".."), "{path}: {text}");
        assert!(sentences <= 6, "{path} says too much: {text}");
        assert!(field.absent != Absent::Unsaid, "{path} does not say what holds where it is not written");
        assert!(!field.about.ends_with('.'), "{path}: half a sentence has no end");
    });
    assert!(count > 150, "the walk sees every key: {count}");
}

#[test]
fn every_example_is_accepted() {
    each(|placed| {
        accept(&placed.document(Some(parse(placed.field.example))));
    });
}

#[test]
fn every_default_is_what_reading_takes_it_to_be() {
    let mut count = 0;
    each(|placed| {
        let Absent::Default(yaml) = placed.field.absent else { return };
        count += 1;
        let read = |value| Config { written: Written::default(), ..accept(&placed.document(value)) };
        assert_eq!(read(Some(parse(yaml))), read(None), "{}: {yaml} is not the default", placed.path);
    });
    assert!(count > 30, "{count}");
}

#[test]
fn every_choice_is_accepted_and_nothing_else() {
    each(|placed| {
        for choice in placed.field.choices {
            accept(&placed.document(Some(parse(choice))));
        }
        if !placed.field.choices.is_empty() {
            let odd = placed.document(Some(parse("odd")));
            assert!(load(&odd).is_err(), "{} takes anything", placed.path);
        }
    });
}

#[test]
fn every_bound_is_where_reading_draws_the_line() {
    let mut count = 0;
    each(|placed| {
        let Some((smallest, largest)) = placed.field.range else { return };
        count += 1;
        let with = |number: i64| load(&placed.document(Some(parse(&number.to_string()))));
        assert!(with(smallest).is_ok(), "{} should take {smallest}", placed.path);
        assert!(with(smallest - 1).is_err(), "{} should be at least {smallest}", placed.path);
        if largest != i64::MAX {
            assert!(with(largest).is_ok(), "{} should take {largest}", placed.path);
            assert!(with(largest + 1).is_err(), "{} should be at most {largest}", placed.path);
        }
    });
    assert!(count > 20, "{count}");
}

/// Editors hold the file to it, so it must let through what is good.
#[test]
fn every_pattern_fits_what_is_accepted() {
    each(|placed| {
        let Some(pattern) = placed.field.pattern else { return };
        let pattern = regex::Regex::new(pattern).unwrap();
        let default = match placed.field.absent {
            Absent::Default(yaml) => Some(yaml),
            _ => None,
        };
        for yaml in [Some(placed.field.example), default].into_iter().flatten() {
            let text = parse(yaml).text().unwrap();
            assert!(pattern.is_match(&text), "{}: {text} does not match {pattern}", placed.path);
        }
    });
}

#[test]
fn every_section_prints_a_configuration_that_is_accepted() {
    for section in SECTIONS {
        let text = docs(Some(section.name)).unwrap();
        accept(&text);
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
}

#[test]
fn every_key_has_docs_of_its_own() {
    for path in find::all_paths() {
        let words: Vec<&str> = path.split('.').map(example_of).collect();
        let text = docs(Some(&words.join("."))).unwrap_or_else(|unknown| panic!("{unknown}"));
        assert_eq!(parse(&text).map().unwrap().iter().count(), 1, "{text}");
    }
}

#[test]
fn topics_are_kamals_sections_and_dotted_keys() {
    assert!(docs(None).unwrap().starts_with("# Configuration\n"));
    assert_eq!(docs(None), docs(Some("configuration")));
    assert_eq!(docs(Some("accessories")), docs(Some("accessories")));
    assert_eq!(docs(Some("accessory.port")), docs(Some("accessories.db.port")));
    assert!(docs(Some("servers.jobs.cmd")).unwrap().contains("jobs:\n    # Command instead"));
    let help = |topic| docs(Some(topic)).unwrap_err().suggestion;
    assert_eq!(help("prox"), Some("proxy".to_string()));
    assert_eq!(help("proxy.hots"), Some("proxy.host".to_string()));
    assert_eq!(help("app_port"), Some("proxy.app_port".to_string()));
    assert_eq!(help("nonsense"), None);
    assert_eq!(
        docs(Some("nonsense")).unwrap_err().to_string().lines().next(),
        Some("No documentation found for nonsense")
    );
}
