//! `funnel_sequence`: what comes before and after a sequence of states.

use super::{
    Answer, Call,
    timeline::{Event, Events, Periods, constant, distance, place_column},
};
use kql_data::{Batch, Column, Dynamic, Fault, Field, Schema, Type};
use std::collections::{BTreeMap, BTreeSet};

/// Ids that are shown of a row.
const SAMPLES: usize = 128;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let state = call.column_index("StateColumn", 6)?;
    let timeline = call.column_index("TimelineColumn", 1)?;
    let events = Events::of(call, call.column_index("IdColumn", 0)?, timeline, &[])?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let window = distance(call, "MaxSequenceStepWindow", 4)?;
    let periods = Periods::new(call, start, end, "Step", 5)?;
    let sequence = sequence(call, "Sequence", 7)?;
    let states = call.input()?.columns.get(state).cloned().ok_or_else(|| call.wrong("its column is not there"))?;
    let name = |it: &Event| states.value(it.row as usize).text();

    let mut found: BTreeMap<(i128, String, String), BTreeSet<u32>> = BTreeMap::new();
    for (_, events) in by_id(&events, start, end) {
        call.check()?;
        let names: Vec<String> = events.iter().map(name).collect();
        for (first, event) in events.iter().enumerate() {
            let Some(last) = follow(&events, &names, &sequence, first, window) else { continue };
            // Repetitions of the sequence's own first and last state are no steps.
            let first_state = names.get(first);
            let before = (0..first).rev().find(|it| names.get(*it) != first_state);
            let before = before.filter(|it| events.get(*it).is_some_and(|it| event.at - it.at <= window));
            let (last_state, last_at) = (names.get(last), events.get(last).map_or(event.at, |it| it.at));
            let after = (last + 1..events.len()).find(|it| names.get(*it) != last_state);
            let after = after.filter(|it| events.get(*it).is_some_and(|it| it.at - last_at <= window));
            let text = |it: Option<usize>| it.and_then(|it| names.get(it)).cloned().unwrap_or_default();
            let key = (periods.of(event.at), text(before), text(after));
            _ = found.entry(key).or_default().insert(event.id);
        }
    }
    call.execution.cx.warn("`funnel_sequence` gives its first table; the two that sum it up are left out");
    let mut rows: Vec<_> = found.into_iter().collect();
    rows.sort_by_key(|(key, ids)| (key.0, std::cmp::Reverse(ids.len())));
    let samples = rows.iter().map(|(_, ids)| {
        let ids = ids.iter().take(SAMPLES).map(|id| events.ids.dynamic(*id as usize));
        Some(Dynamic::array(ids.collect()))
    });
    let columns = vec![
        place_column(events.ty, rows.iter().map(|it| it.0.0)),
        Column::strings(rows.iter().map(|it| &it.0.1)),
        Column::strings(rows.iter().map(|it| &it.0.2)),
        Column::longs(rows.iter().map(|it| it.1.len() as i64).collect()),
        Column::dynamics(samples.collect()),
    ];
    let fields = vec![
        Field::new(events.name.as_str(), events.ty),
        Field::new("prev", Type::String),
        Field::new("next", Type::String),
        Field::new("dcount", Type::Long),
        Field::new("samples", Type::Dynamic),
    ];
    Ok((Schema::new(fields), vec![Batch::new(columns, rows.len())]))
}

/// The states of an argument.
pub(super) fn sequence(call: &Call<'_>, name: &str, index: usize) -> Result<Vec<String>, Fault> {
    let value = call.constant(name, index)?.map(|it| it.to_dynamic());
    let items = value.as_ref().and_then(Dynamic::as_array).unwrap_or(&[]);
    if items.is_empty() {
        return Err(call.wrong(&format!("the argument `{name}` must be an array with an element at least")));
    }
    Ok(items.iter().map(Dynamic::text).collect())
}

/// The events of each id between two places, in order.
pub(super) fn by_id(events: &Events, start: i128, end: i128) -> BTreeMap<u32, Vec<Event>> {
    let mut found: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
    for event in events.between(Some(start), Some(end)) {
        found.entry(event.id).or_default().push(*event);
    }
    found
}

/// The event with which a sequence ends that begins with `first`; each step within the window of the one before.
fn follow(events: &[Event], names: &[String], sequence: &[String], first: usize, window: i128) -> Option<usize> {
    let (head, rest) = sequence.split_first()?;
    if names.get(first)? != head {
        return None;
    }
    let mut at = first;
    for state in rest {
        let since = events.get(at)?.at;
        at = (at + 1..events.len()).find(|it| names.get(*it) == Some(state))?;
        if events.get(at)?.at - since > window {
            return None;
        }
    }
    Some(at)
}
