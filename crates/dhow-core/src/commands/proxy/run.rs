//! Making the proxy's container: from `proxy.run`, or from the files that `proxy boot_config` left on the host.

use super::{APPS_DIRECTORY_IN_PROXY, CONTAINER, apps_directory, container_exists, start};
use crate::commands::{app::NETWORK, options};
use crate::config::ProxyRun;
use crate::shell::{Command, Script, Word, docker, sh};

/// Starts the container, or makes it where there is none.
pub fn boot(settings: Option<&ProxyRun>, image: &str) -> Script {
    container_exists().if_else(start(), run(settings, image))
}

/// Makes and starts the container. `image` is used where the settings name no other; without settings, files of
/// `proxy boot_config` count, as in Kamal.
pub fn run(settings: Option<&ProxyRun>, image: &str) -> Script {
    make(&["run", "--name", CONTAINER, "--network", NETWORK, "--detach"], settings, image)
}

/// Makes the same container under another name, and does not start it.
pub(super) fn create(name: &str, settings: Option<&ProxyRun>, image: &str) -> Script {
    make(&["create", "--name", name, "--network", NETWORK], settings, image)
}

fn make(verb: &[&str], settings: Option<&ProxyRun>, image: &str) -> Script {
    let apps = Word::raw("\"$PWD\"/").then(format!("{}:{APPS_DIRECTORY_IN_PROXY}", apps_directory()));
    let state = "kamal-proxy-config:/home/kamal-proxy/.config/kamal-proxy";
    let fixed = ["--restart", "unless-stopped", "--volume", state, "--volume"];
    let words = verb.iter().copied().chain(fixed).map(Word::literal).chain([apps]);
    match settings {
        Some(settings) => as_set(docker([]).words(words), settings, image).into(),
        None => Script::from(sh(LEGACY_ARGUMENTS, [image]))
            .pipe(Command::new("xargs").word("docker").words(words)),
    }
}

fn as_set(docker: Command, settings: &ProxyRun, image: &str) -> Command {
    docker
        .words(publish(settings))
        .words(log_size(settings))
        .words(settings.metrics_port.map(|port| format!("--expose={port}")))
        .extend(options::options(&settings.options))
        .word(image_of(settings).unwrap_or_else(|| image.to_string()))
        .words([CONTAINER, "run"])
        .words(settings.debug.then_some("--debug"))
        .words(settings.http3.then_some("--http3"))
        .words(settings.metrics_port.iter().flat_map(|port| ["--metrics-port".to_string(), port.to_string()]))
        .words(settings.status.then_some("--status"))
        .words(settings.proxy_protocol.iter().map(|sender| format!("--proxy-protocol={sender}")))
        .words(settings.max_connections_per_client.map(|most| format!("--max-connections-per-client={most}")))
}

fn publish(settings: &ProxyRun) -> Vec<String> {
    if !settings.publish {
        return Vec::new();
    }
    let addresses = settings
        .bind_ips
        .iter()
        .map(|ip| if ip.contains(':') { format!("[{ip}]:") } else { format!("{ip}:") });
    let everywhere = settings.bind_ips.is_empty().then(String::new);
    addresses.chain(everywhere).flat_map(|address| publish_on(settings, &address)).collect()
}

fn publish_on(settings: &ProxyRun, address: &str) -> Vec<String> {
    let http = format!("{address}{}:80", settings.http_port);
    let https = format!("{address}{}:443", settings.https_port);
    let http3 = settings.http3.then(|| format!("{https}/udp"));
    let ports = [http, https].into_iter().chain(http3);
    ports.flat_map(|port| ["--publish".to_string(), port]).collect()
}

fn log_size(settings: &ProxyRun) -> Vec<String> {
    let size = Some(&settings.log_max_size).filter(|size| !size.is_empty());
    size.into_iter().flat_map(|size| ["--log-opt".to_string(), format!("max-size={size}")]).collect()
}

/// The image that the settings name; Kamal's as soon as any part of it is named.
pub fn image_of(settings: &ProxyRun) -> Option<String> {
    let named = [&settings.registry, &settings.repository, &settings.version];
    named.into_iter().any(Option::is_some).then(|| {
        let registry = settings.registry.as_ref().map(|registry| format!("{registry}/")).unwrap_or_default();
        let repository = settings.repository.as_deref().unwrap_or("basecamp/kamal-proxy");
        let version = settings.version.as_deref().unwrap_or(super::MINIMUM_VERSION);
        format!("{registry}{repository}:{version}")
    })
}

/// `$1` is the image to use where the files name none.
const LEGACY_ARGUMENTS: &str = r#"cd .kamal/proxy 2> /dev/null
content() { cat "$1" 2> /dev/null || echo "$2"; }
image=$1
if [ -e image ] || [ -e image_version ]; then
  image=$(content image basecamp/kamal-proxy):$(content image_version v0.9.2)
