//! Beginnings of rules and test files.

use crate::{
    Rule,
    test::predicate::{names, tree},
};
use kql::{
    Engine, Type,
    parser::syntax::{ExprKind, Operator, Query},
    table_of_alias,
};

/// A rule file of that name and id, which runs as it is.
pub fn new_rule(name: &str, id: &str) -> String {
    let name = serde_json::Value::from(name).to_string();
    format!(
        r#"id: {id}
name: {name}
description: |
  Finds …
severity: Medium
requiredDataConnectors: []
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
status: Available
tactics:
- InitialAccess
relevantTechniques:
- T1078
query: |
  SigninLogs
  | where ResultType != "0"
  | summarize Failures = count(), Addresses = make_set(IPAddress, 50) by UserPrincipalName
  | where Failures >= 10
entityMappings:
- entityType: Account
  fieldMappings:
  - identifier: FullName
    columnName: UserPrincipalName
version: 1.0.0
kind: Scheduled
"#
    )
}

/// Tests for the rule of [`new_rule`], which pass.
pub fn new_rule_test(file: &str) -> String {
    let file = serde_json::Value::from(file).to_string();
    let failures = |n: usize| {
        let row = |at: usize| {
            format!(
                "        - {{ TimeGenerated: 2026-01-01T11:{:02}:00Z, UserPrincipalName: ann@example.com, \
                 IPAddress: 192.0.2.7, ResultType: \"50126\" }}\n",
                10 + at
            )
        };
        (0..n).map(row).collect::<String>()
    };
    format!(
        "rule: {file}\nschema:\n  SigninLogs: \"TimeGenerated:datetime, UserPrincipalName:string, IPAddress:string, \
         ResultType:string\"\nnow: 2026-01-01T12:00:00Z\ntests:\n  - name: ten failures of one account\n    rows:\n      \
         SigninLogs:\n{}    expect:\n      alerts: 1\n      entities: [ {{ Account: ann@example.com }} ]\n      rows: [ {{ \
         Failures: 10, Addresses: [ 192.0.2.7 ] }} ]\n  - name: nine failures\n    rows:\n      SigninLogs:\n{}    expect: must \
         not fire\n  - name: logins that succeed\n    rows:\n      SigninLogs:\n{}    expect: must not fire\n",
        failures(10),
        failures(9),
        failures(10).replace("50126", "0"),
    )
}

/// A test file for a rule: one test in which it must fire and one in which it must not, with a row of each table that its
/// query reads. Columns that the query names are in the row; their values are to be filled in.
pub fn new_test(rule: &Rule, file: &str, engine: &Engine) -> String {
    let mut rows = String::new();
    let mut schemas = String::new();
    if let Some(query) = tree(&rule.query.text) {
        for table in tables(&query, engine) {
            let known = engine.table(table_of_alias(&table)).map(|it| (*it.schema).clone());
            let known = known.or_else(|| crate::catalogue::table(&table));
            let names = names(&query);
            let columns: Vec<(String, Type)> = match &known {
                Some(schema) => {
                    let is_used =
                        |it: &&kql::Field| &*it.name == "TimeGenerated" || names.contains(&it.name.to_string());
                    schema.fields.iter().filter(is_used).map(|it| (it.name.to_string(), it.ty)).collect()
                }
                None => vec![("TimeGenerated".to_owned(), Type::Datetime)],
            };
            if known.is_none() {
                schemas.push_str(&format!(
                    "  {table}: \"TimeGenerated:datetime\" # the table is not known: name its columns\n"
                ));
            }
            let cells: Vec<String> = columns.iter().map(|it| format!("{}: {}", it.0, example(it.1))).collect();
            rows.push_str(&format!("      {table}:\n        - {{ {} }}\n", cells.join(", ")));
        }
    }
    let schemas = if schemas.is_empty() { String::new() } else { format!("schema:\n{schemas}") };
    let rows = if rows.is_empty() { String::new() } else { format!("    rows:\n{rows}") };
    let file = serde_json::Value::from(file);
    format!(
        "rule: {file}\n{schemas}now: 2026-01-01T12:00:00Z\ntests:\n  - name: what it is for\n{rows}    expect: must fire\n  \
         - name: what is like it and harmless\n{rows}    expect: must not fire\n"
    )
}

/// The tables that a query reads, as it names them: names at the beginning of pipelines and in unions that are no `let`.
fn tables(query: &Query, engine: &Engine) -> Vec<String> {
    use kql::parser::syntax::StatementKind::Let;
    let lets: Vec<&str> = query
        .statements
        .iter()
        .filter_map(|it| match &it.kind {
            Let(it) => Some(it.name.text.as_str()),
            _ => None,
        })
        .collect();
    let mut out: Vec<String> = Vec::new();
    let add = |out: &mut Vec<String>, id| {
        let name = match query.kind(id) {
            ExprKind::Name(name) => &name.text,
            _ => return,
        };
        let is_table = engine.table(table_of_alias(name)).is_some() || !engine.functions().any(|it| it.0 == name);
        if is_table && !lets.contains(&name.as_str()) && !name.starts_with('$') && !out.contains(name) {
            out.push(name.clone());
        }
    };
    for pipeline in &query.pipelines {
        pipeline.source.into_iter().for_each(|it| add(&mut out, it));
        for stage in &pipeline.stages {
            match &stage.operator {
                Operator::Union(it) => it.tables.iter().for_each(|it| add(&mut out, *it)),
                Operator::Join(it) => add(&mut out, it.right),
                Operator::Lookup(it) => add(&mut out, it.right),
                _ => {}
            }
        }
    }
    if out.is_empty()
        && let Some(kql::parser::syntax::StatementKind::Query(id)) = query.statements.last().map(|it| &it.kind)
    {
        add(&mut out, *id);
    }
    out
}

fn example(ty: Type) -> &'static str {
    match ty {
        Type::Datetime => "2026-01-01T11:30:00Z",
        Type::Bool => "false",
        Type::Int | Type::Long => "0",
        Type::Real | Type::Decimal => "0.0",
        Type::Timespan => "\"00:00:01\"",
        Type::Guid => "\"00000000-0000-0000-0000-000000000000\"",
        Type::Dynamic => "{}",
        Type::String => "\"\"",
    }
}
