//! `top-nested`: the first values of a column, and for each the first of the next one, and so on.

use super::{Answer, Call};
use crate::{
    group::{Grouper, NO_GROUP},
    program::count_of,
    sort::compare_values,
};
use kql_data::{Batch, Column, ColumnBuilder, Fault, Field, Schema, Set, Type, Value};
use kql_parser::plan::{AggregateExpr, EvaluateArg, EvaluateValue};

/// One level as it is asked for.
struct Level<'a> {
    limit: Option<usize>,
    value: Column,
    aggregates: Vec<&'a AggregateExpr>,
    /// What is made of the aggregates, over their outputs; `None` for the one itself.
    combined: Option<&'a EvaluateValue>,
    /// The type of what the values are ranked by.
    rank: Type,
    others: Option<Value>,
    descends: bool,
}

/// A row of the output so far: the cells of the levels above, and whether its rows were left over on the way.
#[derive(Clone)]
struct Path {
    cells: Vec<Value>,
    is_rest: bool,
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let input = call.input()?;
    let levels = levels(call)?;
    let mut paths = vec![Path { cells: Vec::new(), is_rest: false }];
    // For each input row the path that it belongs to.
    let mut members: Vec<u32> = vec![0; input.n_rows];
    if input.n_rows == 0 {
        paths.clear();
    }
    for (depth, level) in levels.iter().enumerate() {
        call.check()?;
        let others_below = levels.get(depth + 1..).unwrap_or(&[]).iter().any(|it| it.others.is_some());
        (paths, members) = descend(call, level, others_below, &paths, &members)?;
    }
    let mut fields = Vec::new();
    let mut builders = Vec::new();
    for (depth, level) in levels.iter().enumerate() {
        fields.push(Field::new(format!("value_{depth}"), level.value.ty()));
        fields.push(Field::new(format!("aggregate_{depth}"), level.rank));
        builders.push(ColumnBuilder::new(level.value.ty(), paths.len()));
        builders.push(ColumnBuilder::new(level.rank, paths.len()));
    }
    for path in &paths {
        for (index, builder) in builders.iter_mut().enumerate() {
            builder.push(path.cells.get(index).unwrap_or(&Value::Null));
        }
    }
    let columns: Vec<Column> = builders.into_iter().map(ColumnBuilder::finish).collect();
    Ok((Schema::new(fields), vec![Batch::new(columns, paths.len())]))
}

/// The arguments of a level: how many (named `of`, which begins a level), the value, `others`, whether downwards, then the
/// aggregates, and what is made of them where that is not the one itself.
fn levels<'a>(call: &'a Call<'_>) -> Result<Vec<Level<'a>>, Fault> {
    let begins = |it: &EvaluateArg| it.name.as_deref() == Some("of");
    call.args.chunk_by(|_, next| !begins(next)).map(|args| level(call, args)).collect()
}

fn level<'a>(call: &'a Call<'_>, args: &'a [EvaluateArg]) -> Result<Level<'a>, Fault> {
    let [limit, value, others, descends, more @ ..] = args else {
        return Err(call.wrong("a level is not complete"));
    };
    let limit = call.constant_of(&limit.value)?;
    let (mut aggregates, mut combined) = (Vec::new(), None);
    for arg in more {
        match &arg.value {
            EvaluateValue::Aggregate(it) => aggregates.push(it),
            it => combined = Some(it),
        }
    }
    let rank = match (combined, aggregates.first()) {
        (Some(EvaluateValue::Expr(id)), _) => call.execution.plan.expr(*id).ty(),
        (None, Some(it)) => it.outputs.first().copied().unwrap_or(Type::Long),
        _ => return Err(call.wrong("a level has no aggregate")),
    };
    Ok(Level {
        limit: (!limit.is_null()).then(|| count_of(&limit)),
        value: call.values(&value.value)?,
        aggregates,
        combined,
        rank,
        others: Some(call.constant_of(&others.value)?).filter(|it| !it.is_null()),
        descends: call.constant_of(&descends.value)? != Value::Bool(false),
    })
}

impl Level<'_> {
    /// What the groups of some rows are ranked by.
    fn ranks(&self, call: &Call<'_>, rows: &[u32], groups: &[u32], n_groups: usize) -> Result<Column, Fault> {
        let mut outputs = Vec::with_capacity(self.aggregates.len());
        for aggregate in &self.aggregates {
            let (calls, args) = call.aggregate(aggregate)?;
            let taken: Vec<Column> = args.iter().map(|it| it.take(rows)).collect();
            let columns = calls.by_number(call.execution, groups, n_groups, &taken)?;
            let column = columns.into_iter().flatten().next();
            outputs.push(column.ok_or_else(|| call.wrong("the aggregate gives no column"))?);
        }
        match self.combined {
            Some(value) => call.values_over(value, &Batch::new(outputs, n_groups)),
            None => outputs.pop().ok_or_else(|| call.wrong("a level has no aggregate")),
        }
    }
}

