//! What loading a configuration costs, in milliseconds of CPU: files read, ERB rendered, YAML parsed, the destination merged
//! in, everything checked, and the secrets files evaluated. Measured for the largest projects of the corpus.
//!
//! `cargo bench -p dhow --bench load`. It fails if the largest takes more than [`LIMIT`]. Beside it stand the floor (libyaml's
//! grammar run over the same text, nothing made of it), the whole process `dhow config`, and `kamal config` where there is
//! one on the PATH.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

use dhow::cli::Global;
use dhow::project::Project;
use libyaml_safer::{EventData, Parser};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Milliseconds of CPU that loading the largest project may take.
const LIMIT: f64 = 5.0;
/// Projects that are measured.
const LARGEST: usize = 5;
/// Loads of each.
const LOADS: u32 = 200;

fn main() -> ExitCode {
    // Started by itself, in a project and with its environment.
    if let Ok(destination) = std::env::var("LOAD_DESTINATION") {
        println!("{}", load(&destination));
        return ExitCode::SUCCESS;
    }
    println!(
        "{:<36} {:>6} {:>9} {:>9} {:>6} {:>12} {:>13}",
        "project", "bytes", "load", "floor", "ratio", "dhow config", "kamal config"
    );
    let loads: Vec<f64> = largest().iter().map(measure).collect();
    match loads.first() {
        Some(load) if *load <= LIMIT => ExitCode::SUCCESS,
        _ => {
            println!("\nthe largest should take at most {LIMIT} ms");
            ExitCode::FAILURE
        }
    }
}

/// A project and one of its destinations.
struct Case {
    name: String,
    folder: PathBuf,
    directory: String,
    destination: String,
    environment: BTreeMap<String, String>,
    made: BTreeMap<String, String>,
    texts: Vec<String>,
}

impl Case {
    fn bytes(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }
}

/// Those with the most to read first. Where other programs would be run, their time would be measured.
fn largest() -> Vec<Case> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dhow-core/tests/corpus");
    let folders = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<Case> =
        folders.filter(|folder| folder.is_dir()).flat_map(|folder| cases(&folder)).collect();
    cases.sort_by_key(|case| std::cmp::Reverse(case.bytes()));
    cases.truncate(LARGEST);
    cases
}

fn cases(folder: &Path) -> Vec<Case> {
    let inputs = fs::read_to_string(folder.join("expected/inputs.json")).unwrap();
    let inputs: Value = serde_json::from_str(&inputs).unwrap();
    let texts = |key: &str| -> BTreeMap<String, String> {
        let texts = inputs[key].as_object().unwrap().iter();
        texts.map(|(name, text)| (name.clone(), text.as_str().unwrap().to_string())).collect()
    };
    let runs_programs =
        !texts("programs").is_empty() || texts("made").values().any(|text| text.contains("$("));
    let accepted = inputs["cases"].as_object().unwrap().values().filter(|case| case["accepted"] == true);
    let of_case = |case: &Value| {
        let directory = case["dir"].as_str().unwrap().to_string();
        let destination = case["destination"].as_str().unwrap_or_default().to_string();
        let base = folder.join(&directory).join("config/deploy.yml");
        let over = base.with_extension(format!("{destination}.yml"));
        let paths = [Some(base), (!destination.is_empty()).then_some(over)];
        let texts_of = paths.iter().flatten().map(fs::read_to_string).collect::<Result<_, _>>().ok()?;
        let name = format!("{} {destination}", folder.file_name()?.to_str()?).trim_end().to_string();
        let (environment, made) = (texts("env"), texts("made"));
        Some(Case {
            name,
            folder: folder.to_path_buf(),
            directory,
            destination,
            environment,
            made,
            texts: texts_of,
        })
    };
    accepted.filter(|_| !runs_programs).filter_map(of_case).collect()
}

