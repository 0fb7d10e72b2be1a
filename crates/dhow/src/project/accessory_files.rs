//! Files of this machine that accessories mount, and the templates among them.

use super::ProjectError;
use super::surroundings::LocalSurroundings;
use crate::cli::Global;
use dhow_core::config::{Accessory, Document, rendered_file};
use dhow_core::plan::LocalFile;
use dhow_core::secrets::Secrets;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The files of one accessory.
pub fn of(
    accessory: &Accessory,
    secrets: &Secrets,
    global: &Global,
    environment: &BTreeMap<String, String>,
    directory: &Path,
) -> Vec<LocalFile> {
    let content = |path: &str| {
        let content = read(&directory.join(path))?;
        if !path.ends_with("erb") {
            return Ok(content);
        }
        let environment = environment_of(accessory, secrets, environment)?;
        let text = String::from_utf8(content).map_err(|_| format!("{path} is a template but not UTF-8"))?;
        let surroundings = LocalSurroundings::new(directory, environment.clone(), global);
        let document = Document { path: path.to_string(), text };
        let rendered = rendered_file(&document, &environment, &surroundings);
        rendered.map(String::into_bytes).map_err(|errors| ProjectError::Config(errors).to_string())
    };
    let file = |path: &String| LocalFile {
        accessory: accessory.name.clone(),
        path: path.clone(),
        content: content(path),
    };
    accessory.files.iter().map(|file| &file.local).map(file).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("Missing file: {}", path.display()),
        _ => format!("cannot read {}: {error}", path.display()),
    })
}

/// What the accessory's container will see, over dhow's own.
fn environment_of(
    accessory: &Accessory,
    secrets: &Secrets,
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut environment = environment.clone();
    environment.extend(accessory.env.clear.iter().cloned());
    for name in &accessory.env.secret {
        let value = secrets.find(&name.key).map_err(|error| error.to_string())?;
        environment.insert(name.variable.clone(), value.reveal().to_string());
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use dhow_core::config::{Config, Context};
    use dhow_core::secrets::Secret;

    const CONFIG: &str = "service: shop\nimage: acme/shop\nservers: [1.1.1.1]\nbuilder: {arch: amd64}\naccessories:\n  db:\n    \
        image: postgres\n    host: 1.1.1.1\n    env:\n      clear: {NAME: shop}\n      secret: [PASSWORD:DB_PASSWORD]\n    \
        files: [init.sql.erb:/init.sql, plain.sql:/plain.sql, missing.sql:/missing.sql]\n";

    fn files(template: &str, password: Option<&str>) -> Vec<Result<String, String>> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("init.sql.erb"), template).unwrap();
        std::fs::write(directory.path().join("plain.sql"), "<%= 1 %>").unwrap();
        let document = Document { path: "config/deploy.yml".into(), text: CONFIG.into() };
        let config = Config::read(&document, None, &Context::default()).unwrap();
        let values =
            password.map(|value| ("DB_PASSWORD".to_string(), Secret::new(value))).into_iter().collect();
        let secrets = Secrets::new(values, vec![".kamal/secrets".into()]);
        let global = crate::cli::Cli::parse_from(["dhow", "version"]).global;
        let environment = BTreeMap::from([("HOME".to_string(), "/root".to_string())]);
        let files = of(&config.accessories[0], &secrets, &global, &environment, directory.path());
        files
            .into_iter()
            .map(|file| file.content.map(|content| String::from_utf8(content).unwrap()))
            .collect()
    }

    #[test]
    fn templates_see_the_accessorys_environment() {
        let template =
            "CREATE USER <%= ENV['NAME'] %>\n  PASSWORD '<%= ENV['PASSWORD'] %>'; -- <%= ENV['HOME'] %>\n";
        let files = files(template, Some("hunter2"));
        assert_eq!(files[0].as_deref(), Ok("CREATE USER shop\n  PASSWORD 'hunter2'; -- /root\n"));
        assert_eq!(files[1].as_deref(), Ok("<%= 1 %>"));
        assert!(files[2].as_ref().unwrap_err().starts_with("Missing file: "));
    }

    #[test]
    fn a_template_that_fails_says_where() {
        let error = files("a\n<%= ENV.fetch('NOPE') %>\n", Some("x"))[0].clone().unwrap_err();
        assert!(error.starts_with("key not found: \"NOPE\"\n  --> init.sql.erb:2"), "{error}");
        let error = files("<%= 1 %>", None)[0].clone().unwrap_err();
        assert!(error.contains("DB_PASSWORD"), "{error}");
    }
}
