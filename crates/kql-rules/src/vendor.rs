//! `kql vendor`: records in `kql.toml` that a file is the copy of what a URL gave, with its hash and the day.

use crate::{Files, LocalCopy, guid, project::FILE};
use std::path::Path;
use toml_edit::{DocumentMut, Item, Table, value};

/// Records a file as the copy of a URL in the project file of a directory, which is made where there is none. What else
/// the file says stays as it is. `date` is the day, as `2026-06-08`. Nothing is fetched.
pub fn record(files: &dyn Files, directory: &Path, url: &str, file: &Path, date: &str) -> Result<LocalCopy, String> {
    if !url.contains("://") {
        return Err(format!("`{url}` is no URL"));
    }
    let bytes = files.read(file)?;
    let path = directory.join(FILE);
    let text = match files.is_file(&path) {
        true => String::from_utf8(files.read(&path)?).map_err(|_| format!("{}: no UTF-8 text", path.display()))?,
        false => String::new(),
    };
    let mut document: DocumentMut = text.parse().map_err(|why| format!("{}: {why}", path.display()))?;
    let section = document.entry("external").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(section) = section.as_table_mut() else {
        return Err(format!("{}: `external` is no section", path.display()));
    };
    let shown = file.strip_prefix(directory).unwrap_or(file).display().to_string();
    let sha256 = guid::sha256(&bytes);
    let mut entry = Table::new();
    _ = entry.insert("file", value(shown));
    _ = entry.insert("sha256", value(sha256.as_str()));
    _ = entry.insert("date", value(date));
    _ = section.insert(url, Item::Table(entry));
    files.write(&path, document.to_string().as_bytes())?;
    Ok(LocalCopy { url: url.to_owned(), path: file.to_owned(), sha256: Some(sha256), date: Some(date.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Copies, Memory, project::Project};
    use kql::{External, Limits, Schema, Type};
    use std::sync::Arc;

    #[test]
    fn recorded_read_and_refused() {
        let url = "https://example.com/a.csv";
        let files = Arc::new(Memory::new([("a.csv", "x,1\n"), (FILE, "# mine\nnow = \"max\"\n")]));
        let copy = record(files.as_ref(), Path::new(""), url, Path::new("a.csv"), "2026-06-08").unwrap();
        assert_eq!(copy.date.as_deref(), Some("2026-06-08"));
        let text = String::from_utf8(files.read(Path::new(FILE)).unwrap()).unwrap();
        assert!(text.starts_with("# mine\nnow = \"max\"\n"), "{text}");
        let project = Project::of_directory(files.as_ref(), Path::new("")).unwrap();
        assert_eq!(project.copies, [copy]);
        let copies = Copies::new(files.clone(), project.copies);
        let schema = Schema::of(&[("a", Type::String), ("b", Type::Long)]);
        assert_eq!(copies.read(url, &schema, &[], &Limits::default()).unwrap()[0].n_rows, 1);
        files.write(Path::new("a.csv"), b"x,2\n").unwrap();
        assert!(copies.read(url, &schema, &[], &Limits::default()).unwrap_err().contains("hash differs"));
        let why = copies.read("https://example.com/b.csv?sig=1", &schema, &[], &Limits::default()).unwrap_err();
        assert!(why.contains("kql vendor 'https://example.com/b.csv?sig=1' FILE"), "{why}");
    }
}
