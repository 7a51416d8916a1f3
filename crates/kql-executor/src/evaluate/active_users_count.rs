//! `active_users_count`: ids that appeared in enough periods of a window before.

use super::{
    Answer, Call,
    timeline::{Events, Periods, constant, distance, place_column},
};
use kql_data::{Batch, Column, Field, Map, Schema, Set, Type};
use std::collections::{BTreeMap, VecDeque};

pub(super) fn run(call: &Call<'_>) -> Answer {
    let events = Events::new(call, 8)?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let (lookback, period) = (distance(call, "LookbackWindow", 4)?, distance(call, "Period", 5)?);
    let wanted = crate::program::count_of(&call.constant("ActivePeriods", 6)?.unwrap_or(kql_data::Value::Null));
    let periods = Periods::new(call, start, end, "Bin", 7)?;
    // The appearances of each id in the window before its latest, each with its period.
    let mut recent: Map<(u32, u32), VecDeque<(i128, i128)>> = Map::default();
    let mut active: BTreeMap<(i128, u32), Set<u32>> = BTreeMap::new();
    for (n, event) in events.between(Some(start - lookback), Some(end)).iter().enumerate() {
        if n.is_multiple_of(4_096) {
            call.check()?;
        }
        let window = recent.entry((event.dimension, event.id)).or_default();
        while window.front().is_some_and(|(at, _)| *at <= event.at - lookback) {
            _ = window.pop_front();
        }
        // Of each period one appearance is enough: the latest.
        let of_period = event.at.div_euclid(period);
        if window.back().is_some_and(|(_, it)| *it == of_period) {
            _ = window.pop_back();
        }
        window.push_back((event.at, of_period));
        if window.len() >= wanted && event.at >= start {
            _ = active.entry((periods.of(event.at), event.dimension)).or_default().insert(event.id);
        }
    }
    let mut fields = vec![Field::new(events.name.as_str(), events.ty)];
    let mut columns = vec![place_column(events.ty, active.keys().map(|it| it.0))];
    events.push_dimensions(active.keys().map(|it| it.1), &mut fields, &mut columns);
    fields.push(Field::new("dcount", Type::Long));
    columns.push(Column::longs(active.values().map(|it| it.len() as i64).collect()));
    Ok((Schema::new(fields), vec![Batch::new(columns, active.len())]))
}
