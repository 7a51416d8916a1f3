//! The tables of Azure Monitor, Microsoft Sentinel and Defender XDR, and the functions that a workspace has of itself.
//!
//! The columns are facts of Microsoft's reference, restated in `catalogue/tables.txt`: a line a table, continued on lines
//! that begin with blanks. `Name` is a string column, `Name:d` one of another type, `@group` the columns of a group, which
//! are named at the beginning. The text is in the program as it is. Nothing is read before the first look-up, which finds
//! where each table begins; a table is decoded when it is asked for. `tests/catalogue.rs` makes the text and counts it.

use kql::{Engine, Field, Known, Query, Schema, Table, Type, parser::Opaque, plan::Op};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

const TEXT: &str = include_str!("catalogue/tables.txt");

/// The letters behind a column's colon.
const TYPES: &[(&str, Type)] = &[
    ("b", Type::Bool),
    ("d", Type::Datetime),
    ("g", Type::Guid),
    ("i", Type::Int),
    ("l", Type::Long),
    ("m", Type::Decimal),
    ("r", Type::Real),
    ("t", Type::Timespan),
    ("y", Type::Dynamic),
];

/// Where the columns of each table stand in the text.
struct Index {
    tables: HashMap<&'static str, &'static str, ahash::RandomState>,
    groups: HashMap<&'static str, &'static str, ahash::RandomState>,
    /// Names in the order of the text.
    names: Vec<&'static str>,
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut out = Index { tables: HashMap::default(), groups: HashMap::default(), names: Vec::new() };
        let mut rest = TEXT;
        while !rest.is_empty() {
            let end = entry_end(rest);
            let (entry, next) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = next;
            let (name, columns) = entry.split_once([' ', '\n']).unwrap_or((entry, ""));
            match name.strip_prefix('@') {
                Some(group) => _ = out.groups.insert(group, columns),
                None if name.starts_with('#') || name.is_empty() => {}
                None => {
                    out.names.push(name);
                    _ = out.tables.insert(name, columns);
                }
            }
        }
        out
    })
}

/// The byte behind an entry: lines that begin with a blank belong to the one before.
fn entry_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(line) = text.get(at..).and_then(|it| it.find('\n')) {
        at += line + 1;
        if !text.get(at..).is_some_and(|it| it.starts_with(' ')) {
            return at;
        }
    }
    text.len()
}

/// The columns of a table; `None` when it is not known.
pub fn table(name: &str) -> Option<Schema> {
    let index = index();
    let columns = index.tables.get(name)?;
    let mut fields = Vec::new();
    for word in columns.split_ascii_whitespace() {
        match word.strip_prefix('@') {
            Some(group) => {
                let columns = index.groups.get(group).copied().unwrap_or("");
                fields.extend(columns.split_ascii_whitespace().map(field));
            }
            None => fields.push(field(word)),
        }
    }
    let former = FORMER.iter().filter(|it| it.0 == name);
    fields.extend(former.flat_map(|it| it.1.split_ascii_whitespace()).map(field));
    Some(Schema::new(fields))
}

/// Columns that the reference listed once and lists no more; tables of older workspaces have them.
const FORMER: &[(&str, &str)] = &[("OfficeActivity", "ClientIP_"), ("W3CIISLog", "sComputerName")];

fn field(word: &str) -> Field {
    let (name, letter) = word.split_once(':').unwrap_or((word, ""));
    let ty = TYPES.iter().find(|it| it.0 == letter).map_or(Type::String, |it| it.1);
    Field::new(name, ty)
}

/// The names of all tables, in alphabetical order.
pub fn tables() -> &'static [&'static str] {
    &index().names
}

/// The normalised schemas of ASIM and the table that holds rows in their form.
const ASIM: &[(&str, &str)] = &[
    ("AlertEvent", "ASimAlertEventLogs"),
    ("AuditEvent", "ASimAuditEventLogs"),
    ("Authentication", "ASimAuthenticationEventLogs"),
    ("Dhcp", "ASimDhcpEventLogs"),
    ("DhcpEvent", "ASimDhcpEventLogs"),
    ("Dns", "ASimDnsActivityLogs"),
    ("FileEvent", "ASimFileEventLogs"),
    ("NetworkSession", "ASimNetworkSessionLogs"),
    ("ProcessCreate", "ASimProcessEventLogs"),
    ("ProcessEvent", "ASimProcessEventLogs"),
    ("ProcessTerminate", "ASimProcessEventLogs"),
    ("Process", "ASimProcessEventLogs"),
    ("Registry", "ASimRegistryEventLogs"),
    ("RegistryEvent", "ASimRegistryEventLogs"),
    ("UserManagement", "ASimUserManagementActivityLogs"),
    ("WebSession", "ASimWebSessionLogs"),
];

/// Functions of Defender XDR that add columns to a table or give one.
const DEFENDER: &[&str] = &["FileProfile", "DeviceFromIP", "AssignedIPAddresses", "SeenBy"];

