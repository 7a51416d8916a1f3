//! `activity_counts_metrics`: counts of each period, and what is new compared with all periods before.

use super::{
    Answer, Call,
    timeline::{Events, Periods, constant, place_column},
};
use kql_data::{Batch, Column, Field, Map, Schema, Set, Type};
use std::collections::BTreeMap;

/// Events, their ids, how many of those are new, and how many there were so far.
type Metrics = (i64, Set<u32>, i64, i64);

pub(super) fn run(call: &Call<'_>) -> Answer {
    let events = Events::new(call, 5)?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let periods = Periods::new(call, start, end, "Step", 4)?;
    let mut found: BTreeMap<(i128, u32), Metrics> = BTreeMap::new();
    let mut seen: Map<u32, Set<u32>> = Map::default();
    // Events come in the order of time, so what is seen was seen before.
    for (n, event) in events.between(Some(start), Some(end)).iter().enumerate() {
        if n.is_multiple_of(4_096) {
            call.check()?;
        }
        let (count, ids, new, all) = found.entry((periods.of(event.at), event.dimension)).or_default();
        let seen = seen.entry(event.dimension).or_default();
        *count += 1;
        _ = ids.insert(event.id);
        *new += i64::from(seen.insert(event.id));
        *all = seen.len() as i64;
    }
    let mut fields = vec![Field::new(events.name.as_str(), events.ty)];
    let mut columns = vec![place_column(events.ty, found.keys().map(|it| it.0))];
    events.push_dimensions(found.keys().map(|it| it.1), &mut fields, &mut columns);
    for name in ["count", "dcount", "new_dcount", "aggregated_dcount"] {
        fields.push(Field::new(name, Type::Long));
    }
    columns.push(Column::longs(found.values().map(|it| it.0).collect()));
    columns.push(Column::longs(found.values().map(|it| it.1.len() as i64).collect()));
    columns.push(Column::longs(found.values().map(|it| it.2).collect()));
    columns.push(Column::longs(found.values().map(|it| it.3).collect()));
    Ok((Schema::new(fields), vec![Batch::new(columns, found.len())]))
}
