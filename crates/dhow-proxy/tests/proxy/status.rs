use crate::support::daemon::new_directory;
use crate::support::tls::Scene;
use crate::support::{Backend, Connection, Proxy, Reply, eventually};

fn shown(proxy: &Proxy, path: &str) -> Reply {
    Connection::open(proxy.metrics.expect("metrics")).get("metrics", path)
}

#[test]
fn the_status_page_tells_what_there_is() {
    let proxy = Proxy::start_with(new_directory(), |config| {
        (config.metrics_port, config.status) = (Some(0), true);
    });
    let empty = shown(&proxy, "/status");
    assert_eq!((empty.status, empty.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(empty.text().contains("No services yet"));
    let scene = Scene::of(proxy, Backend::named("app"));
    let two = Backend::named("two");
    let target = two.address.clone();
    let sound = ["--target", &target, "--health-check-interval", "50ms"];
    scene.deploy("web", &["a.com"], &[&sound[..], &["--sticky-sessions"]].concat());
    drop(two);
    eventually("an ill target", || shown(&scene.proxy, "/status").text().contains("unhealthy"));
    scene.proxy.ok(&["stop", "web", "--message", "<script>alert(1)</script>"]);
    let page = shown(&scene.proxy, "/status").text();
    for part in [&scene.app.address, &target, ">stopped<", "https · a.com · /", "&lt;script&gt;", "file</td>"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        !page.contains("<script") && !page.contains("http://") && !page.contains("https://"),
        "needs nothing else"
    );
    let told = shown(&scene.proxy, "/status.json");
    assert_eq!(told.header("content-type"), Some("application/json"));
    let listed = scene.proxy.run(&["list", "--json"]).stdout;
    let [told, listed] =
        [told.body, listed].map(|json| serde_json::from_slice::<serde_json::Value>(&json).unwrap());
    assert_eq!(told["services"][0]["certificates"], listed["services"][0]["certificates"]);
    assert!(!told.to_string().contains("sticky_key"));
    assert!(shown(&scene.proxy, "/metrics").text().contains("dhow_proxy_build_info"));
}

#[test]
fn without_being_asked_for_it_is_not_there() {
    let proxy = Proxy::start_with(new_directory(), |config| config.metrics_port = Some(0));
    for path in ["/status", "/status.json"] {
        assert!(shown(&proxy, path).text().contains("dhow_proxy_build_info"), "{path}");
    }
    let told = proxy.fails(&["run", "--status"]);
    assert!(told.contains("status needs a metrics-port, where it is shown at /status"), "{told}");
}
