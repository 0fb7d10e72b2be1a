//! YAML events into nodes, as Psych builds Ruby objects: anchors, merge keys in document order, the last of two equal
//! keys, nothing after the first document.

use super::erb::Rendered;
use super::node::{Map, Node, Place, Value};
use super::scalar;
use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A YAML document that cannot be read.
#[derive(Debug)]
pub struct YamlError {
    /// What the parser, or we, found wrong.
    pub problem: String,
    /// Where.
    pub place: Place,
}

/// What a file says, and what in it is worth a warning.
#[derive(Debug)]
pub struct Composed {
    /// The first document of the file; `None` if there is nothing in it.
    pub root: Option<Node>,
    /// Things Ruby accepts without a word.
    pub warnings: Vec<(Place, String)>,
}

/// Is a panic in this source file one that is caught here and told as an error? The parser has some left for input that
/// hardly anybody writes (`[!x, y]`); a program's panic hook should keep them off the terminal.
pub fn is_caught_panic(file: &str) -> bool {
    file.contains("libyaml-safer") && !file.ends_with("emitter.rs")
}

/// Reads the text of a file.
pub fn compose(source: &Rendered) -> Result<Composed, YamlError> {
    let text = with_final_line_end(&source.text);
    let mut input = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let file = source.path.as_str().into();
    let (anchors, reached, warnings) = (HashMap::new(), Mark::default(), Vec::new());
    let mut composer = Composer { parser, source, file, anchors, copied: 0, reached, warnings };
    let root = composer.document()?;
    Ok(Composed { root, warnings: composer.warnings })
}

/// Reads any YAML, which is no configuration; the problem otherwise.
pub(crate) fn read(path: &str, text: String) -> Result<Option<Node>, String> {
    let composed = compose(&Rendered::plain(path, text));
    composed.map(|composed| composed.root).map_err(|error| format!("({}): {}", error.place, error.problem))
}

/// The parser cannot do without a line end after a block scalar; what it adds to the value is taken away again.
fn with_final_line_end(text: &str) -> Cow<'_, str> {
    if text.ends_with('\n') { text.into() } else { format!("{text}\n").into() }
}

/// Copies of anchored values in one file, counted in nodes: far above any real file, far below a "billion laughs".
const MOST_COPIED: usize = 100_000;

/// Deeper than any real file, and safe for the stack.
const DEEPEST: usize = 100;

struct Composer<'a, 'i> {
    parser: Parser<&'i mut &'i [u8]>,
    source: &'a Rendered,
    file: Arc<str>,
    anchors: HashMap<String, (Node, usize)>,
    copied: usize,
    /// The end of the last event.
    reached: Mark,
    warnings: Vec<(Place, String)>,
}

/// Values that a merge key can take in.
#[derive(PartialEq, Eq)]
enum Shape {
    Alias,
    Sequence,
    Mapping,
    Scalar { is_text: bool },
}

