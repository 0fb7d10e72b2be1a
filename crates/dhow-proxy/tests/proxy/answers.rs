use crate::support::tls::Scene;
use crate::support::{Backend, Proxy, reply};

fn talkative() -> Backend {
    Backend::new(|request, stream| match request.header("upgrade") {
        Some(_) => {
            let switched = b"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: echo\r\nServer: app/1\r\n\r\n";
            std::io::Write::write_all(stream.get_mut(), switched).unwrap();
        }
        None => reply(
            stream,
            200,
            &[("Server", "app/1"), ("x-frame-options", "ALLOWALL"), ("X-Kept", "1")],
            b"hi",
        ),
    })
}

#[test]
fn header_rules_hold_for_every_answer() {
    let (proxy, app) = (Proxy::start(), talkative());
    let rules = ["--response-header", "X-Frame-Options: DENY", "--remove-response-header", "Server"];
    let policy = "Permissions-Policy: camera=(), microphone=()";
    let hosts = ["--host", "a.com,www.a.com", "--www-redirect", "remove", "--response-header", policy];
    proxy.deploy("web", &app, &[&rules[..], &hosts].concat());
    let (plain, moved) = (proxy.get("a.com", "/"), proxy.get("www.a.com", "/"));
    let mut client = proxy.connect();
    client.request("GET", "a.com", "/", &["Connection: Upgrade", "Upgrade: echo"], b"");
    let switched = client.reply();
    drop(client);
    proxy.ok(&["stop", "web"]);
    let stopped = proxy.get("a.com", "/");
    for (answer, status) in [(&plain, 200), (&moved, 301), (&switched, 101), (&stopped, 503)] {
        assert_eq!((answer.status, answer.all("x-frame-options")), (status, vec!["DENY"]));
        assert_eq!(answer.header("permissions-policy"), Some("camera=(), microphone=()"));
        assert_eq!(answer.header("server"), None);
    }
    assert_eq!((plain.header("x-kept"), plain.text().as_str()), (Some("1"), "hi"));
    assert_eq!(proxy.get("b.com", "/").header("x-frame-options"), None, "no service, no rules");
}

#[test]
fn hsts_is_told_over_https_only() {
    let scene = Scene::of(Proxy::start(), Backend::named("app"));
    let told = "max-age=31536000; includeSubDomains";
    scene.deploy("web", &["a.com"], &["--hsts", told, "--tls-redirect=false"]);
    let mut secured = scene.authority.client().connect(scene.proxy.https, "a.com").unwrap();
    assert_eq!(secured.http.get("a.com", "/").all("strict-transport-security"), [told]);
    assert_eq!(scene.proxy.get("a.com", "/").header("strict-transport-security"), None);
    let claim = ["X-Forwarded-Proto: https"];
    assert_eq!(scene.proxy.request("GET", "/", &claim, b"").header("strict-transport-security"), None);
    // A proxy in front that is believed may have spoken https with the client.
    scene.proxy.deploy("web", &scene.app, &["--hsts", "max-age=300", "--trusted-proxy", "127.0.0.1"]);
    let answer = scene.proxy.request("GET", "/", &claim, b"");
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=300"));
}

#[test]
fn header_rules_survive_a_restart() {
    let (proxy, app) = (Proxy::spawn(), talkative());
    proxy.deploy("web", &app, &["--response-header", "X-A: b", "--hsts", "max-age=1"]);
    let kept = serde_json::json!({"answers": {"set_headers": ["X-A: b"], "hsts": "max-age=1"}});
    assert_eq!(proxy.state()[0]["options"]["dhow"], kept);
    let proxy = Proxy::spawn_in(proxy.kill());
    assert_eq!(proxy.get("a.com", "/").header("x-a"), Some("b"));
}

#[test]
fn header_rules_that_make_no_sense_change_nothing() {
    let (proxy, app) = (Proxy::start(), talkative());
    proxy.deploy("web", &app, &[]);
    for (flags, error) in [
        (["--response-header", "X-A"], "response-header \"X-A\" has no colon; write it as \"Name: value\""),
        (["--response-header", "Content-Length: 5"], "is the proxy's own affair and cannot be changed"),
        (["--response-header", "X-A: b\r\nX-B: c"], "has a value with a line break"),
        (["--remove-response-header", "Connection"], "is the proxy's own affair and cannot be changed"),
        (["--hsts", "always"], "for example \"max-age=31536000; includeSubDomains; preload\""),
    ] {
        let told = proxy.fails(&proxy.deploy_command("web", &app, &flags));
        assert!(told.contains(error), "{flags:?}: {told}");
    }
    assert_eq!(proxy.get("a.com", "/").header("server"), Some("app/1"));
}