/// Prints a row; the time of a load comes back.
fn measure(case: &Case) -> f64 {
    let project = tempfile::tempdir().unwrap();
    copy(&case.folder, project.path());
    for (path, text) in &case.made {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let directory = project.path().join(&case.directory);
    let run = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&directory).env_clear().envs(&case.environment);
        for name in ["PATH", "HOME", "TMPDIR", "GEM_HOME", "GEM_PATH"] {
            command.envs(std::env::var(name).map(|value| (name, value)));
        }
        command
    };
    let load = run(&std::env::current_exe().unwrap(), &[])
        .env("LOAD_DESTINATION", &case.destination)
        .output()
        .unwrap();
    let load = String::from_utf8(load.stdout).unwrap().trim().parse().expect("the project loads");
    let destination = if case.destination.is_empty() { vec![] } else { vec!["-d", &case.destination] };
    let words = [&["config", "--version", "v1"], destination.as_slice()].concat();
    let dhow = processes(100, &mut run(Path::new(env!("CARGO_BIN_EXE_dhow")), &words));
    let kamal = on_path("kamal").and_then(|kamal| processes(3, &mut run(&kamal, &words)));
    let floor = floor(&case.texts);
    let shown = |time: Option<f64>| time.map_or_else(|| "-".to_string(), |time| format!("{time:.2} ms"));
    println!(
        "{:<36} {:>6} {load:>6.2} ms {floor:>6.2} ms {:>6.1} {:>12} {:>13}",
        case.name,
        case.bytes(),
        load / floor,
        shown(dhow),
        shown(kamal),
    );
    load
}

/// In the project: milliseconds of CPU that a load takes.
fn load(destination: &str) -> f64 {
    let destination = (!destination.is_empty()).then(|| destination.to_string());
    let global = Global { config_file: "config/deploy.yml".into(), destination, ..Global::default() };
    milliseconds_each(|| {
        let project = Project::read(&global).unwrap_or_else(|error| panic!("{error}"));
        std::hint::black_box(project.secrets().unwrap_or_else(|error| panic!("{error}")));
    })
}

/// The grammar alone, with a word for each tag that prints.
fn floor(texts: &[String]) -> f64 {
    let texts: Vec<String> = texts.iter().map(|text| without_erb(text)).collect();
    milliseconds_each(|| texts.iter().for_each(|text| parse(text)))
}

fn without_erb(text: &str) -> String {
    let mut parts = text.split("<%");
    let before = parts.next().unwrap_or_default().to_string();
    parts.fold(before, |text, tag| {
        let (code, after) = tag.split_once("%>").unwrap_or((tag, ""));
        text + if code.starts_with('=') { "x" } else { "" } + after
    })
}

fn parse(text: &str) {
    let mut input = text.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    while !matches!(parser.parse().unwrap().data, EventData::StreamEnd) {}
}

fn milliseconds_each(mut work: impl FnMut()) -> f64 {
    work();
    let before = clock_gettime(ClockId::ProcessCPUTime);
    (0..LOADS).for_each(|_| work());
    let spent = clock_gettime(ClockId::ProcessCPUTime) - before;
    (spent.tv_sec as f64 * 1e3 + spent.tv_nsec as f64 / 1e6) / f64::from(LOADS)
}

/// Milliseconds of CPU of a process, over several runs; nothing if it fails.
fn processes(runs: u32, command: &mut Command) -> Option<f64> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let before = children();
    for _ in 0..runs {
        command.status().ok().filter(std::process::ExitStatus::success)?;
    }
    Some((children() - before) / f64::from(runs))
}

/// Milliseconds of CPU of all children so far: fields 16 and 17 of proc_pid_stat(5).
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: f64 = fields.split(' ').skip(13).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks * 1e3 / rustix::param::clock_ticks_per_second() as f64
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, target) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        match entry.is_dir() {
            true => copy(&entry, &target),
            false => fs::copy(&entry, &target).map(drop).unwrap(),
        }
    }
}
