//! Files that declare tables and functions: the project's own, and those of Azure-Sentinel's `CustomTables` and
//! `CustomFunctions` directories.
//!
//! * `{"tables": {"T": {"column": "type"} or "column:type, …"}, "functions": {"F": {"parameters": "…", "body": "…"}}}`
//! * `{"Name": "T_CL", "Properties": [{"Name": "column", "Type": "string"}]}`
//! * `{"FunctionName": "F", "FunctionParameters": [{"Name", "Type"}], "FunctionResultColumns": [{"Name", "Type"}]}`
//!
//! Names of types are those of the language in any case, or .NET's. A function that is declared by its result columns can
//! be checked with, not run: it has no rows.

use crate::{Files, paths};
use kql::{Engine, Field, Schema, StoredFunction, Table, Type};
use serde_json::Value as Json;
use std::path::Path;

/// Declares what a file, or each JSON file of a directory, declares. The error names the file.
pub fn load(engine: &mut Engine, files: &dyn Files, path: &Path) -> Result<(), String> {
    let found = match files.is_directory(path) {
        true => paths::below(files, path, &["json"])?,
        false => vec![path.to_owned()],
    };
    for path in found {
        let bad = |why: String| format!("{}: {why}", path.display());
        let bytes = files.read(&path)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let schema = serde_json::from_slice(text).map_err(|why| bad(why.to_string()))?;
        declare(engine, &schema).map_err(bad)?;
    }
    Ok(())
}

/// Declares the tables, without rows, and the functions of a schema in any of the forms; a list of them is each of them.
pub fn declare(engine: &mut Engine, schema: &Json) -> Result<(), String> {
    if let Some(items) = schema.as_array() {
        return items.iter().try_for_each(|it| declare(engine, it));
    }
    if get(schema, "FunctionName").is_some() {
        return declare_function(engine, schema);
    }
    if let (Some(name), Some(columns)) = (text(schema, "Name"), get(schema, "Properties")) {
        let fields = listed(&name, columns)?;
        engine.add_table(name, Table::empty(Schema::new(fields)));
        return Ok(());
    }
    for (name, columns) in schema.get("tables").and_then(Json::as_object).into_iter().flatten() {
        let fields = columns_of(name, columns)?;
        engine.add_table(name.as_str(), Table::empty(Schema::new(fields)));
    }
    for (name, function) in schema.get("functions").and_then(Json::as_object).into_iter().flatten() {
        let text = |key: &str| function.get(key).and_then(Json::as_str).unwrap_or("").to_owned();
        let parameters = if function.get("params").is_some() { text("params") } else { text("parameters") };
        engine.add_function(name.as_str(), StoredFunction { parameters, body: text("body") });
    }
    Ok(())
}

/// The columns of a table: an object, a text, or a list of objects.
fn columns_of(table: &str, columns: &Json) -> Result<Vec<Field>, String> {
    match columns {
        Json::Object(columns) => {
            columns.iter().map(|(column, ty)| field(table, column, ty.as_str().unwrap_or(""))).collect()
        }
        Json::String(text) => {
            let columns = text.split(',').filter(|it| !it.trim().is_empty());
            let pair = |it: &str| {
                let (column, ty) = it.split_once(':').unwrap_or((it, "string"));
                field(table, column, ty)
            };
            columns.map(pair).collect()
        }
        Json::Array(_) => listed(table, columns),
        _ => Err(format!("table `{table}`: columns are an object or a text `a:string, b:long`")),
    }
}

/// `[{"Name": …, "Type": …}]`
fn listed(table: &str, columns: &Json) -> Result<Vec<Field>, String> {
    let Some(columns) = columns.as_array() else { return Err(format!("table `{table}`: a list of columns is needed")) };
    let mut out: Vec<Field> = Vec::with_capacity(columns.len());
    for column in columns {
        let Some(name) = text(column, "Name") else { return Err(format!("table `{table}`: a column has no name")) };
        let ty = text(column, "Type").unwrap_or_else(|| "string".to_owned());
        // Such files are written for a check that lets other types pass (`binary`): what such a column holds is not known.
        let field = field(table, &name, &ty).unwrap_or_else(|_| Field::unknown(name.trim()));
        // Some files list a column twice.
        if !out.iter().any(|it| it.name == field.name) {
            out.push(field);
        }
    }
    Ok(out)
}

fn field(table: &str, column: &str, ty: &str) -> Result<Field, String> {
    match type_named(ty) {
        Some(ty) => Ok(Field::new(column.trim(), ty)),
        None => Err(format!("table `{table}`: unknown type `{ty}` of `{column}`")),
    }
}

