//! From bytes and rows to tables of an engine, and the names that they get.

use crate::{Engine, Error};
use kql_data::{Batch, ColumnBuilder, Map, Schema, Slots, Table, Type, Value};
use kql_formats::{Accounting, ConversionWarning, LoadOptions, Loaded, Loader, Random, Search, Shape, schemas};
use kql_parser::StoredFunction;
use std::{io::Read, sync::Arc};

/// What a load did.
#[derive(Clone, Debug)]
pub struct Load {
    /// The table that the rows are in now.
    pub table: String,
    /// What the records were.
    pub shape: Shape,
    /// Where the bytes went.
    pub accounting: Accounting,
    /// Values that did not convert to the type of their column, and are null there.
    pub conversions: Vec<ConversionWarning>,
    /// Records of JSON that were left out because no row was wanted for them.
    pub left_out: u64,
    /// Whether some record was met that a load of everything might have treated otherwise: then load everything.
    pub doubtful: bool,
}

/// The table behind a name: the functions by which rules read the OpenAI tables are no tables themselves.
pub fn table_of_alias(name: &str) -> &str {
    match name {
        "OpenAIAuditLogs" => "OpenAIAuditLogs_CL",
        "OpenAIChatCompletions" => "ASimAgentEventLogs",
        other => other,
    }
}

impl Engine {
    /// An engine that knows the tables and functions of [`kql_formats::schemas`]: `OpenAIAuditLogs_CL`,
    /// `ASimAgentEventLogs`, and `OpenAIAuditLogs` and `OpenAIChatCompletions` over them.
    ///
    /// A known table is empty until something is loaded into it, and `union *` and `search` pass over it till then.
    pub fn with_builtin_schemas() -> Engine {
        let mut engine = Engine::new();
        for name in ["OpenAIAuditLogs_CL", "SentinelOpenAIAuditLogs", "ASimAgentEventLogs"] {
            if let Some(schema) = schemas::table(name) {
                engine.add_known_table(name, schema);
            }
        }
        for it in schemas::FUNCTIONS {
            let function = StoredFunction { parameters: it.parameters.to_owned(), body: it.body.to_owned() };
            engine.add_function(it.name, function);
        }
        engine
    }

    /// Declares the columns of a table that may be named though nothing was loaded into it.
    pub fn add_known_table(&mut self, name: impl Into<String>, schema: Schema) {
        _ = Arc::make_mut(&mut self.known).insert(name.into(), Arc::new(Table::empty(schema)));
    }

    /// Adds a table that may be named, but that `union *` and `search` pass over, as a function of the workspace would be.
    pub fn add_unlisted_table(&mut self, name: impl Into<String>, table: Table) {
        _ = Arc::make_mut(&mut self.known).insert(name.into(), Arc::new(table));
    }

    /// Loads a source into the table of that name: NDJSON, JSON, API pages, CSV, TSV or Parquet, plain or compressed, told by
    /// their content. `source` names the bytes in messages, and its ending may tell the format.
    pub fn load(&mut self, name: &str, source: &str, bytes: impl Read + Send + 'static) -> Result<Load, Error> {
        let mut loader = self.loader(name);
        loader.add(source, Box::new(bytes)).map_err(|it| Error::Load(it.to_string()))?;
        self.finish_load(name, loader)
    }

    /// As [`Engine::load`], of a file that can be read from any place: of Parquet only what is wanted is read, and lines are
    /// read by several threads, each its own.
    ///
    /// ```
    /// use kql::Engine;
    ///
    /// let mut engine = Engine::new();
    /// let file = std::io::Cursor::new("{\"User\":\"ann\"}\n{\"User\":\"bob\"}\n");
    /// engine.load_file("Logins", "logins.ndjson", file).unwrap();
    /// assert_eq!(engine.query("Logins | where User == 'bob'").unwrap().rows().len(), 1);
    /// ```
    pub fn load_file(&mut self, name: &str, source: &str, file: impl Random + 'static) -> Result<Load, Error> {
        let mut loader = self.loader(name);
        loader.add_file(source, Box::new(file)).map_err(|it| Error::Load(it.to_string()))?;
        self.finish_load(name, loader)
    }

