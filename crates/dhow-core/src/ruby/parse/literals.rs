//! Numbers, texts, lists, mappings, ranges, regular expressions.

use super::{Reader, name, span};
use crate::ruby::syntax::{Argument, Expression, Kind, Pair, RegexpFlags};
use ruby_prism::{Integer, Location, Node, NodeList};

impl Reader {
    pub(super) fn literal(&self, node: &Node) -> Option<Kind> {
        self.number(node)
            .or_else(|| self.texts(node))
            .or_else(|| self.collection(node))
            .or_else(|| word(node))
    }

    fn number(&self, node: &Node) -> Option<Kind> {
        if let Some(node) = node.as_integer_node() {
            let too_large = || Kind::Refused("an integer this large".to_string());
            return Some(integer(&node.value()).map_or_else(too_large, Kind::Integer));
        }
        node.as_float_node().map(|node| Kind::Float(node.value()))
    }

    fn texts(&self, node: &Node) -> Option<Kind> {
        let location = node.location();
        if let Some(node) = node.as_string_node() {
            return Some(text(node.unescaped()));
        }
        if let Some(node) = node.as_interpolated_string_node() {
            return Some(Kind::Interpolated(self.parts(&node.parts())));
        }
        if let Some(node) = node.as_symbol_node() {
            return Some(match text(node.unescaped()) {
                Kind::Text(name) => Kind::Symbol(name),
                refused => refused,
            });
        }
        if let Some(node) = node.as_interpolated_symbol_node() {
            return Some(Kind::InterpolatedSymbol(self.parts(&node.parts())));
        }
        if let Some(node) = node.as_x_string_node() {
            return Some(Kind::Shell(vec![literal_part(node.unescaped(), &location)]));
        }
        if let Some(node) = node.as_interpolated_x_string_node() {
            return Some(Kind::Shell(self.parts(&node.parts())));
        }
        self.regexp(node)
    }

    fn regexp(&self, node: &Node) -> Option<Kind> {
        if let Some(node) = node.as_regular_expression_node() {
            let flags = RegexpFlags {
                ignores_case: node.is_ignore_case(),
                dot_matches_line_end: node.is_multi_line(),
                is_extended: node.is_extended(),
            };
            let parts = vec![literal_part(node.content_loc().as_slice(), &node.location())];
            return Some(Kind::Regexp { parts, flags });
        }
        let node = node.as_interpolated_regular_expression_node()?;
        let flags = RegexpFlags {
            ignores_case: node.is_ignore_case(),
            dot_matches_line_end: node.is_multi_line(),
            is_extended: node.is_extended(),
        };
        Some(Kind::Regexp { parts: self.parts(&node.parts()), flags })
    }

    /// Of a text with interpolation.
    fn parts(&self, parts: &NodeList) -> Vec<Expression> {
        parts.iter().map(|part| self.part(&part)).collect()
    }

    fn part(&self, part: &Node) -> Expression {
        let span = span(&part.location());
        if let Some(part) = part.as_embedded_statements_node() {
            return self.maybe_statements(part.statements(), span);
        }
        match part.as_embedded_variable_node() {
            Some(part) => self.expression(&part.variable()),
            None => self.expression(part),
        }
    }

    fn collection(&self, node: &Node) -> Option<Kind> {
        if let Some(node) = node.as_array_node() {
            return Some(self.array(&node.elements()));
        }
        if let Some(node) = node.as_hash_node() {
            return Some(Kind::Map(self.pairs(&node.elements())));
        }
        let node = node.as_range_node()?;
        let bound = |bound: Option<Node>| bound.map(|node| self.boxed(&node));
        Some(Kind::Range {
            from: bound(node.left()),
            to: bound(node.right()),
            excludes_end: node.is_exclude_end(),
        })
    }

    fn array(&self, elements: &NodeList) -> Kind {
        let is_plain = |node: &Node| node.as_splat_node().is_none() && node.as_keyword_hash_node().is_none();
        if elements.iter().all(|node| is_plain(&node)) {
            return Kind::List(self.list(elements));
        }
        Kind::SplatList(elements.iter().map(|node| self.argument(&node)).collect())
    }

    pub(super) fn pairs(&self, elements: &NodeList) -> Vec<Pair> {
        elements.iter().map(|node| self.pair(&node)).collect()
    }

    fn pair(&self, node: &Node) -> Pair {
        if let Some(node) = node.as_assoc_node() {
            let value = node.value();
            let value = match value.as_implicit_node() {
                Some(implicit) => self.expression(&implicit.value()),
                None => self.expression(&value),
            };
            return Pair::Entry(self.expression(&node.key()), value);
        }
        match node.as_assoc_splat_node().and_then(|node| node.value()) {
            Some(value) => Pair::Splat(self.expression(&value)),
            None => Pair::Splat(self.expression(node)),
        }
    }

    pub(super) fn argument(&self, node: &Node) -> Argument {
        if let Some(keywords) = node.as_keyword_hash_node() {
            return Argument::Keywords(self.pairs(&keywords.elements()), span(&node.location()));
        }
        match node.as_splat_node().and_then(|splat| splat.expression()) {
            Some(list) => Argument::Splat(self.expression(&list)),
            None => Argument::One(self.expression(node)),
        }
    }
}

fn literal_part(bytes: &[u8], location: &Location) -> Expression {
    Expression { kind: text(bytes), span: span(location) }
}

fn text(bytes: &[u8]) -> Kind {
    match std::str::from_utf8(bytes) {
        Ok(text) => Kind::Text(text.into()),
        Err(_) => Kind::Refused("a text that is not UTF-8".to_string()),
    }
}

/// `nil`, `true`, `self`, constants, `__FILE__`.
fn word(node: &Node) -> Option<Kind> {
    if let Some(node) = node.as_constant_read_node() {
        return Some(Kind::Constant(name(&node.name())));
    }
    if let Some(node) = node.as_constant_path_node() {
        let path = constant_path(node.parent(), node.name().map(|id| name(&id)));
        return Some(path.map_or_else(|| Kind::Refused("a constant of a value".to_string()), Kind::Constant));
    }
    match node {
        Node::NilNode { .. } => Some(Kind::Nil),
        Node::TrueNode { .. } => Some(Kind::True),
        Node::FalseNode { .. } => Some(Kind::False),
        Node::SelfNode { .. } => Some(Kind::Myself),
        Node::SourceFileNode { .. } => Some(Kind::Text("(erb)".into())),
        _ => None,
    }
}

/// `A::B` and `::A`.
fn constant_path(parent: Option<Node>, last: Option<String>) -> Option<String> {
    let last = last?;
    let Some(parent) = parent else { return Some(last) };
    if let Some(parent) = parent.as_constant_read_node() {
        return Some(format!("{}::{last}", name(&parent.name())));
    }
    let parent = parent.as_constant_path_node()?;
    Some(format!("{}::{last}", constant_path(parent.parent(), parent.name().map(|id| name(&id)))?))
}

fn integer(value: &Integer) -> Option<i128> {
    let (is_negative, digits) = value.to_u32_digits();
    let number = digits
        .iter()
        .rev()
        .try_fold(0_i128, |number, digit| number.checked_mul(1 << 32)?.checked_add(i128::from(*digit)))?;
    Some(if is_negative { -number } else { number })
}
