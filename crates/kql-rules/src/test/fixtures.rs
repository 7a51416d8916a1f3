//! Tables of tests: rows of the test file, files beside it, `datatable` queries. Strict: a column that the table does not
//! have, or a value that is not of its column's type, is an error, because the rule would never see such a row.

use super::format::{Data, Fixture, Suite};
use crate::{
    At, Files, Note, Place, catalogue,
    document::{Entry, Node},
    duration,
    read::watchlist,
};
use kql::{
    Engine, Error, Schema, Table, Type,
    formats::{Shape, detect},
    parser::{diagnostic::closest, parse_datetime},
    table_of_alias,
};
use serde_json::Value as Json;
use std::{path::PathBuf, sync::Arc};

/// Columns that every table of a workspace may have, whatever its schema says.
const STANDARD: &[(&str, Type)] = &[
    ("_IngestionTime", Type::Datetime),
    ("TenantId", Type::String),
    ("Type", Type::String),
    ("_ResourceId", Type::String),
    ("_SubscriptionId", Type::String),
    ("_ItemId", Type::String),
];

/// Bytes of a JSON file up to which each of its values is looked at.
const CHECKED_MAX: usize = 32 << 20;

/// What loads the tables of a test file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixtures<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) suite: &'a Suite,
}

impl Fixtures<'_> {
    /// Makes the schemas of the test file known, and the GeoIP file that it names.
    pub(super) fn declare(&self, engine: &mut Engine) -> Result<(), Note> {
        for (name, schema) in &self.suite.schemas {
            let name = table_of_alias(&name.value);
            _ = engine.remove_table(name);
            engine.add_known_table(name, schema.clone());
        }
        if let Some(path) = &self.suite.geoip {
            let geo = kql::GeoFile::new(self.read(path)?);
            engine.set_geo(Arc::new(geo.map_err(|why| fault(path.place, format!("{}: {why}", path.value)))?));
        }
        Ok(())
    }

    /// Puts the rows of a fixture in place of what the table holds.
    pub(super) fn load(&self, engine: &mut Engine, fixture: &Fixture) -> Result<(), Note> {
        match &fixture.data {
            Data::Rows(rows) => load_rows(engine, &fixture.name, rows),
            Data::Query(text) => load_query(engine, &fixture.name, text, &text.value),
            Data::File(path) => self.load_file(engine, &fixture.name, path),
            Data::Json(rows) => {
                let table = table_of_alias(&fixture.name.value).to_owned();
                let schema = engine.table(&table).map(|it| it.schema.clone());
                load_json(engine, &fixture.name, rows)?;
                check_columns(engine, &table, schema.as_deref(), fixture.name.place)
            }
        }
    }

    /// Makes the tables known that Microsoft documents, as far as fixtures name them.
    pub(super) fn know(&self, engine: &mut Engine) {
        let cases = self.suite.cases.iter().flat_map(|it| &it.rows);
        for name in self.suite.fixtures.iter().chain(cases).map(|it| &it.name.value) {
            catalogue::know(engine, name);
        }
    }

    /// Makes tables known that have no schema but rows: with the columns of all rows of all tests, so that a column which one
    /// test leaves out is null there, and not unknown.
    pub(super) fn infer(&self, engine: &mut Engine) {
        let cases = self.suite.cases.iter().flat_map(|it| &it.rows);
        let all: Vec<&Fixture> = self.suite.fixtures.iter().chain(cases).collect();
        for fixture in &all {
            let name = table_of_alias(&fixture.name.value);
            if engine.table(name).is_some() {
                continue;
            }
            let mut rows: Vec<Json> = Vec::new();
            for it in all.iter().filter(|it| it.name.value == fixture.name.value) {
                match &it.data {
                    Data::Rows(nodes) => rows.extend(nodes.iter().map(Node::to_json)),
                    Data::Json(json) => rows.extend_from_slice(json),
                    Data::File(_) | Data::Query(_) => {}
                }
            }
            // What does not load here is told when the test loads it.
            let mut own = engine.clone();
            let loaded = match rows.is_empty() {
                true => self.load(&mut own, fixture),
                false => load_json(&mut own, &fixture.name, &rows),
            };
            if let (Ok(()), Some(table)) = (loaded, own.table(name)) {
                engine.add_known_table(name, (*table.schema).clone());
            }
        }
    }

    /// Gives the engine watchlists; of two with one alias the later one counts.
    pub(super) fn load_watchlists(&self, engine: &mut Engine, lists: &[&Fixture]) -> Result<(), Note> {
        if lists.is_empty() {
            return Ok(());
        }
        let mut all = Vec::with_capacity(lists.len());
        for (number, fixture) in lists.iter().enumerate() {
            let (alias, place) = (&fixture.name.value, fixture.name.place);
            if lists.iter().skip(number + 1).any(|it| it.name.value == *alias) {
                continue;
            }
            let (source, bytes) = match &fixture.data {
                Data::File(path) => (path.value.clone(), self.read(path)?),
                Data::Rows(rows) => (
                    "rows.json".to_owned(),
                    Json::Array(rows.iter().map(Node::to_json).collect()).to_string().into_bytes(),
                ),
                Data::Json(rows) => ("rows.json".to_owned(), Json::Array(rows.clone()).to_string().into_bytes()),
                Data::Query(text) => return Err(fault(text.place, "a watchlist is a file or a list of items")),
            };
            let list = watchlist::of_bytes(alias, &source, bytes, None);
            all.push(list.map_err(|why| fault(place, format!("watchlist `{alias}`: {why}")))?);
        }
        watchlist::add(engine, all);
        Ok(())
    }

    /// A path of the test file, from where the process is.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.suite.path.parent().map_or_else(|| path.into(), |it| it.join(path))
    }

    /// A file that the test file names.
    pub(super) fn read(&self, path: &At<String>) -> Result<Vec<u8>, Note> {
        self.files.read(&self.resolve(&path.value)).map_err(|why| fault(path.place, why))
    }

    fn load_file(&self, engine: &mut Engine, name: &At<String>, path: &At<String>) -> Result<(), Note> {
        let bytes = self.read(path)?;
        let ending = path.value.rsplit('.').next().unwrap_or("");
        if matches!(ending, "kql" | "csl" | "kusto") {
            let text = String::from_utf8(bytes).map_err(|_| fault(path.place, "the file is no UTF-8 text"))?;
            return load_query(engine, name, path, &text);
        }
        let table = table_of_alias(&name.value).to_owned();
        let schema =
            engine.known_tables().chain(engine.tables()).find(|it| it.0 == table).map(|it| it.1.schema.clone());
        if let Some(schema) = schema.as_ref().filter(|_| is_json(ending) && bytes.len() <= CHECKED_MAX) {
            check_file(&bytes, schema).map_err(|why| fault(path.place, format!("{}: {why}", path.value)))?;
        }
        let load = engine.load(&name.value, &path.value, std::io::Cursor::new(bytes));
        let load = load.map_err(|why| fault(path.place, format!("{}: {why}", path.value)))?;
        if let Some(reject) = load.accounting.rejects.first() {
            let message = format!("{}, line {}: {}", path.value, reject.line, reject.reason);
            return Err(fault(path.place, message));
        }
        if let Some(it) = load.conversions.first() {
            return Err(fault(path.place, format!("{}: {it}", path.value)));
        }
        check_columns(engine, &table, schema.as_deref(), path.place)
    }
}

