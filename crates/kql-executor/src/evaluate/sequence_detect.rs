//! `sequence_detect`: every chain of rows of one correlation for which predicates hold one after the other.

use super::{
    Answer, Call,
    timeline::{Event, Events, distance, place_column},
};
use kql_data::{Batch, Fault, Field, Schema, Type};
use kql_parser::plan::{EvaluateArg, EvaluateValue};

/// Chains that one call may find.
const CHAINS_MAX: usize = 10_000_000;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let timeline = call.column_index("TimelineColumn", 0)?;
    let (max_step, max_span) = (distance(call, "MaxSequenceStepWindow", 1)?, distance(call, "MaxSequenceSpan", 2)?);
    let (steps, dimensions) = steps(call)?;
    let events = Events::of(call, timeline, timeline, &dimensions)?;
    let n_dimensions = events.all.iter().map(|it| it.dimension as usize + 1).max().unwrap_or(0);
    // For each correlation and step the events for which the predicate holds, in order of time.
    let mut hits: Vec<Vec<Vec<Event>>> = vec![vec![Vec::new(); steps.len()]; n_dimensions];
    for (step, (_, holds)) in steps.iter().enumerate() {
        for event in &events.all {
            let is_hit = holds.get(event.row as usize).copied().unwrap_or(false);
            if is_hit && let Some(it) = hits.get_mut(event.dimension as usize).and_then(|it| it.get_mut(step)) {
                it.push(*event);
            }
        }
    }
    let mut chains: Vec<(u32, Vec<i128>)> = Vec::new();
    let mut held = call.execution.cx.budget.reserve(0, call.name)?;
    for (dimension, hits) in hits.iter().enumerate() {
        let mut open: Vec<Vec<i128>> =
            hits.first().map(|it| it.iter().map(|it| vec![it.at]).collect()).unwrap_or_default();
        for next in hits.iter().skip(1) {
            let mut longer = Vec::new();
            for chain in &open {
                call.check()?;
                let (Some(first), Some(last)) = (chain.first(), chain.last()) else { continue };
                let from = next.partition_point(|it| it.at <= *last);
                let until = (last + max_step).min(first + max_span);
                for event in next.iter().skip(from).take_while(|it| it.at <= until) {
                    let mut chain = chain.clone();
                    chain.push(event.at);
                    longer.push(chain);
                }
                if longer.len() + chains.len() > CHAINS_MAX {
                    return Err(call.wrong("there are more than ten million sequences"));
                }
                held.resize((longer.len() + open.len() + chains.len()) * (24 + 16 * steps.len()), call.name)?;
            }
            open = longer;
        }
        chains.extend(open.into_iter().map(|it| (dimension as u32, it)));
    }
    chains.sort_by(|a, b| a.1.cmp(&b.1));

    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    events.push_dimensions(chains.iter().map(|it| it.0), &mut fields, &mut columns);
    for (step, (name, _)) in steps.iter().enumerate() {
        fields.push(Field::new(format!("{name}_{}", events.name), events.ty));
        columns.push(place_column(events.ty, chains.iter().map(|it| it.1.get(step).copied().unwrap_or(0))));
    }
    let duration = if events.ty == Type::Datetime { Type::Timespan } else { events.ty };
    fields.push(Field::new("Duration", duration));
    let length = |it: &(u32, Vec<i128>)| it.1.last().unwrap_or(&0) - it.1.first().unwrap_or(&0);
    columns.push(place_column(duration, chains.iter().map(length)));
    Ok((Schema::new(fields), vec![Batch::new(columns, chains.len())]))
}

/// Predicates by name with their answers by row, and the columns that correlate.
type Steps = (Vec<(String, Vec<bool>)>, Vec<usize>);

fn steps(call: &Call<'_>) -> Result<Steps, Fault> {
    let (mut steps, mut dimensions): Steps = (Vec::new(), Vec::new());
    for (n, EvaluateArg { name, value }) in call.args.iter().enumerate().skip(3) {
        match value {
            EvaluateValue::Column(index)
                if call.schema(0)?.fields.get(*index).is_some_and(|it| it.ty != Type::Bool || name.is_none()) =>
            {
                dimensions.push(*index);
            }
            value => {
                let answer = call.values(value)?;
                if answer.ty() != Type::Bool {
                    return Err(call.wrong("a step must be a condition"));
                }
                let mut holds = vec![false; answer.len()];
                for row in answer.true_rows() {
                    if let Some(it) = holds.get_mut(row as usize) {
                        *it = true;
                    }
                }
                steps.push((name.clone().unwrap_or_else(|| format!("Expr{}", n - 2)), holds));
            }
        }
    }
    if steps.is_empty() {
        return Err(call.wrong("a step is missing"));
    }
    Ok((steps, dimensions))
}
