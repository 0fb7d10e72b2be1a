//! Our own adapters: encrypted files in the repository.

use super::desk::Desk;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn sops() {
    let asked = ["sops -d --output-type json secrets.enc.yaml"];
    let fetch = "-a sops --from secrets.enc.yaml";
    Desk::new()
        .fetches(fetch, r#"{"A":"one $two (3)","db/PASSWORD":"p","db/port":"5432"}"#, &asked)
        .extracts(fetch, &[("A", "one $two (3)"), ("PASSWORD", "p"), ("port", "5432")]);
    Desk::new().fetches(&format!("{fetch} db/port A"), r#"{"A":"one $two (3)","db/port":"5432"}"#, &asked);
    let desk = Desk::new();
    desk.refuses(&format!("{fetch} A B C"), "Could not find B, C in secrets.enc.yaml");
    desk.refuses("-a sops --from x A", "Could not decrypt x with sops");
    desk.refuses("-a sops A", "Missing the encrypted file: give it with '--from'");
}

#[test]
fn age() {
    let fetch = "-a age --from secrets.age";
    let json = r#"{"A":"one $two","B":"2"}"#;
    let desk = |identity: &str| Desk::new().file(identity, "");
    let decrypts = |desk: Desk, arguments: &str, identity: &str| {
        let asked = format!("age -d -i {} -- secrets.age", desk.path(identity).display());
        desk.fetches(&format!("{fetch} {arguments}"), json, &[&asked])
    };
    decrypts(desk("keys/mine"), "--account ~/keys/mine", "keys/mine")
        .extracts(&format!("{fetch} --account ~/keys/mine"), &[("A", "one $two"), ("B", "2")]);
    for name in ["AGE_IDENTITY", "SOPS_AGE_KEY_FILE"] {
        let desk = desk("mine");
        let path = desk.path("mine").display().to_string();
        decrypts(desk.env(name, &path), "B A", "mine");
    }
    let json_file = "-a age --account ~/mine --from secrets.json.age";
    let opened = desk("mine").dhow(&format!("secrets fetch {json_file} PASSWORD db"));
    assert!(opened.errors.contains("Could not find PASSWORD in secrets.json.age"), "{opened:?}");
    desk("mine").extracts(json_file, &[("A", "one $two"), ("db/PASSWORD", "p"), ("PASSWORD", "p")]);
}

#[test]
fn age_looks_for_identities_in_the_usual_places() {
    let tries = |desk: Desk, identities: &[&str]| {
        let paths: Vec<String> =
            identities.iter().map(|path| desk.path(path).display().to_string()).collect();
        let tried = match identities {
            [] => "no identity was found in the usual places".to_string(),
            _ => format!("tried with {}", paths.join(", ")),
        };
        let error = format!("Could not decrypt secrets.age with age: {tried}");
        desk.refuses("-a age --from secrets.age A", &error);
        let flags: String = paths.iter().map(|path| format!(" -i {path}")).collect();
        assert_eq!(desk.asked(), format!("age -d{flags} -- secrets.age\n"));
    };
    let ssh = || Desk::new().file(".ssh/id_rsa", "").file(".ssh/id_ed25519", "");
    tries(ssh(), &[".ssh/id_ed25519", ".ssh/id_rsa"]);
    tries(ssh().file(".config/sops/age/keys.txt", ""), &[".config/sops/age/keys.txt"]);
    tries(Desk::new(), &[]);
}

#[test]
fn nothing_in_an_encrypted_file_is_run_or_shown() {
    let desk = Desk::new().file("mine", "");
    let fetch = "-a age --account ~/mine --from running.age A";
    let error = "Line 2 of what is in running.age cannot be used: a $(command) is not run there, and `export` needs a value";
    desk.refuses(fetch, error);
    assert!(!desk.dhow(&format!("secrets fetch {fetch}")).errors.contains("hunter2"));
}

/// With the real age, where it is installed.
#[test]
fn age_itself() {
    let Some(installed) = installed("age") else { return };
    let path = format!("{}:{}", installed.display(), std::env::var("PATH").unwrap());
    let desk = Desk::new().env("PATH", &path);
    let keys = desk.path(".config/age/keys.txt");
    fs::create_dir_all(keys.parent().unwrap()).unwrap();
    let made = Command::new("age-keygen").arg("-o").arg(&keys).stderr(Stdio::null()).status().unwrap();
    assert!(made.success());
    let recipient = Command::new("age-keygen").arg("-y").arg(&keys).output().unwrap();
    let recipient = String::from_utf8(recipient.stdout).unwrap();
    let desk = desk.file("plain", "A='one $two'\nDATABASE_URL=postgres://a:b@h/d\n");
    let encrypted = Command::new("age")
        .args(["-r", recipient.trim(), "-o"])
        .args([desk.path("secrets.age"), desk.path("plain")])
        .status()
        .unwrap();
    assert!(encrypted.success());
    desk.fetches("-a age --from secrets.age A", r#"{"A":"one $two"}"#, &[])
        .extracts("-a age --from secrets.age", &[("A", "one $two"), ("DATABASE_URL", "postgres://a:b@h/d")]);
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap();
    let mut directories = path.split(':').map(Path::new);
    directories.find(|directory| directory.join(program).is_file()).map(Path::to_path_buf)
}