    /// Loads bytes that are in memory.
    pub fn load_bytes(&mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Result<Load, Error> {
        self.load_file(name, name, std::io::Cursor::new(bytes.into()))
    }

    /// Puts rows into a table of that name.
    ///
    /// ```
    /// use kql::{Engine, Type, Value};
    ///
    /// let mut engine = Engine::new();
    /// let rows = [vec![Value::String("ann".into()), Value::Long(3)], vec![Value::String("bob".into()), Value::Null]];
    /// engine.load_rows("Logins", &[("User", Type::String), ("Failures", Type::Long)], rows).unwrap();
    /// assert_eq!(engine.query("Logins | where isnull(Failures) | project User").unwrap().rows().len(), 1);
    /// ```
    pub fn load_rows(
        &mut self,
        name: impl Into<String>,
        columns: &[(&str, Type)],
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<(), Error> {
        let mut builders: Vec<ColumnBuilder> = columns.iter().map(|(_, ty)| ColumnBuilder::new(*ty, 0)).collect();
        let mut n_rows = 0;
        for row in rows {
            if row.len() != columns.len() {
                let (cells, columns) = (row.len(), columns.len());
                return Err(Error::Load(format!("row {n_rows} has {cells} cells, the table {columns} columns")));
            }
            for ((value, builder), (column, ty)) in row.iter().zip(&mut builders).zip(columns) {
                if value.ty().is_some_and(|it| it != *ty) {
                    let given = value.ty().map_or("null", Type::name);
                    return Err(Error::Load(format!("row {n_rows}, column `{column}`: a {given} is no {ty}")));
                }
                builder.push(value);
            }
            n_rows += 1;
        }
        let batch = Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), n_rows);
        self.add_table(name, Table::new(Schema::of(columns), vec![batch]));
        Ok(())
    }

    /// A loader for the table of that name: for several sources into one table. [`Engine::finish_load`] ends it.
    pub fn loader(&self, name: &str) -> Loader {
        Loader::new(self.load_options(name))
    }

    fn load_options(&self, name: &str) -> LoadOptions {
        let name = table_of_alias(name);
        // A table that was declared, and holds nothing yet, says what its columns are.
        let declared = self.tables.get(name).filter(|it| it.n_rows() == 0 && !it.schema.is_empty());
        let schema = declared.or_else(|| self.known.get(name)).map(|it| (*it.schema).clone());
        LoadOptions {
            schema,
            now: Some(self.now()),
            limits: self.limits().clone(),
            stop: self.stop(),
            ..LoadOptions::default()
        }
    }

    /// A loader for the table of that name that passes row groups and records over in which no row is wanted, and keeps of the
    /// columns only that; see [`Engine::reads`].
    pub fn loader_for(&self, name: &str, columns: Option<Map<String, Slots>>, search: Option<Search>) -> Loader {
        Loader::new(LoadOptions { columns, search, ..self.load_options(name) })
    }

    /// Puts what a loader read into the table of that name.
    pub fn finish_load(&mut self, name: &str, loader: Loader) -> Result<Load, Error> {
        let loaded = loader.finish().map_err(|it| Error::Load(it.to_string()))?;
        Ok(self.add_loaded(table_of_alias(name), loaded))
    }

    /// Puts loaded rows into a table of exactly that name.
    pub fn add_loaded(&mut self, table: &str, loaded: Loaded) -> Load {
        let Loaded { table: rows, shape, accounting, conversions, left_out, latest, doubtful, .. } = loaded;
        self.add_table(table, rows);
        if latest.is_some() {
            self.parts.entry(table.to_owned()).or_default().latest = latest;
        }
        Load { table: table.to_owned(), shape, accounting, conversions, left_out, doubtful }
    }
}
