//! `kql.toml`: what a directory of rules works with.
//!
//! ```toml
//! geoip = "geo/city.mmdb"
//! schema = ["schemas/custom.json"]
//! functions = ["parsers"]
//! tests = ["rules/*.test.yaml"]
//!
//! [load]
//! SigninLogs = "logs/signin-*.ndjson.gz"
//!
//! [watchlists]
//! VIPUsers = "watchlists/vip.csv"
//! Offices = { file = "watchlists/offices.json", search-key = "Network" }
//!
//! [external."https://example.com/hosts.csv"]
//! file = "vendor/hosts.csv"
//! sha256 = "…"
//! date = "2026-06-08"
//! ```
//! Paths are relative to the file. What else stands at the top are settings of the command.

use crate::{
    Copies, Files, Kind, LocalCopy, Note, Place, Source, paths,
    read::{self, watchlist},
};
use kql::{Engine, GeoFile, StoredFunction};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use toml_edit::{Document, Item, Table, Value};

/// The name of the file.
pub const FILE: &str = "kql.toml";

/// A watchlist of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchlistFile {
    /// What `_GetWatchlist` calls it.
    pub alias: String,
    /// CSV or JSON.
    pub path: PathBuf,
    /// The column that `SearchKey` copies; the first one unless given.
    pub search_key: Option<String>,
}

/// What `kql.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Project {
    /// The directory that paths start from.
    pub root: PathBuf,
    /// Tables and the files of each, perhaps as a pattern.
    pub loads: Vec<(String, String)>,
    /// Files that declare tables and functions.
    pub schemas: Vec<PathBuf>,
    /// Files and directories of functions and parsers.
    pub functions: Vec<PathBuf>,
    /// Patterns of files of tests.
    pub tests: Vec<String>,
    /// Watchlists.
    pub watchlists: Vec<WatchlistFile>,
    /// A MaxMind DB.
    pub geoip: Option<PathBuf>,
    /// Local copies of what `externaldata` names.
    pub copies: Vec<LocalCopy>,
    /// Other keys of the top with their values as texts, and the line of each: settings of the command.
    pub settings: Vec<(String, String, usize)>,
}

impl Project {
    /// The project of a directory: empty where it has no file.
    pub fn of_directory(files: &dyn Files, directory: &Path) -> Result<Project, String> {
        let path = directory.join(FILE);
        if !files.is_file(&path) {
            return Ok(Project { root: directory.to_owned(), ..Project::default() });
        }
        let bytes = files.read(&path)?;
        let (source, broken) = Source::of_bytes(path.display().to_string(), &bytes);
        if broken {
            return Err(format!("{}: no UTF-8 text", source.name));
        }
        Project::parse(directory, source)
    }

    /// Reads the text of such a file.
    pub fn parse(root: &Path, source: Source) -> Result<Project, String> {
        let document = Document::parse(source.text.as_str()).map_err(|why| {
            let at = why.span().map_or(0, |it| it.start);
            format!("{}, line {}: {}", source.name, source.place(at..at).line, why.message())
        })?;
        let mut reader = Reader { source: &source, project: Project { root: root.to_owned(), ..Project::default() } };
        reader.top(document.as_table())?;
        Ok(reader.project)
    }

    /// A path of the file, from where the host stands.
    fn path(&self, text: &str) -> PathBuf {
        self.root.join(text)
    }

    /// Gives an engine the functions, watchlists, copies of external data and the GeoIP file. Tables are loaded by
    /// whoever owns the engine, from [`Project::loads`]. The notes are about functions; each has the name of its file.
    pub fn prepare(&self, engine: &mut Engine, files: &Arc<dyn Files>) -> Result<Vec<(Arc<Source>, Note)>, String> {
        let notes = self.add_functions(engine, files.as_ref())?;
        let lists: Result<Vec<_>, String> =
            self.watchlists.iter().map(|it| watchlist::load(files.as_ref(), it)).collect();
        watchlist::add(engine, lists?);
        engine.set_external(Arc::new(Copies::new(files.clone(), self.copies.clone())));
        if let Some(path) = &self.geoip {
            let bytes = files.read(path)?;
            let geo = GeoFile::new(bytes).map_err(|why| format!("{}: {why}", path.display()))?;
            engine.set_geo(Arc::new(geo));
        }
        Ok(notes)
    }

