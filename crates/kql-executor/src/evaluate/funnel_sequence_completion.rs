//! `funnel_sequence_completion`: how many ids come how far in a sequence of states, by the time they are given.

use super::{
    Answer, Call,
    funnel_sequence::{by_id, sequence},
    timeline::{Event, Events, Periods, constant, place_column, place_of_dynamic},
};
use kql_data::{Batch, Column, Dynamic, Field, Schema, Type};
use std::collections::BTreeMap;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let state = call.column_index("StateColumn", 5)?;
    let timeline = call.column_index("TimelineColumn", 1)?;
    let events = Events::of(call, call.column_index("IdColumn", 0)?, timeline, &[])?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let bins = Periods::new(call, start, end, "BinSize", 4)?;
    let sequence = sequence(call, "Sequence", 6)?;
    let lengths = call.constant("MaxSequenceStepPeriods", 7)?.map(|it| it.to_dynamic());
    let lengths = lengths.as_ref().and_then(Dynamic::as_array).unwrap_or(&[]);
    let lengths: Option<Vec<i128>> = lengths.iter().map(|it| place_of_dynamic(it, events.ty)).collect();
    let lengths = lengths.filter(|it| !it.is_empty());
    let lengths = lengths.ok_or_else(|| call.wrong("the last argument must be an array of periods"))?;
    let states = call.input()?.columns.get(state).cloned().ok_or_else(|| call.wrong("its column is not there"))?;
    let name = |it: &Event| states.value(it.row as usize).text();

    // For each bin, length and step the number of ids that come so far.
    let mut found: BTreeMap<(i128, usize, usize), i64> = BTreeMap::new();
    for (_, events) in by_id(&events, start, end) {
        call.check()?;
        for events in events.chunk_by(|a, b| bins.of(a.at) == bins.of(b.at)) {
            let names: Vec<String> = events.iter().map(name).collect();
            let bin = events.first().map_or(start, |it| bins.of(it.at));
            for (number, length) in lengths.iter().enumerate() {
                let reached = (0..events.len()).map(|it| steps(events, &names, &sequence, it, *length)).max();
                for step in 0..reached.unwrap_or(0) {
                    *found.entry((bin, number, step)).or_default() += 1;
                }
            }
        }
    }
    let mut rows = Vec::new();
    for bin in found.keys().map(|it| it.0).collect::<std::collections::BTreeSet<i128>>() {
        for (number, length) in lengths.iter().enumerate() {
            for (step, state) in sequence.iter().enumerate() {
                let count = found.get(&(bin, number, step)).copied().unwrap_or(0);
                rows.push((bin, state, *length, count));
            }
        }
    }
    let period_type = if events.ty == Type::Datetime { Type::Timespan } else { events.ty };
    let state_name = call.schema(0)?.fields.get(state).map(|it| it.name.clone()).unwrap_or_default();
    let columns = vec![
        place_column(events.ty, rows.iter().map(|it| it.0)),
        Column::strings(rows.iter().map(|it| it.1)),
        place_column(period_type, rows.iter().map(|it| it.2)),
        Column::longs(rows.iter().map(|it| it.3).collect()),
    ];
    let fields = vec![
        Field::new(events.name.as_str(), events.ty),
        Field::new(state_name, Type::String),
        Field::new("Period", period_type),
        Field::new("dcount", Type::Long),
    ];
    Ok((Schema::new(fields), vec![Batch::new(columns, rows.len())]))
}

/// How many steps of the sequence follow from an event on, all within that length of time.
fn steps(events: &[Event], names: &[String], sequence: &[String], first: usize, length: i128) -> usize {
    let mut at = first;
    let begin = events.get(first).map_or(0, |it| it.at);
    for (step, state) in sequence.iter().enumerate() {
        let next = if step == 0 { at } else { at + 1 };
        let found = (next..events.len()).find(|it| names.get(*it) == Some(state) && (step > 0 || *it == first));
        match found.filter(|it| events.get(*it).is_some_and(|it| it.at - begin <= length)) {
            Some(it) => at = it,
            None => return step,
        }
    }
    sequence.len()
}
