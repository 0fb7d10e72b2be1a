//! What a wrong configuration is told: first Kamal's own words, then where, then what to write instead.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use dhow_core::config::{Config, ConfigErrors, Context, Document};

const BASE: &str = "
service: shop
image: acme/shop
servers: [1.1.1.1]
registry:
  username: acme
  password: [REGISTRY_PASSWORD]
builder:
  arch: amd64
";

/// The base with a difference, as a destination would make it.
fn with(difference: &str) -> Result<Config, ConfigErrors> {
    let document = |path: &str, text: &str| Document { path: path.to_string(), text: text.to_string() };
    let context = Context { local_arch: "amd64".to_string(), ..Context::default() };
    let difference = document("deploy.yml", difference);
    Config::read(&document("base.yml", BASE), Some(&difference), &context)
}

fn messages(difference: &str) -> Vec<String> {
    let errors = with(difference).expect_err(difference);
    errors.iter().map(|error| error.message.clone()).collect()
}

fn display(difference: &str) -> String {
    with(difference).expect_err(difference).to_string()
}

fn accepts(difference: &str) -> Config {
    with(difference).unwrap_or_else(|errors| panic!("{difference}\n{errors}"))
}

/// `difference | the one message`, one per line.
fn says(table: &str) {
    for row in table.lines().filter(|row| !row.trim().is_empty()) {
        let (difference, message) = row.split_once(" | ").unwrap();
        assert_eq!(messages(difference.trim()), [message.trim()], "{}", difference.trim());
    }
}

#[test]
fn types_are_checked_in_kamals_words() {
    says(
        r#"
        {service: [a]} | service: should be a string
        {image: ~} | image: should be a string
        {labels: } | labels: should be a hash
        {labels: [a]} | labels: should be a hash
        {labels: {a: ~}} | labels/a: should be a string
        {volumes: a} | volumes: should be an array
        {volumes: [[a]]} | volumes/0: should be a string
        {retain_containers: "3"} | retain_containers: should be an integer
        {deploy_timeout: 1.5} | deploy_timeout: should be an integer
        {require_destination: "yes"} | require_destination: should be a boolean
        {minimum_version: 2024-01-01} | minimum_version: should be a string
        {servers: web} | servers: should be an array or a hash
        {env: ~} | env: should be a hash
        {proxy: ~} | proxy: should be a hash
        {proxy: true} | proxy: should be a hash
        {proxy: {app_port: "3000"}} | proxy/app_port: should be an integer
        {proxy: {ssl: x}} | proxy/ssl: should be a boolean or a hash
        {proxy: {healthcheck: {interval: 3s}}} | proxy/healthcheck/interval: should be an integer
        {proxy: {buffering: {requests: 1}}} | proxy/buffering/requests: should be a boolean
        {builder: {arch: ~}} | builder/arch: should be an array or a string
        {builder: {args: [a]}} | builder/args: should be a hash
        {ssh: {config: {a: b}}} | ssh/config: should be a boolean or a string or an array
        {ssh: {keys: a}} | ssh/keys: should be an array
        {hooks_output: [a]} | hooks_output: should be a string or a symbol
        {hooks_output: {pre-deploy: [a]}} | hooks_output/pre-deploy: should be a string or a symbol
        {output: {file: }} | output/file: should be a hash
        {registry: {server: [a]}} | registry/server: should be a string
        {accessories: {db: x}} | accessories/db: should be a hash
        {aliases: {a: [b]}} | aliases/a: should be a string
        {logging: {driver: [a]}} | logging/driver: should be a string
        {boot: {wait: "5"}} | boot/wait: should be an integer
        "#,
    );
}