fi
options=$(content options '--publish 80:80 --publish 443:443 --log-opt max-size=10m')
printf '%s\n' "$options $image $(content run_command '')""#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::sample::added;
    use crate::config::OptionValue;

    const IMAGE: &str = "dhow-proxy:1";

    fn settings() -> ProxyRun {
        ProxyRun {
            http_port: 80,
            https_port: 443,
            metrics_port: None,
            http3: false,
            debug: false,
            log_max_size: "10m".to_string(),
            publish: true,
            bind_ips: Vec::new(),
            status: false,
            proxy_protocol: Vec::new(),
            max_connections_per_client: None,
            registry: None,
            repository: None,
            version: None,
            options: Vec::new(),
        }
    }

    fn runs(change: impl FnOnce(&mut ProxyRun)) -> String {
        let mut settings = settings();
        change(&mut settings);
        run(Some(&settings), IMAGE).to_string()
    }

    fn adds(change: impl FnOnce(&mut ProxyRun)) -> String {
        added(&runs(|_| ()), &runs(change))
    }

    #[test]
    fn run_is_kamals_line() {
        assert_eq!(
            runs(|_| ()),
            "docker run --name kamal-proxy --network kamal --detach --restart unless-stopped \
             --volume kamal-proxy-config:/home/kamal-proxy/.config/kamal-proxy \
             --volume \"$PWD\"/.kamal/proxy/apps-config:/home/kamal-proxy/.apps-config \
             --publish 80:80 --publish 443:443 --log-opt max-size=10m dhow-proxy:1 kamal-proxy run"
        );
    }

    #[test]
    fn settings_add_their_flags() {
        assert_eq!(adds(|settings| settings.debug = true), "--debug");
        let memory = ("memory".to_string(), OptionValue::Value("1g".to_string()));
        assert_eq!(adds(|settings| settings.options = vec![memory]), r#"--memory "1g""#);
        let measured = runs(|settings| settings.metrics_port = Some(9090));
        assert!(measured.ends_with(" --expose=9090 dhow-proxy:1 kamal-proxy run --metrics-port 9090"));
        assert_eq!(
            adds(|settings| settings.proxy_protocol = vec!["10.0.0.0/8".to_string(), "fd00::/8".to_string()]),
            "--proxy-protocol=10.0.0.0/8 --proxy-protocol=fd00::/8"
        );
        assert_eq!(adds(|settings| settings.status = true), "--status");
        assert_eq!(
            adds(|settings| settings.max_connections_per_client = Some(100)),
            "--max-connections-per-client=100"
        );
    }

    #[test]
    fn ports_are_published_per_address_or_not_at_all() {
        let bound = runs(|settings| settings.bind_ips = vec!["127.0.0.1".to_string(), "::1".to_string()]);
        assert!(bound.contains(
            "--publish 127.0.0.1:80:80 --publish 127.0.0.1:443:443 \
             --publish '[::1]:80:80' --publish '[::1]:443:443' --log-opt"
        ));
        let with_http3 = runs(|settings| {
            settings.http3 = true;
            settings.bind_ips = vec!["::1".to_string()];
        });
        assert!(with_http3.contains("--publish '[::1]:443:443' --publish '[::1]:443:443/udp' --log-opt"));
        assert!(with_http3.ends_with(" kamal-proxy run --http3"));
        let hidden = runs(|settings| settings.publish = false);
        assert_eq!(added(&hidden, &runs(|_| ())), "--publish 80:80 --publish 443:443");
        let unlimited = runs(|settings| settings.log_max_size.clear());
        assert_eq!(added(&unlimited, &runs(|_| ())), "--log-opt max-size=10m");
    }

    #[test]
    fn naming_any_part_of_the_image_means_kamals_image() {
        let image = |change: fn(&mut ProxyRun)| {
            let line = runs(change);
            line.split(' ').rev().nth(2).map(String::from).unwrap()
        };
        assert_eq!(
            image(|settings| settings.version = Some("v1.0".to_string())),
            "basecamp/kamal-proxy:v1.0"
        );
        assert_eq!(
            image(|settings| settings.registry = Some("ghcr.io".to_string())),
            "ghcr.io/basecamp/kamal-proxy:v0.9.2"
        );
        assert_eq!(image(|settings| settings.repository = Some("me/proxy".to_string())), "me/proxy:v0.9.2");
    }

    #[test]
    fn without_settings_the_files_on_the_host_decide() {
        let line = run(None, IMAGE).to_string();
        let (reads, runs) = line.rsplit_once(" | xargs ").unwrap();
        assert!(reads.ends_with("sh dhow-proxy:1"), "{reads}");
        assert!(runs.starts_with("docker run --name kamal-proxy --network kamal"), "{runs}");
        assert!(runs.ends_with(":/home/kamal-proxy/.apps-config"), "{runs}");
    }

    #[test]
    fn an_existing_container_is_started() {
        let line = boot(Some(&settings()), IMAGE).to_string();
        assert!(line.starts_with(
            "if docker container inspect kamal-proxy > /dev/null 2>&1; then docker container start kamal-proxy"
        ));
        assert!(line.ends_with(&format!("else {}; fi", runs(|_| ()))));
    }
}
