//! What a user calls an image.

/// `[SERVER/]PATH[:TAG]`, taken apart as Docker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// Everything but the tag: `localhost:5555/shop`.
    pub name: String,
    /// The name as it appears in a registry's URLs, without the server: `shop`.
    pub repository: String,
    /// `latest` where none is written.
    pub tag: String,
}

/// A reference that names no tag of a repository, so that there would be nothing for a server to pull.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{reference}` is not an image that can be served: expected [SERVER/]REPOSITORY[:TAG], for example localhost:5555/shop:v2"
)]
pub struct ReferenceError {
    /// The reference as it was given.
    pub reference: String,
}

impl Reference {
    pub(super) fn parse(text: &str) -> Result<Reference, ReferenceError> {
        let (name, tag) = split_tag(text);
        let repository = without_server(name);
        if !is_repository(repository) || !is_tag(tag) {
            return Err(ReferenceError { reference: text.to_owned() });
        }
        Ok(Reference { name: name.to_owned(), repository: repository.to_owned(), tag: tag.to_owned() })
    }
}

/// A colon before the last slash belongs to the server's port.
fn split_tag(text: &str) -> (&str, &str) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (text, "latest"),
    }
}

/// The first part is a server only if it could not be the name of a user: Docker's own rule.
fn without_server(name: &str) -> &str {
    match name.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => rest,
        _ => name,
    }
}

fn is_repository(repository: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    repository.split('/').all(is_part)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(is_word) && tag.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, name: &str, repository: &str, tag: &str) {
        let expected = Reference { name: name.into(), repository: repository.into(), tag: tag.into() };
        assert_eq!(Reference::parse(text), Ok(expected));
    }

    #[test]
    fn server_is_not_part_of_the_repository() {
        check("localhost:5555/shop:abc", "localhost:5555/shop", "shop", "abc");
        check("localhost/shop:abc", "localhost/shop", "shop", "abc");
        check("ghcr.io/acme/shop:v1.2", "ghcr.io/acme/shop", "acme/shop", "v1.2");
    }

    #[test]
    fn user_is_part_of_the_repository() {
        check("acme/shop:abc", "acme/shop", "acme/shop", "abc");
    }

    #[test]
    fn missing_tag_is_latest() {
        check("localhost:5555/shop", "localhost:5555/shop", "shop", "latest");
    }

    #[test]
    fn refuses_what_cannot_be_pulled_by_tag() {
        let digest = format!("shop@sha256:{}", "0".repeat(64));
        for wrong in ["", ":v1", "shop:", "Shop:v1", "--output=/etc/passwd", "shop v1", "a//b", &digest] {
            let error = Reference::parse(wrong).unwrap_err();
            assert!(error.to_string().contains("expected [SERVER/]REPOSITORY[:TAG]"), "{wrong}");
        }
    }
}
