//! `fork`, `facet`: several results of one input.

use super::super::{Bind, Binder, Table};
use super::count;
use crate::{
    plan::{Op, ResultTable},
    syntax::{Facet, Fork, Stage},
};
use kql_data::{Field, Schema, Type};

fn shared(b: &mut Binder<'_>, input: &Table) -> Table {
    let schema = input.schema.clone();
    b.table(Op::Shared { input: input.node }, schema, input)
}

fn add(b: &mut Binder<'_>, name: String, table: &Table) {
    let visualization = table.visualization.clone();
    if table.open {
        _ = b.open_nodes.insert(table.node);
    }
    b.plan.results.push(ResultTable { name, node: table.node, visualization });
    b.results_given = true;
}

pub(super) fn bind(b: &mut Binder<'_>, it: &Fork, input: Table) -> Bind<Table> {
    let input = shared(b, &input);
    let mut first = None;
    for (n, leg) in it.legs.iter().enumerate() {
        let table = b.pipeline(leg.subquery, Some(input.clone()))?;
        let name = leg.name.as_ref().map_or_else(|| format!("GenericResult_{n}"), |it| it.text.clone());
        add(b, name, &table);
        first.get_or_insert(table);
    }
    first.ok_or(super::Reported)
}

pub(super) fn facet(b: &mut Binder<'_>, it: &Facet, input: Table, stage: &Stage) -> Bind<Table> {
    let input = shared(b, &input);
    let mut first = None;
    for id in &it.columns {
        let row = b.row_of(&input);
        let (index, ty) = b.over(row, |b| b.column_of(*id))?;
        let key = b.column(index, ty);
        let name = input.schema.fields.get(index).map(|it| it.name.to_string()).unwrap_or_default();
        let count = count::count(b)?;
        let schema = Schema::new(vec![Field::new(name.as_str(), ty), Field::new(format!("count_{name}"), Type::Long)]);
        let op = Op::Aggregate { input: input.node, keys: vec![key], aggregates: vec![count] };
        let table = b.new_table(op, schema);
        add(b, name, &table);
        first.get_or_insert(table);
    }
    if let Some(subquery) = it.subquery {
        let table = b.pipeline(subquery, Some(input.clone()))?;
        add(b, "PrimaryResult".to_owned(), &table);
    }
    match first {
        Some(it) => Ok(it),
        None => b.fail("SYN0002", stage.span, "`facet` needs columns"),
    }
}
