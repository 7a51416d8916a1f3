//! `activity_metrics`: how many ids of each period were there in the period before.

use super::{
    Answer, Call,
    timeline::{Event, Events, Periods, constant, distance, place_column},
};
use kql_data::{Batch, Column, ColumnBuilder, Field, Schema, Set, Type, Value};
use kql_parser::plan::EvaluateValue;
use std::collections::BTreeMap;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let n_constants = (2..).take_while(|it| matches!(call.positional(*it), Some(EvaluateValue::Expr(_)))).count();
    let step = if n_constants >= 3 { 4 } else { 2 };
    let events = Events::new(call, step + 1)?;
    let (start, end) = if step == 4 {
        (constant(call, "Start", 2)?, constant(call, "End", 3)?)
    } else {
        let edge = |it: Option<&Event>| it.map_or(0, |it| it.at);
        let length = distance(call, "Step", step)?;
        (edge(events.all.first()).div_euclid(length) * length, edge(events.all.last()))
    };
    let periods = Periods::new(call, start, end, "Step", step)?;
    let mut found: BTreeMap<(u32, i128), Set<u32>> = BTreeMap::new();
    for event in events.between(Some(start), Some(end)) {
        _ = found.entry((event.dimension, periods.of(event.at))).or_default().insert(event.id);
    }
    let (mut rows, mut before) = (Vec::new(), None);
    for ((dimension, period), ids) in &found {
        call.check()?;
        let before_ids = before
            .filter(|(known, at, _): &(u32, i128, &Set<u32>)| known == dimension && periods.next(*at) == *period)
            .map(|it| it.2);
        let returned = before_ids.map_or(0, |it| ids.iter().filter(|id| it.contains(id)).count());
        let n_before = before_ids.map_or(0, Set::len);
        let retention = returned as f64 / n_before as f64;
        rows.push((*period, *dimension, ids.len(), ids.len() - returned, retention));
        before = Some((*dimension, *period, ids));
    }
    rows.sort_by_key(|it| (it.0, it.1));
    let reals = |of: &dyn Fn(f64) -> f64| {
        let mut out = ColumnBuilder::new(Type::Real, rows.len());
        rows.iter().for_each(|it| out.push(&Value::Real(of(it.4))));
        out.finish()
    };
    let mut fields = vec![
        Field::new(events.name.as_str(), events.ty),
        Field::new("dcount_values", Type::Long),
        Field::new("dcount_newvalues", Type::Long),
        Field::new("retention_rate", Type::Real),
        Field::new("churn_rate", Type::Real),
    ];
    let mut columns = vec![
        place_column(events.ty, rows.iter().map(|it| it.0)),
        Column::longs(rows.iter().map(|it| it.2 as i64).collect()),
        Column::longs(rows.iter().map(|it| it.3 as i64).collect()),
        reals(&|it| it),
        reals(&|it| 1.0 - it),
    ];
    events.push_dimensions(rows.iter().map(|it| it.1), &mut fields, &mut columns);
    Ok((Schema::new(fields), vec![Batch::new(columns, rows.len())]))
}
