//! `kql batch`: one JSON request a line in, one JSON reply a line out.

use kql::{
    Column, Dynamic, Engine, Error, Field, Now, Outcome, Query, Schema, Table, Type,
    formats::write_cell_at,
    functions::{Actual, CallSite, conversion, function, resolve},
};
use serde_json::Value as Json;
use std::io::{BufRead, Write};

/// Answers requests until the input ends. Gives the exit status: 0 when no reply holds an error, 1 when one does.
pub(crate) fn run(engine: &Engine, input: impl BufRead, mut out: impl Write) -> std::io::Result<i32> {
    let mut failed = false;
    for line in input.split(b'\n') {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (reply, good) = answer(engine, &line);
        failed |= !good;
        out.write_all(reply.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(i32::from(failed))
}

/// The reply to one line, and whether it is without an error.
fn answer(engine: &Engine, line: &[u8]) -> (String, bool) {
    let request: Json = match serde_json::from_slice(line) {
        Ok(it) => it,
        Err(why) => return (failure(&Json::Null, "BAD_REQUEST", &format!("not a JSON request: {why}"), None), false),
    };
    let id = request.get("id").cloned().unwrap_or(Json::Null);
    let Some(text) = request.get("query").and_then(Json::as_str) else {
        return (failure(&id, "BAD_REQUEST", "the request has no `query`", None), false);
    };
    let mut own = None;
    if let Err(why) = prepare(engine, &request, &mut own) {
        return (failure(&id, "BAD_REQUEST", &why, None), false);
    }
    let engine = own.as_ref().unwrap_or(engine);
    let parameters = parameters(&request);
    let query = Query { text: text.to_owned(), parameters };
    match request.get("mode").and_then(Json::as_str).unwrap_or("run") {
        "run" => match engine.query(query) {
            Ok(outcome) => (success(&id, &outcome), true),
            Err(error) => (error_reply(&id, text, &error), false),
        },
        "check" => {
            let check = engine.check(query);
            match check.diagnostics.iter().any(kql::Diagnostic::is_error) {
                true => (error_reply(&id, text, &Error::Query(check.diagnostics)), false),
                false => (schemas(&id, &check.results), true),
            }
        }
        "parse" => {
            let (_, diagnostics) = kql::parser::parse(text, &kql::parser::ParseOptions::default());
            match diagnostics.iter().any(kql::Diagnostic::is_error) {
                true => (error_reply(&id, text, &Error::Query(diagnostics)), false),
                false => (format!("{{\"id\":{id},\"tables\":[]}}"), true),
            }
        }
        other => (failure(&id, "BAD_REQUEST", &format!("unknown mode `{other}`"), None), false),
    }
}

/// An engine of the request's own where it brings tables or a clock.
fn prepare(engine: &Engine, request: &Json, own: &mut Option<Engine>) -> Result<(), String> {
    if let Some(tables) = request.get("tables").and_then(Json::as_object) {
        let engine = own.get_or_insert_with(|| engine.clone());
        for (name, table) in tables {
            engine.add_table(name.as_str(), read_table(name, table)?);
        }
    }
    if let Some(now) = request.get("now").and_then(Json::as_str) {
        let ticks = kql::parser::parse_datetime(now).ok_or_else(|| format!("`now` is no datetime: {now}"))?;
        own.get_or_insert_with(|| engine.clone()).set_now(Now::At(ticks));
    }
    Ok(())
}

fn parameters(request: &Json) -> Vec<(String, String)> {
    let given = request.get("parameters").and_then(Json::as_object);
    given
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

/// A table of a request: `{"columns": [{"name", "type"}], "rows": [[…]]}`.
fn read_table(name: &str, table: &Json) -> Result<Table, String> {
    let mut fields = Vec::new();
    for column in table.get("columns").and_then(Json::as_array).into_iter().flatten() {
        let text = |key| column.get(key).and_then(Json::as_str);
        let (Some(column), Some(ty)) = (text("name"), text("type").and_then(Type::from_name)) else {
            return Err(format!("table `{name}`: a column needs a `name` and a known `type`"));
        };
        fields.push(Field::new(column, ty));
    }
    let rows = table.get("rows").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut columns = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        let cell = |row: &Json| row.get(index).map(kql_data_json);
        columns.push(convert(Column::dynamics(rows.iter().map(cell).collect()), field.ty)?);
    }
    Ok(Table::new(Schema::new(fields), vec![kql::Batch::new(columns, rows.len())]))
}

fn kql_data_json(value: &Json) -> Dynamic {
    kql::json::from_json(value)
}

/// A dynamic column as a type, by the language's own conversion.
fn convert(column: Column, ty: Type) -> Result<Column, String> {
    if ty == Type::Dynamic {
        return Ok(column);
    }
    let name = conversion(ty);
    let function = function(name).ok_or_else(|| format!("the function `{name}` is missing"))?;
    let resolved = resolve(function, &[Actual::varying(Type::Dynamic)]).map_err(|it| it.to_string())?;
    let site = CallSite::new(function, resolved.overload).map_err(|it| it.to_string())?;
    let n_rows = column.len();
    site.evaluate(&kql::Context::default(), &[column], n_rows).map_err(|it| it.to_string())
}

fn success(id: &Json, outcome: &Outcome) -> String {
    let mut out = format!("{{\"id\":{id},\"tables\":[");
    for (n, table) in outcome.tables.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write_schema(&table.name, &table.schema, &mut out);
        let mut first = true;
        for batch in &table.batches {
            for row in 0..batch.n_rows {
                out.push_str(if first { "[" } else { ",[" });
                first = false;
                for (n, column) in batch.columns.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    write_cell_at(column, row, &mut out);
                }
                out.push(']');
            }
        }
        out.push_str("]}");
    }
    out.push(']');
    if let Some(chart) = outcome.tables.iter().find_map(|it| it.visualization.as_ref()) {
        let mut properties = serde_json::Map::new();
        _ = properties.insert("Visualization".to_owned(), Json::from(chart.chart.as_str()));
        for (name, value) in &chart.properties {
            _ = properties.insert(name.clone(), Json::from(value.as_str()));
        }
        out.push_str(&format!(",\"visualization\":{}", Json::Object(properties)));
    }
    if !outcome.warnings.is_empty() {
        out.push_str(&format!(",\"warnings\":{}", Json::from(outcome.warnings.clone())));
    }
    out.push('}');
    out
}

