//! `session_count`: sessions of ids that are active in each period. A session ends when its id is away for too long.

use super::{
    Answer, Call,
    timeline::{Events, Periods, constant, distance, place_column},
};
use kql_data::{Batch, Column, Field, Map, Schema, Set, Type};
use std::collections::BTreeMap;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let events = Events::new(call, 6)?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let periods = Periods::new(call, start, end, "Bin", 4)?;
    let lookback = distance(call, "LookBackWindow", 5)?;
    // The latest event and the session of each id.
    let mut latest: Map<(u32, u32), (i128, u64)> = Map::default();
    let mut n_sessions = 0;
    let mut found: BTreeMap<(i128, u32), Set<u64>> = BTreeMap::new();
    for (n, event) in events.between(Some(start - lookback), Some(end)).iter().enumerate() {
        if n.is_multiple_of(4_096) {
            call.check()?;
        }
        let known = latest.get(&(event.dimension, event.id)).filter(|(at, _)| event.at - at <= lookback);
        let session = known.map_or_else(
            || {
                n_sessions += 1;
                n_sessions
            },
            |it| it.1,
        );
        _ = latest.insert((event.dimension, event.id), (event.at, session));
        if event.at >= start {
            _ = found.entry((periods.of(event.at), event.dimension)).or_default().insert(session);
        }
    }
    let mut fields = vec![Field::new(events.name.as_str(), events.ty)];
    let mut columns = vec![place_column(events.ty, found.keys().map(|it| it.0))];
    events.push_dimensions(found.keys().map(|it| it.1), &mut fields, &mut columns);
    fields.push(Field::new("count_sessions", Type::Long));
    columns.push(Column::longs(found.values().map(|it| it.len() as i64).collect()));
    Ok((Schema::new(fields), vec![Batch::new(columns, found.len())]))
}
