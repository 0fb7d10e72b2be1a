use crate::support::daemon::new_directory;

/// What the real program says and how it ends, without a daemon.
fn told(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = new_directory().command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn error(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = told(arguments);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}");
    stderr.strip_prefix("Error: ").unwrap().trim_end().to_owned()
}

#[test]
fn wrong_command_lines_get_kamal_proxys_words() {
    for (arguments, text) in [
        (&["deploy"][..], "accepts 1 arg(s), received 0"),
        (&["remove", "a", "b"], "accepts 1 arg(s), received 2"),
        (&["list", "extra"], "unknown command \"extra\" for \"kamal-proxy list\""),
        (&["nope"], "unknown command \"nope\" for \"kamal-proxy\"\nRun 'kamal-proxy --help' for usage."),
        (
            &["deplo"],
            "unknown command \"deplo\" for \"kamal-proxy\"\n\nDid you mean this?\n\tdeploy\n\nRun 'kamal-proxy --help' for usage.",
        ),
        (&["deploy", "web", "--nope"], "unknown flag: --nope"),
        (&["--version"], "unknown flag: --version"),
        (&["deploy", "web"], "required flag(s) \"target\" not set"),
        (&["rollout", "deploy", "web"], "required flag(s) \"target\" not set"),
        (
            &["deploy", "web", "--target", "a1", "--tls-certificate-path", "x"],
            "if any flags in the group [tls-certificate-path tls-private-key-path] are set they must all be set; missing [tls-private-key-path]",
        ),
        (&["rollout", "set", "web"], "at least one of the flags in the group [percent list] is required"),
        (
            &["pause", "web", "--drain-timeout", "5"],
            "invalid argument \"5\" for \"--drain-timeout\" flag: time: missing unit in duration \"5\"",
        ),
        (
            &["deploy", "web", "--health-check-port", "abc"],
            "invalid argument \"abc\" for \"--health-check-port\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax",
        ),
        (
            &["deploy", "web", "--target", "a1", "--max-request-body", "20"],
            "max-request-body can only be set when request buffering is enabled",
        ),
        (
            &["deploy", "web", "--target", "a1", "--max-response-body", "20"],
            "max-response-body can only be set when response buffering is enabled",
        ),
        (&["deploy", "web", "--tls"], "service options invalid: host must be set when using TLS"),
    ] {
        assert_eq!(error(arguments), text, "{arguments:?}");
    }
}

#[test]
fn t_391_t_392_t_393_options_are_checked_before_the_daemon_is_asked() {
    let unreachable = |arguments: &[&str]| error(arguments).contains("connect: no such file or directory");
    let deploy = |flags: &[&'static str]| [&["deploy", "web", "--target", "a1"], flags].concat();
    for good in [
        &["--tls", "--host", "a.com,*.a.com"][..],
        &["--tls", "--tls-on-demand-url", "/check"],
        &["--canonical-host", "a", "--host", "a,b"],
        &["--canonical-host", "a"],
        &["--buffer-requests=false", "--max-request-body", "20"],
        &["--forward-headers=\"false\""],
    ] {
        let reached = unreachable(&deploy(good));
        assert!(reached || good == ["--forward-headers=\"false\""], "{good:?}");
    }
    for (bad, rule) in [
        (&["--tls", "--host", ""][..], "host must be set when using TLS"),
        (
            &["--tls", "--host", "a", "--tls-on-demand-url", "/x"],
            "cannot set hosts when using a TLS on-demand URL",
        ),
        (&["--tls-on-demand-url", "/x"], "TLS must be enabled to use a TLS on-demand URL"),
        (&["--tls", "--tls-on-demand-url", "ftp://x"], "unsupported scheme \"ftp\" in tls-on-demand-url"),
        (
            &["--tls", "--host", "a", "--path-prefix", "/api"],
            "TLS settings must be specified on the root path service",
        ),
        (
            &["--canonical-host", "b", "--host", "a,c"],
            "canonical-host 'b' must be present in the hosts list: [a c]",
        ),
    ] {
        assert_eq!(error(&deploy(bad)), format!("service options invalid: {rule}"));
    }
}

#[test]
fn a_missing_daemon_is_told_with_its_socket() {
    let directory = new_directory();
    let output = directory.command(&["list"]).output().unwrap();
    let socket = directory.socket();
    let expected = format!("Error: dial unix {}: connect: no such file or directory\n", socket.display());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let output = directory.command(&["list"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().ends_with("connect: connection refused\n"));
}

#[test]
fn help_goes_to_standard_output() {
    for arguments in [&[][..], &["help"], &["--help"], &["rollout"], &["rollout", "nope"], &["-h"]] {
        let (code, stdout, stderr) = told(arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(stdout.contains("rollout deploy"), "{arguments:?}");
    }
    for arguments in [&["deploy", "--help"][..], &["help", "deploy"], &["deploy", "web", "-h"]] {
        let (code, stdout, _) = told(arguments);
        assert_eq!(code, Some(0));
        assert!(stdout.contains("--health-check-path"), "{arguments:?}");
    }
}

#[test]
fn an_empty_proxy_lists_its_header_only() {
    let proxy = crate::support::Proxy::start();
    for command in ["list", "ls"] {
        let output = proxy.run(&[command]);
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
        assert!(output.status.success());
    }
}

#[test]
fn what_kamal_sends_is_accepted() {
    let (proxy, app) = (crate::support::Proxy::start(), crate::support::Backend::named("app"));
    let target = format!("--target={}", app.address);
    proxy.ok(&[
        "deploy",
        "shop-web",
        &target,
        "--host=a.com",
        "--host=b.com",
        "--deploy-timeout=30s",
        "--drain-timeout=30s",
        "--health-check-interval=1s",
        "--health-check-timeout=5s",
        "--health-check-path=/up",
        "--target-timeout=30s",
        "--buffer-requests",
        "--buffer-responses",
        "--buffer-memory=1000000",
        "--max-request-body=1000000",
        "--max-response-body=1000000",
        "--path-prefix=/",
        "--strip-path-prefix=false",
        "--forward-headers",
        "--tls-redirect=false",
        "--log-request-header=Cache-Control",
        "--log-request-header=Last-Modified",
        "--log-request-header=User-Agent",
    ]);
    assert_eq!(proxy.get("b.com", "/").text(), "app");
}