#[test]
fn servers_and_roles_are_checked() {
    says(
        r#"
        {servers: [{a: b, c: d}]} | servers/0: multiple hosts found
        {servers: [{1.1.1.1: {}}]} | servers/0/1.1.1.1: should be a string or an array
        {servers: [~]} | servers/0: should be a string or a hash
        {servers: [5]} | servers/0: should be a string or a hash
        {servers: {web: ~}} | servers/web: should be an array or a hash
        {servers: {web: {hosts: 1.1.1.1}}} | servers/web/hosts: should be an array
        {servers: {web: {hosts: [a], labels: {role: x}}}} | servers/web/labels/role: invalid label. destination, role, and service are reserved labels
        {servers: {web: {hosts: [a], options: {restart: no}}}} | servers/web/options/restart: should be a string. Use "no" to disable restarts
        {servers: {web: {hosts: [a], options: {restart: sometimes}}}} | servers/web/options/restart: should be no, always, unless-stopped, on-failure, or on-failure:N
        {servers: {web: {hosts: [a], env: {tags: {}}}}} | servers/web/env: tags are only allowed in the root env
        {servers: {web: {hosts: [a], env: {clear: [b]}}}} | servers/web/env/clear: should be a hash
        {servers: {web: {hosts: [a], proxy: ~}}} | servers/web/proxy: should be a hash
        {servers: {web: {hosts: [a], proxy: {ssl: true}}}} | servers/web/proxy: Must set a host to enable automatic SSL
        {servers: {web: []}} | No servers specified for the web primary_role
        {servers: {jobs: [a]}} | The primary_role web isn't defined
        {servers: {web: [a], jobs: []}} | No servers specified for the jobs role. You can ignore this with allow_empty_roles: true
        {servers: {web: [a, b]}, proxy: {ssl: true, host: x}} | SSL is only supported on a single server unless you provide custom certificates, found 2 servers for role web
        {servers: {web: [a], api: {hosts: [b], proxy: {ssl: true, host: x}}}, proxy: {ssl: true, host: x}} | Different roles can't share the same host for SSL: x
        {servers: {web: {hosts: [a], proxy: {hosts: [y]}}}, proxy: {host: x}} | proxy: Specify one of 'host' or 'hosts', not both
        {servers: {web: [a], api: {hosts: [a], proxy: {run: {http_port: 81}}}}, proxy: {run: {http_port: 82}}} | Conflicting proxy run configurations for host a
        "#,
    );
    accepts("{servers: {web: [a], jobs: []}, allow_empty_roles: true}");
}

