//! `top-nested`: the first values of a column, and for each the first of the next one, and so on.

use super::{Answer, Call};
use crate::{
    aggregate::Aggregates,
    group::{Grouper, NO_GROUP},
    program::count_of,
    sort::compare_values,
};
use kql_data::{Batch, Column, ColumnBuilder, Fault, Field, Schema, Set, Value};
use kql_parser::plan::{AggregateExpr, EvaluateValue};

/// One level as it is asked for.
struct Level<'a> {
    limit: Option<usize>,
    value: Column,
    aggregate: &'a AggregateExpr,
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
        let ty = level.aggregate.outputs.first().copied().unwrap_or(kql_data::Type::Long);
        fields.push(Field::new(format!("value_{depth}"), level.value.ty()));
        fields.push(Field::new(format!("aggregate_{depth}"), ty));
        builders.push(ColumnBuilder::new(level.value.ty(), paths.len()));
        builders.push(ColumnBuilder::new(ty, paths.len()));
    }
    for path in &paths {
        for (index, builder) in builders.iter_mut().enumerate() {
            builder.push(path.cells.get(index).unwrap_or(&Value::Null));
        }
    }
    let columns: Vec<Column> = builders.into_iter().map(ColumnBuilder::finish).collect();
    Ok((Schema::new(fields), vec![Batch::new(columns, paths.len())]))
}

/// The arguments are five a level: how many, the value, the aggregate, `others`, whether downwards.
fn levels<'a>(call: &'a Call<'_>) -> Result<Vec<Level<'a>>, Fault> {
    let mut levels = Vec::new();
    for args in call.args.chunks(5) {
        let [limit, value, aggregate, others, descends] = args else {
            return Err(call.wrong("a level is not complete"));
        };
        let EvaluateValue::Aggregate(aggregate) = &aggregate.value else {
            return Err(call.wrong("a level has no aggregate"));
        };
        let limit = call.constant_of(&limit.value)?;
        levels.push(Level {
            limit: (!limit.is_null()).then(|| count_of(&limit)),
            value: call.values(&value.value)?,
            aggregate,
            others: Some(call.constant_of(&others.value)?).filter(|it| !it.is_null()),
            descends: call.constant_of(&descends.value)? != Value::Bool(false),
        });
    }
    Ok(levels)
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
    fn new(
        call: &Call<'_>,
        level: &Level<'_>,
        (calls, args): (&Aggregates, &[Column]),
        paths: &[Path],
        members: &[u32],
    ) -> Result<Groups, Fault> {
        let is_rest = |path: u32| paths.get(path as usize).is_none_or(|it| it.is_rest);
        let rows: Vec<u32> =
            (0..).zip(members).filter(|(_, path)| **path != NO_GROUP && !is_rest(**path)).map(|(row, _)| row).collect();
        let parents: Vec<i64> =
            rows.iter().map(|row| i64::from(members.get(*row as usize).copied().unwrap_or(0))).collect();
        let keys = [Column::longs(parents), level.value.take(&rows)];
        let mut grouper = Grouper::new(keys.iter().map(Column::ty).collect(), &call.execution.cx.budget, call.name)?;
        let numbers = grouper.assign(&keys, rows.len())?;
        let n_groups = grouper.len();
        let taken: Vec<Column> = args.iter().map(|it| it.take(&rows)).collect();
        let aggregated = first_output(call, calls.by_number(call.execution, &numbers, n_groups, &taken)?)?;
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
    let (calls, args) = call.aggregate(level.aggregate)?;
    let groups = Groups::new(call, level, (&calls, &args), paths, members)?;
    let left_over = groups.left_over(members);
    let (rest_rows, rest_parents): (Vec<u32>, Vec<u32>) =
        (0..).zip(&left_over).filter(|(_, it)| **it != NO_GROUP).map(|(row, parent)| (row, *parent)).unzip();
    let taken: Vec<Column> = args.iter().map(|it| it.take(&rest_rows)).collect();
    let rest_values = first_output(call, calls.by_number(call.execution, &rest_parents, paths.len(), &taken)?)?;
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

fn first_output(call: &Call<'_>, outputs: Vec<Vec<Column>>) -> Result<Column, Fault> {
    outputs.into_iter().flatten().next().ok_or_else(|| call.wrong("the aggregate gives no column"))
}
