//! `activity_engagement`: ids of a short window in relation to those of a long one.

use super::{
    Answer, Call,
    sliding_window_counts::each_window,
    timeline::{Events, Periods, constant, distance, place_column},
};
use kql_data::{Batch, Column, ColumnBuilder, Field, Schema, Type, Value};
use kql_parser::plan::EvaluateValue;
use std::collections::BTreeMap;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let n_constants = (2..).take_while(|it| matches!(call.positional(*it), Some(EvaluateValue::Expr(_)))).count();
    let first = if n_constants >= 4 { 4 } else { 2 };
    let events = Events::new(call, first + 2)?;
    let (start, end) = if first == 4 {
        (constant(call, "Start", 2)?, constant(call, "End", 3)?)
    } else {
        let edge = |it: Option<&super::timeline::Event>| it.map_or(0, |it| it.at);
        let inner = distance(call, "InnerActivityWindow", first)?;
        (edge(events.all.first()).div_euclid(inner) * inner, edge(events.all.last()))
    };
    let periods = Periods::new(call, start, end, "InnerActivityWindow", first)?;
    let outer = distance(call, "OuterActivityWindow", first + 1)?;
    let mut inner: BTreeMap<(i128, u32), kql_data::Set<u32>> = BTreeMap::new();
    for event in events.between(Some(start), Some(end)) {
        _ = inner.entry((periods.of(event.at), event.dimension)).or_default().insert(event.id);
    }
    let mut rows: Vec<(i128, u32, i64, i64)> = Vec::new();
    each_window(call, &events, &periods, outer, |period, window| {
        for dimension in window.dimensions() {
            if let Some(ids) = inner.get(&(period, dimension)) {
                rows.push((period, dimension, ids.len() as i64, window.distinct(dimension)));
            }
        }
    })?;
    let mut fields = vec![
        Field::new(events.name.as_str(), events.ty),
        Field::new("dcount_activities_inner", Type::Long),
        Field::new("dcount_activities_outer", Type::Long),
        Field::new("activity_ratio", Type::Real),
    ];
    let mut ratios = ColumnBuilder::new(Type::Real, rows.len());
    rows.iter().for_each(|it| ratios.push(&Value::Real(it.2 as f64 / it.3 as f64)));
    let mut columns = vec![
        place_column(events.ty, rows.iter().map(|it| it.0)),
        Column::longs(rows.iter().map(|it| it.2).collect()),
        Column::longs(rows.iter().map(|it| it.3).collect()),
        ratios.finish(),
    ];
    events.push_dimensions(rows.iter().map(|it| it.1), &mut fields, &mut columns);
    Ok((Schema::new(fields), vec![Batch::new(columns, rows.len())]))
}
