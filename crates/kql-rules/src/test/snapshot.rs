//! Snapshots: whole answers in files that `--update` writes. Columns stand in the order of their names, so that a query may
//! reorder its own; rows are sorted unless the query sorts them, so that a snapshot never depends on chance.

use super::{
    diff,
    expect::{Failure, Observed, ObservedAlert},
    matcher::to_json,
};
use crate::{At, Files};
use serde_json::{Value as Json, json};
use std::path::Path;

/// What a comparison gave.
pub(super) enum Compared {
    /// The answer is the one of the file.
    Same,
    /// The file was written.
    Written,
    /// The answer is another.
    Other(Failure),
}

/// Compares an answer with a file, or writes it there.
pub(super) fn compare(files: &dyn Files, path: &Path, at: &At<String>, observed: &Observed, update: bool) -> Compared {
    let actual = text(observed);
    let failure = |message: String, detail| {
        Compared::Other(Failure { expectation: "snapshot", place: at.place, message, detail })
    };
    let expected = match files.is_file(path) {
        true => files.read(path).map(|it| String::from_utf8_lossy(&it).replace("\r\n", "\n")),
        false => Ok(String::new()),
    };
    match expected {
        Ok(expected) if expected == actual => Compared::Same,
        _ if update => match files.write(path, actual.as_bytes()) {
            Ok(()) => Compared::Written,
            Err(why) => failure(why, Vec::new()),
        },
        Ok(expected) if expected.is_empty() => {
            failure(format!("there is no snapshot {}; --update writes it", at.value), diff::lines("", &actual))
        }
        Ok(expected) => failure(
            format!("the answer is not that of {}; --update writes the new one", at.value),
            diff::lines(&expected, &actual),
        ),
        Err(why) => failure(why, Vec::new()),
    }
}

/// An answer as the text of a snapshot: JSON with a line a row.
fn text(observed: &Observed) -> String {
    let mut order: Vec<usize> = (0..observed.rows.columns.len()).collect();
    order.sort_by_key(|it| observed.rows.columns.get(*it).map(|it| it.0.clone()));
    let columns: Vec<Json> = order
        .iter()
        .filter_map(|it| observed.rows.columns.get(*it))
        .map(|(name, ty)| json!({"name": name, "type": ty.name()}))
        .collect();
    let row = |row: &Vec<kql::Value>| {
        let cells: Vec<Json> = order.iter().filter_map(|it| row.get(*it)).map(to_json).collect();
        Json::Array(cells).to_string()
    };
    let mut rows: Vec<String> = observed.rows.rows.iter().map(row).collect();
    if !observed.is_sorted {
        rows.sort_unstable();
    }
    let mut alerts: Vec<String> = observed.alerts.iter().map(|it| alert(it).to_string()).collect();
    if !observed.is_sorted {
        alerts.sort_unstable();
    }
    let block = |name: &str, lines: Vec<String>| match lines.is_empty() {
        true => format!("  \"{name}\": []"),
        false => format!("  \"{name}\": [\n    {}\n  ]", lines.join(",\n    ")),
    };
    let columns = columns.iter().map(Json::to_string).collect();
    format!("{{\n{},\n{},\n{}\n}}\n", block("columns", columns), block("rows", rows), block("alerts", alerts))
}

fn alert(it: &ObservedAlert) -> Json {
    let entity = |it: &(String, Vec<(String, String)>)| {
        let identifiers: serde_json::Map<String, Json> =
            it.1.iter().map(|it| (it.0.clone(), Json::from(it.1.as_str()))).collect();
        json!({"type": it.0, "identifiers": identifiers})
    };
    json!({
        "title": it.title,
        "severity": it.severity,
        "tactics": it.tactics,
        "techniques": it.techniques,
        "entities": it.entities.iter().map(entity).collect::<Vec<_>>(),
        "custom_details": it.custom_details.iter().map(|it| (it.0.clone(), json!(it.1))).collect::<serde_json::Map<_, _>>(),
    })
}
