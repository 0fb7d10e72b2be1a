//! Paths as text: `File.expand_path`, `File.basename`, and the patterns of `Dir.glob`.

use super::surroundings::{FileKind, Surroundings};

/// An absolute path without `.` and `..`; `~` is the home directory.
pub fn expanded(path: &str, directory: &str, home: Option<&str>) -> String {
    let path = match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ if path.starts_with('/') => path.to_string(),
        _ => format!("{directory}/{path}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The last part of a path.
pub fn basename(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or_default() }
}

/// Everything before the last part.
pub fn dirname(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        Some(0) => "/",
        Some(at) => trimmed[..at].trim_end_matches('/'),
        None if path.starts_with('/') => "/",
        None => ".",
    }
}

/// From the last point on, if something is before it.
pub fn extname(path: &str) -> &str {
    let name = basename(path);
    match name.trim_start_matches('.').rfind('.') {
        Some(at) => {
            let at = at + name.len() - name.trim_start_matches('.').len();
            if at + 1 == name.len() { "" } else { &name[at..] }
        }
        None => "",
    }
}

/// Parts with one slash between them.
pub fn joined(parts: &[String]) -> String {
    let mut path = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index == 0 {
            path.push_str(part);
            continue;
        }
        let part = if path.ends_with('/') { part.trim_start_matches('/') } else { part };
        if !path.ends_with('/') && !part.starts_with('/') {
            path.push('/');
        }
        path.push_str(part);
    }
    path
}

/// Files and directories that were looked at before a pattern is given up.
const MOST_VISITED: usize = 20_000;

/// Paths that fit a pattern of `* ? [a-z] {a,b} **`, sorted. `None` if there is too much to look through.
pub fn glob(surroundings: &dyn Surroundings, pattern: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut visited = 0;
    for pattern in alternatives(pattern, 0) {
        let (base, rest) = match pattern.strip_prefix('/') {
            Some(rest) => ("/", rest.to_string()),
            None => ("", pattern),
        };
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let only_directories = rest.ends_with('/');
        let mut walk = Walk { surroundings, found: Vec::new(), visited };
        walk.go(base, &parts)?;
        visited = walk.visited;
        let mut new = walk.found;
        new.retain(|path| !only_directories || surroundings.kind(path) == Some(FileKind::Directory));
        found.extend(new);
    }
    Some(found)
}

struct Walk<'s> {
    surroundings: &'s dyn Surroundings,
    found: Vec<String>,
    visited: usize,
}

impl Walk<'_> {
    fn go(&mut self, base: &str, parts: &[&str]) -> Option<()> {
        let Some((part, rest)) = parts.split_first() else { return Some(()) };
        if *part == "**" && !rest.is_empty() {
            self.go(base, rest)?;
            for name in self.names(base)? {
                let path = format!("{base}{name}");
                if !name.starts_with('.') && self.surroundings.kind(&path) == Some(FileKind::Directory) {
                    self.go(&format!("{path}/"), parts)?;
                }
            }
            return Some(());
        }
        if !part.contains(['*', '?', '[']) {
            return self.take(format!("{base}{part}"), rest);
        }
        for name in self.names(base)? {
            let is_hidden = name.starts_with('.') && !part.starts_with('.');
            if !is_hidden && fits(part.as_bytes(), name.as_bytes()) {
                self.take(format!("{base}{name}"), rest)?;
            }
        }
        Some(())
    }

    fn take(&mut self, path: String, rest: &[&str]) -> Option<()> {
        if !rest.is_empty() {
            return self.go(&format!("{path}/"), rest);
        }
        if self.surroundings.kind(&path).is_some() {
            self.found.push(path);
        }
        Some(())
    }

    fn names(&mut self, directory: &str) -> Option<Vec<String>> {
        let mut names = self.surroundings.names(if directory.is_empty() { "." } else { directory });
        names.sort();
        self.visited += names.len() + 1;
        (self.visited < MOST_VISITED).then_some(names)
    }
}

/// One name against one part of a pattern.
pub fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(b'?') => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            Some(b'[') => {
                if let Some((holds, length)) = class(&pattern[p..], name[n])
                    && holds
                {
                    (p, n) = (p + length, n + 1);
                    continue;
                }
            }
            Some(c) if *c == name[n] => {
                (p, n) = (p + 1, n + 1);
                continue;
            }
            _ => {}
        }
        let Some((star_p, star_n)) = star else { return false };
        star = Some((star_p, star_n + 1));
        (p, n) = (star_p + 1, star_n + 1);
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// `[a-z]`: does it hold, and how long is it.
fn class(pattern: &[u8], c: u8) -> Option<(bool, usize)> {
    let end = pattern.iter().skip(2).position(|c| *c == b']')? + 2;
    let inner = &pattern[1..end];
    let is_negated = inner.starts_with(b"^") || inner.starts_with(b"!");
    let inner = if is_negated { &inner[1..] } else { inner };
    let mut holds = false;
    let mut at = 0;
    while at < inner.len() {
        if inner.get(at + 1) == Some(&b'-') && at + 2 < inner.len() {
            holds |= (inner[at]..=inner[at + 2]).contains(&c);
            at += 3;
        } else {
            holds |= inner[at] == c;
            at += 1;
        }
    }
    Some((holds != is_negated, end + 1))
}

/// `a{b,c}` is `ab` and `ac`.
fn alternatives(pattern: &str, depth: usize) -> Vec<String> {
    let Some((before, after)) = pattern.split_once('{').filter(|_| depth < 6) else {
        return vec![pattern.to_string()];
    };
    let Some((inner, after)) = after.split_once('}') else { return vec![pattern.to_string()] };
    inner.split(',').flat_map(|choice| alternatives(&format!("{before}{choice}{after}"), depth + 1)).collect()
}
