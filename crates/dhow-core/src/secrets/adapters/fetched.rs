//! What `secrets fetch` found.

use crate::secrets::Secret;
use crate::secrets::inline;
use serde_json::Value;

/// Names and values, in the order they were found. A name without a value prints as `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched(Vec<(String, Option<Secret>)>);

impl Fetched {
    /// One more; a later value replaces an earlier one of that name.
    pub fn insert(&mut self, name: impl Into<String>, value: Option<Secret>) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, earlier)) => *earlier = value,
            None => self.0.push((name, value)),
        }
    }

    /// Is there one of that name?
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The line that `secrets fetch` prints and `secrets extract` reads.
    pub fn to_json(&self) -> Secret {
        let value = |secret: &Option<Secret>| Value::from(secret.as_ref().map(Secret::reveal)).to_string();
        let pair = |(name, secret): &(String, Option<Secret>)| {
            format!("{}:{}", Value::from(name.as_str()), value(secret))
        };
        let pairs: Vec<String> = self.0.iter().map(pair).collect();
        Secret::new(format!("{{{}}}", pairs.join(",")))
    }

    /// The same as one word of a shell, for a later `$(kamal secrets extract NAME $SECRETS)` (kamal-config 14.3).
    pub fn to_word(&self) -> Secret {
        Secret::new(inline::escaped(self.to_json().reveal()))
    }
}

impl FromIterator<(String, Option<Secret>)> for Fetched {
    fn from_iter<I: IntoIterator<Item = (String, Option<Secret>)>>(pairs: I) -> Fetched {
        let mut fetched = Fetched::default();
        pairs.into_iter().for_each(|(name, value)| fetched.insert(name, value));
        fetched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept_and_the_last_value_wins() {
        let pairs = [("b", Some("1")), ("a", None), ("b", Some("it's \"é\"\n"))];
        let pairs = pairs.map(|(name, value)| (name.to_string(), value.map(Secret::new)));
        let fetched = Fetched::from_iter(pairs);
        assert_eq!(fetched.to_json().reveal(), r#"{"b":"it's \"é\"\n","a":null}"#);
        assert_eq!(fetched.to_word().reveal(), r#"\{\"b\":\"it\'s\ \\\"\é\\\"\\n\",\"a\":null\}"#);
        assert_eq!(Fetched::default().to_json().reveal(), "{}");
    }
}
