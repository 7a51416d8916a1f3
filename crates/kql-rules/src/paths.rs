//! From what a person writes for files to the files: paths, directories, patterns.

use crate::Files;
use std::path::{Component, Path, PathBuf};

/// The files that a text names: itself, all files of a directory, or the matches of a pattern with `*` and `?`.
pub fn expand(files: &dyn Files, text: &str) -> Result<Vec<PathBuf>, String> {
    let path = Path::new(text);
    if files.is_directory(path) {
        let is_wanted = |it: &PathBuf| files.is_file(it) && !is_hidden(it);
        let found: Vec<PathBuf> = files.list(path)?.into_iter().filter(is_wanted).collect();
        return if found.is_empty() { Err(format!("{text}: no files in the directory")) } else { Ok(found) };
    }
    if files.is_file(path) || !text.contains(['*', '?']) {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = vec![if path.is_absolute() { PathBuf::from("/") } else { PathBuf::new() }];
    for part in path.components().filter_map(|it| match it {
        Component::RootDir => None,
        it => it.as_os_str().to_str(),
    }) {
        let mut next = Vec::new();
        for base in found {
            if !part.contains(['*', '?']) {
                next.push(base.join(part));
                continue;
            }
            let listed = if base.as_os_str().is_empty() { Path::new(".") } else { &base };
            for it in files.list(listed).unwrap_or_default() {
                let name = it.file_name().and_then(|it| it.to_str()).unwrap_or("").to_owned();
                if matches(part, &name) && (part.starts_with('.') || !is_hidden(&it)) {
                    next.push(base.join(name));
                }
            }
        }
        found = next;
    }
    found.retain(|it| files.is_file(it));
    found.sort();
    if found.is_empty() { Err(format!("{text}: no file matches")) } else { Ok(found) }
}

/// All files below a directory whose ending is one of those. What is hidden or a link to a directory is passed over.
pub fn below(files: &dyn Files, directory: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, String> {
    let mut out = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for it in files.list(&next)? {
            if files.is_directory(&it) {
                if !is_hidden(&it) && !files.is_link(&it) {
                    left.push(it);
                }
            } else if it.extension().and_then(|it| it.to_str()).is_some_and(|it| endings.contains(&it)) {
                out.push(it);
            }
        }
    }
    out.sort();
    Ok(out)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with('.'))
}

/// Whether a name matches a pattern of `*` and `?`: greedy, back to the last star when it fails.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(it) if *it == '?' || name.get(n) == Some(it) => (p, n) = (p + 1, n + 1),
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    (p, n) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|it| *it == '*')
}

/// The name of the table for a file: its name without endings, made a name of the language.
pub fn table_name(path: &Path) -> String {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("T");
    let mut name = name.trim_start_matches('.');
    for ending in [".gz", ".zst", ".zstd"] {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    let known = |it: &str| kql::formats::InputFormat::from_name(it).is_some() || matches!(it, "log" | "txt");
    if let Some((stem, ending)) = name.rsplit_once('.')
        && known(ending)
    {
        name = stem;
    }
    let mut out: String = name.chars().map(|it| if it.is_alphanumeric() || it == '_' { it } else { '_' }).collect();
    if out.chars().next().is_none_or(|it| it.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*.json", "a.json", true),
            ("*.json", "a.jsonl", false),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_of_tables() {
        for (path, expected) in
            [("x/audit.ndjson.gz", "audit"), ("2024-01.csv", "_2024_01"), ("a.b.json", "a_b"), ("x.log", "x")]
        {
            assert_eq!(table_name(Path::new(path)), expected);
        }
    }

    #[test]
    fn directories_and_patterns() {
        let files = Memory::new(["d/a.yaml", "d/b.kql", "d/e/c.yaml", "d/.h/x.yaml"].map(|it| (it, "")));
        let text = |it: Vec<PathBuf>| it.iter().map(|it| it.display().to_string()).collect::<Vec<_>>();
        assert_eq!(text(expand(&files, "d").unwrap()), ["d/a.yaml", "d/b.kql"]);
        assert_eq!(text(expand(&files, "d/*/*.yaml").unwrap()), ["d/e/c.yaml"]);
        assert_eq!(text(below(&files, Path::new("d"), &["yaml"]).unwrap()), ["d/a.yaml", "d/e/c.yaml"]);
        assert!(expand(&files, "d/*.zip").is_err());
    }
}
