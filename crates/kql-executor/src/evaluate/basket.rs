//! `basket`: all combinations of values that a share of the rows has.

use super::{
    Answer, Call,
    patterns::{Pattern, Rows, number, rounded, weight, wildcards},
};
use kql_data::{Batch, Column, Field, Schema, Type, Value};

pub(super) fn run(call: &Call<'_>) -> Answer {
    let threshold = number(call, 0, 0.05)?;
    if !(0.015..=1.0).contains(&threshold) {
        return Err(call.wrong("the threshold must be between 0.015 and 1"));
    }
    let rows = Rows::new(call, &[], weight(call, 1)?, |_| Some(0))?;
    let attributes_max = number(call, 2, 5.0)?.max(1.0) as usize;
    let mut found = rows.frequent(call, threshold, attributes_max)?;
    found.sort_by(|a, b| b.weights[0].total_cmp(&a.weights[0]).then_with(|| a.items.cmp(&b.items)));
    let found: Vec<&Pattern> = found.iter().collect();
    segments(call, &rows, &found, &wildcards(call, 3)?)
}

/// The table of `basket` and `autocluster`.
pub(super) fn segments(_: &Call<'_>, rows: &Rows, found: &[&Pattern], wildcards: &[Value]) -> Answer {
    let mut fields =
        vec![Field::new("SegmentId", Type::Long), Field::new("Count", Type::Long), Field::new("Percent", Type::Real)];
    let mut columns = vec![
        Column::longs((0..found.len() as i64).collect()),
        Column::longs(found.iter().map(|it| it.weights[0].round() as i64).collect()),
        rounded(found.iter().map(|it| 100.0 * rows.shares(it.weights)[0]), 1),
    ];
    let (more_fields, more) = rows.columns(found, wildcards);
    fields.extend(more_fields);
    columns.extend(more);
    Ok((Schema::new(fields), vec![Batch::new(columns, found.len())]))
}
