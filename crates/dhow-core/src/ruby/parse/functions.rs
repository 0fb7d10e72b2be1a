//! Blocks, lambdas and methods.

use super::{Reader, name, span};
use crate::ruby::syntax::{Expression, Function, Kind, Name, Parameters, Span};
use ruby_prism::{Node, ParametersNode};
use std::rc::Rc;

impl Reader {
    pub(super) fn function(&self, node: &Node) -> Option<Kind> {
        let span = span(&node.location());
        if let Some(node) = node.as_lambda_node() {
            let body = self.body(node.body(), span);
            return Some(Kind::Lambda(self.new_function("".into(), node.parameters(), body)));
        }
        let node = node.as_def_node()?;
        if node.receiver().is_some() {
            return Some(Kind::Refused("a method of an object".to_string()));
        }
        let parameters = node.parameters().map_or_else(Parameters::default, |list| self.parameters(&list));
        let body = self.body(node.body(), span);
        Some(Kind::Define(Rc::new(Function { name: name(&node.name()).into(), parameters, body })))
    }

    pub(super) fn new_function(
        &self,
        name: Name,
        parameters: Option<Node>,
        body: Expression,
    ) -> Rc<Function> {
        let parameters = parameters.map_or_else(Parameters::default, |node| self.block_parameters(&node));
        Rc::new(Function { name, parameters, body })
    }

    /// A body with its own `rescue` is a `begin`.
    pub(super) fn body(&self, body: Option<Node>, span: Span) -> Expression {
        match body {
            Some(body) => match body.as_statements_node() {
                Some(statements) => self.statements(&statements, span),
                None => self.expression(&body),
            },
            None => Expression { kind: Kind::Nil, span },
        }
    }

    fn block_parameters(&self, node: &Node) -> Parameters {
        if let Some(node) = node.as_block_parameters_node() {
            return node.parameters().map_or_else(Parameters::default, |list| self.parameters(&list));
        }
        let implicit = match node.as_numbered_parameters_node() {
            Some(node) => (1..=node.maximum()).map(|number| format!("_{number}").into()).collect(),
            None => vec!["it".into()],
        };
        Parameters { implicit, ..Parameters::default() }
    }

    fn parameters(&self, list: &ParametersNode) -> Parameters {
        let optional = list.optionals();
        let optional = optional.iter().filter_map(|node| node.as_optional_parameter_node());
        let keyword_rest = list.keyword_rest().and_then(|rest| rest.as_keyword_rest_parameter_node());
        Parameters {
            required: list.requireds().iter().map(|node| self.target(&node)).collect(),
            optional: optional
                .map(|node| (name(&node.name()).into(), self.expression(&node.value())))
                .collect(),
            rest: list.rest().map(|rest| {
                let rest = rest.as_rest_parameter_node();
                rest.and_then(|rest| rest.name()).map(|id| name(&id).into())
            }),
            after: list.posts().iter().map(|node| self.target(&node)).collect(),
            keywords: list.keywords().iter().filter_map(|node| self.keyword(&node)).collect(),
            keyword_rest: keyword_rest.map(|rest| rest.name().map(|id| name(&id).into())),
            block: list
                .block()
                .and_then(|block| block.as_block_parameter_node())
                .and_then(|block| block.name())
                .map(|id| name(&id).into()),
            implicit: Vec::new(),
        }
    }

    fn keyword(&self, node: &Node) -> Option<(Name, Option<Expression>)> {
        if let Some(node) = node.as_optional_keyword_parameter_node() {
            return Some((name(&node.name()).into(), Some(self.expression(&node.value()))));
        }
        node.as_required_keyword_parameter_node().map(|node| (name(&node.name()).into(), None))
    }
}