/// The values of a level below each path, with their aggregates.
struct Groups {
    /// The rows that have a value: those of no rest.
    rows: Vec<u32>,
    /// The group of each of them.
    numbers: Vec<u32>,
    /// By group.
    values: Column,
    aggregated: Column,
    /// By path: its groups in order, as many as the level wants.
    children: Vec<Vec<usize>>,
}

impl Groups {
    fn new(call: &Call<'_>, level: &Level<'_>, paths: &[Path], members: &[u32]) -> Result<Groups, Fault> {
        let is_rest = |path: u32| paths.get(path as usize).is_none_or(|it| it.is_rest);
        let rows: Vec<u32> =
            (0..).zip(members).filter(|(_, path)| **path != NO_GROUP && !is_rest(**path)).map(|(row, _)| row).collect();
        let parents: Vec<i64> =
            rows.iter().map(|row| i64::from(members.get(*row as usize).copied().unwrap_or(0))).collect();
        let keys = [Column::longs(parents), level.value.take(&rows)];
        let mut grouper = Grouper::new(keys.iter().map(Column::ty).collect(), &call.execution.cx.budget, call.name)?;
        let numbers = grouper.assign(&keys, rows.len())?;
        let n_groups = grouper.len();
        let aggregated = level.ranks(call, &rows, &numbers, n_groups)?;
        let [parents, values] = <[Column; 2]>::try_from(grouper.keys()?).map_err(|_| call.wrong("a key is missing"))?;
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); paths.len()];
        for group in 0..n_groups {
            if let Value::Long(parent) = parents.value(group)
                && let Some(it) = children.get_mut(parent as usize)
            {
                it.push(group);
            }
        }
        for groups in &mut children {
            groups.sort_by(|a, b| {
                let order = compare_values(&aggregated.value(*a), &aggregated.value(*b));
                if level.descends { order.reverse() } else { order }
            });
            groups.truncate(level.limit.unwrap_or(usize::MAX));
        }
        Ok(Groups { rows, numbers, values, aggregated, children })
    }

    /// For each input row the path that it is left over at, if it is: rows of groups behind the limit, and all of rest paths.
    fn left_over(&self, members: &[u32]) -> Vec<u32> {
        let kept: Set<usize> = self.children.iter().flatten().copied().collect();
        let mut left_over = members.to_vec();
        for (row, number) in self.rows.iter().zip(&self.numbers) {
            if kept.contains(&(*number as usize)) {
                set(&mut left_over, *row, NO_GROUP);
            }
        }
        left_over
    }
}

/// The paths one level deeper, in order, and the path of each row; rows that no path keeps have none.
fn descend(
    call: &Call<'_>,
    level: &Level<'_>,
    others_below: bool,
    paths: &[Path],
    members: &[u32],
) -> Result<(Vec<Path>, Vec<u32>), Fault> {
    let groups = Groups::new(call, level, paths, members)?;
    let left_over = groups.left_over(members);
    let (rest_rows, rest_parents): (Vec<u32>, Vec<u32>) =
        (0..).zip(&left_over).filter(|(_, it)| **it != NO_GROUP).map(|(row, parent)| (row, *parent)).unzip();
    let rest_values = level.ranks(call, &rest_rows, &rest_parents, paths.len())?;
    let has_rest: Set<u32> = rest_parents.iter().copied().collect();

    let mut out: Vec<Path> = Vec::new();
    let mut path_of_group = vec![NO_GROUP; groups.aggregated.len()];
    let mut path_of_rest = vec![NO_GROUP; paths.len()];
    for (parent, (path, children)) in (0..).zip(paths.iter().zip(&groups.children)) {
        for group in children {
            set(&mut path_of_group, *group as u32, out.len() as u32);
            let mut cells = path.cells.clone();
            cells.extend([groups.values.value(*group), groups.aggregated.value(*group)]);
            out.push(Path { cells, is_rest: false });
        }
        let is_shown = level.others.is_some() || others_below || path.is_rest;
        if is_shown && has_rest.contains(&parent) {
            set(&mut path_of_rest, parent, out.len() as u32);
            let mut cells = path.cells.clone();
            match &level.others {
                Some(others) => cells.extend([others.clone(), rest_values.value(parent as usize)]),
                None => cells.extend([Value::Null, Value::Null]),
            }
            out.push(Path { cells, is_rest: true });
        }
    }
    let mut next = vec![NO_GROUP; members.len()];
    for (row, number) in groups.rows.iter().zip(&groups.numbers) {
        set(&mut next, *row, path_of_group.get(*number as usize).copied().unwrap_or(NO_GROUP));
    }
    for (row, parent) in rest_rows.iter().zip(&rest_parents) {
        set(&mut next, *row, path_of_rest.get(*parent as usize).copied().unwrap_or(NO_GROUP));
    }
    Ok((out, next))
}

fn set(paths: &mut [u32], index: u32, path: u32) {
    if let Some(it) = paths.get_mut(index as usize) {
        *it = path;
    }
}
