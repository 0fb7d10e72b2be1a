//! `--cache-to` and `--cache-from`.

use crate::config::{BuilderCache, CacheKind, Config};

/// Nothing without `builder.cache`.
pub(super) fn arguments(config: &Config) -> Vec<String> {
    let Some(cache) = &config.builder.cache else { return Vec::new() };
    let (to, from) = match cache.kind {
        CacheKind::Gha => ("type=gha".to_string(), gha_source(cache)),
        CacheKind::Registry => {
            let reference = format!("type=registry,ref={}", image(config, cache));
            (reference.clone(), reference)
        }
    };
    let to = [Some(to), cache.options.clone()].into_iter().flatten().collect::<Vec<_>>().join(",");
    ["--cache-to".to_string(), to, "--cache-from".to_string(), from].to_vec()
}

/// Reading takes fewer options than writing.
fn gha_source(cache: &BuilderCache) -> String {
    let known = |option: &&str| {
        let key = option.split('=').next().unwrap_or_default();
        ["url", "url_v2", "token", "scope", "timeout"].contains(&key)
    };
    let options = cache.options.iter().flat_map(|options| options.split(',')).filter(known);
    ["type=gha"].into_iter().chain(options).collect::<Vec<_>>().join(",")
}

fn image(config: &Config, cache: &BuilderCache) -> String {
    let server = config.registry.server.as_ref().map(|server| format!("{server}/")).unwrap_or_default();
    match &cache.image {
        Some(image) => format!("{server}{image}"),
        None => format!("{server}{}-build-cache", config.image),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::with;

    fn shows(kind: CacheKind, options: &str, image: Option<&str>, to: &str, from: &str) {
        let options = Some(options.to_string()).filter(|options| !options.is_empty());
        let image = image.map(String::from);
        let config = with(|config| config.builder.cache = Some(BuilderCache { kind, options, image }));
        assert_eq!(arguments(&config), ["--cache-to", to, "--cache-from", from]);
    }

    #[test]
    fn a_registry_keeps_the_cache_beside_the_image() {
        let own = "type=registry,ref=ghcr.io/acme/shop-build-cache";
        shows(CacheKind::Registry, "", None, own, own);
        let other = "type=registry,ref=ghcr.io/acme/cache";
        shows(CacheKind::Registry, "mode=max", Some("acme/cache"), &format!("{other},mode=max"), other);
    }

    #[test]
    fn github_reads_with_fewer_options_than_it_writes() {
        shows(
            CacheKind::Gha,
            "mode=max,scope=shop",
            None,
            "type=gha,mode=max,scope=shop",
            "type=gha,scope=shop",
        );
    }
}
