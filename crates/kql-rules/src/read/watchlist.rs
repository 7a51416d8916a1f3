//! Watchlists out of CSV and JSON files, and the functions by which queries read them.

use crate::{Files, guid, project::WatchlistFile};
use kql::{
    Batch, Column, Dynamic, Engine, Field, Schema, StoredFunction, Table, Type,
    formats::{LoadOptions, load_bytes},
};

/// A watchlist that was read.
#[derive(Clone, Debug)]
pub struct Watchlist {
    /// What `_GetWatchlist` calls it.
    pub alias: String,
    /// Its items, with the columns that the service puts before theirs.
    pub table: Table,
}

/// Columns that every watchlist begins with.
const OWN: [(&str, Type); 4] = [
    ("_DTItemId", Type::String),
    ("LastUpdatedTimeUTC", Type::Datetime),
    ("SearchKey", Type::String),
    ("WatchlistItem", Type::Dynamic),
];

/// The name of the table of a watchlist: what it is called by, so that a message about it reads well.
pub fn table_name(alias: &str) -> String {
    format!("_GetWatchlist('{alias}')")
}

/// Reads a watchlist. Cells of a CSV file are texts, as the service keeps them; JSON keeps its types.
pub fn load(files: &dyn Files, file: &WatchlistFile) -> Result<Watchlist, String> {
    of_bytes(&file.alias, &file.path.display().to_string(), files.read(&file.path)?, file.search_key.as_deref())
}

/// A watchlist of bytes; `source` names them, and its ending tells how they are written.
pub fn of_bytes(alias: &str, source: &str, bytes: Vec<u8>, search_key: Option<&str>) -> Result<Watchlist, String> {
    let first = load_bytes(source, bytes.clone(), LoadOptions::default()).map_err(|why| why.to_string())?;
    let is_json = first.table.schema.fields.iter().any(|it| it.ty == Type::Dynamic)
        || bytes.iter().find(|it| !it.is_ascii_whitespace()).is_some_and(|it| matches!(it, b'{' | b'['));
    let loaded = if is_json {
        first
    } else {
        let text = |it: &Field| Field::new(it.name.clone(), Type::String);
        let schema = Schema::new(first.table.schema.fields.iter().map(text).collect());
        let options = LoadOptions { schema: Some(schema), ..LoadOptions::default() };
        load_bytes(source, bytes, options).map_err(|why| why.to_string())?
    };
    let items = loaded.table;
    // The loader's own columns are none of the list.
    let is_own = |it: &Field| OWN.iter().any(|own| *own.0 == *it.name);
    let kept: Vec<usize> = items.schema.fields.iter().enumerate().filter(|it| !is_own(it.1)).map(|it| it.0).collect();
    let key = match search_key {
        Some(name) => {
            items.schema.index_of(name).ok_or_else(|| format!("{source}: no column `{name}` for SearchKey"))?
        }
        None => items.schema.index_of("SearchKey").or(kept.first().copied()).unwrap_or(0),
    };
    let mut fields: Vec<Field> = OWN.iter().map(|(name, ty)| Field::new(*name, *ty)).collect();
    fields.extend(kept.iter().filter_map(|it| items.schema.fields.get(*it).cloned()));
    let mut row = 0;
    let mut batches = Vec::new();
    for chunk in &items.chunks {
        let batch = &chunk.batch;
        let ids = (0..batch.n_rows).map(|it| guid::of(&["watchlist", alias, &(row + it).to_string()]));
        let keys = (0..batch.n_rows).map(|it| batch.columns.get(key).map_or(String::new(), |c| c.value(it).text()));
        let bags = (0..batch.n_rows).map(|it| Some(bag(&items.schema, batch, &kept, it))).collect();
        let mut columns = vec![
            Column::strings(ids),
            Column::null(Type::Datetime, batch.n_rows),
            Column::strings(keys),
            Column::dynamics(bags),
        ];
        columns.extend(kept.iter().filter_map(|it| batch.columns.get(*it).cloned()));
        row += batch.n_rows;
        batches.push(Batch::new(columns, batch.n_rows));
    }
    Ok(Watchlist { alias: alias.to_owned(), table: Table::new(Schema::new(fields), batches) })
}

