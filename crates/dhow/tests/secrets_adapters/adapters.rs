//! Kamal's adapters: what their programs are asked, and what becomes of the answers.

use super::desk::Desk;

#[test]
fn one_password() {
    let fetch = "-a 1password --account acme --from 'Prod/Web app'";
    let password = r#"pa$$HOME "w" (x) | \ é"#;
    let json = r#"{"Prod/Web app":"pa$$HOME \"w\" (x) | \\ é","Prod/Web app/API/KEY":"k3y","Prod/Web app/HOST":"db.example.com"}"#;
    let get = "op item get <Web app> --vault Prod --format json --account acme";
    let first = ["op --version", "op account get --account acme"];

    let one = format!("{get} --fields label=password");
    let only_password = r#"{"Prod/Web app":"pa$$HOME \"w\" (x) | \\ é"}"#;
    Desk::new()
        .fetches(
            "-a one_password --account acme 'op://Prod/Web app'",
            only_password,
            &[first[0], first[1], &one],
        )
        .extracts("-a 1password --account acme 'Prod/Web app'", &[("Prod/Web app", password)]);

    let two = format!("{get} --fields label=API.KEY,label=HOST");
    let both = json.replace(r#""Prod/Web app":"pa$$HOME \"w\" (x) | \\ é","#, "");
    Desk::new()
        .fetches(&format!("{fetch} API/KEY HOST"), &both, &[first[0], first[1], &two])
        .extracts(&format!("{fetch} API/KEY HOST"), &[("KEY", "k3y"), ("HOST", "db.example.com")]);

    let all = r#"{"Prod/Web app/HOST":"db.example.com","Prod/Web app/notes":null}"#;
    Desk::new().fetches(fetch, all, &[first[0], first[1], get]);

    let unread = "Could not read NOPE from Web app in the Prod 1Password vault";
    Desk::new().refuses(&format!("{fetch} NOPE"), unread);
    Desk::new().refuses("-a 1password --account acme", "No secrets given to fetch");
    Desk::new().refuses("-a 1password --account acme HOST", "HOST names no item");
}

#[test]
fn one_password_signs_in() {
    let fetch = "-a 1password --account acme 'Prod/Web app/password'";
    let asked = [
        "op --version",
        "op account get --account acme",
        "op signin --account acme --force --raw",
        "op item get <Web app> --vault Prod --format json --account acme --session op-session-token --fields label=password",
    ];
    let json = r#"{"Prod/Web app":"pa$$HOME \"w\" (x) | \\ é"}"#;
    let desk = || Desk::new().file("signed-out", "");
    desk().typing("hunter2\n").fetches(fetch, json, &asked);
    desk().typing("wrong\n").refuses(fetch, "Failed to login to 1Password");
    desk().file("denied", "").refuses(fetch, "Failed to login to 1Password");
    desk().typing("hunter2\n").extracts(fetch, &[("Prod/Web app", r#"pa$$HOME "w" (x) | \ é"#)]);
}

#[test]
fn last_pass() {
    let fetch = "-a lastpass --account ann@example.com";
    let first = ["lpass --version", "lpass status --color never"];
    Desk::new()
        .fetches(
            &format!("{fetch} A B"),
            r#"{"A":"one two","B":"2"}"#,
            &[first[0], first[1], "lpass show A B --json"],
        )
        .extracts(&format!("{fetch} A B"), &[("A", "one two"), ("B", "2")]);
    Desk::new()
        .fetches(
            &format!("{fetch} --from Shop A"),
            r#"{"Shop/A":"one two"}"#,
            &[first[0], first[1], "lpass show Shop/A --json"],
        )
        .extracts(&format!("{fetch} --from Shop A"), &[("A", "one two")]);
    Desk::new().refuses(&format!("{fetch} A C"), "Could not find C in LastPass");
    Desk::new().refuses(&format!("{fetch} X"), r#"Could not read ["X"] from LastPass"#);
}

#[test]
fn last_pass_logs_in() {
    let fetch = "-a last_pass --account ann@example.com --from Shop A";
    let asked = [
        "lpass --version",
        "lpass status --color never",
        "lpass login ann@example.com",
        "lpass show Shop/A --json",
    ];
    let desk = || Desk::new().file("signed-out", "");
    desk().typing("hunter2\n").fetches(fetch, r#"{"Shop/A":"one two"}"#, &asked);
    desk().typing("wrong\n").refuses(fetch, "Failed to login to LastPass");
}

#[test]
fn bitwarden() {
    let fetch = "-a bitwarden --account ann@example.com";
    let first = ["bw --version", "bw status", "bw sync"];
    Desk::new()
        .fetches(
            &format!("{fetch} shop shop/KEY keys"),
            r#"{"shop":"pa$$ (1)","shop/KEY":"k3y","keys/K1":"v1","keys/K2":"v2"}"#,
            &[first[0], first[1], first[2], "bw get item shop", "bw get item keys"],
        )
        .extracts(&format!("{fetch} shop keys"), &[("shop", "pa$$ (1)"), ("K2", "v2")]);
    Desk::new()
        .fetches(
            &format!("{fetch} --from keys K2"),
            r#"{"keys/K2":"v2"}"#,
            &[first[0], first[1], first[2], "bw get item keys"],
        )
        .extracts(&format!("{fetch} --from keys K2"), &[("K2", "v2")]);
    Desk::new().refuses(&format!("{fetch} shop/X"), "Could not find field X in item shop in Bitwarden");
    Desk::new()
        .refuses(&format!("{fetch} note"), "Item note is not a login type item and no fields were specified");
    Desk::new().refuses(&format!("{fetch} gone"), "Could not read gone from Bitwarden");
    Desk::new().file("unsynced", "").refuses(&format!("{fetch} shop"), "Failed to sync Bitwarden");
}

#[test]
fn bitwarden_logs_in_and_unlocks() {
    let fetch = "-a bitwarden --account ann@example.com shop";
    let asked = [
        "bw --version",
        "bw status",
        "bw login ann@example.com",
        "bw status",
        "bw unlock --raw",
        "bw status",
        "bw sync",
        "bw get item shop",
    ];
    let failed = "Failed to login to and unlock Bitwarden";
    let desk = |status: &str| Desk::new().file("bw-status", status);
    let json = r#"{"shop":"pa$$ (1)"}"#;
    desk("unauthenticated").typing("hunter2\nhunter2\n").fetches(fetch, json, &asked);
    desk("unauthenticated").typing("wrong\n").refuses(fetch, failed);
    desk("locked").typing("wrong\n").refuses(fetch, failed);
    desk("locked").typing("hunter2\n").extracts(fetch, &[("shop", "pa$$ (1)")]);
}

#[test]
fn bitwarden_secrets_manager() {
    let desk = || Desk::new().env("BWS_ACCESS_TOKEN", "token");
    let first = ["bws --version", "bws project list"];
    let url = "postgres://a:b@h/d?x=1&y";
    let json = format!(r#"{{"DATABASE_URL":"{url}","EMPTY":""}}"#);
    desk()
        .fetches("-a bitwarden-sm all", &json, &[first[0], first[1], "bws secret list"])
        .extracts("-a bitwarden-sm all", &[("DATABASE_URL", url), ("EMPTY", "")]);
    desk().fetches("-a bitwarden-sm 82aeb5bd/all", &json, &[first[0], first[1], "bws secret list 82aeb5bd"]);
    desk()
        .fetches(
            "-a bitwarden_secrets_manager 6f8cdf27 7a9d0e38",
            r#"{"KEY":"line 1\nline 2","HOST":"db"}"#,
            &[first[0], first[1], "bws secret get 6f8cdf27", "bws secret get 7a9d0e38"],
        )
        .extracts("-a bitwarden-sm 6f8cdf27 7a9d0e38", &[("KEY", "line 1\nline 2"), ("HOST", "db")]);
    desk().refuses("-a bitwarden-sm", "You must specify what to retrieve from Bitwarden Secrets Manager");
    desk().refuses("-a bitwarden-sm x", "Could not read x from Bitwarden Secrets Manager");
    desk().refuses("-a bitwarden-sm x/all", "Could not read secrets from Bitwarden Secrets Manager");
    let unauthenticated =
        "Could not authenticate to Bitwarden Secrets Manager. Did you set a valid access token?";
    Desk::new().refuses("-a bitwarden-sm all", unauthenticated);
}

#[test]
fn aws_secrets_manager() {
    let get = "aws secretsmanager batch-get-secret-value --secret-id-list";
    let json = r#"{"shop/db/user":"ann","shop/db/PASSWORD":"pa$$ \"w\"","shop/db/port":"5432","shop/db/tls":"true","shop/key":"0123 not json"}"#;
    let fetch = "-a aws_secrets_manager --from shop db key";
    Desk::new()
        .fetches(
            &format!("{fetch} --account deploy"),
            json,
            &["aws --version", &format!("{get} shop/db shop/key --profile deploy --output json")],
        )
        .extracts(fetch, &[("PASSWORD", "pa$$ \"w\""), ("port", "5432"), ("key", "0123 not json")]);
    Desk::new().fetches(
        "-a aws_secrets_manager numbers quoted",
        r#"{"numbers":"12345678901234567890123","quoted":"q"}"#,
        &["aws --version", &format!("{get} numbers quoted --output json")],
    );
    let desk = Desk::new();
    desk.refuses("-a aws_secrets_manager none", "none: Secrets Manager can't find it.");
    desk.refuses(
        "-a aws_secrets_manager numbers blob",
        "blob is binary in AWS Secrets Manager: only text can be a secret",
    );
    desk.refuses("-a aws_secrets_manager x", r#"Could not read ["x"] from AWS Secrets Manager"#);
}

#[test]
fn gcp_secret_manager() {
    let first = ["gcloud --version", "gcloud auth list --format=json"];
    let access = "gcloud secrets versions access";
    let fetches = |arguments: &str, key: &str, asked: &str| {
        let json = format!(r#"{{"{key}":"sec>??"}}"#);
        Desk::new()
            .fetches(
                &format!("-a gcp {arguments}"),
                &json,
                &[first[0], first[1], &format!("{access} {asked}")],
            )
            .extracts(&format!("-a gcp {arguments}"), &[("key", "sec>??")]);
    };
    fetches("--account default key", "default/key", "latest --secret=key --format=json");
    fetches(
        "--account ann@example.com --from shop key",
        "shop/key",
        "latest --secret=key --project=shop --account=ann@example.com --format=json",
    );
    fetches(
        "--account 'default|sa@x,sb@x' shop/key/3",
        "shop/key",
        "3 --secret=key --project=shop --impersonate-service-account=sa@x,sb@x --format=json",
    );
    let desk = Desk::new();
    desk.refuses(
        "-a gcp_secret_manager --account default x",
        "Could not read default/x from Google Secret Manager",
    );
    desk.refuses(
        "-a gcp --account default blob",
        "default/blob in Google Secret Manager is not text: only text can be a secret",
    );
}

#[test]
fn gcp_secret_manager_logs_in() {
    let asked = [
        "gcloud --version",
        "gcloud auth list --format=json",
        "gcloud auth login",
        "gcloud auth list --format=json",
        "gcloud secrets versions access latest --secret=key --format=json",
    ];
    let fetch = "-a gcp --account default key";
    let desk = || Desk::new().file("signed-out", "");
    desk().fetches(fetch, r#"{"default/key":"sec>??"}"#, &asked);
    desk().file("denied", "").refuses(fetch, "could not login to gcloud");
}

#[test]
fn doppler() {
    let first = ["doppler --version", "doppler me --json"];
    let json = r#"{"A":"one $two","B":"2"}"#;
    let get = "doppler secrets get A B --json";
    Desk::new()
        .fetches(
            "-a doppler --from shop/prd A B",
            json,
            &[first[0], first[1], &format!("{get} -p shop -c prd")],
        )
        .extracts("-a doppler shop/prd/A shop/prd/B", &[("A", "one $two"), ("B", "2")]);
    Desk::new().env("DOPPLER_TOKEN", "dp.st.prd.x").fetches(
        "-a doppler A B",
        json,
        &[first[0], first[1], get],
    );
    let misplaced = "Missing project or config from '--from=project/config' option";
    Desk::new().env("DOPPLER_TOKEN", "dp.pt.x").refuses("-a doppler A", misplaced);
    Desk::new().refuses("-a doppler shop/prd/X", r#"Could not read ["shop/prd/X"] from Doppler"#);
}

#[test]
fn doppler_logs_in() {
    let asked = [
        "doppler --version",
        "doppler me --json",
        "doppler login -y",
        "doppler secrets get A B --json -p shop -c prd",
    ];
    let fetch = "-a doppler --from shop/prd A B";
    let desk = || Desk::new().file("signed-out", "");
    desk().fetches(fetch, r#"{"A":"one $two","B":"2"}"#, &asked);
    let shown = desk().dhow(&format!("secrets fetch {fetch}"));
    assert!(shown.errors.contains("Your auth code is: pony_pie"), "a login talks to the user: {shown:?}");
    desk().file("denied", "").refuses(fetch, "Failed to login to Doppler");
}

#[test]
fn enpass() {
    let fetch = "-a enpass --from '/vaults/my primary'";
    let asked = ["enpass-cli version", "enpass-cli -json -vault </vaults/my primary> show Shop"];
    Desk::new()
        .fetches(&format!("{fetch} Shop"), r#"{"Shop/DB":"p (1)","Shop/KEY":"k3y","Shop":"bare"}"#, &asked)
        .extracts(&format!("{fetch} Shop"), &[("DB", "p (1)"), ("KEY", "k3y"), ("Shop", "bare")]);
    Desk::new().fetches(
        &format!("{fetch} Shop/DB Shop/KEY"),
        r#"{"Shop/DB":"p (1)","Shop/KEY":"k3y"}"#,
        &asked,
    );
    Desk::new().refuses(&format!("{fetch} Twice"), "Twice/A is present more than once");
    Desk::new().refuses(&format!("{fetch} X"), r#"Could not read ["X"] from Enpass"#);
    Desk::new().refuses("-a enpass Shop", "Missing the path of the vault: give it with '--from'");
}

#[test]
fn passbolt() {
    let first = ["passbolt --version", "passbolt verify"];
    let columns = "--column name --column password --json";
    let list = format!(r#"passbolt list resources --filter <Name == "A" || Name == "it's B"> {columns}"#);
    Desk::new()
        .fetches(r#"-a passbolt A "it's B""#, r#"{"it's B":"b (2)","A":"one"}"#, &[first[0], first[1], &list])
        .extracts(r#"-a passbolt A "it's B""#, &[("A", "one"), ("it's B", "b (2)")]);

    let list = format!(
        r#"passbolt list resources --filter <(Name == "A" && FolderParentID == "f1")> --folder f1 {columns}"#
    );
    Desk::new()
        .fetches(
            "-a passbolt --from shop A",
            r#"{"A":"one"}"#,
            &[first[0], first[1], r#"passbolt list folders --filter <Name == "shop"> --json"#, &list],
        )
        .extracts("-a passbolt --from shop A", &[("A", "one")]);
}

#[test]
fn passbolt_finds_nested_folders() {
    let asked = [
        "passbolt --version",
        "passbolt verify",
        r#"passbolt list folders --filter <Name == "shop" || Name == "other"> --json"#,
        r#"passbolt list folders --filter <Name == "prod" && FolderParentID == "f1"> --json"#,
        r#"passbolt list resources --filter <(Name == "A" && FolderParentID == "f2") || (Name == "C" && FolderParentID == "f8")> --folder f1 --folder f8 --folder f2 --column name --column password --json"#,
    ];
    Desk::new()
        .fetches("-a passbolt shop/prod/A other/C", r#"{"A":"one","C":"three"}"#, &asked)
        .extracts("-a passbolt shop/prod/A other/C", &[("A", "one"), ("C", "three")]);
    let desk = Desk::new();
    let no_folder = "Could not find the following folders in Passbolt: shop/test, gone";
    desk.refuses("-a passbolt shop/test/A gone/A gone/B", no_folder);
    desk.refuses("-a passbolt X", "Could not find the following secrets in Passbolt: X");
    desk.refuses("-a passbolt", "No secrets given to fetch");
    Desk::new().file("unverified", "").refuses("-a passbolt X", "Failed to login to Passbolt");
}

#[test]
fn test() {
    Desk::new()
        .fetches("-a test --account x ABC --from F", r#"{"F/ABC":"CBA/F"}"#, &[])
        .extracts("-a test --account x aLPARENb 1RPAREN", &[("aLPARENb", "b(a"), ("1RPAREN", ")1")]);
}

#[test]
fn programs_that_are_not_there() {
    let desk = Desk::new().env("PATH", "/nonexistent");
    for (adapter, tool) in [
        ("1password", "1Password"),
        ("lastpass", "LastPass"),
        ("bitwarden", "Bitwarden"),
        ("bitwarden-sm", "Bitwarden Secrets Manager"),
        ("aws_secrets_manager", "AWS"),
        ("gcp", "gcloud"),
        ("doppler", "Doppler"),
        ("enpass", "Enpass"),
        ("passbolt", "Passbolt"),
        ("age", "age"),
        ("sops", "sops"),
    ] {
        let error = format!("{tool} CLI is not installed");
        desk.refuses(&format!("-a {adapter} --account x --from V/I A"), &error);
    }
}

#[test]
fn what_is_missing_on_the_command_line_is_an_error() {
    let desk = Desk::new();
    for adapter in ["1password", "lastpass", "bitwarden", "gcp", "test"] {
        desk.refuses(&format!("-a {adapter} A"), "No value provided for required options '--account'");
    }
    desk.refuses("-a keepass A", "Unknown secrets adapter: keepass");
    let ended = desk.dhow("secrets fetch A");
    assert_eq!((ended.status, ended.output.as_str()), (1, ""), "{ended:?}");
    assert!(ended.errors.contains("--adapter"), "{ended:?}");
    assert_eq!(desk.asked(), "");
}
