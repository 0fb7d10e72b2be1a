//! Reading and assigning variables, elements, constants.

use super::{Reader, described, name, span};
use crate::ruby::syntax::{Argument, Kind, Operator, Target, Variable};
use ruby_prism::{ArgumentsNode, Node, NodeList};

impl Reader {
    pub(super) fn variable(&self, node: &Node) -> Option<Kind> {
        if let Some(variable) = read(node) {
            return Some(Kind::Variable(variable));
        }
        self.assignment(node).or_else(|| self.update(node)).or_else(|| self.element_update(node))
    }

    fn assignment(&self, node: &Node) -> Option<Kind> {
        if let Some(node) = node.as_multi_write_node() {
            let target = self.several(&node.lefts(), node.rest(), &node.rights());
            return Some(Kind::Assign(Box::new(target), self.boxed(&node.value())));
        }
        let (target, value) = written(node)?;
        Some(Kind::Assign(Box::new(target), self.boxed(&value)))
    }

    /// What a parameter or one side of `a, b = …` is assigned to.
    pub(super) fn target(&self, node: &Node) -> Target {
        if let Some(node) = node.as_multi_target_node() {
            return self.several(&node.lefts(), node.rest(), &node.rights());
        }
        if let Some(node) = node.as_index_target_node() {
            let at = self.index_arguments(node.arguments());
            return Target::Element { of: self.expression(&node.receiver()), at };
        }
        let variable = if let Some(node) = node.as_local_variable_target_node() {
            Variable::Local(name(&node.name()).into())
        } else if let Some(node) = node.as_required_parameter_node() {
            Variable::Local(name(&node.name()).into())
        } else if let Some(node) = node.as_instance_variable_target_node() {
            Variable::Instance(name(&node.name()).into())
        } else if let Some(node) = node.as_global_variable_target_node() {
            Variable::Global(name(&node.name()).into())
        } else {
            return Target::Refused(described(node), span(&node.location()));
        };
        Target::Variable(variable)
    }

    fn several(&self, lefts: &NodeList, rest: Option<Node>, rights: &NodeList) -> Target {
        let rest = rest.map(|rest| {
            let target = rest.as_splat_node().and_then(|splat| splat.expression());
            target.map(|target| Box::new(self.target(&target)))
        });
        let targets = |nodes: &NodeList| nodes.iter().map(|node| self.target(&node)).collect();
        Target::Several { before: targets(lefts), rest, after: targets(rights) }
    }

    /// `a ||= b`, `a += b` of variables.
    fn update(&self, node: &Node) -> Option<Kind> {
        let (variable, operator, value) = updated(node)?;
        let target = Box::new(Target::Variable(variable));
        Some(Kind::Update { target, operator, value: self.boxed(&value) })
    }

    /// `a[b] ||= c`.
    fn element_update(&self, node: &Node) -> Option<Kind> {
        let (of, at, operator, value) = if let Some(node) = node.as_index_or_write_node() {
            (node.receiver()?, node.arguments(), Operator::Or, node.value())
        } else if let Some(node) = node.as_index_and_write_node() {
            (node.receiver()?, node.arguments(), Operator::And, node.value())
        } else {
            let node = node.as_index_operator_write_node()?;
            let operator = Operator::Method(name(&node.binary_operator()).into());
            (node.receiver()?, node.arguments(), operator, node.value())
        };
        let target = Target::Element { of: self.expression(&of), at: self.index_arguments(at) };
        Some(Kind::Update { target: Box::new(target), operator, value: self.boxed(&value) })
    }

    fn index_arguments(&self, arguments: Option<ArgumentsNode>) -> Vec<Argument> {
        self.arguments(arguments)
    }
}

fn read(node: &Node) -> Option<Variable> {
    if let Some(node) = node.as_local_variable_read_node() {
        return Some(Variable::Local(name(&node.name()).into()));
    }
    if node.as_it_local_variable_read_node().is_some() {
        return Some(Variable::Local("it".into()));
    }
    if let Some(node) = node.as_instance_variable_read_node() {
        return Some(Variable::Instance(name(&node.name()).into()));
    }
    if let Some(node) = node.as_numbered_reference_read_node() {
        return Some(Variable::Group(node.number() as usize));
    }
    node.as_global_variable_read_node().map(|node| Variable::Global(name(&node.name()).into()))
}

fn written<'n>(node: &Node<'n>) -> Option<(Target, Node<'n>)> {
    let (variable, value) = if let Some(node) = node.as_local_variable_write_node() {
        (Variable::Local(name(&node.name()).into()), node.value())
    } else if let Some(node) = node.as_instance_variable_write_node() {
        (Variable::Instance(name(&node.name()).into()), node.value())
    } else if let Some(node) = node.as_global_variable_write_node() {
        (Variable::Global(name(&node.name()).into()), node.value())
    } else {
        let node = node.as_constant_write_node()?;
        return Some((Target::Constant(name(&node.name()).into()), node.value()));
    };
    Some((Target::Variable(variable), value))
}

fn updated<'n>(node: &Node<'n>) -> Option<(Variable, Operator, Node<'n>)> {
    let local = |id| Variable::Local(name(&id).into());
    let instance = |id| Variable::Instance(name(&id).into());
    if let Some(node) = node.as_local_variable_or_write_node() {
        return Some((local(node.name()), Operator::Or, node.value()));
    }
    if let Some(node) = node.as_local_variable_and_write_node() {
        return Some((local(node.name()), Operator::And, node.value()));
    }
    if let Some(node) = node.as_local_variable_operator_write_node() {
        let operator = Operator::Method(name(&node.binary_operator()).into());
        return Some((local(node.name()), operator, node.value()));
    }
    if let Some(node) = node.as_instance_variable_or_write_node() {
        return Some((instance(node.name()), Operator::Or, node.value()));
    }
    if let Some(node) = node.as_instance_variable_and_write_node() {
        return Some((instance(node.name()), Operator::And, node.value()));
    }
    let node = node.as_instance_variable_operator_write_node()?;
    let operator = Operator::Method(name(&node.binary_operator()).into());
    Some((instance(node.name()), operator, node.value()))
}