/// Tables of Application Insights as its own resources name them; workspaces call them `AppRequests` and so on.
const CLASSIC: &[&str] = &[
    "availabilityResults",
    "browserTimings",
    "customEvents",
    "customMetrics",
    "dependencies",
    "exceptions",
    "pageViews",
    "performanceCounters",
    "requests",
    "traces",
];

/// The columns that a table function of a workspace gives at least; `None` when it is not known.
///
/// Unifying parsers of ASIM give the columns of the schema's own table and those that their sources add, a watchlist gives
/// the columns that its items have.
pub fn function(name: &str) -> Option<Schema> {
    if let Some(rest) = ["_Im_", "_ASim_", "im", "ASim"].iter().find_map(|it| name.strip_prefix(it)) {
        // `_Im_Dns_InfobloxNIOSV03` is the parser of one source.
        let schema = rest.split('_').next().unwrap_or(rest);
        if let Some((_, logs)) = ASIM.iter().find(|it| it.0 == schema) {
            return table(logs);
        }
    }
    match name {
        // The table behind one list, as the function of the project calls it.
        _ if name.starts_with("_GetWatchlist('") => function("_GetWatchlist"),
        "_GetWatchlist" => Some(Schema::new(vec![
            Field::new("_DTItemId", Type::String),
            Field::new("LastUpdatedTimeUTC", Type::Datetime),
            Field::new("SearchKey", Type::String),
            Field::new("WatchlistItem", Type::Dynamic),
        ])),
        "_GetWatchlistAlias" => Some(Schema::new(vec![Field::new("WatchlistAlias", Type::String)])),
        // Each service that writes there has columns of its own.
        "AzureDiagnostics" => table(name),
        _ => (DEFENDER.contains(&name) || CLASSIC.contains(&name)).then(Schema::default),
    }
}

/// Makes a documented table known to an engine that has nothing of that name, so that what is loaded into it has its
/// columns and their types.
pub fn know(engine: &mut Engine, name: &str) {
    let is_new = engine.table(name).is_none() && !engine.functions().any(|it| it.0 == name);
    if let Some(schema) = table(name).filter(|_| is_new) {
        engine.add_known_table(name, schema);
    }
}

/// Makes the documented tables known that a query reads and an engine does not have: they are there, and empty, as in a
/// workspace to which nothing was sent. Gives the names of all tables that the query reads and nothing was loaded into.
///
/// What it reads is found out by binding it, so that tables behind functions and patterns (`union Device*`) count; `union *`
/// and `search` do not look at what has no rows.
pub fn complete(engine: &mut Engine, query: impl Into<Query>) -> Vec<String> {
    let query = query.into();
    let read = |engine: &Engine| -> Vec<String> {
        let check = engine.check(query.clone());
        let scans = check.plan.nodes.iter().filter_map(|it| match &it.op {
            Op::Scan { table, .. } => Some(table.clone()),
            _ => None,
        });
        // Tables of which the catalogue has not all columns.
        let opaque = check.notes.opaque.into_iter().filter(|it| it.is_known && !it.is_call);
        scans.chain(opaque.map(|it| it.name.text)).collect()
    };
    let mut asked = engine.clone();
    asked.set_known(Arc::new(Workspace { lenient: true }));
    let (mut empty, mut is_new) = (Vec::new(), false);
    for name in read(&asked) {
        if engine.tables().any(|it| it.0 == name) || empty.contains(&name) {
            continue;
        }
        if engine.table(&name).is_none() {
            let Some(schema) = table(&name) else { continue };
            engine.add_known_table(name.as_str(), schema);
            is_new = true;
        }
        empty.push(name);
    }
    if is_new && query.text.contains('*') {
        // Patterns pass over tables that are only known.
        let named = read(engine);
        for name in empty.iter().filter(|it| !named.contains(it)) {
            engine.add_table(name.as_str(), Table::empty(table(name).unwrap_or_default()));
        }
    }
    empty
}

/// What a workspace is taken to have when a query is checked: the tables and functions of this catalogue, and with
/// `lenient` anything else that a query reads as a table. [`kql::Check`] tells in its notes what that was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Workspace {
    /// Whether tables that nothing knows may exist.
    pub lenient: bool,
}

impl Known for Workspace {
    fn table(&self, name: &str) -> Option<Arc<Schema>> {
        // What has further columns is not all known.
        if function(name).is_some() { None } else { table(name).map(Arc::new) }
    }

    fn tables(&self) -> Vec<String> {
        tables().iter().map(|it| (*it).to_owned()).collect()
    }

    fn opaque(&self, name: &str) -> Option<Opaque> {
        match function(name) {
            Some(schema) => Some(Opaque { schema: Arc::new(schema), is_known: true }),
            None => self.lenient.then(Opaque::default),
        }
    }
}
