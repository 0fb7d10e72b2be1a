//! Calling methods, `yield`, `&&`, `||`, `defined?`.

use super::{Reader, name, span};
use crate::ruby::syntax::{Argument, BlockArgument, Call, Expression, Kind, Name};
use ruby_prism::{ArgumentsNode, CallNode, Node};

impl Reader {
    pub(super) fn call(&self, node: &Node) -> Option<Kind> {
        if let Some(call) = node.as_call_node() {
            return Some(Kind::Call(Box::new(self.method_call(&call))));
        }
        if let Some(node) = node.as_and_node() {
            return Some(Kind::And(self.boxed(&node.left()), self.boxed(&node.right())));
        }
        if let Some(node) = node.as_or_node() {
            return Some(Kind::Or(self.boxed(&node.left()), self.boxed(&node.right())));
        }
        if let Some(node) = node.as_defined_node() {
            return Some(Kind::Defined(self.boxed(&node.value())));
        }
        if let Some(node) = node.as_match_write_node() {
            return Some(self.match_write(&node));
        }
        node.as_yield_node().map(|node| Kind::Yield(self.arguments(node.arguments())))
    }

    fn method_call(&self, call: &CallNode) -> Call {
        Call {
            receiver: call.receiver().map(|receiver| self.expression(&receiver)),
            name: name(&call.name()).into(),
            arguments: self.arguments(call.arguments()),
            block: call.block().map(|block| self.block_argument(&block)),
            is_safe: call.is_safe_navigation(),
            is_word: call.is_variable_call(),
        }
    }

    pub(super) fn arguments(&self, arguments: Option<ArgumentsNode>) -> Vec<Argument> {
        let arguments = arguments.map(|arguments| arguments.arguments());
        arguments.iter().flat_map(|list| list.iter()).map(|node| self.argument(&node)).collect()
    }

    fn block_argument(&self, block: &Node) -> BlockArgument {
        if let Some(block) = block.as_block_node() {
            let body = self.body(block.body(), span(&block.location()));
            return BlockArgument::Code(self.new_function("".into(), block.parameters(), body));
        }
        match block.as_block_argument_node().and_then(|block| block.expression()) {
            Some(value) => BlockArgument::Value(self.expression(&value)),
            None => BlockArgument::Value(self.expression(block)),
        }
    }

    fn match_write(&self, node: &ruby_prism::MatchWriteNode) -> Kind {
        let call = node.call();
        let span = span(&call.location());
        let call = Expression { kind: Kind::Call(Box::new(self.method_call(&call))), span };
        let targets = node.targets();
        let names = targets.iter().filter_map(|target| target.as_local_variable_target_node());
        let names: Vec<Name> = names.map(|target| name(&target.name()).into()).collect();
        Kind::MatchWrite { call: Box::new(call), names }
    }
}
