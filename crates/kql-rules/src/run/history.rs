//! What a workspace holds, in the order of time: each run sees a slice of it, and no run looks at the others' rows.

use crate::{Rule, catalogue, guid};
use kql::{
    Chunk, Column, ColumnRange, Engine, Error, Fault, Field, Limits, Now, Schema, Table, TimeIndex, Type, Value,
};
use std::sync::Arc;

/// Columns that say when something happened. The first that a table has values of counts.
pub const TIME_COLUMNS: [&str; 2] = ["TimeGenerated", "Timestamp"];
/// Columns that say when a row came in.
pub const ARRIVAL_COLUMNS: [&str; 2] = ["_IngestionTime", "_TimeReceived"];

/// The column that tells rows apart.
pub const ITEM_ID: &str = "_ItemId";

/// Which rows a run sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The first moment, in ticks.
    pub from: i64,
    /// The moment after the last.
    pub to: i64,
    /// What the moments are of.
    pub by: By,
    /// Rows that came in later are not there yet.
    pub arrived_until: i64,
    /// What `now()` gives.
    pub now: i64,
}

/// The time that decides whether a row is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// When it happened.
    Event,
    /// When it came in.
    Arrival,
    /// Either.
    Both,
}

/// A table by time.
#[derive(Clone, Debug)]
struct Timed {
    name: String,
    /// Columns that queries see; the numbers of the rows come after them.
    schema: Arc<Schema>,
    /// The column of the time.
    time: usize,
    events: TimeIndex,
    /// By arrival, and the column of it, where rows say when they came in.
    arrivals: Option<(TimeIndex, usize)>,
}

/// An engine whose tables are in the order of time. Tables without a time are seen whole.
#[derive(Clone, Debug)]
pub struct History {
    engine: Engine,
    tables: Vec<Timed>,
}

impl History {
    /// The history of an engine's tables, sorted once. `Type` and `TenantId` are filled in as a workspace has them, and
    /// the time of arrival of rows that have none is that of their event.
    pub fn new(mut engine: Engine, workspace: &str) -> Result<History, Error> {
        let loaded: Vec<(String, Arc<Table>)> =
            engine.tables().map(|(name, it)| (name.to_owned(), it.clone())).collect();
        let mut tables = Vec::new();
        for (name, table) in loaded {
            let Some(time) = time_column(&table) else { continue };
            // A time of arrival that no row has is that of the events, and needs no order of its own.
            let arrival =
                ARRIVAL_COLUMNS.iter().find_map(|it| datetime(&table.schema, it).filter(|it| has_values(&table, *it)));
            let table = completed(&table, &name, workspace, time);
            let schema = table.schema.clone();
            let events = TimeIndex::new(&table, time).map_err(Error::from)?;
            let numbered = numbered(events.table());
            let events = events.over(numbered);
            let arrivals = match arrival {
                Some(column) => Some((TimeIndex::new(events.table(), column).map_err(Error::from)?, column)),
                None => None,
            };
            let all = Table { schema: schema.clone(), chunks: events.table().chunks.clone() };
            engine.add_table(name.as_str(), all);
            tables.push(Timed { name, schema, time, events, arrivals });
        }
        Ok(History { engine, tables })
    }

    /// This history for a rule: with the documented tables that it reads and nothing was loaded into, which are empty; and
    /// the names of all tables that it reads and that are.
    pub fn of_rule(&self, rule: &Rule) -> (History, Vec<String>) {
        let mut own = self.clone();
        let empty = catalogue::complete(&mut own.engine, rule.query.with_window(0, 0).text.as_str());
        (own, empty)
    }

    /// The engine with everything in it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The first and the last time of any of these tables; of all, if there are none.
    pub fn span(&self, names: &[String]) -> Option<(i64, i64)> {
        let is_wanted = |it: &&Timed| names.is_empty() || names.contains(&it.name);
        let spans = self.tables.iter().filter(is_wanted).filter_map(|it| it.events.span());
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Tables with rows that have no time, which no run sees, and how many.
    pub fn untimed(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tables.iter().map(|it| (it.name.as_str(), it.events.n_untimed())).filter(|it| it.1 > 0)
    }

    /// Tables that have a time.
    pub fn timed(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|it| it.name.as_str())
    }