    fn add_functions(&self, engine: &mut Engine, files: &dyn Files) -> Result<Vec<(Arc<Source>, Note)>, String> {
        let mut notes = Vec::new();
        for path in &self.functions {
            let found = match files.is_directory(path) {
                true => paths::below(files, path, read::ENDINGS)?,
                false => paths::expand(files, &path.display().to_string())?,
            };
            for path in found {
                let contents = read::read(&path.display().to_string(), &files.read(&path)?);
                notes.extend(contents.all_notes().into_iter().map(|it| (contents.source.clone(), it.clone())));
                for (name, function) in contents.functions() {
                    engine.add_function(name, function);
                }
                // A bare query is a saved one: a function of the file's own name, without parameters.
                if let [one] = contents.rules.as_slice()
                    && one.kind == Kind::Query
                {
                    let body = format!("{{\n{}\n}}", one.query.text);
                    let function = StoredFunction { parameters: "()".to_owned(), body };
                    engine.add_function(paths::table_name(&path.with_extension("")), function);
                }
            }
        }
        Ok(notes)
    }
}

struct Reader<'a> {
    source: &'a Source,
    project: Project,
}

impl Reader<'_> {
    fn fail<T>(&self, at: Option<std::ops::Range<usize>>, why: &str) -> Result<T, String> {
        let place = at.map_or(Place { line: 1, ..Place::default() }, |it| self.source.place(it));
        Err(format!("{}, line {}: {why}", self.source.name, place.line))
    }

    fn top(&mut self, table: &Table) -> Result<(), String> {
        for (key, item) in table {
            let paths = |it: &Self| -> Result<Vec<PathBuf>, String> {
                Ok(it.texts(key, item)?.iter().map(|text| it.project.path(text)).collect())
            };
            match key {
                "schema" => self.project.schemas = paths(self)?,
                "functions" => self.project.functions = paths(self)?,
                "tests" => {
                    let joined = |it: &PathBuf| it.display().to_string();
                    self.project.tests = paths(self)?.iter().map(joined).collect();
                }
                "geoip" => self.project.geoip = paths(self)?.into_iter().next(),
                "load" => self.loads(key, item)?,
                "watchlists" => self.watchlists(key, item)?,
                "external" => self.externals(key, item)?,
                _ => {
                    let Some(value) = item.as_value() else {
                        let known = "the sections are [load], [watchlists] and [external.\"URL\"]";
                        return self.fail(span(table, key), &format!("unknown section `{key}`; {known}"));
                    };
                    let line = self.source.place(span(table, key).unwrap_or(0..0)).line;
                    self.project.settings.push((key.to_owned(), text(value), line));
                }
            }
        }
        Ok(())
    }

    fn texts(&self, key: &str, item: &Item) -> Result<Vec<String>, String> {
        if let Some(one) = item.as_str() {
            return Ok(vec![one.to_owned()]);
        }
        let list = item.as_array().map(|it| it.iter().map(|it| it.as_str().map(str::to_owned)).collect::<Option<_>>());
        match list {
            Some(Some(texts)) => Ok(texts),
            _ => self.fail(item.span(), &format!("`{key}` is a text or a list of texts")),
        }
    }

    /// The entries of a section.
    fn section<'i>(&self, key: &str, item: &'i Item) -> Result<Vec<(&'i str, &'i Item)>, String> {
        match item.as_table() {
            Some(table) => Ok(table.iter().collect()),
            None => self.fail(item.span(), &format!("`{key}` is a section")),
        }
    }

    fn loads(&mut self, key: &str, item: &Item) -> Result<(), String> {
        for (name, item) in self.section(key, item)? {
            for text in self.texts(name, item)? {
                let path = self.project.path(&text).display().to_string();
                self.project.loads.push((name.to_owned(), path));
            }
        }
        Ok(())
    }

    /// A text of a table-like item.
    fn field(&self, item: &Item, name: &str) -> Result<Option<String>, String> {
        let Some(found) = item.as_table_like().and_then(|it| it.get(name)) else { return Ok(None) };
        match found.as_value() {
            Some(value) if value.is_str() || value.is_datetime() => Ok(Some(text(value))),
            _ => self.fail(found.span(), &format!("`{name}` is a text")),
        }
    }

    fn known(&self, item: &Item, names: &[&str]) -> Result<(), String> {
        let Some(table) = item.as_table_like() else { return Ok(()) };
        match table.iter().find(|it| !names.contains(&it.0)) {
            Some((key, item)) => self.fail(item.span(), &format!("unknown key `{key}`; one of {}", names.join(", "))),
            None => Ok(()),
        }
    }

    fn watchlists(&mut self, key: &str, item: &Item) -> Result<(), String> {
        for (alias, item) in self.section(key, item)? {
            self.known(item, &["file", "search-key"])?;
            let file = item.as_str().map(str::to_owned).map_or_else(|| self.field(item, "file"), |it| Ok(Some(it)))?;
            let Some(file) = file else {
                return self.fail(item.span(), &format!("the watchlist `{alias}` needs a `file`"));
            };
            let (alias, path) = (alias.to_owned(), self.project.path(&file));
            let search_key = self.field(item, "search-key")?;
            self.project.watchlists.push(WatchlistFile { alias, path, search_key });
        }
        Ok(())
    }

    fn externals(&mut self, key: &str, item: &Item) -> Result<(), String> {
        for (url, item) in self.section(key, item)? {
            self.known(item, &["file", "sha256", "date"])?;
            let Some(file) = self.field(item, "file")? else {
                return self.fail(item.span(), &format!("`{url}` needs a `file`"));
            };
            let (url, path) = (url.to_owned(), self.project.path(&file));
            let (sha256, date) = (self.field(item, "sha256")?, self.field(item, "date")?);
            self.project.copies.push(LocalCopy { url, path, sha256, date });
        }
        Ok(())
    }
}