fn is_json(ending: &str) -> bool {
    matches!(ending, "json" | "ndjson" | "jsonl")
}

/// Puts inline rows into a table.
pub(super) fn load_rows(engine: &mut Engine, name: &At<String>, rows: &[Node]) -> Result<(), Note> {
    let table = table_of_alias(&name.value).to_owned();
    let schema = engine.table(&table).map(|it| it.schema.clone());
    let Some(first) = rows.first() else {
        let schema = schema.ok_or_else(|| {
            fault(name.place, format!("the columns of `{}` are not known", name.value))
                .hint("declare them under `schema`")
        })?;
        engine.add_table(table, Table::empty((*schema).clone()));
        return Ok(());
    };
    let is_plain = detect(&first.to_json().to_string()) == Shape::Plain;
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let entries = row.map().ok_or_else(|| fault(row.place, "a row is a mapping of columns to values"))?;
        if let Some(schema) = schema.as_ref().filter(|_| is_plain) {
            for entry in entries {
                check_cell(entry, schema).map_err(|(place, why)| {
                    fault(place, format!("table `{}`, row {}: {why}", name.value, number + 1))
                })?;
            }
        }
        text.push_str(&row.to_json().to_string());
        text.push('\n');
    }
    load_text(engine, name, text)?;
    check_columns(engine, &table, schema.as_deref(), name.place)
}