/// A type by the language's name or .NET's, in any case.
fn type_named(name: &str) -> Option<Type> {
    let name = name.trim().to_ascii_lowercase();
    Type::from_name(&name).or_else(|| {
        Some(match name.trim_start_matches("system.") {
            "boolean" | "sbyte" => Type::Bool,
            "int32" | "integer" => Type::Int,
            "int64" | "bigint" => Type::Long,
            "double" | "float" | "single" => Type::Real,
            "string" | "text" => Type::String,
            "datetime" => Type::Datetime,
            "timespan" => Type::Timespan,
            "guid" => Type::Guid,
            "object" | "json" | "array" => Type::Dynamic,
            _ => return None,
        })
    })
}

fn declare_function(engine: &mut Engine, schema: &Json) -> Result<(), String> {
    let Some(name) = text(schema, "FunctionName") else { return Err("a function has no name".to_owned()) };
    let mut parameters = Vec::new();
    for parameter in get(schema, "FunctionParameters").and_then(Json::as_array).into_iter().flatten() {
        let Some(own) = text(parameter, "Name") else {
            return Err(format!("function `{name}`: a parameter has no name"));
        };
        let ty = text(parameter, "Type").unwrap_or_default();
        parameters.push(match type_named(&ty) {
            Some(Type::String) => format!("{own}:string=''"),
            Some(ty) => format!("{own}:{0}={0}(null)", ty.name()),
            None => format!("{own}:(*)"),
        });
    }
    // Tables come first, and have no default.
    parameters.sort_by_key(|it| !it.ends_with("(*)"));
    let columns = match get(schema, "FunctionResultColumns") {
        Some(columns) => listed(&name, columns)?,
        None => Vec::new(),
    };
    let column = |it: &Field| format!("['{}']:{}", it.name.replace('\\', "\\\\").replace('\'', "\\'"), it.ty.name());
    let body = match columns.is_empty() {
        // Without columns it gives a value, of which nothing is known.
        true => "{ dynamic(null) }".to_owned(),
        false => format!("{{ datatable({})[] }}", columns.iter().map(column).collect::<Vec<_>>().join(", ")),
    };
    engine.add_function(name, StoredFunction { parameters: format!("({})", parameters.join(", ")), body });
    Ok(())
}

/// A key in any case.
fn get<'a>(object: &'a Json, key: &str) -> Option<&'a Json> {
    object.as_object()?.iter().find(|it| it.0.eq_ignore_ascii_case(key)).map(|it| it.1)
}

fn text(object: &Json, key: &str) -> Option<String> {
    get(object, key)?.as_str().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn the_three_forms() {
        let files = Memory::new([
            ("own.json", r#"{"tables": {"A": "x:long, y", "B": {"z": "dynamic"}}, "functions": {"F": {"body": "A"}}}"#),
            (
                "s/CustomTables/C_CL.json",
                "\u{feff}{\"Name\": \"C_CL\", \"Properties\": [{\"name\": \"n\", \"type\": \"DateTime\"}]}",
            ),
            (
                "s/CustomFunctions/G.json",
                r#"{"FunctionName": "G", "FunctionParameters": [{"Name": "from", "Type": "datetime"}],
                    "FunctionResultColumns": [{"Name": "Host Name", "Type": "String"}, {"Name": "n", "Type": "Real"}]}"#,
            ),
            (
                "s/CustomFunctions/Scalar.json",
                r#"{"FunctionName": "Level", "FunctionParameters": [{"Name": "x", "Type": "int"}], "FunctionResultColumns": []}"#,
            ),
            (
                "s/CustomFunctions/Odd.json",
                r#"{"FunctionName": "Odd", "FunctionParameters": [], "FunctionResultColumns": [{"Name": "is_b", "Type": "binary"}]}"#,
            ),
        ]);
        let mut engine = Engine::new();
        load(&mut engine, &files, Path::new("own.json")).unwrap();
        load(&mut engine, &files, Path::new("s")).unwrap();
        for query in [
            "F | where x == 1",
            "B | where z.a == 1",
            "C_CL | where n > ago(1d)",
            "G() | project ['Host Name'], n + 1.5",
            "print Level(3)",
            "Odd | where is_b == 'x' or is_b == true",
        ] {
            let found = engine.check(query).diagnostics;
            assert!(found.is_empty(), "{query}: {found:?}");
        }
        assert!(engine.check("G(ago(1d)) | project missing").diagnostics[0].message.contains("missing"));
        let why = declare(&mut engine, &serde_json::json!({"tables": {"T": "x:lng"}})).unwrap_err();
        assert_eq!(why, "table `T`: unknown type `lng` of `x`");
    }
}