fn span(table: &Table, key: &str) -> Option<std::ops::Range<usize>> {
    table.key(key).and_then(|it| it.span()).or_else(|| table.get(key).and_then(Item::span))
}

/// A value as a text, without quotes.
fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Project, String> {
        Project::parse(Path::new("p"), Source::new("kql.toml", text))
    }

    #[test]
    fn everything() {
        let text = "now = \"max\"\nmax-rows = 7\ngeoip = 'g.mmdb'\nfunctions = [\"a\", \"b\"]\n[load]\nT = \"t-*.csv\"\n\
                    [watchlists]\nV = \"v.csv\"\nW = { file = \"w.json\", search-key = \"K\" }\n\
                    [external.\"https://x/y\"]\nfile = \"y.csv\"\ndate = 2026-06-08\n";
        let it = parse(text).unwrap();
        assert_eq!(it.settings, [("now".into(), "max".into(), 1), ("max-rows".into(), "7".into(), 2)]);
        assert_eq!(it.loads, [("T".to_owned(), "p/t-*.csv".to_owned())]);
        assert_eq!(it.watchlists[1].search_key.as_deref(), Some("K"));
        assert_eq!((it.copies[0].url.as_str(), it.copies[0].date.as_deref()), ("https://x/y", Some("2026-06-08")));
        assert_eq!(it.functions.len(), 2);
    }

    #[test]
    fn faults_name_their_line() {
        for (text, expected) in [
            ("a = 1\nb\n", "kql.toml, line 2"),
            ("[other]\nx = 1\n", "kql.toml, line 1: unknown section `other`"),
            ("\n[watchlists]\nV = { path = \"x\" }\n", "kql.toml, line 3: unknown key `path`"),
            ("[load]\nT = 1\n", "kql.toml, line 2: `T` is a text"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.starts_with(expected), "{why}");
        }
    }
}
