//! `diffpatterns`: combinations of values that are more frequent in one of two sets of rows.

use super::{
    Answer, Call,
    patterns::{Pattern, Rows, number, rounded, weight, wildcards},
};
use kql_data::{Batch, Column, Field, Schema, Type};

pub(super) fn run(call: &Call<'_>) -> Answer {
    let split = call.column_index("SplitColumn", 0)?;
    let value = |name, index| -> Result<String, kql_data::Fault> {
        let value = call.constant(name, index)?;
        Ok(value.ok_or_else(|| call.wrong(&format!("the argument `{name}` is missing")))?.text())
    };
    let sides = [value("SplitValueA", 1)?, value("SplitValueB", 2)?];
    let column = call.values(&kql_parser::plan::EvaluateValue::Column(split))?;
    let weight = weight(call, 3)?;
    let threshold = number(call, 4, 0.05)?;
    if !(0.015..=1.0).contains(&threshold) {
        return Err(call.wrong("the threshold must be between 0.015 and 1"));
    }
    let attributes_max = number(call, 5, 16.0)?.max(1.0) as usize;
    let set = |row: usize| {
        let text = column.value(row).text();
        sides.iter().position(|it| *it == text)
    };
    let rows = Rows::new(call, &[split], weight, set)?;
    let found = rows.frequent(call, threshold, attributes_max)?;
    let difference = |it: &Pattern| {
        let [a, b] = rows.shares(it.weights);
        (a - b).abs()
    };
    let mut scored: Vec<(f64, &Pattern)> =
        found.iter().map(|it| (difference(it), it)).filter(|it| it.0 >= threshold).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.items.len().cmp(&a.1.items.len())));
    let mut chosen: Vec<&Pattern> = Vec::new();
    for (_, pattern) in scored {
        // What is part of a better pattern, or has one in it, says nothing new.
        let within = |a: &Pattern, b: &Pattern| a.items.iter().all(|it| b.items.contains(it));
        if !chosen.iter().any(|it| within(it, pattern) || within(pattern, it)) {
            chosen.push(pattern);
        }
    }
    let mut fields: Vec<Field> =
        ["SegmentId", "CountA", "CountB"].iter().map(|it| Field::new(*it, Type::Long)).collect();
    fields.extend(["PercentA", "PercentB", "PercentDiffAB"].iter().map(|it| Field::new(*it, Type::Real)));
    let (count_a, count_b) =
        chosen.iter().map(|it| (it.weights[0].round() as i64, it.weights[1].round() as i64)).unzip();
    let shares: Vec<[f64; 2]> = chosen.iter().map(|it| rows.shares(it.weights)).collect();
    let mut columns = vec![
        Column::longs((0..chosen.len() as i64).collect()),
        Column::longs(count_a),
        Column::longs(count_b),
        rounded(shares.iter().map(|it| 100.0 * it[0]), 2),
        rounded(shares.iter().map(|it| 100.0 * it[1]), 2),
    ];
    columns.push(rounded(chosen.iter().map(|it| 100.0 * difference(it)), 2));
    let (more_fields, more) = rows.columns(&chosen, &wildcards(call, 6)?);
    fields.extend(more_fields);
    columns.extend(more);
    Ok((Schema::new(fields), vec![Batch::new(columns, chosen.len())]))
}
