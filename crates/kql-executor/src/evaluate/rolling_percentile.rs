//! `rolling_percentile`: a percentile of the values of the last periods.

use super::{
    Answer, Call,
    timeline::{Events, Periods, dimensions, distance, place_column},
};
use crate::{program::count_of, sort::compare_values};
use kql_data::{Batch, ColumnBuilder, Field, Schema, Value};
use std::collections::BTreeMap;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let value_index = call.column_index("ValueColumn", 0)?;
    let index = call.column_index("IndexColumn", 2)?;
    let values =
        call.input()?.columns.get(value_index).cloned().ok_or_else(|| call.wrong("its column is not there"))?;
    let percentile = call.constant("Percentile", 1)?.ok_or_else(|| call.wrong("the percentile is missing"))?;
    let fraction = percentile.to_dynamic().as_f64().filter(|it| (0.0..=100.0).contains(it));
    let fraction = fraction.ok_or_else(|| call.wrong("the percentile must be between 0 and 100"))? / 100.0;
    let size = distance(call, "BinSize", 3)?;
    let bins = call.constant("BinsPerWindow", 4)?.map_or(0, |it| count_of(&it));
    if bins == 0 {
        return Err(call.wrong("a window has one bin at least"));
    }
    let events = Events::of(call, value_index, index, &dimensions(call, 5))?;
    let first = events.all.first().map_or(0, |it| it.at);
    // Bins as `bin()` cuts them.
    let periods = Periods::new(call, first.div_euclid(size) * size, first, "BinSize", 3)?;
    let mut found: BTreeMap<(u32, i128), Vec<Value>> = BTreeMap::new();
    for event in &events.all {
        let value = values.value(event.row as usize);
        let cells = found.entry((event.dimension, periods.of(event.at))).or_default();
        if !value.is_null() {
            cells.push(value);
        }
    }
    let mut rows = Vec::with_capacity(found.len());
    for (dimension, period) in found.keys() {
        call.check()?;
        let from = period.saturating_sub((bins as i128 - 1).saturating_mul(size));
        let window = found.range((*dimension, from)..=(*dimension, *period));
        let mut window: Vec<&Value> = window.flat_map(|(_, it)| it).collect();
        window.sort_by(|a, b| compare_values(a, b));
        // The nearest rank: a value that is there.
        let rank = (fraction * window.len() as f64).ceil().max(1.0) as usize - 1;
        rows.push((*period, *dimension, window.get(rank).copied().cloned().unwrap_or(Value::Null)));
    }
    rows.sort_by_key(|it| (it.1, it.0));
    let name = |index: usize| call.schema(0).ok()?.fields.get(index).map(|it| it.name.to_string());
    let value_name = name(value_index).unwrap_or_default();
    let mut fields = vec![Field::new(events.name.as_str(), events.ty)];
    let mut columns = vec![place_column(events.ty, rows.iter().map(|it| it.0))];
    events.push_dimensions(rows.iter().map(|it| it.1), &mut fields, &mut columns);
    fields.push(Field::new(format!("rolling_{bins}_percentile_{value_name}_{}", percentile.text()), values.ty()));
    let mut out = ColumnBuilder::new(values.ty(), rows.len());
    rows.iter().for_each(|it| out.push(&it.2));
    columns.push(out.finish());
    Ok((Schema::new(fields), vec![Batch::new(columns, rows.len())]))
}
