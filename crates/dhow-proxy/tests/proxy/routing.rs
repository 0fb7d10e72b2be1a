use crate::support::{Backend, Proxy};

#[test]
fn t_101_an_empty_proxy_knows_nothing() {
    let reply = Proxy::start().get("a.com", "/");
    assert_eq!(reply.status, 404);
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(reply.text().contains("Not Found"));
}

#[test]
fn t_102_t_109_a_service_without_host_serves_every_host() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    for host in ["a.com", "b.org:8080", "127.0.0.1"] {
        assert_eq!(proxy.get(host, "/").text(), "app");
    }
}

#[test]
fn t_103_two_targets_share_the_requests() {
    let (proxy, one, two) = (Proxy::start(), Backend::named("one"), Backend::named("two"));
    proxy.deploy("web", &one, &["--target", &two.address]);
    let seen: Vec<_> = (0..4).map(|_| proxy.get("a.com", "/").text()).collect();
    assert!(seen.contains(&"one".into()) && seen.contains(&"two".into()), "{seen:?}");
}

#[test]
fn t_104_a_removed_service_is_gone() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &[]);
    assert_eq!(proxy.get("a.com", "/").status, 200);
    proxy.ok(&["rm", "web"]);
    assert_eq!(proxy.get("a.com", "/").status, 404);
    assert_eq!(proxy.fails(&["remove", "web"]), "Error: service not found");
}

#[test]
fn t_105_t_106_t_107_t_108_hosts_come_and_go_with_a_deploy() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--host", "1.com", "--host", "2.com"]);
    let statuses = || ["1.com", "2.com:80", "3.com"].map(|host| proxy.get(host, "/").status);
    assert_eq!(statuses(), [200, 200, 404]);
    proxy.deploy("web", &app, &["--host", "3.com,2.com"]);
    assert_eq!(statuses(), [404, 200, 200]);
}

#[test]
fn o_18_hosts_are_matched_without_case_and_trailing_dot() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--host", "App.example.com"]);
    for host in ["app.example.com", "APP.EXAMPLE.COM", "app.example.com.", "app.example.com.:80"] {
        assert_eq!(proxy.get(host, "/").status, 200, "{host}");
    }
}

#[test]
fn t_110_t_117_a_deploy_switches_target_and_host() {
    let (proxy, one, two) = (Proxy::start(), Backend::named("one"), Backend::named("two"));
    proxy.deploy("web", &one, &["--host", "1.com"]);
    assert_eq!(proxy.get("1.com", "/").text(), "one");
    proxy.deploy("web", &two, &["--host", "2.com"]);
    assert_eq!(proxy.get("2.com", "/").text(), "two");
    assert_eq!(proxy.get("1.com", "/").status, 404);
}

#[test]
fn t_112_other_hosts_are_redirected_to_the_canonical_one() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("web", &app, &["--host", "a.com,www.a.com", "--canonical-host", "a.com"]);
    assert_eq!(proxy.get("a.com:8080", "/").status, 200);
    let reply = proxy.get("www.a.com:8080", "/x?y=1");
    assert_eq!((reply.status, reply.header("location")), (301, Some("http://a.com/x?y=1")));
    assert_eq!(reply.header("connection"), Some("close"));
}

#[test]
fn t_118_t_119_t_120_a_taken_host_is_refused_and_the_first_keeps_serving() {
    let (proxy, one, two) = (Proxy::start(), Backend::named("one"), Backend::named("two"));
    proxy.deploy("web", &one, &["--host", "a.com"]);
    let refused = proxy.fails(&proxy.deploy_command("other", &two, &["--host", "a.com"]));
    assert_eq!(refused, "Error: host settings conflict with another service");
    assert_eq!(proxy.told("Host settings conflict with another service", 1)[0]["service"], "web");
    assert!(two.probes().is_empty(), "o_12: a refused deploy has to fail before its health checks");
    proxy.deploy("other", &two, &["--host", "b.com"]);
    assert_eq!(
        (proxy.get("a.com", "/").text(), proxy.get("b.com", "/").text()),
        ("one".into(), "two".into())
    );
    proxy.deploy("any", &two, &[]);
    let refused = proxy.fails(&proxy.deploy_command("second-any", &one, &[]));
    assert_eq!(refused, "Error: host settings conflict with another service");
}

#[test]
fn t_123_prefixes_are_stripped() {
    let (proxy, root, app, api) =
        (Proxy::start(), Backend::named("root"), Backend::named("app"), Backend::named("api"));
    proxy.deploy("root", &root, &[]);
    proxy.deploy("app", &app, &["--path-prefix", "/app"]);
    proxy.deploy("api", &api, &["--path-prefix=/api/internal"]);
    let seen = |backend: &Backend, path: &str| {
        assert_eq!(proxy.get("a.com", path).status, 200);
        backend.last().path
    };
    assert_eq!(seen(&app, "/app/show"), "/show");
    assert_eq!(seen(&app, "/app"), "/");
    assert_eq!(seen(&app, "/app?x"), "/?x");
    assert_eq!(seen(&app, "/app//x"), "//x");
    assert_eq!(seen(&api, "/api/internal/something?a=b"), "/something?a=b");
    assert_eq!(seen(&root, "/api/external/something"), "/api/external/something");
    assert_eq!(seen(&root, "/appointment"), "/appointment");
    proxy.deploy("app", &app, &["--path-prefix", "/app", "--strip-path-prefix=false"]);
    assert_eq!(seen(&app, "/app"), "/app");
}

#[test]
fn o_26_what_is_left_of_a_stripped_path_is_not_touched() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    proxy.deploy("app", &app, &["--path-prefix", "/api"]);
    for (path, seen) in
        [("/api/a%2Fb", "/a%2Fb"), ("/%61pi/[x]", "/[x]"), ("/api/%e2%82%ac?q=%2F", "/%e2%82%ac?q=%2F")]
    {
        assert_eq!(proxy.get("a.com", path).status, 200);
        assert_eq!(app.last().path, seen);
    }
}

#[test]
fn t_125_t_126_t_127_t_128_hosts_and_prefixes_together() {
    let (proxy, any, own, wild) =
        (Proxy::start(), Backend::named("any"), Backend::named("own"), Backend::named("wild"));
    proxy.deploy("any", &any, &["--path-prefix", "/first", "--path-prefix", "/second"]);
    proxy.deploy("own", &own, &["--host", "own.com", "--path-prefix", "/second"]);
    proxy.deploy("wild", &wild, &["--host", "*.own.com"]);
    let text = |host, path| {
        let reply = proxy.get(host, path);
        if reply.status == 200 { reply.text() } else { reply.status.to_string() }
    };
    assert_eq!(text("a.com", "/first"), "any");
    assert_eq!(text("a.com", "/second/x"), "any");
    assert_eq!(text("a.com", "/"), "404");
    assert_eq!(text("own.com", "/second/path"), "own");
    assert_eq!(text("own.com", "/first"), "404");
    assert_eq!(text("x.own.com", "/first"), "wild");
    assert_eq!(text("y.x.own.com", "/first"), "any");
}