/// Puts rows that are JSON into a table; what they are is not checked but by the loader.
pub(super) fn load_json(engine: &mut Engine, name: &At<String>, rows: &[Json]) -> Result<(), Note> {
    load_text(engine, name, rows.iter().map(|it| it.to_string() + "\n").collect())
}

fn load_text(engine: &mut Engine, name: &At<String>, text: String) -> Result<(), Note> {
    let load = engine.load(&name.value, "rows.ndjson", std::io::Cursor::new(text.into_bytes()));
    let load = load.map_err(|why| fault(name.place, format!("table `{}`: {why}", name.value)))?;
    if let Some(reject) = load.accounting.rejects.first() {
        return Err(fault(name.place, format!("table `{}`, row {}: {}", name.value, reject.line, reject.reason)));
    }
    match load.conversions.first() {
        Some(it) => Err(fault(name.place, format!("table `{}`: {it}", name.value))),
        None => Ok(()),
    }
}

/// Puts what a query gives into a table: `datatable (…) […]` and the like.
fn load_query(engine: &mut Engine, name: &At<String>, at: &At<String>, text: &str) -> Result<(), Note> {
    let table = table_of_alias(&name.value).to_owned();
    let schema = engine.table(&table).map(|it| it.schema.clone());
    let outcome =
        Engine::new().query(text).map_err(|why| fault(at.place, format!("table `{}`: {}", name.value, told(&why))))?;
    let result = outcome.table().ok_or_else(|| fault(at.place, "the query gives no table"))?;
    if let Some(schema) = &schema {
        for field in &result.schema.fields {
            let wanted = column_type(schema, &field.name).ok_or_else(|| {
                fault(at.place, format!("table `{}`: {}", name.value, no_column(&field.name, schema)))
            })?;
            if wanted != field.ty {
                let message = format!("table `{}`: `{}` is a {wanted}, not a {}", name.value, field.name, field.ty);
                return Err(fault(at.place, message));
            }
        }
    }
    let rows = Table::new((*result.schema).clone(), result.batches.clone());
    let rows = match schema {
        Some(schema) => widened(&rows, &schema),
        None => rows,
    };
    engine.add_table(table, rows);
    Ok(())
}

/// The rows under a schema: columns that they do not have are null.
fn widened(rows: &Table, schema: &Schema) -> Table {
    let mut fields = schema.fields.clone();
    fields.extend(rows.schema.fields.iter().filter(|it| schema.index_of(&it.name).is_none()).cloned());
    let batch = |batch: &kql::Batch| {
        let column = |field: &kql::Field| match rows.schema.index_of(&field.name).and_then(|it| batch.columns.get(it)) {
            Some(column) => column.clone(),
            None => kql::Column::constant(kql::Value::null(field.ty), field.ty, batch.n_rows),
        };
        kql::Batch::new(fields.iter().map(column).collect(), batch.n_rows)
    };
    let batches = rows.chunks.iter().map(|it| batch(&it.batch)).collect();
    Table::new(Schema::new(fields.clone()), batches)
}

fn check_columns(engine: &Engine, table: &str, schema: Option<&Schema>, place: Place) -> Result<(), Note> {
    let (Some(schema), Some(loaded)) = (schema, engine.table(table)) else { return Ok(()) };
    let odd = loaded.schema.fields.iter().find(|it| column_type(schema, &it.name).is_none());
    match odd {
        Some(field) => Err(fault(place, format!("table `{table}`: {}", no_column(&field.name, schema)))),
        None => Ok(()),
    }
}

