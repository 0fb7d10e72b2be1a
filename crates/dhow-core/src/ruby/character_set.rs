//! Sets of characters as `tr`, `delete` and `count` write them: `a-z`, `^0-9`.

/// Some characters, in order, or all others.
pub struct CharacterSet {
    characters: Vec<char>,
    is_negated: bool,
}

impl CharacterSet {
    /// Reads one.
    pub fn new(written: &str) -> CharacterSet {
        let negated = written.strip_prefix('^').filter(|rest| !rest.is_empty());
        let characters = expanded(negated.unwrap_or(written));
        CharacterSet { characters, is_negated: negated.is_some() }
    }

    /// Is the character one of them?
    pub fn contains(&self, c: char) -> bool {
        self.characters.contains(&c) != self.is_negated
    }

    /// `tr`: each character becomes the one in its place; the last stands in for what is missing.
    pub fn translated(&self, text: &str, into: &str, squeezes: bool) -> String {
        let into = expanded(into);
        let mut result = String::with_capacity(text.len());
        let mut last = None;
        for c in text.chars() {
            if !self.contains(c) {
                result.push(c);
                last = None;
                continue;
            }
            let new = self.counterpart(c, &into);
            if !(squeezes && last == new) {
                result.extend(new);
            }
            last = new;
        }
        result
    }

    fn counterpart(&self, c: char, into: &[char]) -> Option<char> {
        let place = self.characters.iter().position(|known| *known == c);
        place.and_then(|place| into.get(place)).or(into.last()).copied()
    }
}

/// `a-e` is `abcde`; a backslash takes a sign as it is.
fn expanded(written: &str) -> Vec<char> {
    let mut characters = Vec::new();
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        let c = if c == '\\' { rest.next().unwrap_or(c) } else { c };
        let mut ahead = rest.clone();
        let end = ahead.next().filter(|dash| *dash == '-').and_then(|_| ahead.next());
        match end {
            Some(end) if c <= end => {
                characters.extend(c..=end);
                rest = ahead;
            }
            _ => characters.push(c),
        }
    }
    characters
}
