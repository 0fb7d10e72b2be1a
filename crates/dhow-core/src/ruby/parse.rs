//! Ruby's own parser, and from its tree to ours. Each file below turns one kind of node; a node that none knows is
//! refused where it is evaluated, not before: a branch that is never taken may hold anything.

mod calls;
mod control;
mod functions;
mod literals;
mod variables;

use super::syntax::{Expression, Kind, Span};
use ruby_prism::{Location, Node, NodeList, StatementsNode};
use std::cell::Cell;

/// Ruby that is no Ruby.
#[derive(Debug)]
pub struct SyntaxError {
    /// What the parser says.
    pub problem: String,
    /// Where.
    pub at: usize,
}

/// Deeper than any template nests, and safe for the stack of a thread.
const DEEPEST: u32 = 120;

/// Parses a program.
pub fn parse(program: &str) -> Result<Expression, SyntaxError> {
    if let Some(at) = nested_too_deeply(program) {
        return Err(SyntaxError { problem: "this is nested too deeply".to_string(), at });
    }
    let parsed = ruby_prism::parse(program.as_bytes());
    if let Some(error) = parsed.errors().next() {
        let problem = String::from_utf8_lossy(error.message()).into_owned();
        return Err(SyntaxError { problem, at: error.location().start() as usize });
    }
    let root = parsed.node();
    let reader = Reader { depth: Cell::new(0) };
    match root.as_program_node() {
        Some(program) => Ok(reader.statements(&program.statements(), span(&root.location()))),
        None => Err(SyntaxError { problem: "this is no program".to_string(), at: 0 }),
    }
}

/// Ruby's parser recurses for each open bracket and each sign in front of a value; it must not run out of stack.
fn nested_too_deeply(program: &str) -> Option<usize> {
    let (mut open, mut signs) = (0_u32, 0_u32);
    program.bytes().enumerate().find_map(|(at, byte)| {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        signs = match byte {
            b'!' | b'-' | b'+' | b'~' | b'&' | b'*' => signs + 1,
            b' ' | b'\t' => signs,
            _ => 0,
        };
        (open > 400 || signs > 400).then_some(at)
    })
}

/// Reads nodes.
struct Reader {
    depth: Cell<u32>,
}

impl Reader {
    fn expression(&self, node: &Node) -> Expression {
        let kind = if self.depth.get() >= DEEPEST {
            Kind::Refused("an expression nested this deeply".to_string())
        } else {
            self.depth.set(self.depth.get() + 1);
            let kind = self.kind(node);
            self.depth.set(self.depth.get() - 1);
            kind
        };
        Expression { kind, span: span(&node.location()) }
    }

    fn kind(&self, node: &Node) -> Kind {
        self.literal(node)
            .or_else(|| self.variable(node))
            .or_else(|| self.call(node))
            .or_else(|| self.control(node))
            .or_else(|| self.function(node))
            .unwrap_or_else(|| Kind::Refused(described(node)))
    }

    fn boxed(&self, node: &Node) -> Box<Expression> {
        Box::new(self.expression(node))
    }

    fn list(&self, nodes: &NodeList) -> Vec<Expression> {
        nodes.iter().map(|node| self.expression(&node)).collect()
    }

    fn statements(&self, statements: &StatementsNode, span: Span) -> Expression {
        Expression { kind: Kind::Sequence(self.list(&statements.body())), span }
    }

    fn maybe_statements(&self, statements: Option<StatementsNode>, span: Span) -> Expression {
        match statements {
            Some(statements) => self.statements(&statements, span),
            None => Expression { kind: Kind::Nil, span },
        }
    }
}

fn span(location: &Location) -> Span {
    Span { start: location.start() as usize, end: location.end() as usize }
}

fn name(constant: &ruby_prism::ConstantId) -> String {
    String::from_utf8_lossy(constant.as_slice()).into_owned()
}

/// The kind of a node in words: `MultiWriteNode` is "multi write".
fn described(node: &Node) -> String {
    let debug = format!("{node:?}");
    let kind = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut words = String::new();
    for c in kind.trim_end_matches("Node").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    format!("Ruby's \"{words}\"")
}
