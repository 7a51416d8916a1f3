//! Numbers for the keys of both sides: one side makes them, the other looks them up.

use super::{BY, texts};
use crate::{
    execution::Run,
    group::{Grouper, NO_GROUP},
    program::{Program, Results},
    stream::Rows,
};
use arrow_buffer::ScalarBuffer;
use kql_data::{Batch, Column, Fault, Reservation, Type};
use std::sync::Arc;

/// One side: its batches, and the number of the key of each row.
pub(super) struct Side {
    pub(super) batches: Vec<Batch>,
    pub(super) numbers: Vec<ScalarBuffer<u32>>,
    held: Vec<Reservation>,
}

/// Both sides.
pub(super) struct Keyed {
    pub(super) left: Side,
    pub(super) right: Side,
    /// Numbers are below, or [`NO_GROUP`]: rows whose key the other side does not have.
    pub(super) n_keys: usize,
    /// Whether only keys of the left side have numbers.
    pub(super) left_makes: bool,
}

/// Gives the keys of both sides numbers: the side with fewer rows makes them, the other looks them up.
pub(super) fn number(
    run: &Run<'_>,
    types: Vec<Type>,
    programs: &[Arc<Program>; 2],
    left: Rows,
    right: Rows,
) -> Result<Keyed, Fault> {
    let [left_program, right_program] = programs;
    let left_makes = left.n_rows() < right.n_rows();
    let (mut maker, maker_program, finder, finder_program) = if left_makes {
        (left, left_program, right, right_program)
    } else {
        (right, right_program, left, left_program)
    };
    let (n_made, n_found) = (maker.n_rows(), finder.n_rows());
    let made_keys = keys_of(run, &maker, maker_program)?;
    let found_keys = keys_of(run, &finder, finder_program)?;
    let mut held = vec![run.execution.cx.budget.reserve((n_made + n_found) * 4, BY)?];
    held.append(&mut maker.held);
    let of_text = if types == [Type::String] {
        texts::number(run, &first_columns(&made_keys), &first_columns(&found_keys), BY)?
    } else {
        None
    };
    let numbered = match of_text {
        Some(it) => it,
        None => by_group(run, types, made_keys, found_keys, &maker, &finder)?,
    };
    let made = Side { batches: maker.batches, numbers: numbered.made, held };
    let found = Side { batches: finder.batches, numbers: numbered.found, held: finder.held };
    let (left, right) = if left_makes { (made, found) } else { (found, made) };
    Ok(Keyed { left, right, n_keys: numbered.n_keys, left_makes })
}

fn first_columns(keys: &[Results]) -> Vec<Column> {
    keys.iter().filter_map(|it| it.first().cloned()).collect()
}

fn keys_of(run: &Run<'_>, rows: &Rows, program: &Program) -> Result<Vec<Results>, Fault> {
    run.parallel(rows.batches.iter().collect(), rows.n_rows(), program.is_volatile, |batch: &Batch| {
        program.run(run.execution, batch)
    })
}

/// Keys of any types and number.
fn by_group(
    run: &Run<'_>,
    types: Vec<Type>,
    made_keys: Vec<Results>,
    found_keys: Vec<Results>,
    maker: &Rows,
    finder: &Rows,
) -> Result<texts::Numbered, Fault> {
    let execution = run.execution;
    let mut grouper = Grouper::new(types, &execution.cx.budget, BY)?;
    grouper.expect(maker.n_rows());
    let mut made = Vec::with_capacity(made_keys.len());
    for (keys, batch) in made_keys.iter().zip(&maker.batches) {
        execution.cx.check()?;
        made.push(grouper.assign(keys, batch.n_rows)?.into());
    }
    for (keys, batch) in found_keys.iter().zip(&finder.batches) {
        grouper.prepare(keys, batch.n_rows)?;
    }
    let table = &grouper;
    let lookups: Vec<(Results, usize)> =
        found_keys.into_iter().zip(finder.batches.iter().map(|it| it.n_rows)).collect();
    let found = run.parallel(lookups, finder.n_rows(), false, |(keys, n_rows): (Results, usize)| {
        execution.cx.check()?;
        Ok(table.find(&keys, n_rows).into())
    })?;
    let n_keys = grouper.len();
    Ok(texts::Numbered { made, found, n_keys })
}

impl Side {
    /// Without the rows whose key the other side does not have.
    pub(super) fn keep_numbered(&mut self, run: &Run<'_>) -> Result<(), Fault> {
        let n_rows = self.batches.iter().map(|it| it.n_rows).sum();
        let sides: Vec<(Batch, ScalarBuffer<u32>)> =
            std::mem::take(&mut self.batches).into_iter().zip(std::mem::take(&mut self.numbers)).collect();
        let kept = run.parallel(sides, n_rows, false, |(batch, numbers): (Batch, ScalarBuffer<u32>)| {
            let n_kept = numbers.iter().filter(|it| **it != NO_GROUP).count();
            if n_kept > batch.n_rows / 4 * 3 {
                return Ok((batch, numbers, None));
            }
            let mut rows = Vec::with_capacity(n_kept);
            rows.extend((0..).zip(numbers.iter()).filter(|(_, it)| **it != NO_GROUP).map(|(row, _): (u32, _)| row));
            let batch = batch.take(&rows);
            let held = run.execution.cx.budget.reserve(batch.bytes(), BY)?;
            let numbers = numbers.iter().copied().filter(|it| *it != NO_GROUP).collect();
            Ok((batch, numbers, Some(held)))
        })?;
        for (batch, numbers, held) in kept {
            self.batches.push(batch);
            self.numbers.push(numbers);
            self.held.extend(held);
        }
        Ok(())
    }
}
