//! As much of JSON Schema, draft-07, as `dhow schema` uses. A keyword that is not here fails the test that meets it.

use regex::Regex;
use serde_json::Value;

/// What is wrong with a value, each with its path; nothing if it fits.
pub fn check(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    Checker { root: schema, wrong: &mut wrong }.check(schema, value, "");
    wrong
}

struct Checker<'a> {
    root: &'a Value,
    wrong: &'a mut Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(keywords) = schema.as_object() else {
            return self.expect(schema.as_bool().unwrap(), path, "nothing may be here");
        };
        for (keyword, rule) in keywords {
            self.keyword(keyword, rule, schema, value, path);
        }
    }

    fn keyword(&mut self, keyword: &str, rule: &Value, schema: &Value, value: &Value, path: &str) {
        match keyword {
            "$schema" | "title" | "description" | "default" | "examples" | "definitions" | "then" => {}
            "$ref" => {
                let at = rule.as_str().unwrap().strip_prefix('#').unwrap();
                let target = self.root.pointer(at).unwrap_or_else(|| panic!("{at} is not in the schema"));
                self.check(target, value, path);
            }
            "type" => {
                self.expect(names(rule).iter().any(|name| is(name, value)), path, &format!("is no {rule}"))
            }
            "enum" => {
                self.expect(rule.as_array().unwrap().contains(value), path, &format!("is none of {rule}"))
            }
            "const" => self.expect(rule == value, path, &format!("is not {rule}")),
            "pattern" => {
                let fits = value.as_str().is_none_or(|text| matches(rule, text));
                self.expect(fits, path, &format!("does not match {rule}"));
            }
            "minimum" => {
                self.expect(value.as_i64().is_none_or(|n| n >= rule.as_i64().unwrap()), path, "is too small")
            }
            "maximum" => {
                self.expect(value.as_i64().is_none_or(|n| n <= rule.as_i64().unwrap()), path, "is too large")
            }
            "minItems" => {
                self.expect(length(value.as_array()).is_none_or(|n| n >= bound(rule)), path, "has too few")
            }
            "maxItems" => {
                self.expect(length(value.as_array()).is_none_or(|n| n <= bound(rule)), path, "has too many")
            }
            "minProperties" => {
                self.expect(value.as_object().is_none_or(|map| map.len() >= bound(rule)), path, "is empty")
            }
            "maxProperties" => self.expect(
                value.as_object().is_none_or(|map| map.len() <= bound(rule)),
                path,
                "has too many",
            ),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(rule, item, &format!("{path}/{index}"));
                }
            }
            "required" => {
                let has = |name: &Value| {
                    value.as_object().is_none_or(|map| map.contains_key(name.as_str().unwrap()))
                };
                self.expect(rule.as_array().unwrap().iter().all(has), path, &format!("lacks one of {rule}"));
            }
            "propertyNames" => {
                for (name, _) in value.as_object().into_iter().flatten() {
                    self.check(rule, &Value::String(name.clone()), &format!("{path}/{name}"));
                }
            }
            "properties" | "patternProperties" | "additionalProperties" => {
                self.property(keyword, rule, schema, value, path)
            }
            "allOf" => rule.as_array().unwrap().iter().for_each(|schema| self.check(schema, value, path)),
            "anyOf" => {
                let fits = rule.as_array().unwrap().iter().any(|schema| self.fits(schema, value));
                self.expect(fits, path, "fits none of several forms");
            }
            "not" => self.expect(!self.fits(rule, value), path, "is excluded"),
            "if" => {
                if self.fits(rule, value) {
                    self.check(&schema["then"], value, path);
                }
            }
            other => panic!("{other} at {path}: a keyword this check does not know"),
        }
    }

    fn property(&mut self, keyword: &str, rule: &Value, schema: &Value, value: &Value, path: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let path = format!("{path}/{name}");
            let by_name = schema["properties"].get(name);
            let patterns = schema["patternProperties"].as_object().into_iter().flatten();
            let by_pattern: Vec<&Value> = patterns
                .filter(|(pattern, _)| Regex::new(pattern).unwrap().is_match(name))
                .map(|(_, rule)| rule)
                .collect();
            match keyword {
                "properties" => by_name.into_iter().for_each(|rule| self.check(rule, value, &path)),
                "patternProperties" => by_pattern.into_iter().for_each(|rule| self.check(rule, value, &path)),
                _ if by_name.is_none() && by_pattern.is_empty() => self.check(rule, value, &path),
                _ => {}
            }
        }
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut wrong = Vec::new();
        Checker { root: self.root, wrong: &mut wrong }.check(schema, value, "");
        wrong.is_empty()
    }

    fn expect(&mut self, fits: bool, path: &str, problem: &str) {
        if !fits {
            self.wrong.push(format!("{path}: {problem}"));
        }
    }
}

fn names(rule: &Value) -> Vec<&str> {
    match rule.as_array() {
        Some(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        None => vec![rule.as_str().unwrap()],
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("no such type: {other}"),
    }
}

fn matches(pattern: &Value, text: &str) -> bool {
    Regex::new(pattern.as_str().unwrap()).unwrap().is_match(text)
}

fn length(items: Option<&Vec<Value>>) -> Option<usize> {
    items.map(Vec::len)
}

fn bound(rule: &Value) -> usize {
    usize::try_from(rule.as_u64().unwrap()).unwrap()
}
