//! `sliding_window_counts`: counts of a window that ends with each period.

use super::{
    Answer, Call,
    timeline::{Events, Periods, constant, distance, place_column},
};
use kql_data::{Batch, Column, Fault, Field, Map, Schema, Type};

/// Events and different ids of each combination of dimensions in a window that moves on.
#[derive(Default)]
pub(super) struct Window {
    ids: Map<u32, Map<u32, i64>>,
    counts: Map<u32, i64>,
}

impl Window {
    pub(super) fn add(&mut self, dimension: u32, id: u32) {
        *self.counts.entry(dimension).or_default() += 1;
        *self.ids.entry(dimension).or_default().entry(id).or_default() += 1;
    }

    pub(super) fn remove(&mut self, dimension: u32, id: u32) {
        if let Some(it) = self.counts.get_mut(&dimension) {
            *it -= 1;
        }
        if let Some(ids) = self.ids.get_mut(&dimension)
            && let Some(count) = ids.get_mut(&id)
        {
            *count -= 1;
            if *count == 0 {
                _ = ids.remove(&id);
            }
        }
    }

    pub(super) fn count(&self, dimension: u32) -> i64 {
        self.counts.get(&dimension).copied().unwrap_or(0)
    }

    pub(super) fn distinct(&self, dimension: u32) -> i64 {
        self.ids.get(&dimension).map_or(0, |it| it.len() as i64)
    }

    /// The dimensions that have events, ascending.
    pub(super) fn dimensions(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.counts.iter().filter(|(_, count)| **count > 0).map(|(it, _)| *it).collect();
        all.sort_unstable();
        all
    }
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let events = Events::new(call, 6)?;
    let (start, end) = (constant(call, "Start", 2)?, constant(call, "End", 3)?);
    let periods = Periods::new(call, start, end, "Bin", 5)?;
    let lookback = distance(call, "LookbackWindow", 4)?;
    // Whole periods only.
    let lookback = periods.length().map_or(lookback, |length| (lookback / length).max(1) * length);
    let mut rows: Vec<(i128, u32, i64, i64)> = Vec::new();
    each_window(call, &events, &periods, lookback, |period, window| {
        for dimension in window.dimensions() {
            rows.push((period, dimension, window.count(dimension), window.distinct(dimension)));
        }
    })?;
    let mut fields = vec![Field::new(events.name.as_str(), events.ty)];
    let mut columns = vec![place_column(events.ty, rows.iter().map(|it| it.0))];
    events.push_dimensions(rows.iter().map(|it| it.1), &mut fields, &mut columns);
    fields.push(Field::new("Count", Type::Long));
    fields.push(Field::new("dcount", Type::Long));
    columns.push(Column::longs(rows.iter().map(|it| it.2).collect()));
    columns.push(Column::longs(rows.iter().map(|it| it.3).collect()));
    Ok((Schema::new(fields), vec![Batch::new(columns, rows.len())]))
}

/// Shows for each period the window of that length that ends with it.
pub(super) fn each_window(
    call: &Call<'_>,
    events: &Events,
    periods: &Periods,
    lookback: i128,
    mut show: impl FnMut(i128, &Window),
) -> Result<(), Fault> {
    let all = events.between(None, Some(periods.end));
    let (mut window, mut first, mut last) = (Window::default(), 0, 0);
    for period in periods.all() {
        call.check()?;
        let next = periods.next(period);
        while let Some(event) = all.get(last).filter(|it| it.at < next) {
            window.add(event.dimension, event.id);
            last += 1;
        }
        while let Some(event) = all.get(first).filter(|it| first < last && it.at < next - lookback) {
            window.remove(event.dimension, event.id);
            first += 1;
        }
        show(period, &window);
    }
    Ok(())
}
