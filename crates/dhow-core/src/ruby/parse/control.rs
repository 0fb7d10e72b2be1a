//! `if`, `case`, loops, `begin`, and leaving them.

use super::{Reader, span};
use crate::ruby::syntax::{Argument, Begin, Case, Expression, Kind, Rescue, Span, While};
use ruby_prism::{ArgumentsNode, BeginNode, CaseNode, ElseNode, Node, RescueNode};

impl Reader {
    pub(super) fn control(&self, node: &Node) -> Option<Kind> {
        let at = span(&node.location());
        self.choice(node, at)
            .or_else(|| self.repetition(node, at))
            .or_else(|| self.grouping(node, at))
            .or_else(|| self.leaving(node))
    }

    fn choice(&self, node: &Node, at: Span) -> Option<Kind> {
        if let Some(node) = node.as_if_node() {
            let otherwise = node.subsequent().map(|node| self.branch(&node, at));
            return Some(Kind::If {
                condition: self.boxed(&node.predicate()),
                then: Box::new(self.maybe_statements(node.statements(), at)),
                otherwise: Box::new(otherwise.unwrap_or(Expression { kind: Kind::Nil, span: at })),
            });
        }
        if let Some(node) = node.as_unless_node() {
            return Some(Kind::If {
                condition: self.boxed(&node.predicate()),
                then: Box::new(self.otherwise(node.else_clause(), at)),
                otherwise: Box::new(self.maybe_statements(node.statements(), at)),
            });
        }
        node.as_case_node().map(|node| self.case(&node, at))
    }

    /// `elsif` or `else`.
    fn branch(&self, node: &Node, at: Span) -> Expression {
        match node.as_else_node() {
            Some(node) => self.maybe_statements(node.statements(), at),
            None => self.expression(node),
        }
    }

    fn otherwise(&self, node: Option<ElseNode>, at: Span) -> Expression {
        self.maybe_statements(node.and_then(|node| node.statements()), at)
    }

    fn case(&self, node: &CaseNode, at: Span) -> Kind {
        let conditions = node.conditions();
        let whens = conditions.iter().filter_map(|when| when.as_when_node()).map(|when| {
            let values: Vec<Argument> = when.conditions().iter().map(|value| self.argument(&value)).collect();
            (values, self.maybe_statements(when.statements(), at))
        });
        Kind::Case(Box::new(Case {
            subject: node.predicate().map(|subject| self.expression(&subject)),
            whens: whens.collect(),
            otherwise: self.otherwise(node.else_clause(), at),
        }))
    }

    fn repetition(&self, node: &Node, at: Span) -> Option<Kind> {
        let (condition, until, body_first, body) = if let Some(node) = node.as_while_node() {
            (node.predicate(), false, node.is_begin_modifier(), node.statements())
        } else if let Some(node) = node.as_until_node() {
            (node.predicate(), true, node.is_begin_modifier(), node.statements())
        } else {
            let node = node.as_for_node()?;
            return Some(Kind::For {
                target: Box::new(self.target(&node.index())),
                items: self.boxed(&node.collection()),
                body: Box::new(self.maybe_statements(node.statements(), at)),
            });
        };
        let condition = self.expression(&condition);
        let body = self.maybe_statements(body, at);
        Some(Kind::While(Box::new(While { condition, until, body_first, body })))
    }

    fn grouping(&self, node: &Node, at: Span) -> Option<Kind> {
        if let Some(node) = node.as_parentheses_node() {
            return Some(Kind::Sequence(vec![self.body(node.body(), at)]));
        }
        if let Some(node) = node.as_statements_node() {
            return Some(Kind::Sequence(self.list(&node.body())));
        }
        if let Some(node) = node.as_rescue_modifier_node() {
            let body = self.expression(&node.rescue_expression());
            let rescue = Rescue { classes: Vec::new(), into: None, body };
            let body = self.expression(&node.expression());
            let begin = Begin { body, rescues: vec![rescue], otherwise: None, ensure: None };
            return Some(Kind::Begin(Box::new(begin)));
        }
        node.as_begin_node().map(|node| self.begin(&node, at))
    }

    fn begin(&self, node: &BeginNode, at: Span) -> Kind {
        let mut rescues = Vec::new();
        let mut next = node.rescue_clause();
        while let Some(rescue) = next {
            rescues.push(self.rescue(&rescue, at));
            next = rescue.subsequent();
        }
        Kind::Begin(Box::new(Begin {
            body: self.maybe_statements(node.statements(), at),
            rescues,
            otherwise: node.else_clause().map(|node| self.otherwise(Some(node), at)),
            ensure: node.ensure_clause().map(|node| self.maybe_statements(node.statements(), at)),
        }))
    }

    fn rescue(&self, node: &RescueNode, at: Span) -> Rescue {
        Rescue {
            classes: node.exceptions().iter().map(|class| self.argument(&class)).collect(),
            into: node.reference().map(|target| self.target(&target)),
            body: self.maybe_statements(node.statements(), at),
        }
    }

    fn leaving(&self, node: &Node) -> Option<Kind> {
        if let Some(node) = node.as_return_node() {
            return Some(Kind::Return(self.result(node.arguments())));
        }
        if let Some(node) = node.as_next_node() {
            return Some(Kind::Next(self.result(node.arguments())));
        }
        node.as_break_node().map(|node| Kind::Break(self.result(node.arguments())))
    }

    /// Several values are a list.
    fn result(&self, arguments: Option<ArgumentsNode>) -> Option<Box<Expression>> {
        let arguments = arguments?;
        let at = span(&arguments.location());
        let mut values: Vec<Argument> = self.arguments(Some(arguments));
        match (values.len(), values.pop()?) {
            (1, Argument::One(value)) => Some(Box::new(value)),
            (_, last) => {
                values.push(last);
                Some(Box::new(Expression { kind: Kind::SplatList(values), span: at }))
            }
        }
    }
}
