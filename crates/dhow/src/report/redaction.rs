//! Values of secrets, taken out of what dhow says.

/// The values.
#[derive(Clone, Default)]
pub struct Redaction(Vec<String>);

impl Redaction {
    /// Of these values. Short ones stay: they would blank out ordinary words ("true", "root").
    pub fn new(values: impl IntoIterator<Item = String>) -> Redaction {
        Redaction(values.into_iter().filter(|value| value.len() >= 6).collect())
    }

    /// The text without them.
    pub fn of(&self, text: &str) -> String {
        self.0.iter().fold(text.to_string(), |text, value| text.replace(value, "[REDACTED]"))
    }
}
