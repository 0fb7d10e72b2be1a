//! `==`, `<=>`, `===`, and finding keys.

use super::exceptions;
use super::machine::Machine;
use super::show::class_name;
use super::stop::Stop;
use super::syntax::Span;
use super::value::{Default, Map, Value};
use std::cmp::Ordering;

/// Lists in lists that are still compared.
const DEEPEST: usize = 50;

impl Machine<'_> {
    /// `==`.
    pub fn equal(&mut self, left: &Value, right: &Value, span: Span) -> Result<bool, Stop> {
        self.same(left, right, 0, span)
    }

    fn same(&mut self, left: &Value, right: &Value, depth: usize, span: Span) -> Result<bool, Stop> {
        if depth > DEEPEST {
            return Err(Stop::exhausted("these values nest too deeply to be compared", span));
        }
        match (left, right) {
            (Value::List(left), Value::List(right)) => {
                if left.is_same(right) {
                    return Ok(true);
                }
                if left.len() != right.len() {
                    return Ok(false);
                }
                self.spend(left.len(), span)?;
                for (left, right) in left.get().iter().zip(right.get().iter()) {
                    if !self.same(left, right, depth + 1, span)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Map(left), Value::Map(right)) => {
                if left.is_same(right) {
                    return Ok(true);
                }
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, value) in left.get() {
                    match self.find(right, &key, span)? {
                        Some(other) if self.same(&value, &other, depth + 1, span)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            (left, right) => Ok(same_scalar(left, right)),
        }
    }

    /// `eql?` for keys: `1` and `1.0` are two.
    fn same_key(&mut self, left: &Value, right: &Value, span: Span) -> Result<bool, Stop> {
        match (left, right) {
            (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => Ok(false),
            _ => self.equal(left, right, span),
        }
    }

    /// The value of a key, without the default.
    pub fn find(&mut self, map: &Map, key: &Value, span: Span) -> Result<Option<Value>, Stop> {
        let index = self.position(map, key, span)?;
        Ok(index.and_then(|index| map.entry(index)).map(|(_, value)| value))
    }

    /// The value of a key, or the default.
    pub fn lookup(&mut self, map: &Map, key: &Value, span: Span) -> Result<Value, Stop> {
        if let Some(value) = self.find(map, key, span)? {
            return Ok(value);
        }
        match map.default() {
            Default::Value(value) => Ok(value),
            Default::Block(block) => self.deeper(span, |machine| {
                machine.call_proc(&block, vec![Value::Map(map.clone()), key.clone()], span)
            }),
        }
    }

    /// Where a key is.
    pub fn position(&mut self, map: &Map, key: &Value, span: Span) -> Result<Option<usize>, Stop> {
        self.spend(map.len() / 16 + 1, span)?;
        for (index, (known, _)) in map.get().iter().enumerate() {
            if self.same_key(known, key, span)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Sets a key. A text is copied: it must not change under the mapping.
    pub fn insert(&mut self, map: &Map, key: Value, value: Value, span: Span) -> Result<(), Stop> {
        let key = match key {
            Value::Text(text) => Value::text(text.get()),
            key => key,
        };
        match self.position(map, &key, span)? {
            Some(index) => map.change(|entries| entries[index].1 = value),
            None => map.change(|entries| entries.push((key, value))),
        }
        Ok(())
    }

    /// `<=>`; `None` where two values have no order.
    pub fn order(&mut self, left: &Value, right: &Value, span: Span) -> Result<Option<Ordering>, Stop> {
        self.spend(1, span)?;
        let (Value::List(left), Value::List(right)) = (left, right) else {
            return Ok(scalar_order(left, right));
        };
        let (left, right) = (left.get(), right.get());
        for (left, right) in left.iter().zip(&right) {
            match self.deeper_order(left, right, span)? {
                Some(Ordering::Equal) => {}
                order => return Ok(order),
            }
        }
        Ok(Some(left.len().cmp(&right.len())))
    }

    fn deeper_order(&mut self, left: &Value, right: &Value, span: Span) -> Result<Option<Ordering>, Stop> {
        let mut order = None;
        self.deeper(span, |machine| {
            order = machine.order(left, right, span)?;
            Ok(Value::Nil)
        })?;
        Ok(order)
    }

    /// `<=>` where an order is needed.
    pub fn ordered(&mut self, left: &Value, right: &Value, span: Span) -> Result<Ordering, Stop> {
        let order = self.order(left, right, span)?;
        order.ok_or_else(|| {
            let message = format!("comparison of {} with {} failed", class_name(left), class_name(right));
            Stop::raise("ArgumentError", message, span)
        })
    }

    /// `pattern === value`.
    pub fn case_equal(&mut self, pattern: &Value, value: &Value, span: Span) -> Result<bool, Stop> {
        match pattern {
            Value::Class(class) => Ok(is_a(value, class)),
            Value::Regexp(regexp) => match value {
                Value::Text(text) => self.matches(regexp, &text.get(), span),
                Value::Symbol(name) => self.matches(regexp, name, span),
                _ => Ok(false),
            },
            Value::Range(range) => {
                let above = match &range.from {
                    Value::Nil => true,
                    from => matches!(self.order(from, value, span)?, Some(Ordering::Less | Ordering::Equal)),
                };
                let below = match (&range.to, range.excludes_end) {
                    (Value::Nil, _) => true,
                    (to, true) => matches!(self.order(value, to, span)?, Some(Ordering::Less)),
                    (to, false) => {
                        matches!(self.order(value, to, span)?, Some(Ordering::Less | Ordering::Equal))
                    }
                };
                Ok(above && below)
            }
            Value::Proc(proc) => Ok(self.call_with(proc, value.clone(), span)?.is_true()),
            pattern => self.equal(pattern, value, span),
        }
    }
}

/// `is_a?`.
pub fn is_a(value: &Value, class: &str) -> bool {
    let own = class_name(value);
    match class {
        "Object" | "BasicObject" | "Kernel" => true,
        "Numeric" => matches!(value, Value::Int(_) | Value::Float(_)),
        "Comparable" => matches!(value, Value::Int(_) | Value::Float(_) | Value::Text(_)),
        "Enumerable" => {
            matches!(value, Value::List(_) | Value::Map(_) | Value::Range(_) | Value::Enumerator(_))
        }
        class => own == class || exceptions::is_a(own, class),
    }
}

fn same_scalar(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Range(left), Value::Range(right)) => {
            left.excludes_end == right.excludes_end
                && same_scalar(&left.from, &right.from)
                && same_scalar(&left.to, &right.to)
        }
        (Value::Nil, Value::Nil) | (Value::Main, Value::Main) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left.is_same(right) || left.get() == right.get(),
        (Value::Symbol(left), Value::Symbol(right)) => left == right,
        (Value::Class(left), Value::Class(right)) => left == right,
        (Value::Regexp(left), Value::Regexp(right)) => left.inspected() == right.inspected(),
        (Value::Int(_) | Value::Float(_), _) | (Value::Time(_), _) | (Value::Date(_), _) => {
            scalar_order(left, right) == Some(Ordering::Equal)
        }
        (Value::Status(left), Value::Int(right)) => i128::from(*left) == *right,
        (Value::Uri(left), Value::Uri(right)) => left.text == right.text,
        _ => false,
    }
}

fn scalar_order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Text(left), Value::Text(right)) => Some(left.get().cmp(&right.get())),
        (Value::Symbol(left), Value::Symbol(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.moment().cmp(&right.moment())),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Nil, Value::Nil) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) if left == right => Some(Ordering::Equal),
        _ => None,
    }
}
