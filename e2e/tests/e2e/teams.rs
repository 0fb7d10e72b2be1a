//! Do the command lines of five teams' deployment guides work as they are written there?

use anyhow::Result;
use dhow_e2e::{Bed, Host, Project};

use crate::site::PROXY;

/// Rails is what they run; here it says what it was asked, a line per argument.
const RAILS: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\"\n";

const ALIASES: &str = "aliases:
  console: app exec --interactive --reuse \"bin/rails console\"
  shell: app exec --interactive --reuse \"sh\"
  logs: app logs -f
  dbc: app exec --interactive --reuse \"bin/rails dbconsole\"
";

/// Each line with a part of what it should print, `-` for nothing in particular.
const LINES: [(&str, &str); 46] = [
    ("dhow setup", "-"),
    ("dhow app logs", "listening on port 80"),
    ("dhow app logs --lines 100", "listening on port 80"),
    ("dhow app logs --lines 500 | grep -i LISTENING", "listening"),
    ("dhow accessory logs redis", "listening on port 80"),
    ("dhow app exec \"bundle exec rails app:full_cleanup\"", "app:full_cleanup"),
    ("dhow app exec \"free -h\"", "Mem:"),
    ("dhow app exec 'bin/rails db:migrate'", "db:migrate"),
    ("dhow app exec 'bin/rails db:migrate:down VERSION=20250901110628'", "VERSION=20250901110628"),
    (
        "dhow app exec 'bin/rails runner \"Article.reindex!; Author.reindex!\"'",
        "Article.reindex!; Author.reindex!",
    ),
    (
        "dhow app exec 'tar -cz ballast' > db_backup_$(date +%Y%m%d).tar.gz && tar -tzf db_backup_*.tar.gz",
        "ballast",
    ),
    ("dhow console < /dev/null", "console"),
    ("dhow dbc < /dev/null", "dbconsole"),
    ("dhow app restart", "-"),
    ("dhow app restart --role web", "-"),
    ("dhow app restart --role workers", "-"),
    ("dhow accessory restart redis", "-"),
    ("git commit -q --allow-empty -m next && dhow deploy", "-"),
    ("dhow app rollback", "-"),
    ("git commit -q --allow-empty -m next && dhow deploy", "-"),
    ("dhow rollback", "-"),
    ("dhow rollback previous", "-"),
    ("dhow deploy --version=v1.2.3", "-"),
    ("dhow deploy --skip-hooks", "-"),
    ("dhow app stop", "-"),
    ("dhow app start", "-"),
    ("dhow app stop && dhow app start --version=previous", "-"),
    ("dhow app start --version=last-known-good", "-"),
    ("dhow deploy -c config/deploy.contabo.yml", "-"),
    ("dhow app logs --lines 100 -c config/deploy.contabo.yml", "listening"),
    ("dhow app logs -c config/deploy.contabo.yml | grep listening", "listening"),
    (
        "dhow app exec -c config/deploy.contabo.yml 'bin/rails runner \"puts Article.count\"'",
        "puts Article.count",
    ),
    ("dhow app boot -c config/deploy.contabo.yml", "-"),
    ("git commit -q --allow-empty -m next && dhow deploy -c config/deploy.contabo.yml", "-"),
    ("dhow rollback -c config/deploy.contabo.yml", "-"),
    ("dhow registry login", "-"),
    ("dhow build push -d production --verbose", "-"),
    ("dhow deploy -d production", "-"),
    ("dhow deploy -d production --skip-push", "-"),
    ("dhow app details -d production", "shop-web-production-"),
    ("dhow app images -d production", "captain/shop"),
    ("dhow app exec -d production \"env | sort\"", "PATH=/bin"),
    ("dhow app boot -d production && dhow proxy reboot -d production --yes", "-"),
    ("dhow proxy details -d production && dhow proxy logs -d production", "kamal-proxy"),
    ("dhow app remove -d production", "-"),
    ("dhow remove --yes -c config/deploy.contabo.yml && dhow remove --yes", "-"),
];

#[test]
fn guides_work_as_they_are_written() -> Result<()> {
    let bed = Bed::up(1)?;
    let shop = Project::new(&bed, "shop")?;
    let server = &bed.servers[0];
    write_project(&bed, &shop, server)?;
    let failed: Vec<_> = LINES.iter().filter_map(|(line, part)| complaint(&shop, line, part)).collect();
    assert!(failed.is_empty(), "{} of {} lines\n{}", failed.len(), LINES.len(), failed.join("\n======\n"));
    // Gone since Kamal 2: nothing is wrong on the servers, but the team has to be told.
    shop.sh("dhow env push -d production").exits(1).says(&["dhow app boot"]);
    Ok(())
}

fn complaint(shop: &Project, line: &str, part: &str) -> Option<String> {
    let outcome = shop.sh(line);
    let is_right = outcome.succeeded() && (part == "-" || outcome.text().contains(part));
    (!is_right).then(|| format!("no {part:?} from {}", outcome.transcript()))
}

fn write_project(bed: &Bed, shop: &Project, server: &Host) -> Result<()> {
    let address = server.address();
    let roles = format!(
        "servers:\n  web: [{address}]\n  workers:\n    hosts: [{address}]\n    cmd: /bin/app worker\nreadiness_delay: 0\n"
    );
    let image = format!("{}/captain/redis:7", bed.registry.address());
    let redis = format!(
        "accessories:\n  redis:\n    image: {image}\n    host: {address}\n    cmd: /bin/app\n    directories: [data:/data]\n"
    );
    let registry = bed.registry.yaml();
    shop.executable("base/bin/rails", RAILS)?;
    shop.executable("base/bin/bundle", "#!/bin/sh\nshift 2\nexec rails \"$@\"\n")?;
    shop.configure(&[&roles, &registry, PROXY, &redis, ALIASES])?;
    shop.write(
        "config/deploy.contabo.yml",
        &shop
            .deploy_yaml(&[&roles, &registry, PROXY])
            .replace("service: shop", "service: news")
            .replace("proxy:", "proxy:\n  host: news.example"),
    )?;
    shop.write("config/deploy.production.yml", "proxy:\n  host: production.example\n")?;
    shop.write(".kamal/secrets-common", &format!("KAMAL_REGISTRY_PASSWORD={}\n", bed.registry.password()))?;
    shop.commit("v1")?;
    shop.sh(&format!(
        "docker build --quiet --tag {image} . && {} && docker push {image}",
        bed.registry.login_line()
    ))
    .ok();
    Ok(())
}