    /// The engine of one run: its tables have the rows that the run sees. `threads` is how many it may use.
    pub fn at(&self, view: &View, threads: usize) -> Result<Engine, Error> {
        let mut engine = self.engine.clone();
        for it in &self.tables {
            let seen = it.seen(view).map_err(Error::from)?;
            engine.add_table(it.name.as_str(), Table { schema: it.schema.clone(), chunks: seen.chunks });
        }
        engine.set_now(Now::At(view.now));
        if engine.limits().threads != threads {
            let limits = Limits { threads, ..engine.limits().clone() };
            engine.set_limits(limits);
        }
        Ok(engine)
    }

    /// Number of rows that a run sees in those tables.
    pub fn n_seen(&self, view: &View, names: &[String]) -> usize {
        self.tables.iter().filter(|it| names.contains(&it.name)).map(|it| it.n_seen(view)).sum()
    }
}

impl Timed {
    fn n_seen(&self, view: &View) -> usize {
        match &self.arrivals {
            None => self.events.count(view.from, view.to),
            Some(_) => self.seen(view).map_or(0, |it| it.n_rows()),
        }
    }

    fn seen(&self, view: &View) -> Result<Table, Fault> {
        let events = |index: &TimeIndex| index.slice(view.from, view.to);
        let Some((by_arrival, column)) = &self.arrivals else { return Ok(events(&self.events)) };
        match view.by {
            By::Event => kept(&events(&self.events), *column, view.arrived_until, |_| true),
            By::Arrival => Ok(events(by_arrival)),
            By::Both => {
                let mut seen = kept(&events(&self.events), *column, view.arrived_until, |_| true)?;
                // Those that came in within the window but did not happen in it.
                let late = kept(&events(by_arrival), self.time, i64::MAX, |it| it < view.from || it >= view.to)?;
                seen.chunks.extend(late.chunks);
                Ok(seen)
            }
        }
    }
}

/// The rows whose datetime is no later than `last` and for which `holds`; with `last` at the end of time `holds` alone
/// decides. Chunks that hold as a whole are shared.
fn kept(table: &Table, column: usize, last: i64, holds: impl Fn(i64) -> bool) -> Result<Table, Fault> {
    let mut out = Table { schema: table.schema.clone(), chunks: Vec::new() };
    for chunk in &table.chunks {
        let range = chunk.ranges.get(column).copied().flatten();
        if last < i64::MAX && range.is_some_and(|it| it.max <= last) {
            out.chunks.push(chunk.clone());
            continue;
        }
        let Some(times) = chunk.batch.columns.get(column) else { continue };
        let time = |row: usize| if let Value::Datetime(it) = times.value(row) { Some(it) } else { None };
        let is_kept = |row: &usize| time(*row).is_none_or(|it| it <= last && holds(it));
        let rows: Vec<u32> = (0..chunk.batch.n_rows).filter(is_kept).map(|it| it as u32).collect();
        if rows.len() == chunk.batch.n_rows {
            out.chunks.push(chunk.clone());
        } else if !rows.is_empty() {
            out.chunks.push(Arc::new(Chunk::new(chunk.batch.take(&rows))));
        }
    }
    Ok(out)
}

fn datetime(schema: &Schema, name: &str) -> Option<usize> {
    let index = schema.index_of(name)?;
    schema.fields.get(index).filter(|it| it.ty == Type::Datetime).map(|_| index)
}

/// The column that says when the rows of a table happened.
fn time_column(table: &Table) -> Option<usize> {
    let columns = || TIME_COLUMNS.iter().filter_map(|it| datetime(&table.schema, it));
    columns().find(|it| has_values(table, *it)).or(columns().next())
}

/// Whether a row has a moment there.
fn has_values(table: &Table, column: usize) -> bool {
    table.chunks.iter().any(|it| it.ranges.get(column).copied().flatten().is_some())
}