/// An item as a bag.
fn bag(schema: &Schema, batch: &Batch, kept: &[usize], row: usize) -> Dynamic {
    let field = |index: &usize| {
        let (field, column) = (schema.fields.get(*index)?, batch.columns.get(*index)?);
        Some((field.name.as_ref().into(), column.value(row).to_dynamic()))
    };
    Dynamic::bag(kept.iter().filter_map(field).collect())
}

/// Gives an engine watchlists, and `_GetWatchlist` and `_GetWatchlistAlias` to read them. `union *` passes over them.
pub fn add(engine: &mut Engine, lists: Vec<Watchlist>) {
    let mut aliases: Vec<String> = Vec::new();
    for it in lists {
        aliases.push(it.alias.clone());
        engine.add_unlisted_table(table_name(&it.alias), it.table);
    }
    // The alias is a constant where the function is called, so the table is known when the query is bound.
    let body = r#"{ table(strcat("_GetWatchlist('", watchlistAlias, "')")) | where array_length(keys) == 0 or SearchKey in (keys) }"#;
    let parameters = "(watchlistAlias:string, keys:dynamic=dynamic([]))".to_owned();
    engine.add_function("_GetWatchlist", StoredFunction { parameters, body: body.to_owned() });
    let quoted = |it: &String| format!("'{}'", it.replace('\\', "\\\\").replace('\'', "\\'"));
    let list = aliases.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let body = format!("{{ datatable(WatchlistAlias:string)[{list}] }}");
    engine.add_function("_GetWatchlistAlias", StoredFunction { parameters: "()".to_owned(), body });
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql::Value;

    #[test]
    fn texts_keys_and_unknown_lists() {
        let list = of_bytes("VIP", "vip.csv", b"User,Level\nann,007\nbob,1\n".to_vec(), Some("User")).unwrap();
        let mut engine = Engine::new();
        add(&mut engine, vec![list]);
        let query = "_GetWatchlist('VIP') | where SearchKey == 'ann' | project User, Level, strlen(_DTItemId)";
        let rows = engine.query(query).unwrap().rows();
        let text = |it: &str| Value::String(it.into());
        assert_eq!(rows, [[text("ann"), text("007"), Value::Long(36)]]);
        let rows = engine.query("_GetWatchlist('VIP', dynamic(['bob'])) | project tostring(WatchlistItem.Level)");
        assert_eq!(rows.unwrap().rows(), [[text("1")]]);
        let why = engine.query("_GetWatchlist('VIPs')").unwrap_err().to_string();
        assert!(why.contains("unknown watchlist `VIPs`"), "{why}");
        let Err(kql::Error::Query(found)) = engine.query("_GetWatchlist('Offices')") else { panic!("no error") };
        assert!(found[0].hints[0].1 == "there are: `VIP`" && found[0].hints[1].1.contains("kql.toml"), "{found:?}");
        assert_eq!(engine.query("union * | count").unwrap_err().to_string(), "no table matches `*`");
        assert_eq!(engine.query("_GetWatchlistAlias").unwrap().rows(), [[text("VIP")]]);
    }

    #[test]
    fn items_of_json() {
        let list = of_bytes("N", "n.json", br#"[{"Network":"10.0.0.0/8","Level":3}]"#.to_vec(), None).unwrap();
        let names: Vec<&str> = list.table.schema.fields.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["_DTItemId", "LastUpdatedTimeUTC", "SearchKey", "WatchlistItem", "Network", "Level"]);
        assert_eq!(list.table.chunks[0].batch.columns[5].value(0), Value::Long(3));
    }
}