impl Composer<'_, '_> {
    fn document(&mut self) -> Result<Option<Node>, YamlError> {
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => {}
                EventData::StreamEnd => return Ok(None),
                _ => {
                    let root = self.node(event, 0)?.0;
                    self.warn_of_the_rest()?;
                    return Ok(Some(root));
                }
            }
        }
    }

    /// Kamal reads one document: what follows `...` or a second `---` never took effect, so it is no error either.
    fn warn_of_the_rest(&mut self) -> Result<(), YamlError> {
        let end = self.next()?;
        if matches!(self.next().map(|event| event.data), Ok(EventData::StreamEnd)) {
            return Ok(());
        }
        let place = self.place(end.end_mark);
        self.warnings.push((place, "the document ends here; what follows is not read".to_string()));
        Ok(())
    }

    fn next(&mut self) -> Result<Event, YamlError> {
        // After a panic the parser is not asked again.
        let Ok(parsed) = catch_unwind(AssertUnwindSafe(|| self.parser.parse())) else {
            let problem = "this cannot be read; is there a tag (`!name`) right before a comma?".to_string();
            return Err(YamlError { problem, place: self.place(self.reached) });
        };
        let event = parsed.map_err(|error| {
            let place = self.place(error.problem_mark().unwrap_or_default());
            let context = error.context().map(|context| format!(" {context}")).unwrap_or_default();
            YamlError { problem: format!("{}{context}", error.problem()), place }
        })?;
        self.reached = event.end_mark;
        Ok(event)
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<(Node, Shape), YamlError> {
        let place = self.place(event.start_mark);
        if depth > DEEPEST {
            return Err(YamlError { problem: "this is nested too deep".to_string(), place });
        }
        let (anchor, node, shape) = match event.data {
            EventData::Alias { anchor } => return Ok((self.alias(&anchor, place)?, Shape::Alias)),
            EventData::Scalar { anchor, tag, mut value, style, .. } => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if is_block && event.end_mark.index > self.source.text.len() as u64 {
                    value.truncate(value.strip_suffix('\n').unwrap_or(&value).len());
                }
                let node = scalar_node(tag.as_deref(), value, style == ScalarStyle::Plain, place)?;
                self.warn_of_base_60(&node);
                (anchor, node, Shape::Scalar { is_text: tag.as_deref() == Some(TEXT_TAG) })
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                refuse_ruby_objects(tag.as_deref(), &place)?;
                let value = Value::List(self.items(depth)?);
                (anchor, Node { value, place, written: None }, Shape::Sequence)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                refuse_ruby_objects(tag.as_deref(), &place)?;
                let value = Value::Map(self.entries(depth)?);
                (anchor, Node { value, place, written: None }, Shape::Mapping)
            }
            _ => return Err(YamlError { problem: "a value is missing here".to_string(), place }),
        };
        if let Some(anchor) = anchor {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, shape))
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, depth + 1)?.0);
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Map, YamlError> {
        let mut map = Map::default();
        let mut own_keys: Vec<Node> = Vec::new();
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                return Ok(map);
            }
            let (key, key_shape) = self.node(event, depth + 1)?;
            let value = self.next()?;
            let (value, shape) = self.node(value, depth + 1)?;
            let merges =
                key.value == Value::Text("<<".to_string()) && key_shape != (Shape::Scalar { is_text: true });
            if merges && merge(&mut map, &value, &shape) {
                continue;
            }
            if own_keys.contains(&key) {
                self.warn_of_duplicate(&key);
            }
            own_keys.push(key.clone());
            map.insert(key, value);
        }
    }

    fn warn_of_duplicate(&mut self, key: &Node) {
        let text = format!("{} is written twice in the same place; this last one counts", key.key_text());
        self.warnings.push((key.place.clone(), text));
    }

    /// `22:22` is meant as ports; others with such numbers stay text, so it is easy to miss.
    fn warn_of_base_60(&mut self, node: &Node) {
        let (Value::Int(number), Some(written)) = (&node.value, &node.written) else { return };
        if written.contains(':') {
            let text = format!("YAML reads {written} as the number {number}; put it in quotes");
            self.warnings.push((node.place.clone(), text));
        }
    }

    /// A copy of what was anchored: it keeps the place where it was written.
    fn alias(&mut self, anchor: &str, place: Place) -> Result<Node, YamlError> {
        let Some((node, size)) = self.anchors.get(anchor) else {
            return Err(YamlError {
                problem: "this alias (`*NAME`) names no anchor (`&NAME`) above it".to_string(),
                place,
            });
        };
        self.copied += size;
        if self.copied > MOST_COPIED {
            return Err(YamlError { problem: "this alias makes the file too large".to_string(), place });
        }
        Ok(node.clone())
    }

    fn place(&self, mark: Mark) -> Place {
        let line = self.source.source_line(mark.line as usize + 1);
        Place { file: self.file.clone(), line, column: mark.column as usize + 1 }
    }
}

const TEXT_TAG: &str = "tag:yaml.org,2002:str";

/// `<<:` as Psych does it: later in the file wins, and in a list of mappings the first wins.
fn merge(map: &mut Map, value: &Node, shape: &Shape) -> bool {
    let sources: Vec<&Map> = match (&value.value, shape) {
        (Value::Map(source), _) => vec![source],
        (Value::List(sources), Shape::Sequence) => sources.iter().rev().filter_map(Node::map).collect(),
        _ => return false,
    };
    if value.list().is_some_and(|list| list.len() != sources.len()) {
        return false;
    }
    for (key, value) in sources.into_iter().flat_map(Map::iter) {
        map.insert(key.clone(), value.clone());
    }
    true
}

fn scalar_node(tag: Option<&str>, text: String, plain: bool, place: Place) -> Result<Node, YamlError> {
    let value = match tag {
        Some(TEXT_TAG | "!str" | "!ruby/string") => Value::Text(text.clone()),
        Some("!ruby/symbol" | "!ruby/sym") => Value::Symbol(text.clone()),
        Some("!binary" | "tag:yaml.org,2002:binary") => {
            return Err(YamlError { problem: "binary values have no place here".to_string(), place });
        }
        Some("!float" | "tag:yaml.org,2002:float") => match scalar::resolve(&text) {
            Value::Float(number) => Value::Float(number),
            Value::Int(number) => Value::Float(number as f64),
            _ => return Err(YamlError { problem: "!!float needs a number".to_string(), place }),
        },
        // Any tag at all, and quotes no longer make a text of it.
        Some(tag) => {
            refuse_ruby_objects(Some(tag), &place)?;
            scalar::resolve(&text)
        }
        None if plain => scalar::resolve(&text),
        None => Value::Text(text.clone()),
    };
    let written = (!matches!(value, Value::Text(_))).then_some(text);
    Ok(Node { value, place, written })
}

/// Psych would make any Ruby object a file asks for.
fn refuse_ruby_objects(tag: Option<&str>, place: &Place) -> Result<(), YamlError> {
    match tag.filter(|tag| tag.starts_with("!ruby/")) {
        Some(tag) => Err(YamlError { problem: format!("{tag} is not supported"), place: place.clone() }),
        None => Ok(()),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(map) => 1 + map.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
