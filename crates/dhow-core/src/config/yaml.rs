//! Writing YAML as Psych writes it: libyaml's own emitter, with Psych's choice of quotes.

use super::node::{Node, Value};
use super::scalar;
use libyaml_safer::{Emitter, Encoding, Event, MappingStyle, ScalarStyle, SequenceStyle};

/// Something to write.
pub(crate) enum Yaml<'a> {
    /// Nothing.
    Null,
    /// A number or a boolean, never quoted.
    Plain(String),
    /// Text, quoted where it would read as something else.
    Text(String),
    /// `:name`.
    Symbol(String),
    /// A list.
    List(Vec<Yaml<'a>>),
    /// A mapping.
    Map(Vec<(Yaml<'a>, Yaml<'a>)>),
    /// A mapping with a tag.
    Object(String, Vec<(Yaml<'a>, Yaml<'a>)>),
    /// Something that was read.
    Node(&'a Node),
}

impl Yaml<'_> {
    /// Text.
    pub fn text(text: &str) -> Yaml<'static> {
        Yaml::Text(text.to_string())
    }

    /// This as a whole document.
    pub fn document(&self) -> String {
        let mut bytes = Vec::new();
        let mut writer = Writer(Emitter::new());
        writer.0.set_output_string(&mut bytes);
        writer.0.set_unicode(true);
        writer.emit(Event::stream_start(Encoding::Utf8));
        writer.emit(Event::document_start(None, &[], false));
        writer.value(self);
        writer.emit(Event::document_end(true));
        writer.emit(Event::stream_end());
        drop(writer);
        let text = String::from_utf8(bytes).expect("the emitter was told to write UTF-8");
        text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
            match is_unprintable(c) {
                true => escaped.push_str(&format!("\\U{:08X}", u32::from(c))),
                false => escaped.push(c),
            }
            escaped
        })
    }
}

struct Writer<'w>(Emitter<'w>);

impl Writer<'_> {
    fn value(&mut self, value: &Yaml) {
        match value {
            Yaml::Null => self.scalar("", Some("tag:yaml.org,2002:null"), ScalarStyle::Any),
            Yaml::Plain(text) => self.scalar(text, None, ScalarStyle::Plain),
            Yaml::Text(text) => self.text(text),
            Yaml::Symbol(name) => self.scalar(&format!(":{name}"), None, ScalarStyle::Any),
            Yaml::List(items) => self.list(items.iter(), |writer, item| writer.value(item)),
            Yaml::Map(entries) => self.map(None, entries),
            Yaml::Object(class, entries) => self.map(Some(class), entries),
            Yaml::Node(node) => self.node(node),
        }
    }

    fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Null => self.value(&Yaml::Null),
            Value::Text(text) => self.text(text),
            Value::Symbol(name) => self.value(&Yaml::Symbol(name.clone())),
            Value::Float(number) if !number.is_finite() => {
                self.scalar(not_finite(*number), None, ScalarStyle::Plain);
            }
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                self.scalar(&node.text().unwrap_or_default(), None, ScalarStyle::Plain);
            }
            Value::Date(text) => self.scalar(text, None, ScalarStyle::Plain),
            Value::List(items) => self.list(items.iter(), Writer::node),
            Value::Map(map) => {
                let entries: Vec<_> =
                    map.iter().map(|(key, value)| (Yaml::Node(key), Yaml::Node(value))).collect();
                self.map(None, &entries);
            }
        }
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.emit(Event::sequence_start(None, None, true, SequenceStyle::Block));
        items.for_each(|item| write(self, item));
        self.emit(Event::sequence_end());
    }

    fn map(&mut self, class: Option<&str>, entries: &[(Yaml, Yaml)]) {
        self.emit(Event::mapping_start(None, class, class.is_none(), MappingStyle::Block));
        for (key, value) in entries {
            self.value(key);
            self.value(value);
        }
        self.emit(Event::mapping_end());
    }

    fn text(&mut self, text: &str) {
        let style = text_style(text);
        self.emit(Event::scalar(None, None, text, true, true, style));
    }

    fn scalar(&mut self, text: &str, tag: Option<&str>, style: ScalarStyle) {
        self.emit(Event::scalar(None, tag, text, true, false, style));
    }

    fn emit(&mut self, event: Event) {
        self.0.emit(event).expect("events are balanced and memory takes all text");
    }
}

fn not_finite(number: f64) -> &'static str {
    match number {
        number if number.is_nan() => ".nan",
        number if number < 0.0 => "-.inf",
        _ => ".inf",
    }
}

/// To libyaml, what UTF-8 writes in four bytes is nothing to print: emoji are escaped, as in Ruby.
fn is_unprintable(c: char) -> bool {
    c.len_utf8() == 4
}

/// Psych's own questions, in its order; what cannot be plain after all the emitter quotes by itself.
fn text_style(text: &str) -> ScalarStyle {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if text.contains(is_unprintable) {
        return ScalarStyle::DoubleQuoted;
    }
    if text.trim_end_matches('\n').contains('\n') {
        return ScalarStyle::Literal;
    }
    if ["y", "Y", "n", "N"].contains(&text) {
        return ScalarStyle::DoubleQuoted;
    }
    let mut characters = text.chars();
    if characters.next().is_some_and(|first| !is_word(first)) && !characters.as_str().contains('"') {
        return ScalarStyle::DoubleQuoted;
    }
    let reads_as_text = matches!(scalar::resolve(text), Value::Text(_));
    if reads_as_text && !is_broken_octal(text) { ScalarStyle::Plain } else { ScalarStyle::SingleQuoted }
}

/// `08` is text to Psych, but no other reader could be sure.
fn is_broken_octal(text: &str) -> bool {
    let digits = text.strip_prefix('0').map(|rest| rest.trim_start_matches(|c| ('0'..='7').contains(&c)));
    digits.is_some_and(|rest| rest.starts_with(['8', '9']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libyaml_cannot_print_is_escaped_and_infinity_has_yamls_name() {
        let texts = ["caf\u{e9}", "\u{1f4a5} boom", "a\n\u{1f4a5}\n"].map(Yaml::text);
        let float = |value| Node { value: Value::Float(value), ..Node::absent().clone() };
        let numbers = [float(f64::INFINITY), float(f64::NEG_INFINITY), float(f64::NAN), float(1.5)];
        let list = texts.into_iter().chain(numbers.iter().map(Yaml::Node)).collect();
        let expected = "---\n- caf\u{e9}\n- \"\\U0001F4A5 boom\"\n- \"a\\n\\U0001F4A5\\n\"\n- .inf\n- -.inf\n- .nan\n- 1.5\n";
        assert_eq!(Yaml::List(list).document(), expected);
    }
}
