//! The catalogue of tables: how its text is made, and that it says what the reference says.
//!
//! `schema.json` of the reference is `{"tables": {"T": {"column": "type"}}}`. Where it is at hand (`shared/corpus` beside or
//! above this checkout) the text must be the one made from it; `UPDATE=1` writes it. Without it the facts below hold.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use kql::Type;
use kql_rules::catalogue;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

const TEXT: &str = "src/catalogue/tables.txt";
const WIDTH: usize = 118;

const HEAD: &str = "\
# Tables of Azure Monitor, Microsoft Sentinel and Defender XDR and their columns, made by tests/catalogue.rs.
# Name: string. :b bool, :d datetime, :g guid, :i int, :l long, :m decimal, :r real, :t timespan, :y dynamic.
# @group: the columns of the group, which stand first.
";

/// Columns that many tables have, one behind the other.
const GROUPS: &[(&str, &str)] = &[
    ("begin", "TenantId TimeGenerated:d"),
    ("end", "SourceSystem Type _IsBillable _BilledSize:r _ResourceId _SubscriptionId _ItemId _TimeReceived:d"),
    ("alone", "SourceSystem Type _IsBillable _BilledSize:r _ItemId _TimeReceived:d"),
    ("tail", "Type _IsBillable _BilledSize:r _ItemId _TimeReceived:d TenantId"),
    ("service", "LogId ServiceName UserAgent SessionId ActionName RequestId"),
];

/// A file of the reference beside this checkout, if there is one.
fn reference(file: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|it| it.join("shared/corpus").join(file)).find(|it| it.exists())
}

fn letter(ty: &str) -> &'static str {
    match ty {
        "string" => "",
        "bool" => ":b",
        "datetime" => ":d",
        "guid" => ":g",
        "int" => ":i",
        "long" => ":l",
        "decimal" => ":m",
        "real" => ":r",
        "timespan" => ":t",
        "dynamic" => ":y",
        other => panic!("unknown type {other}"),
    }
}

fn made_from(schema: &Json) -> String {
    let mut out = HEAD.to_owned();
    for (name, columns) in GROUPS {
        out.push_str(&format!("@{name} {columns}\n"));
    }
    let mut tables: Vec<_> = schema["tables"].as_object().unwrap().iter().collect();
    tables.sort_by_key(|it| it.0);
    for (name, columns) in tables {
        let columns =
            columns.as_object().unwrap().iter().map(|(it, ty)| format!("{it}{}", letter(ty.as_str().unwrap())));
        let mut columns = format!(" {} ", columns.collect::<Vec<_>>().join(" "));
        for (group, members) in GROUPS {
            columns = columns.replace(&format!(" {members} "), &format!(" @{group} "));
        }
        let mut line = name.clone();
        for word in columns.split_ascii_whitespace() {
            if line.len() + 1 + word.len() > WIDTH {
                out.push_str(&line);
                out.push('\n');
                line = " ".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[test]
fn the_text_is_made_from_the_reference() {
    let Some(path) = reference("schema.json") else {
        println!("skipped: there is no shared/corpus/schema.json");
        return;
    };
    let schema: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let made = made_from(&schema);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(TEXT);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    assert!(std::fs::read_to_string(file).unwrap() == made, "{TEXT} is not what is made from schema.json");
    for (name, columns) in schema["tables"].as_object().unwrap() {
        let table = catalogue::table(name).unwrap_or_else(|| panic!("{name}"));
        let own: Vec<(&str, &str)> = table.fields.iter().map(|it| (&*it.name, it.ty.name())).collect();
        let theirs: Vec<(&str, &str)> =
            columns.as_object().unwrap().iter().map(|(it, ty)| (it.as_str(), ty.as_str().unwrap())).collect();
        // Columns of former times stand behind those of the reference.
        assert_eq!(own.get(..theirs.len()), Some(theirs.as_slice()), "{name}");
    }
}

#[test]
fn counts() {
    let names = catalogue::tables();
    assert_eq!(names.len(), 946);
    assert!(names.is_sorted());
    let n_columns: usize = names.iter().map(|it| catalogue::table(it).unwrap().len()).sum();
    assert_eq!(n_columns, 29_001 + 2);
}

#[test]
fn tables_by_hand() {
    let type_of = |table: &str, column: &str| {
        let schema = catalogue::table(table).unwrap();
        schema.fields.iter().find(|it| &*it.name == column).map(|it| it.ty)
    };
    for (table, column, ty) in [
        ("SigninLogs", "TimeGenerated", Type::Datetime),
        ("SigninLogs", "LocationDetails", Type::Dynamic),
        ("SigninLogs", "ResultType", Type::String),
        ("SecurityEvent", "EventID", Type::Int),
        ("SecurityEvent", "Computer", Type::String),
        ("DeviceProcessEvents", "Timestamp", Type::Datetime),
        ("DeviceProcessEvents", "ProcessId", Type::Long),
        ("AuditLogs", "TargetResources", Type::Dynamic),
        ("AzureActivity", "OperationNameValue", Type::String),
        ("CommonSecurityLog", "DestinationPort", Type::Int),
        ("SecurityAlert", "Entities", Type::String),
        ("Heartbeat", "_ResourceId", Type::String),
        ("W3CIISLog", "sComputerName", Type::String),
    ] {
        assert_eq!(type_of(table, column), Some(ty), "{table}.{column}");
    }
    assert_eq!(type_of("SigninLogs", "EventID"), None);
    assert!(
        catalogue::table("signinlogs").is_none()
            && catalogue::table("@end").is_none()
            && catalogue::table("#").is_none()
    );
}

#[test]
fn functions_of_a_workspace() {
    for name in ["_Im_Dns", "_ASim_WebSession", "imAuthentication", "ASimAuditEvent", "_Im_Dns_InfobloxNIOSV03"] {
        assert!(catalogue::function(name).is_some_and(|it| it.index_of("TimeGenerated").is_some()), "{name}");
    }
    assert!(catalogue::function("_GetWatchlist").is_some_and(|it| it.index_of("SearchKey").is_some()));
    assert!(catalogue::function("FileProfile").is_some());
    assert!(catalogue::function("imp").is_none() && catalogue::function("ASimDnsActivityLogs").is_none());
}