fn column_type(schema: &Schema, name: &str) -> Option<Type> {
    let own = schema.fields.iter().find(|it| &*it.name == name).map(|it| it.ty);
    own.or_else(|| STANDARD.iter().find(|it| it.0 == name).map(|it| it.1))
}

fn no_column(name: &str, schema: &Schema) -> String {
    match closest(name, schema.fields.iter().map(|it| &*it.name)) {
        Some(near) => format!("there is no column `{name}`; did you mean `{near}`?"),
        None => format!("there is no column `{name}`"),
    }
}

/// Whether a cell belongs into its table, else where and why not.
fn check_cell(entry: &Entry, schema: &Schema) -> Result<(), (Place, String)> {
    let Some(ty) = column_type(schema, &entry.key) else {
        return Err((entry.key_place, no_column(&entry.key, schema)));
    };
    let value = entry.value.to_json();
    if fits(&value, ty) { Ok(()) } else { Err((entry.value.place, misfit(&entry.key, &value, ty))) }
}

fn misfit(name: &str, value: &Json, ty: Type) -> String {
    let hint = if ty == Type::String && !value.is_object() && !value.is_array() { "; put it into quotes" } else { "" };
    format!("`{name}` is a {ty}, and {value} is none{hint}")
}

/// Whether a JSON value may stand in a column of that type.
fn fits(value: &Json, ty: Type) -> bool {
    let text = value.as_str();
    match ty {
        _ if value.is_null() => true,
        Type::Dynamic => true,
        Type::String => text.is_some(),
        Type::Bool => value.is_boolean(),
        Type::Int => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
        Type::Long => value.as_i64().is_some(),
        Type::Real | Type::Decimal => value.is_number() || text.is_some_and(|it| it.parse::<f64>().is_ok()),
        Type::Datetime => text.is_some_and(|it| parse_datetime(it).is_some()),
        Type::Timespan => text.is_some_and(|it| duration::parse(it.trim_start_matches('-')).is_some()),
        Type::Guid => text.is_some_and(is_guid),
    }
}

fn is_guid(text: &str) -> bool {
    let digits = text.trim_matches(['{', '}']).replace('-', "");
    digits.len() == 32 && digits.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Looks at every value of a JSON file: a number in a column of strings would be read, and not be what a workspace has.
fn check_file(bytes: &[u8], schema: &Schema) -> Result<(), String> {
    let check = |row: &Json, at: &str| -> Result<(), String> {
        for (name, value) in row.as_object().into_iter().flatten() {
            match column_type(schema, name) {
                None => return Err(format!("{at}: {}", no_column(name, schema))),
                Some(ty) if !fits(value, ty) => return Err(format!("{at}: {}", misfit(name, value, ty))),
                Some(_) => {}
            }
        }
        Ok(())
    };
    let text = String::from_utf8_lossy(bytes);
    let is_row = |row: &Json| row.is_object() && detect(&row.to_string()) == Shape::Plain;
    if let Ok(Json::Array(rows)) = serde_json::from_str(&text) {
        let mut rows = rows.iter().enumerate().filter(|it| is_row(it.1));
        return rows.try_for_each(|(number, row)| check(row, &format!("row {}", number + 1)));
    }
    for (number, line) in text.lines().enumerate() {
        // What is no JSON, or no row, is the loader's matter.
        let Ok(row) = serde_json::from_str::<Json>(line) else { continue };
        if is_row(&row) {
            check(&row, &format!("line {}", number + 1))?;
        }
    }
    Ok(())
}

/// Every error of a query in one line.
pub(super) fn told(error: &Error) -> String {
    match error {
        Error::Query(all) => {
            let all = all.iter().filter(|it| it.is_error()).map(|it| format!("{} {}", it.code, it.message));
            all.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

fn fault(place: Place, message: impl Into<String>) -> Note {
    Note::error("TEST002", place, message)
}
