//! `lookup`: columns of a small table beside each row.

use super::super::{Bind, Binder, Row, Table};
use super::{join, project_away};
use crate::{
    plan::{Expr, JoinKind, Op},
    syntax::{Lookup, Stage},
};

pub(super) fn bind(b: &mut Binder<'_>, it: &Lookup, input: Table, stage: &Stage) -> Bind<Table> {
    let kind = match b.choice(&it.parameters, "kind", &["leftouter", "inner"])? {
        Some("inner") => JoinKind::Inner,
        _ => JoinKind::LeftOuter,
    };
    if let Some(hint) = b.parameter(&it.parameters, "hint.shufflekey") {
        return b.fail("SEM0041", hint.span, "`lookup` takes no `hint.shufflekey`");
    }
    let right = b.over(Row::none(), |b| b.tabular(it.right))?;
    let keys = join::keys(b, &it.on, &input, &right)?;
    if keys.is_empty() {
        return b.fail("SYN0002", stage.span, "`lookup` needs keys: `on Column`");
    }
    // The right side's key columns are not repeated.
    let mut dropped = Vec::new();
    for (_, key) in &keys {
        let mut id = *key;
        while let Expr::Call { args, .. } = b.plan.expr(id) {
            match args.first() {
                Some(first) => id = *first,
                None => break,
            }
        }
        if let Expr::Column { index, .. } = b.plan.expr(id) {
            dropped.push(*index);
        }
    }
    let rest: Vec<usize> = (0..right.schema.len()).filter(|it| !dropped.contains(it)).collect();
    let shown = kql_data::Schema::new(rest.iter().filter_map(|it| right.schema.fields.get(*it).cloned()).collect());
    b.check_columns(input.schema.len() + right.schema.len(), stage.span)?;
    let names = join::joined(&input.schema, &shown);
    let wide = join::joined(&input.schema, &right.schema);
    let op = Op::Join { left: input.node, right: right.node, kind, keys, condition: None };
    let table = b.new_table(op, wide);
    let n_left = input.schema.len();
    let chosen: Vec<usize> = (0..n_left).chain(rest.iter().map(|it| n_left + it)).collect();
    let chosen = project_away::choose(b, &chosen, &table);
    let table = Table { open: input.open || right.open, ..chosen };
    let exprs = super::columns::all(b, &names);
    Ok(super::columns::project(b, exprs, names, &table))
}
