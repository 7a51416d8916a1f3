//! Finds test files, and rule files for the coverage.

use crate::{Files, read};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Directories that are looked into at most, and how deep.
const DIRECTORIES_MAX: usize = 100_000;
/// Directories that hold no rules of one's own.
const SKIPPED: &[&str] = &["target", "node_modules", "__snapshots__"];

/// What paths hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Test files.
    pub tests: Vec<PathBuf>,
    /// Files that may hold rules.
    pub rules: Vec<PathBuf>,
}

/// The test files that paths name: a test file, a rule file whose tests stand beside it, or a directory with all below it.
pub fn discover(files: &dyn Files, paths: &[PathBuf]) -> Result<Discovered, String> {
    let (mut tests, mut rules) = (BTreeSet::new(), BTreeSet::new());
    let mut left = Vec::new();
    for path in paths {
        if files.is_directory(path) {
            left.push(path.clone());
        } else if !files.is_file(path) {
            return Err(format!("{}: no such file or directory", path.display()));
        } else if read::is_test_file(path) {
            _ = tests.insert(path.clone());
        } else {
            let beside = beside(files, path).ok_or_else(|| {
                format!("{}: there is no test file beside it; `kql new test` makes one", path.display())
            })?;
            _ = rules.insert(path.clone());
            _ = tests.insert(beside);
        }
    }
    let mut n_seen = 0;
    while let Some(directory) = left.pop() {
        n_seen += 1;
        if n_seen > DIRECTORIES_MAX {
            return Err(format!("there are more than {DIRECTORIES_MAX} directories"));
        }
        for path in files.list(&directory)? {
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("");
            let ending = path.extension().and_then(|it| it.to_str()).unwrap_or("");
            if files.is_directory(&path) {
                if !name.starts_with('.') && !SKIPPED.contains(&name) {
                    left.push(path);
                }
            } else if read::is_test_file(&path) {
                _ = tests.insert(path);
            } else if matches!(ending, "yaml" | "yml" | "kql" | "csl" | "kusto") {
                _ = rules.insert(path);
            }
        }
    }
    Ok(Discovered { tests: tests.into_iter().collect(), rules: rules.into_iter().collect() })
}

/// The test file beside a rule file.
fn beside(files: &dyn Files, rule: &Path) -> Option<PathBuf> {
    let stem = rule.file_stem()?.to_str()?;
    let mut all = ["yaml", "yml"].iter().map(|it| rule.with_file_name(format!("{stem}.test.{it}")));
    all.find(|it| files.is_file(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn files_and_directories() {
        let files = Memory::new(
            ["r/a.yaml", "r/a.test.yaml", "r/deep/b.test.yml", "r/.git/c.test.yaml", "r/note.md", "r/d.kql"]
                .map(|it| (it, "")),
        );
        let found = discover(&files, &["r".into()]).unwrap();
        assert_eq!(found.tests, [PathBuf::from("r/a.test.yaml"), "r/deep/b.test.yml".into()]);
        assert_eq!(found.rules, [PathBuf::from("r/a.yaml"), "r/d.kql".into()]);
        assert_eq!(discover(&files, &["r/a.yaml".into()]).unwrap().tests, [PathBuf::from("r/a.test.yaml")]);
        assert!(discover(&files, &["r/d.kql".into()]).unwrap_err().contains("no test file"));
        assert!(discover(&files, &["x".into()]).is_err());
    }
}