fn schemas(id: &Json, results: &[(String, std::sync::Arc<Schema>)]) -> String {
    let mut out = format!("{{\"id\":{id},\"tables\":[");
    for (n, (name, schema)) in results.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write_schema(name, schema, &mut out);
        out.push_str("]}");
    }
    out.push_str("]}");
    out
}

/// Everything of a table up to its rows, whose array is left open.
fn write_schema(name: &str, schema: &Schema, out: &mut String) {
    out.push_str("{\"name\":");
    out.push_str(&Json::from(name).to_string());
    out.push_str(",\"columns\":[");
    for (n, field) in schema.fields.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        out.push_str(&format!("{comma}{{\"name\":{},\"type\":\"{}\"}}", Json::from(&*field.name), field.type_name()));
    }
    out.push_str("],\"rows\":[");
}

fn error_reply(id: &Json, text: &str, error: &Error) -> String {
    let place = match error {
        Error::Query(diagnostics) => diagnostics.iter().find(|it| it.is_error()).map(|it| {
            let (line, column) = kql::line_column(text, it.span.start);
            (line, column, it.span.of(text).chars().count())
        }),
        _ => None,
    };
    failure(id, error.code(), &error.to_string(), place)
}

fn failure(id: &Json, code: &str, message: &str, place: Option<(usize, usize, usize)>) -> String {
    let place = place.map_or(String::new(), |(line, column, length)| {
        format!(",\"line\":{line},\"column\":{column},\"length\":{length}")
    });
    let (code, message) = (Json::from(code), Json::from(message));
    format!("{{\"id\":{id},\"error\":{{\"code\":{code},\"message\":{message}{place}}}}}")
}
