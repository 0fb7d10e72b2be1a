//! The app's own error pages, kept per version where the proxy can read them.

use crate::commands::proxy;
use crate::config::Config;
use crate::shell::Command;

/// Where the pages of a version are kept on the host.
pub fn error_pages_directory(config: &Config, version: &str) -> String {
    format!("{}/{version}", all_versions(config))
}

/// The same directory as the proxy sees it.
pub fn error_pages_in_proxy(config: &Config, version: &str) -> String {
    format!("{}/error_pages/{version}", proxy::app_directory_in_proxy(config))
}

/// Removes the pages of every other version.
pub fn error_pages_clean(config: &Config, version: &str) -> Command {
    Command::new("find").word(all_versions(config)).words([
        "-mindepth",
        "1",
        "-maxdepth",
        "1",
        "!",
        "-name",
        version,
        "-exec",
        "rm",
        "-rf",
        "{}",
        "+",
    ])
}

fn all_versions(config: &Config) -> String {
    format!("{}/error_pages", proxy::app_directory(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::staging;

    #[test]
    fn pages_are_kept_per_version_beside_the_proxy() {
        let directory = ".kamal/proxy/apps-config/shop-staging/error_pages";
        assert_eq!(error_pages_directory(&staging(), "2"), format!("{directory}/2"));
        assert_eq!(
            error_pages_in_proxy(&staging(), "2"),
            "/home/kamal-proxy/.apps-config/shop-staging/error_pages/2"
        );
        assert_eq!(
            error_pages_clean(&staging(), "2").to_string(),
            format!("find {directory} -mindepth 1 -maxdepth 1 '!' -name 2 -exec rm -rf '{{}}' +")
        );
    }
}
