//! What a request is for.

/// The places of the distribution API that a pull visits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `/v2/`: is this a registry?
    Root,
    /// `/v2/REPOSITORY/manifests/TAG`, or a digest in the tag's place.
    Manifest { repository: &'a str, reference: &'a str },
    /// `/v2/REPOSITORY/blobs/DIGEST`.
    Blob { repository: &'a str, digest: &'a str },
}

impl<'a> Place<'a> {
    /// Reads a path; `None` is a place that only other registries have. A repository may contain slashes.
    pub(super) fn parse(path: &'a str) -> Option<Place<'a>> {
        let path = path.strip_prefix("/v2")?;
        if path.is_empty() || path == "/" {
            return Some(Place::Root);
        }
        let (rest, name) = path.strip_prefix('/')?.rsplit_once('/')?;
        match rest.rsplit_once('/')? {
            (repository, "manifests") => Some(Place::Manifest { repository, reference: name }),
            (repository, "blobs") => Some(Place::Blob { repository, digest: name }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_may_contain_slashes() {
        let manifest = Place::Manifest { repository: "acme/shop", reference: "v1" };
        assert_eq!(Place::parse("/v2/acme/shop/manifests/v1"), Some(manifest));
        let blob = Place::Blob { repository: "blobs/manifests", digest: "sha256:0" };
        assert_eq!(Place::parse("/v2/blobs/manifests/blobs/sha256:0"), Some(blob));
    }

    #[test]
    fn root_is_with_and_without_its_slash() {
        assert_eq!(Place::parse("/v2/"), Some(Place::Root));
        assert_eq!(Place::parse("/v2"), Some(Place::Root));
    }

    #[test]
    fn other_places_are_none() {
        for path in ["/", "/v1/", "/v2x", "/v2/_catalog", "/v2/shop/tags/list", "/v2/manifests/v1", "//", ""]
        {
            assert_eq!(Place::parse(path), None, "{path}");
        }
    }
}
