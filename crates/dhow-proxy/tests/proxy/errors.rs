use crate::support::{Backend, Proxy, reply};

#[test]
fn t_311d_an_apps_own_errors_pass_unchanged() {
    let (proxy, app) = (
        Proxy::start(),
        Backend::new(|_, stream| reply(stream, 503, &[("Content-Type", "text/plain")], b"mine")),
    );
    proxy.deploy("web", &app, &[]);
    let answered = proxy.get("a.com", "/");
    assert_eq!(
        (answered.status, answered.text().as_str(), answered.header("content-type")),
        (503, "mine", Some("text/plain"))
    );
}

#[test]
fn t_312_a_service_can_have_its_own_pages() {
    let (proxy, app) = (Proxy::start(), Backend::named("app"));
    let page = proxy
        .directory
        .write("pages/503.html", "<i>{{ if .Message }}{{ .Message }}{{ else }}soon{{ end }}</i>");
    let directory = page.parent().unwrap().to_str().unwrap();
    proxy.deploy("web", &app, &["--host", "a.com", "--error-pages", directory]);
    proxy.ok(&["stop", "web", "--message", "back at <5>"]);
    assert_eq!(proxy.get("a.com", "/").text(), "<i>back at &lt;5&gt;</i>");
    proxy.ok(&["stop", "web"]);
    assert_eq!(proxy.get("a.com", "/").text(), "<i>soon</i>");
    assert!(proxy.get("b.com", "/").text().contains("Not Found"), "routing errors are nobody's");
    proxy.ok(&["resume", "web"]);
    drop(app);
    assert!(proxy.get("a.com", "/").text().contains("Bad Gateway"), "a status without page falls back");
}

#[test]
fn t_115_t_313_unusable_pages_fail_the_deploy_and_change_nothing() {
    let (proxy, old, new) = (Proxy::start(), Backend::named("old"), Backend::named("new"));
    proxy.deploy("web", &old, &[]);
    let before = proxy.state();
    let bad = proxy.directory.write("bad/404.html", "{{ range .X }}");
    let empty = proxy.directory.write("empty/readme.txt", "");
    for directory in [bad.parent().unwrap(), empty.parent().unwrap(), "/does/not/exist".as_ref()] {
        let failed =
            proxy.fails(&proxy.deploy_command("web", &new, &["--error-pages", directory.to_str().unwrap()]));
        assert!(failed.starts_with("Error: unable to load error pages\n"), "{failed}");
    }
    assert_eq!(proxy.get("a.com", "/").text(), "old");
    assert_eq!(proxy.state(), before);
}

#[test]
fn pages_are_sent_for_head_without_their_body() {
    let proxy = Proxy::start();
    let answered = proxy.request("HEAD", "/", &[], b"");
    assert_eq!((answered.status, answered.header("content-type")), (404, Some("text/html; charset=utf-8")));
}