#[test]
fn sections_are_checked_across_their_keys() {
    says(
        r#"
        {env: {clear: {A: 1}, B: 2}} | env: unknown key: B
        {env: {A: ~}} | env/A: should be a string
        {env: {clear: {A: ~}}} | env/clear/A: should be a string
        {env: {secret: A}} | env/secret: should be an array
        {env: {tags: [a]}} | env/tags: should be a hash
        {env: {tags: {t1: a}}} | env/tags/t1: should be a hash
        {env: {tags: {t1: {tags: {}}}}} | env/tags/t1: tags are only allowed in the root env
        {proxy: {ssl: true}} | proxy: Must set a host to enable automatic SSL
        {proxy: {host: a, hosts: [b]}} | proxy: Specify one of 'host' or 'hosts', not both
        {proxy: {host: a, ssl: {certificate_pem: A}}} | proxy: Missing private_key_pem setting (required when certificate_pem is present)
        {proxy: {host: a, ssl: {private_key_pem: A}}} | proxy: Missing certificate_pem setting (required when private_key_pem is present)
        {proxy: {run: {publish: false, http_port: 1}}} | proxy: Cannot set http_port, https_port or bind_ips when publish is false
        {builder: {arch: []}} | builder: Builder arch not set
        {builder: {cache: {type: foo}}} | builder: Invalid cache type: foo
        {builder: {local: false}} | builder: Cannot disable local builds, no remote is set
        {builder: {arch: [a, b], pack: {builder: c}}} | builder: buildpacks only support building for one arch
        {registry: {username: ""}} | registry/username: is required
        {registry: {password: [A, B]}} | registry/password: should be a string or an array with one string (for secret lookup)
        {registry: {username: 5}} | registry/username: should be a string or an array with one string (for secret lookup)
        {registry: {server: "localhost:5000"}, builder: {arch: arm64, remote: "tcp://b"}} | Local registry with remote builder requires an SSH URL (e.g., ssh://user@host)
        {aliases: {Foo: a}} | aliases/Foo: Invalid alias name: 'Foo'. Must only contain lowercase letters, alphanumeric, hyphens and underscores.
        {aliases: {a/b: a}} | aliases/a/b: Invalid alias name: 'a/b'. Must only contain lowercase letters, alphanumeric, hyphens and underscores.
        {aliases: {deploy: a}} | aliases/deploy: Alias 'deploy' conflicts with a built-in command.
        {output: {otel: {}}} | OTel endpoint is required
        {output: {file: {}}} | file path is required
        {output: {foo: {}}} | output: unknown key: foo
        {ssh: {log_level: loud}} | invalid log level: loud
        {hooks_output: loud} | Invalid hooks_output 'loud', must be one of: quiet, verbose
        {hooks_output: {pre-deploy: loud}} | Invalid hooks_output 'loud' for hook 'pre-deploy', must be one of: quiet, verbose
        {service: a b} | Service name can only include alphanumeric characters, hyphens, and underscores
        {service: "a\nb"} | Service name can only include alphanumeric characters, hyphens, and underscores
        {service: 5} | Service name can only include alphanumeric characters, hyphens, and underscores
        {service: ""} | Missing required configuration for service
        {image: ""} | Missing required configuration for image
        {retain_containers: 0} | Must retain at least 1 container
        {minimum_version: 3.0.0} | Current version is 2.12.0, minimum required is 3.0.0
        {minimum_version: abc} | Malformed version number string abc
        {require_destination: true} | You must specify a destination
        "#,
    );
    accepts(
        "minimum_version: 2.12\naliases: {help: app logs}\nhooks_output: :quiet\nssh:\n  log_level: :debug\n",
    );
}

#[test]
fn accessories_are_checked() {
    let one_of = "accessories/db: specify one of `host`, `hosts`, `role`, `roles`, `tag` or `tags`";
    assert_eq!(messages("{accessories: {db: {image: a}}}"), [one_of]);
    assert_eq!(messages("{accessories: {db: {image: a, host: b, role: web}}}"), [one_of]);
    says(
        r#"
        {accessories: {db: {image: a, role: nope}}} | accessories/db: unknown role nope
        {accessories: {db: {image: a, roles: [a, b]}}} | accessories/db: unknown roles a, b
        {accessories: {db: {image: a, host: b, proxy: true}}} | accessories/db/proxy: should be a hash
        {accessories: {db: {image: a, host: b, env: {clear: x}}}} | accessories/db/env/clear: should be a hash
        {accessories: {db: {image: a, host: b, registry: {server: c, password: [P]}}}} | accessories/db/registry/username: is required
        {accessories: {db: {image: a, host: b, files: [{local: a, remote: /b, mode: [a]}]}}} | accessories/db/files/0/mode: should be a string
        "#,
    );
}

#[test]
fn what_crashes_or_misleads_in_kamal_is_an_error() {
    says(
        r#"
        {boot: {limit: "3"}} | boot/limit: should be a positive integer or a percentage
        {boot: {limit: 0}} | boot/limit: should be a positive integer or a percentage
        {proxy: {run: {bind_ips: [localhost]}}} | proxy: Invalid publish IP address: localhost
        {proxy: {host: a, ssl: {certificate: A}}} | proxy/ssl: unknown key: certificate
        {proxy: {app_port: 70000}} | proxy/app_port: should be a port between 1 and 65535
        {ssh: {port: x}} | ssh/port: should be a port between 1 and 65535
        {accessories: {db: {image: a, host: b, port: 70000}}} | accessories/db/port: should be a port between 1 and 65535
        {accessories: {db: {image: a, host: b, port: "127.0.0.1:54320000:5432"}}} | accessories/db/port: should be a port between 1 and 65535
        {drain_timeout: -1} | drain_timeout: should not be negative
        {labels: {service: x}} | labels/service: invalid label. destination, role, and service are reserved labels
        {accessories: {db: {host: b}}} | accessories/db/image: is required
        {accessories: {db: {image: a, hosts: [{b: c}]}}} | accessories/db/hosts/0: should be a string
        {accessories: {db: {image: a, host: b, files: [x]}}} | accessories/db/files/0: should name a local path and a path in the container
        {accessories: {db: {image: a, host: b, files: [{local: a, remote: /b, mode: 0600}]}}} | accessories/db/files/0/mode: should be a string
        "#,
    );
}

#[test]
fn an_error_names_the_place_and_the_way_out() {
    assert_eq!(
        display("proxy:\n  host: a\n  app_port: \"three thousand\" # really\n"),
        "error: proxy/app_port: should be an integer\n  \
         --> deploy.yml:3:13, which says `app_port: \"three thousand\"`\n  \
         hint: the port your container listens on, for example `app_port: 3000`"
    );
}

#[test]
fn everything_wrong_is_said_at_once_in_kamals_order() {
    let difference = "
volumes: a
volums: [b]
servers:
  web:
    hosts: [1.1.1.1]
    proxy: {app_port: x}
proxy:
  ssl: true
retain_containers: 0
";
    assert_eq!(
        messages(difference),
        [
            "unknown key: volums",
            "volumes: should be an array",
            "servers/web/proxy/app_port: should be an integer",
            "proxy: Must set a host to enable automatic SSL",
            "Must retain at least 1 container",
        ]
    );
}

#[test]
fn unknown_keys_are_refused_and_explained() {
    assert!(display("{volums: [b]}").contains("hint: did you mean `volumes`?"));
    assert!(display("{proxy: {helthcheck: {}}}").contains("hint: did you mean `healthcheck`?"));
    assert!(display("{builder: {x-foo: 1}}").starts_with("error: builder: unknown key: x-foo"));
    accepts("{x-foo: {anything: 1}}");
    let two = display("foo: 1\nbar: 2\n");
    assert!(two.starts_with(
        "error: unknown keys: foo, bar\n  --> deploy.yml:1:1, which says `foo: 1`\n  --> deploy.yml:2:1"
    ));
}

#[test]
fn keys_of_kamal_1_are_shown_in_their_new_form() {
    let moved = "proxy:\n          healthcheck:\n            path: /up\n            interval: 10";
    assert!(display("healthcheck:\n  path: /up\n  interval: 10s\n").contains(moved));
    let rule = "{traefik: {labels: {\"traefik.http.routers.shop.rule\": \"Host(`shop.example.com`)\"}}}";
    assert!(display(rule).contains("proxy:\n          host: shop.example.com"));
    assert!(display("{stop_wait_time: 40}").contains("`stop_timeout: 40`"));
    assert!(display("{builder: {multiarch: false}}").contains("`arch: amd64`"));
    assert!(display("{proxy: {acme: {email: a@example.com}}}").contains("`ssl: true` alone"));
}

/// `difference => lines of its hint`, a blank line between two.
fn hints(table: &str) {
    for case in table.split("\n\n") {
        let (difference, hint) = case.trim().split_once(" =>\n").unwrap();
        let shown = display(difference).replace("\n        ", "\n");
        let indent = hint.find(|c| c != ' ').unwrap_or_default();
        let hint: Vec<&str> = hint.lines().map(|line| line.get(indent..).unwrap_or_default()).collect();
        assert!(shown.contains(&hint.join("\n")), "{difference}\n{shown}");
    }
}

#[test]
fn old_forms_are_shown_in_their_new_form() {
    hints(
        r#"
        {env: [RAILS_MASTER_KEY, DATABASE_URL]} =>
        env:
          secret:
            - RAILS_MASTER_KEY
            - DATABASE_URL

        {env: [RAILS_ENV=production, "X=a: b"]} =>
        env:
          clear:
            RAILS_ENV: "production"
            X: "a: b"

        {env: {clear: [A]}} =>
        clear:
          A: …

        {accessories: {db: {image: x, host: y, env: {secret: {A: hunter2}}}}} =>
        secret:
          - A

        {builder: {local: {arch: arm64}, remote: {arch: amd64, host: "ssh://root@b"}}} =>
        builder:
          arch:
            - arm64
            - amd64
          remote: ssh://root@b

        {servers: {web: {hosts: [a], labels: {traefik.http.routers.x.rule: "Host(`x.example.com`) && PathPrefix(`/api`)", traefik.http.routers.x.tls.certresolver: le, traefik.http.services.x.loadbalancer.server.port: 3000}}}, traefik: {host_port: 8080}} =>
        proxy:
          ssl: true
          host: x.example.com
          path_prefix: /api
          app_port: 3000
          run:
            http_port: 8080

        {image: acme/acme, traefik: {publish: false}} =>
        proxy:
          host: app.example.com
          run:
            publish: false

        {servers: {web: {hosts: [a]}, jobs: {hosts: [a], healthcheck: {cmd: "test -e /x"}}}} =>
        options:
          health-cmd: "test -e /x"

        {accessories: {ssh: {image: i, host: h, port: 22:22}}} =>
        YAML reads 22:22 as the number 80520; put it in quotes

        {primary_web_role: app} =>
        Kamal 2 calls it `primary_role: app`

        {volumes: "a:/b"} =>
        volumes:
          - a:/b

        {labels: [a=b]} =>
        labels:
          a: "b"

        {deploy_timeout: 30s} =>
        `deploy_timeout: 30`

        {require_destination: "true"} =>
        `require_destination: true`
        "#,
    );
}

#[test]
fn hosts_with_attributes_are_shown_with_tags() {
    let regions = "servers:\n  web:\n    hosts:\n      - host: us-1.example.com\n        region: us-east-1\n";
    assert!(display(regions).contains("- us-1.example.com: us-east-1"));
    assert!(display("{servers: [{host: 1.1.1.1}]}").contains("- 1.1.1.1"));
}

#[test]
fn credentials_never_show_in_an_error() {
    let shown = display("registry:\n  username: acme\n  password:\n    - hunter2\n    - hunter3\n");
    assert!(!shown.contains("hunter"), "{shown}");
    let shown = display("registry:\n  password: [hunter2, hunter3]\n");
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn yaml_that_cannot_be_read_is_placed() {
    let shown = display("service: shop\nservers: [\n");
    assert!(shown.starts_with("error: this is not YAML: "), "{shown}");
    assert!(shown.contains("deploy.yml:3"), "{shown}");
    assert!(display("").contains("deploy.yml is empty"));
    assert!(display("- a\n").contains("should be a hash"));
    assert!(display("a: *b\n").contains("names no anchor (`&NAME`) above it"));
    assert!(display("a: 1\nb: <%= `date` %>\n").contains("--> deploy.yml:2, which says `b: <%= `date` %>`"));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "x-0: &a0 [a, a, a, a, a, a, a, a, a, a]\n".to_string();
    for level in 1..8 {
        let inner = level - 1;
        bomb += &format!("x-{level}: &a{level} [{}]\n", vec![format!("*a{inner}"); 10].join(", "));
    }
    assert!(display(&bomb).contains("this alias makes the file too large"));
    assert!(display(&"[".repeat(5000)).contains("this is not YAML"));
}

#[test]
fn rules_for_visitors_are_checked() {
    says(
        r#"
        {proxy: {ssl: true, ssl_on_demand_url: check}} | proxy/ssl_on_demand_url: should be a path (`/tls/check`) or a URL
        {proxy: {ssl: false, ssl_on_demand_url: /check}} | proxy/ssl_on_demand_url: cannot be set with `ssl: false`
        {proxy: {host: a.com, ssl: true, ssl_on_demand_url: /check}} | proxy/ssl_on_demand_url: cannot be set with host or hosts: it is for names that nobody lists
        {proxy: {ssl: {certificate_pem: A, private_key_pem: B}, ssl_on_demand_url: /check}} | proxy/ssl/certificate_pem: cannot be set with ssl_on_demand_url
        {proxy: {allow_ips: 10.0.0.1}} | proxy/allow_ips: should be an array
        {proxy: {rate_limit: 100}} | proxy/rate_limit: should be a hash
        {proxy: {rate_limit: {}}} | proxy/rate_limit: requests is required
        {proxy: {rate_limit: {requests: 0}}} | proxy/rate_limit/requests: should be at least 1
        {proxy: {rate_limit: {requests: 1, every: 2}}} | proxy/rate_limit: unknown key: every
        {proxy: {basic_auth: {except: [/up]}}} | proxy/basic_auth: users is required
        {proxy: {app_protocol: grpc}} | proxy/app_protocol: 'grpc' should be one of: http1, h2c
        {proxy: {www_redirect: both}} | proxy/www_redirect: 'both' should be one of: add, remove
        {proxy: {response_headers: [A]}} | proxy/response_headers: should be a hash
        {proxy: {response_headers: {Content-Length: 5}}} | proxy/response_headers/Content-Length: is the proxy's own affair and cannot be changed
        {proxy: {response_headers: {A B: c}}} | proxy/response_headers/A B: should be named with letters, digits and dashes
        {proxy: {response_headers: {A: true}}} | proxy/response_headers/A: should be a text, or false
        {proxy: {response_headers: {A: "b\nc"}}} | proxy/response_headers/A: should be one line of ASCII text
        {proxy: {response_headers: {Strict-Transport-Security: a}}} | proxy/response_headers/Strict-Transport-Security: is not for plain http
        {proxy: {compression: true}} | proxy/compression: should be an array
        {proxy: {compression: [gzip, deflate]}} | proxy/compression/1: 'deflate' should be one of: zstd, br, gzip
        {proxy: {path_timeouts: {reports: 5}}} | proxy/path_timeouts/reports: should be a path that begins with a slash
        {proxy: {path_timeouts: {/reports: 5m}}} | proxy/path_timeouts//reports: should be a whole number of seconds
        {proxy: {idle_timeout: 0}} | proxy/idle_timeout: should be at least 1
        {proxy: {sticky_sessions: maybe}} | proxy/sticky_sessions: should be a boolean
        {proxy: {run: {status: true}}} | proxy/run/status: needs a metrics_port
        {proxy: {hsts: {preload: true}}} | proxy/hsts: max_age is required
        {proxy: {hsts: {max_age: 1, preload: true}}} | proxy/hsts: preload needs include_subdomains, and a max_age of at least 31536000
        "#,
    );
}

#[test]
fn proofs_through_a_zone_are_checked() {
    says(
        r#"
        {proxy: {host: a, ssl: {dns: cloudflare}}} | proxy/ssl/dns: should be a hash
        {proxy: {host: a, ssl: {dns: {}}}} | proxy/ssl/dns: provider is required
        {proxy: {host: a, ssl: {dns: {provider: bind}}}} | proxy/ssl/dns/provider: 'bind' should be one of: cloudflare, digitalocean, exec, hetzner, rfc2136, route53
        {proxy: {host: a, ssl: {dns: {provider: route53, credentials: [AWS_ACCESS_KEY_ID]}}}} | proxy/ssl/dns: route53 needs AWS_SECRET_ACCESS_KEY
        {proxy: {host: a, ssl: {dns: {provider: exec, settings: {EXEC_PATH: /x}, path: /x}}}} | proxy/ssl/dns: unknown key: path
        {proxy: {host: a, ssl: {dns: {provider: exec, settings: {EXEC_PATH: /x}}, certificate_pem: A, private_key_pem: B}}} | proxy/ssl/dns: cannot be set with certificate_pem, which needs no proof
        {proxy: {host: a, ssl: {staging: true, directory: "https://x"}}} | proxy/ssl/directory: cannot be set with staging, which is a directory by itself
        {proxy: {host: a, ssl: {directory: acme.example.com}}} | proxy/ssl/directory: should be a URL that begins with https://
        {proxy: {host: "*.a.com", ssl: true}} | *.a.com can only get a certificate through its zone
        "#,
    );
}
