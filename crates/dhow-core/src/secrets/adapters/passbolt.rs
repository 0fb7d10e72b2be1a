//! Passbolt: `[FOLDER/…]NAME`; folders are found by their ids first.

use super::{Fetch, Fetched, NotFetched, Outside, reply, said, unique};
use crate::shell::Command;
use serde_json::Value;

const TOOL: &str = "Passbolt";

pub(super) fn fetch(wanted: &Fetch, outside: &mut Outside) -> Result<Fetched, NotFetched> {
    let names = wanted.prefixed()?;
    outside.needs("passbolt", "--version", TOOL)?;
    if outside.answer(Command::new("passbolt").word("verify")).is_none() {
        return said("Failed to login to Passbolt");
    }
    let folders = Folders::find(&names, outside)?;
    let list =
        Command::new("passbolt").words(["list", "resources"]).option("--filter", folders.filter(&names));
    let list = folders.0.iter().fold(list, |list, folder| list.option("--folder", &folder.id));
    let columns = ["--column", "name", "--column", "password", "--json"];
    let Some(reply) = outside.answer(list.words(columns)) else {
        return said(format!("Could not read {names:?} from Passbolt"));
    };
    let mut fetched = Fetched::default();
    for item in reply::list(&reply, TOOL)? {
        fetched.insert(reply::field(&item, "name", TOOL)?, reply::text(&item["password"]));
    }
    let missing: Vec<&str> =
        names.iter().map(|name| split(name).1).filter(|name| !fetched.has(name)).collect();
    match missing.as_slice() {
        [] => Ok(fetched),
        missing => said(format!("Could not find the following secrets in Passbolt: {}", missing.join(", "))),
    }
}

/// The path of the folder, if there is one, and the name.
fn split(name: &str) -> (Option<&str>, &str) {
    name.rsplit_once('/').map_or((None, name), |(path, name)| (Some(path), name))
}

/// A folder by its path from the top.
struct Folder {
    path: String,
    id: String,
}

struct Folders(Vec<Folder>);

impl Folders {
    /// The folders of all names: first those at the top with one question, then level by level.
    fn find(names: &[String], outside: &mut Outside) -> Result<Folders, NotFetched> {
        let paths = unique(names.iter().filter_map(|name| split(name).0));
        let mut folders = Folders(Vec::new());
        folders.find_top(&paths, outside)?;
        for path in &paths {
            folders.find_below(path, outside)?;
        }
        let missing: Vec<&str> = paths.into_iter().filter(|path| folders.id(path).is_none()).collect();
        match missing.as_slice() {
            [] => Ok(folders),
            missing => {
                said(format!("Could not find the following folders in Passbolt: {}", missing.join(", ")))
            }
        }
    }

    fn find_top(&mut self, paths: &[&str], outside: &mut Outside) -> Result<(), NotFetched> {
        let tops = unique(paths.iter().filter_map(|path| path.split('/').next()));
        if tops.is_empty() {
            return Ok(());
        }
        let filter: Vec<String> = tops.iter().map(|name| named(name)).collect();
        let found = list_folders(&filter.join(" || "), outside)?;
        for top in tops {
            // One of that name at the top, if any is; a folder shared with us may be seen without its parent.
            let mut fitting: Vec<&Value> = found.iter().filter(|folder| folder["name"] == top).collect();
            fitting.sort_by_key(|folder| !folder["folder_parent_id"].as_str().unwrap_or_default().is_empty());
            self.add(top.to_string(), fitting.first().copied())?;
        }
        Ok(())
    }

    fn find_below(&mut self, path: &str, outside: &mut Outside) -> Result<(), NotFetched> {
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        for below in ends.map(|end| &path[..end]).filter(|below| below.contains('/')) {
            let Some((parent, name)) = below.rsplit_once('/') else { continue };
            let Some(parent) = self.id(parent) else { return Ok(()) };
            if self.id(below).is_none() {
                let found = list_folders(&format!("{} && {}", named(name), inside(parent)), outside)?;
                self.add(below.to_string(), found.first())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, found: Option<&Value>) -> Result<(), NotFetched> {
        if let Some(folder) = found {
            self.0.push(Folder { path, id: reply::field(folder, "id", TOOL)?.to_string() });
        }
        Ok(())
    }

    fn id(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|folder| folder.path == path).map(|folder| folder.id.as_str())
    }

    fn filter(&self, names: &[String]) -> String {
        let condition = |name: &String| match split(name) {
            (Some(path), name) => {
                let folder = self.id(path).unwrap_or_default();
                format!("({} && {})", named(name), inside(folder))
            }
            (None, name) => named(name),
        };
        names.iter().map(condition).collect::<Vec<_>>().join(" || ")
    }
}

fn list_folders(filter: &str, outside: &mut Outside) -> Result<Vec<Value>, NotFetched> {
    let list = Command::new("passbolt").words(["list", "folders"]).option("--filter", filter).word("--json");
    match outside.answer(list) {
        Some(reply) => reply::list(&reply, TOOL),
        None => said("Could not read folders from Passbolt"),
    }
}

fn named(name: &str) -> String {
    format!("Name == {}", Value::from(name))
}

fn inside(folder: &str) -> String {
    format!("FolderParentID == {}", Value::from(folder))
}
