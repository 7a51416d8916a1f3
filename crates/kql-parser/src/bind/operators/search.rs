//! `search`: rows that hold a term, in any column of any table.

use super::super::{Bind, Binder, Table};
use super::{columns, terms, union};
use crate::{
    plan::Op,
    syntax::{Search, Stage},
};
use kql_data::Schema;
use std::sync::Arc;

pub(super) fn bind(b: &mut Binder<'_>, it: &Search, input: Option<Table>, stage: &Stage) -> Bind<Table> {
    let case_sensitive =
        b.choice(&it.parameters, "kind", &["default", "case_insensitive", "case_sensitive"])? == Some("case_sensitive");
    let has_input = input.is_some();
    let mut legs: Vec<Table> = input.into_iter().collect();
    legs.extend(union::named(b, &it.tables)?);
    if !has_input && it.tables.is_empty() {
        legs = union::wildcard(b, "*");
    }
    if legs.is_empty() {
        return b.fail("SEM0100", stage.span, "there is no table to search");
    }
    let all = union::all_columns(&legs);
    let mut found = Vec::new();
    for leg in &legs {
        let label = leg.label.clone();
        let table = filtered(b, it, case_sensitive, leg, Some(&all))?;
        found.push(Table { label, ..table });
    }
    Ok(union::combine(b, &found, false, Some("$table".to_owned()), stage.span))
}

fn filtered(
    b: &mut Binder<'_>,
    it: &Search,
    case_sensitive: bool,
    leg: &Table,
    all: Option<&Arc<Schema>>,
) -> Bind<Table> {
    let predicate = columns::over(b, leg, |b| {
        b.row.elsewhere = all.cloned();
        terms::predicate(b, it.predicate, case_sensitive)
    })?;
    let schema = leg.schema.clone();
    Ok(b.table(Op::Filter { input: leg.node, predicate }, schema, leg))
}
