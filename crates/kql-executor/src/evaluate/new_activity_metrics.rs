//! `new_activity_metrics`: how many of the ids first seen in one period come back in each later one.

use super::{
    Answer, Call,
    timeline::{Events, Periods, constant, dimensions, place, place_column},
};
use crate::keys::same_value;
use kql_data::{Batch, Column, ColumnBuilder, Fault, Field, Map, Schema, Set, Type, Value};
use kql_parser::plan::EvaluateValue;

struct Row {
    from: i128,
    to: i128,
    dimension: u32,
    new: i64,
    retained: i64,
    cohort: i64,
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let events = Events::of(
        call,
        call.column_index("IdColumn", 0)?,
        call.column_index("TimelineColumn", 1)?,
        &dimensions(call, 5),
    )?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let periods = Periods::new(call, start, end, "Window", 4)?;
    let cohort = match call.positional(5) {
        Some(value @ EvaluateValue::Expr(_)) => place(&call.constant_of(value)?),
        _ => None,
    };
    let known = looked_back(call, &events)?;
    let all = periods.all();
    let n_dimensions = events.all.iter().map(|it| it.dimension + 1).max().unwrap_or(0);
    let mut rows: Vec<Row> = Vec::new();
    for dimension in 0..n_dimensions {
        let mut ids: Map<i128, Set<u32>> = Map::default();
        // Where each id is first seen.
        let mut first: Map<u32, i128> = Map::default();
        for event in events.between(Some(start), Some(end)).iter().filter(|it| it.dimension == dimension) {
            if known.contains(&event.id) {
                continue;
            }
            let period = periods.of(event.at);
            _ = ids.entry(period).or_default().insert(event.id);
            _ = first.entry(event.id).or_insert(period);
        }
        for (n, from) in all.iter().enumerate() {
            call.check()?;
            if cohort.is_some_and(|it| periods.of(it) != *from) {
                continue;
            }
            let new_ids: Set<u32> = first.iter().filter(|(_, at)| *at == from).map(|(id, _)| *id).collect();
            if new_ids.is_empty() {
                continue;
            }
            for to in all.get(n..).unwrap_or(&[]) {
                let present = ids.get(to);
                let count = |holds: &dyn Fn(&u32) -> bool| {
                    present.map_or(0, |it| it.iter().filter(|id| holds(id)).count() as i64)
                };
                let is_new = |id: &u32| if to == from { new_ids.contains(id) } else { first.get(id) > Some(from) };
                rows.push(Row {
                    from: *from,
                    to: *to,
                    dimension,
                    new: count(&is_new),
                    retained: count(&|id| new_ids.contains(id)),
                    cohort: new_ids.len() as i64,
                });
            }
        }
    }
    rows.sort_by_key(|it| (it.from, it.to, it.dimension));
    let (schema, columns) = table(&events, &rows);
    Ok((schema, vec![Batch::new(columns, rows.len())]))
}

/// The ids that a lookback table holds, by their numbers: they are not new.
fn looked_back(call: &Call<'_>, events: &Events) -> Result<Set<u32>, Fault> {
    let mut found = Set::default();
    let lookback = call.args.iter().find_map(|it| match it.value {
        EvaluateValue::Table(index) => Some(index),
        _ => None,
    });
    let Some(index) = lookback else { return Ok(found) };
    let id = call.column_index("IdColumn", 0)?;
    let name = call.schema(0)?.fields.get(id).map(|it| it.name.clone()).unwrap_or_default();
    let column = call.schema(index)?.index_of(&name).unwrap_or(0);
    let Some(column) = call.table(index)?.columns.get(column) else { return Ok(found) };
    let mut numbers: Map<String, Vec<u32>> = Map::default();
    for number in 0..events.ids.len() {
        numbers.entry(events.ids.value(number).text()).or_default().push(number as u32);
    }
    for row in 0..column.len() {
        let value = column.value(row);
        for number in numbers.get(&value.text()).into_iter().flatten() {
            if same_value(&events.ids.value(*number as usize), &value) {
                _ = found.insert(*number);
            }
        }
    }
    Ok(found)
}

fn table(events: &Events, rows: &[Row]) -> (Schema, Vec<Column>) {
    let mut fields = vec![
        Field::new(format!("from_{}", events.name), events.ty),
        Field::new(format!("to_{}", events.name), events.ty),
        Field::new("dcount_new_values", Type::Long),
        Field::new("dcount_retained_values", Type::Long),
        Field::new("dcount_churn_values", Type::Long),
        Field::new("retention_rate", Type::Real),
        Field::new("churn_rate", Type::Real),
    ];
    let longs = |of: &dyn Fn(&Row) -> i64| Column::longs(rows.iter().map(of).collect());
    let reals = |of: &dyn Fn(&Row) -> f64| {
        let mut out = ColumnBuilder::new(Type::Real, rows.len());
        rows.iter().for_each(|it| out.push(&Value::Real(of(it))));
        out.finish()
    };
    let mut columns = vec![
        place_column(events.ty, rows.iter().map(|it| it.from)),
        place_column(events.ty, rows.iter().map(|it| it.to)),
        longs(&|it| it.new),
        longs(&|it| it.retained),
        longs(&|it| it.cohort - it.retained),
        reals(&|it| it.retained as f64 / it.cohort as f64),
        reals(&|it| (it.cohort - it.retained) as f64 / it.cohort as f64),
    ];
    events.push_dimensions(rows.iter().map(|it| it.dimension), &mut fields, &mut columns);
    (Schema::new(fields), columns)
}
