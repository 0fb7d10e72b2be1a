//! Real projects' configurations, each with what Kamal 2.12.0 made of it: `kamal config`, or the error.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/draft7.rs"]
mod draft7;
#[path = "support/recorded.rs"]
mod recorded;

use dhow_core::config::{Config, ConfigErrors, Context, Document, json_schema, merged_json};
use recorded::{COMMIT, Recorded};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Case {
    name: String,
    directory: PathBuf,
    config: String,
    destination: Option<String>,
    surroundings: Arc<Recorded>,
    version: String,
    message: Option<String>,
    expected: PathBuf,
}

impl Case {
    fn read(&self) -> Result<Config, ConfigErrors> {
        let (base, over) = self.documents();
        Config::read(&base, over.as_ref(), &self.context())
    }

    /// What editors would check, had they evaluated ERB and merged the files.
    fn json(&self) -> Value {
        let (base, over) = self.documents();
        let json = merged_json(&base, over.as_ref(), &self.context());
        serde_json::from_str(&json.unwrap_or_else(|errors| panic!("{}: {errors}", self.name))).unwrap()
    }

    fn documents(&self) -> (Document, Option<Document>) {
        let over = self.destination.as_ref().map(|destination| {
            let stem = self.config.rsplit_once('.').unwrap().0;
            self.document(&format!("{stem}.{destination}.yml"))
        });
        (self.document(&self.config), over)
    }

    fn context(&self) -> Context {
        Context {
            destination: self.destination.clone(),
            env: self.surroundings.env(),
            local_arch: "amd64".to_string(),
            surroundings: self.surroundings.clone(),
        }
    }

    fn document(&self, path: &str) -> Document {
        let text = fs::read_to_string(self.directory.join(path)).unwrap();
        Document { path: path.to_string(), text }
    }

    fn kamal_config(&self) -> String {
        fs::read_to_string(self.expected.join("config.yml")).unwrap()
    }
}

#[test]
fn every_project_reads_as_in_kamal() {
    for case in cases() {
        match (case.read(), &case.message) {
            (Ok(config), None) => {
                let yaml = config.to_yaml(COMMIT).replace(COMMIT, &case.version);
                let yaml = yaml.replace(&COMMIT[..7], &case.version[..7]);
                assert_eq!(yaml, case.kamal_config(), "{}", case.name)
            }
            (Err(errors), Some(message)) => {
                assert_eq!(errors.iter().next().unwrap().message, *message, "{}", case.name);
            }
            (Ok(_), Some(message)) => panic!("{} should be rejected: {message}", case.name),
            (Err(errors), None) => panic!("{} should be accepted:\n{errors}", case.name),
        }
    }
}

/// Every project and destination in `verdicts.tsv` that needs no ERB is among the cases, with the same verdict.
#[test]
fn every_verdict_is_covered() {
    let cases = cases();
    let verdicts = fs::read_to_string(corpus().join("verdicts.tsv")).unwrap();
    for row in verdicts.lines().skip(1).filter(|row| row.contains("\tplain\t")) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [folder, config, destination, _, verdict, message] = columns[..] else {
            panic!("six columns: {row}")
        };
        let of_row = |case: &&Case| {
            case.name.starts_with(&format!("{folder}/"))
                && case.config == config
                && case.destination.as_deref().unwrap_or("-") == destination
        };
        let case = cases.iter().find(of_row).unwrap_or_else(|| panic!("no case for {row}"));
        assert_eq!(case.message.is_none(), verdict == "accepted", "{row}");
        assert_eq!(case.message.clone().unwrap_or_default(), message, "{row}");
    }
}

#[test]
fn every_accepted_project_fits_the_schema() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let cases = cases();
    let accepted: Vec<&Case> = cases.iter().filter(|case| case.message.is_none()).collect();
    assert!(accepted.len() > 50, "{}", accepted.len());
    for case in accepted {
        assert_eq!(draft7::check(&schema, &case.json()), Vec::<String>::new(), "{}", case.name);
    }
}

#[test]
fn what_no_project_may_say_does_not_fit_the_schema() {
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    let about_keys =
        |case: &&Case| case.message.as_ref().is_some_and(|message| message.starts_with("unknown key"));
    let cases = cases();
    let refused: Vec<&Case> = cases.iter().filter(about_keys).collect();
    assert!(refused.len() >= 3, "{}", refused.len());
    for case in refused {
        assert_ne!(draft7::check(&schema, &case.json()), Vec::<String>::new(), "{}", case.name);
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn cases() -> Vec<Case> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders.iter().flat_map(|folder| cases_of(folder)).collect()
}

fn cases_of(folder: &Path) -> Vec<Case> {
    let inputs = fs::read_to_string(folder.join("expected/inputs.json")).unwrap();
    let inputs: Value = serde_json::from_str(&inputs).unwrap();
    let cases = inputs["cases"].as_object().unwrap().iter();
    let case = |(name, case): (&String, &Value)| Case {
        name: format!("{}/{name}", folder.file_name().unwrap().to_str().unwrap()),
        directory: folder.join(text(&case["dir"])),
        config: text(&case["config"]),
        destination: case["destination"].as_str().map(str::to_string),
        surroundings: Arc::new(Recorded {
            root: folder.to_path_buf(),
            directory: text(&case["dir"]),
            environment: texts(&inputs["env"]),
            programs: texts(&inputs["programs"]),
            made: texts(&inputs["made"]),
        }),
        version: text(&inputs["version"]),
        message: (case["accepted"] == false).then(|| text(&case["message"])),
        expected: folder.join("expected").join(name),
    };
    cases.map(case).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

fn texts(values: &Value) -> BTreeMap<String, String> {
    values.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