/// A table with the columns that a workspace fills in: its own id and the table's name, and other times, which are those of
/// the event where a row has none.
fn completed(table: &Table, name: &str, workspace: &str, time: usize) -> Table {
    let mut fields = table.schema.fields.clone();
    let mut filled = Vec::new();
    for (column, text) in [("TenantId", workspace), ("Type", name)] {
        match table.schema.index_of(column) {
            Some(index) => filled.push((index, text)),
            None => {
                filled.push((fields.len(), text));
                fields.push(Field::new(column, Type::String));
            }
        }
    }
    let times = || TIME_COLUMNS.iter().chain(&ARRIVAL_COLUMNS).filter_map(|it| datetime(&table.schema, it));
    let mut chunks = Vec::with_capacity(table.chunks.len());
    for chunk in &table.chunks {
        let Chunk { mut batch, mut ranges } = (**chunk).clone();
        for (index, text) in &filled {
            let constant = Column::constant(Value::String((*text).into()), Type::String, batch.n_rows);
            match batch.columns.get_mut(*index) {
                Some(column) if column.ty() == Type::String && is_blank(column, batch.n_rows) => *column = constant,
                Some(_) => {}
                None => batch.columns.push(constant),
            }
        }
        if let Some(moments) = batch.columns.get(time).cloned() {
            for index in times().filter(|it| *it != time) {
                if let (Some(column), Some(range)) = (batch.columns.get_mut(index), ranges.get_mut(index)) {
                    *column = coalesced(column, &moments);
                    *range = ColumnRange::of(column);
                }
            }
        }
        ranges.resize(batch.columns.len(), None);
        chunks.push(Arc::new(Chunk { batch, ranges }));
    }
    Table { schema: Arc::new(Schema::new(fields)), chunks }
}

/// Gives every row of every table that has a time an `_ItemId`, where the table has none or no values of it: the same in
/// every run of the program.
pub fn number_items(engine: &mut Engine) {
    let loaded: Vec<(String, Arc<Table>)> = engine.tables().map(|(name, it)| (name.to_owned(), it.clone())).collect();
    for (name, table) in loaded {
        let index = table.schema.index_of(ITEM_ID);
        let is_blank = |chunk: &Arc<Chunk>| {
            let column = index.and_then(|it| chunk.batch.columns.get(it));
            column.is_none_or(|it| it.ty() == Type::String && is_blank(it, chunk.batch.n_rows))
        };
        if time_column(&table).is_none() || !table.chunks.iter().all(is_blank) {
            continue;
        }
        let mut fields = table.schema.fields.clone();
        if index.is_none() {
            fields.push(Field::new(ITEM_ID, Type::String));
        }
        let mut next = 0usize;
        let mut batches = Vec::with_capacity(table.chunks.len());
        for chunk in &table.chunks {
            let mut batch = chunk.batch.clone();
            let mut ids = kql::ColumnBuilder::new(Type::String, batch.n_rows);
            for _ in 0..batch.n_rows {
                ids.push(&Value::String(guid::of(&[&name, "item", &next.to_string()]).as_str().into()));
                next += 1;
            }
            match index.and_then(|it| batch.columns.get_mut(it)) {
                Some(column) => *column = ids.finish(),
                None => batch.columns.push(ids.finish()),
            }
            batches.push(batch);
        }
        engine.add_table(name, Table::new(Schema::new(fields), batches));
    }
}

/// The table with the numbers of its rows behind its columns.
fn numbered(table: &Table) -> Table {
    let mut fields = table.schema.fields.clone();
    fields.push(Field::new(super::lineage::ROW, Type::Long));
    let mut next = 0i64;
    let mut chunks = Vec::with_capacity(table.chunks.len());
    for chunk in &table.chunks {
        let Chunk { mut batch, mut ranges } = (**chunk).clone();
        let end = next.saturating_add(i64::try_from(batch.n_rows).unwrap_or(i64::MAX));
        batch.columns.push(Column::longs((next..end).collect()));
        ranges.push(Some(ColumnRange { min: next, max: end.saturating_sub(1) }));
        next = end;
        chunks.push(Arc::new(Chunk { batch, ranges }));
    }
    Table { schema: Arc::new(Schema::new(fields)), chunks }
}

fn is_blank(column: &Column, n_rows: usize) -> bool {
    let reader = column.string_reader();
    (0..n_rows).all(|row| reader.get(row).is_empty())
}

/// The first column, with the values of the second where it has none.
fn coalesced(column: &Column, other: &Column) -> Column {
    let n_rows = column.len();
    let nulls = (0..n_rows).filter(|it| column.is_null(*it)).count();
    match nulls {
        0 => column.clone(),
        it if it == n_rows => other.clone(),
        _ => {
            let mut out = kql::ColumnBuilder::new(Type::Datetime, n_rows);
            (0..n_rows)
                .for_each(|row| out.push(&if column.is_null(row) { other.value(row) } else { column.value(row) }));
            out.finish()
        }
    }
}
