//! Rows of two sides with equal keys. Keys get numbers from the side with fewer rows; both sides are then lists of numbers.

mod window;

use crate::{
    execution::{Execution, Run},
    filter::{Filter, conjuncts},
    group::{Grouper, NO_GROUP, RowsByGroup, joined},
    program::{Program, Results},
    stream::{Needed, Rows, is_needed},
};
use kql_data::{Batch, Column, Fault, NO_ROW, Reservation, Type};
use kql_parser::plan::{Expr, ExprId, JoinKind, NodeId, Op};
use std::{borrow::Cow, sync::Arc};
use window::{Sorted, Window};

/// Pairs of rows that are put out, or tested, at once.
const PAIRS: usize = 1 << 16;
/// Rows after which a stop is noticed.
const CHECK_ROWS: usize = 4_096;

const BY: &str = "`join`";

/// A window, and the right rows in its order.
type Windowed = (Window, Sorted);

/// One side: its batches, and the number of the key of each row.
struct Side {
    batches: Vec<Batch>,
    numbers: Vec<Vec<u32>>,
    _held: Vec<Reservation>,
}

/// `Op::Join`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, op: &Op, is_target: bool) -> Result<Rows, Fault> {
    let Op::Join { left, right, kind, keys, condition } = op else {
        return Err(Fault::new("not a join"));
    };
    let execution = run.execution;
    let plan = execution.plan;
    let (left_keys, right_keys): (Vec<ExprId>, Vec<ExprId>) = keys.iter().copied().unzip();
    let left_rows = run.input(id, 0, *left, None, BY)?;
    let right_rows = run.input(id, 1, *right, None, BY)?;
    if left_rows.n_rows().max(right_rows.n_rows()) >= NO_ROW as usize {
        return Err(Fault::new("a side of a join has more than 4 billion rows"));
    }
    let programs = [run.program(id, 0, &left_keys)?, run.program(id, 1, &right_keys)?];
    let types: Vec<Type> = left_keys.iter().map(|it| plan.expr(*it).ty()).collect();
    let (left, mut right, n_keys, _table) = number_keys(run, types, &programs, left_rows, right_rows)?;

    let left_types: Vec<Type> = plan.schema(node_of_left(op)).fields.iter().map(|it| it.ty).collect();
    let outputs = if is_target { None } else { execution.shape.outputs_read(plan, id) };
    let mut read = Vec::new();
    if let Some(it) = condition {
        plan.walk(*it, &mut |it| read.extend(if let Expr::Column { index, .. } = it { Some(*index) } else { None }));
    }
    let gives_right = !matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti);
    for batch in &mut right.batches {
        for (index, column) in batch.columns.iter_mut().enumerate() {
            let at = left_types.len() + index;
            let is_given = match kind {
                JoinKind::RightSemi | JoinKind::RightAnti => is_needed(&outputs, index),
                _ => gives_right && is_needed(&outputs, at),
            };
            if !is_given && !read.contains(&at) {
                *column = Column::null(column.ty(), column.len());
            }
        }
    }
    let _joined = execution.cx.budget.reserve(right.batches.iter().map(Batch::bytes).sum(), BY)?;
    let whole = joined(&plan.schema(node_of_right(op)), &right.batches)?;
    right.batches = Vec::new();
    let right_numbers = right.numbers.concat();
    let _index = execution.cx.budget.reserve(right_numbers.len() * 8 + n_keys * 8, BY)?;
    let parts = condition.map(|it| conjuncts(execution, it)).unwrap_or_default();
    let (window, rest) = windowed(run, parts, &left_types, &whole, &right_numbers, n_keys)?;
    let join = Join {
        kind: *kind,
        matches: RowsByGroup::new(&right_numbers, n_keys),
        window,
        outputs,
        right: whole,
        condition: if rest.is_empty() { None } else { Some(Filter::of(run, &rest)?) },
        left_types,
    };
    join.run(run, left, &right_numbers, n_keys)
}

/// The window of a condition, with the right rows in its order, and the parts of the condition that stay.
fn windowed(
    run: &Run<'_>,
    parts: Vec<ExprId>,
    left_types: &[Type],
    right: &Batch,
    right_numbers: &[u32],
    n_keys: usize,
) -> Result<(Option<Windowed>, Vec<ExprId>), Fault> {
    let Some((window, rest)) = window::find(run, &parts, left_types.len())? else { return Ok((None, parts)) };
    Ok(match window.sort(run.execution, right, left_types.len(), right_numbers, n_keys)? {
        Some(sorted) => (Some((window, sorted)), rest),
        None => (None, parts),
    })
}

fn node_of_left(op: &Op) -> NodeId {
    if let Op::Join { left, .. } = op { *left } else { NodeId(u32::MAX) }
}

fn node_of_right(op: &Op) -> NodeId {
    if let Op::Join { right, .. } = op { *right } else { NodeId(u32::MAX) }
}

/// Gives the keys of both sides numbers: the smaller side makes them, the other looks them up.
fn number_keys(
    run: &Run<'_>,
    types: Vec<Type>,
    programs: &[Arc<Program>; 2],
    left: Rows,
    right: Rows,
) -> Result<(Side, Side, usize, Reservation), Fault> {
    let execution = run.execution;
    let [left_program, right_program] = programs;
    let left_makes = left.n_rows() < right.n_rows();
    let (maker, maker_program, finder, finder_program) = if left_makes {
        (left, left_program, right, right_program)
    } else {
        (right, right_program, left, left_program)
    };
    let mut grouper = Grouper::new(types, &execution.cx.budget, BY)?;
    let mut made = Side { batches: Vec::new(), numbers: Vec::new(), _held: maker.held };
    let n_made = maker.batches.iter().map(|it| it.n_rows).sum();
    grouper.expect(n_made);
    let keys = run.parallel(maker.batches, n_made, maker_program.is_volatile, |batch| {
        let keys = maker_program.run(execution, &batch)?;
        Ok((batch, keys))
    })?;
    for (batch, keys) in keys {
        execution.cx.check()?;
        made.numbers.push(grouper.assign(&keys, batch.n_rows)?);
        made.batches.push(batch);
    }
    let n_found = finder.batches.iter().map(|it| it.n_rows).sum();
    let keys = run.parallel(finder.batches, n_found, finder_program.is_volatile, |batch| {
        let keys = finder_program.run(execution, &batch)?;
        Ok((batch, keys))
    })?;
    for (batch, keys) in &keys {
        grouper.prepare(keys, batch.n_rows)?;
    }
    let held = execution.cx.budget.reserve((n_made + n_found) * 4, BY)?;
    let (table, mut found) = (&grouper, Side { batches: Vec::new(), numbers: Vec::new(), _held: finder.held });
    let numbers = run.parallel(keys, n_found, false, |(batch, keys): (Batch, Results)| {
        execution.cx.check()?;
        let numbers = table.find(&keys, batch.n_rows);
        Ok((batch, numbers))
    })?;
    (found.batches, found.numbers) = numbers.into_iter().unzip();
    let n_keys = grouper.len();
    Ok(if left_makes { (made, found, n_keys, held) } else { (found, made, n_keys, held) })
}

struct Join {
    kind: JoinKind,
    /// Rows of the right side by number of their key.
    matches: RowsByGroup,
    /// Bounds that the condition puts on a column of the right side, with the rows in its order.
    window: Option<Windowed>,
    right: Batch,
    /// What else the condition asks for.
    condition: Option<Filter>,
    left_types: Vec<Type>,
    /// Which columns of the pairs anybody reads.
    outputs: Needed,
}

/// What one left batch gave.
#[derive(Default)]
struct Part {
    batches: Vec<Batch>,
    /// Rows of the right side that matched.
    matched: Vec<u32>,
    held: Vec<Reservation>,
}

impl Join {
    fn run(&self, run: &Run<'_>, left: Side, right_numbers: &[u32], n_keys: usize) -> Result<Rows, Fault> {
        let execution = run.execution;
        let is_by_key = self.condition.is_none() && self.window.is_none();
        if is_by_key && matches!(self.kind, JoinKind::RightSemi | JoinKind::RightAnti) {
            let mut is_key = vec![false; n_keys];
            for number in left.numbers.iter().flatten() {
                if let Some(it) = is_key.get_mut(*number as usize) {
                    *it = true;
                }
            }
            let has_match = |number: &u32| is_key.get(*number as usize).copied().unwrap_or(false);
            return self.right_rows(run, right_numbers.iter().map(has_match));
        }
        let mut numbers = left.numbers;
        if self.kind == JoinKind::InnerUnique {
            keep_first_of_key(&mut numbers, n_keys);
        }
        let n_rows = left.batches.iter().map(|it| it.n_rows).sum();
        let tasks: Vec<(Batch, Vec<u32>)> = left.batches.into_iter().zip(numbers).collect();
        let parts = run.parallel(
            tasks,
            n_rows,
            self.condition.as_ref().is_some_and(Filter::is_volatile),
            |(batch, numbers)| self.part(execution, &batch, &numbers),
        )?;
        let mut has_match = vec![false; self.right.n_rows];
        let mut out = Rows::default();
        for part in parts {
            for row in part.matched {
                if let Some(it) = has_match.get_mut(row as usize) {
                    *it = true;
                }
            }
            out.batches.extend(part.batches);
            out.held.extend(part.held);
        }
        match self.kind {
            JoinKind::RightSemi | JoinKind::RightAnti => return self.right_rows(run, has_match.into_iter()),
            JoinKind::RightOuter | JoinKind::FullOuter => {
                let rows: Vec<u32> = (0..).zip(&has_match).filter(|(_, it)| !**it).map(|(row, _)| row).collect();
                for rows in rows.chunks(PAIRS) {
                    execution.cx.check()?;
                    let missing = self.left_types.iter().map(|ty| Column::null(*ty, rows.len()));
                    let columns = missing.chain(self.right.columns.iter().map(|it| it.take(rows))).collect();
                    let batch = Batch::new(columns, rows.len());
                    out.held.push(execution.cx.budget.reserve(batch.bytes(), BY)?);
                    out.batches.push(batch);
                }
            }
            _ => {}
        }
        Ok(out)
    }

    /// The right rows that have a match, or those that have none.
    fn right_rows(&self, run: &Run<'_>, has_match: impl Iterator<Item = bool>) -> Result<Rows, Fault> {
        let wanted = self.kind == JoinKind::RightSemi;
        let rows: Vec<u32> = (0..).zip(has_match).filter(|(_, it)| *it == wanted).map(|(row, _)| row).collect();
        Rows::reserved(run, vec![self.right.take(&rows)], BY)
    }

    fn part(&self, execution: &Execution<'_>, left: &Batch, numbers: &[u32]) -> Result<Part, Fault> {
        let mut part = Part::default();
        let bounds = match &self.window {
            Some((window, _)) => window.bounds(execution, left)?,
            None => Vec::new(),
        };
        let matches = |row: usize, number: u32| match &self.window {
            Some((_, sorted)) => sorted.find(number, bounds.get(row).copied().unwrap_or((0, -1))),
            None => self.matches.get(number),
        };
        let gives_left = matches!(self.kind, JoinKind::LeftSemi | JoinKind::LeftAnti);
        if gives_left && self.condition.is_none() {
            let wanted = self.kind == JoinKind::LeftSemi;
            let numbered = numbers.iter().enumerate();
            let rows: Vec<u32> = numbered
                .filter(|(row, number)| matches(*row, **number).is_empty() != wanted)
                .map(|(row, _)| row as u32)
                .collect();
            self.put(execution, &mut part, left.take(&rows))?;
            return Ok(part);
        }
        let sorts = self.window.as_ref().is_some_and(|(_, sorted)| !sorted.is_in_order);
        let mut pairs = Pairs::default();
        let mut left_matched = vec![false; left.n_rows];
        for (row, number) in numbers.iter().enumerate() {
            if row % CHECK_ROWS == 0 {
                execution.cx.check()?;
            }
            let found = matches(row, *number);
            let found = if sorts && !found.is_sorted() { Cow::Owned(in_order(found)) } else { Cow::Borrowed(found) };
            let mut matches: &[u32] = &found;
            let pads = self.condition.is_none() && matches.is_empty();
            if pads && matches!(self.kind, JoinKind::LeftOuter | JoinKind::FullOuter) {
                pairs.push(row as u32, NO_ROW);
            }
            while !matches.is_empty() {
                let (now, later) = matches.split_at(matches.len().min(PAIRS - pairs.len()));
                pairs.left.resize(pairs.left.len() + now.len(), row as u32);
                pairs.right.extend_from_slice(now);
                matches = later;
                if pairs.len() >= PAIRS {
                    self.flush(execution, &mut part, left, &mut pairs, &mut left_matched)?;
                }
            }
            if pairs.len() >= PAIRS {
                self.flush(execution, &mut part, left, &mut pairs, &mut left_matched)?;
            }
        }
        self.flush(execution, &mut part, left, &mut pairs, &mut left_matched)?;
        if self.condition.is_some() {
            self.put_unmatched(execution, &mut part, left, &left_matched)?;
        }
        part.matched.sort_unstable();
        part.matched.dedup();
        Ok(part)
    }

    /// Tests the pairs, puts out those that hold, and begins anew.
    fn flush(
        &self,
        execution: &Execution<'_>,
        part: &mut Part,
        left: &Batch,
        pairs: &mut Pairs,
        left_matched: &mut [bool],
    ) -> Result<(), Fault> {
        execution.cx.check()?;
        let mut pairs = std::mem::take(pairs);
        if pairs.len() == 0 {
            return Ok(());
        }
        if let Some(condition) = &self.condition {
            let batch = self.pair_batch(left, &pairs, |it| condition.reads(it));
            if let Some(holds) = condition.rows(execution, &batch)? {
                pairs = pairs.pick(&holds);
            }
            for row in &pairs.left {
                if let Some(it) = left_matched.get_mut(*row as usize) {
                    *it = true;
                }
            }
        }
        match self.kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => {}
            JoinKind::RightSemi | JoinKind::RightAnti => part.matched.extend(&pairs.right),
            _ => {
                if matches!(self.kind, JoinKind::RightOuter | JoinKind::FullOuter) {
                    part.matched.extend(pairs.right.iter().filter(|it| **it != NO_ROW));
                }
                let batch = self.pair_batch(left, &pairs, |it| self.is_read(it));
                self.put(execution, part, batch)?;
            }
        }
        // The list of matches must not grow with the pairs.
        if part.matched.len() > self.right.n_rows.max(PAIRS).saturating_mul(2) {
            part.matched.sort_unstable();
            part.matched.dedup();
        }
        Ok(())
    }

    /// Left rows for which no pair held, or which had one, by kind.
    fn put_unmatched(
        &self,
        execution: &Execution<'_>,
        part: &mut Part,
        left: &Batch,
        left_matched: &[bool],
    ) -> Result<(), Fault> {
        let wanted = self.kind == JoinKind::LeftSemi;
        let rows =
            || -> Vec<u32> { (0..).zip(left_matched).filter(|(_, it)| **it == wanted).map(|(row, _)| row).collect() };
        match self.kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => self.put(execution, part, left.take(&rows())),
            JoinKind::LeftOuter | JoinKind::FullOuter => {
                let left_rows = rows();
                let pairs = Pairs { right: vec![NO_ROW; left_rows.len()], left: left_rows };
                let batch = self.pair_batch(left, &pairs, |it| self.is_read(it));
                self.put(execution, part, batch)
            }
            _ => Ok(()),
        }
    }

    fn is_read(&self, column: usize) -> bool {
        is_needed(&self.outputs, column)
    }

    /// Left and right columns of pairs of rows; those that are not wanted become nulls.
    fn pair_batch(&self, left: &Batch, pairs: &Pairs, wanted: impl Fn(usize) -> bool) -> Batch {
        let n_rows = pairs.len();
        let sides = left.columns.iter().map(|it| (it, &pairs.left));
        let sides = sides.chain(self.right.columns.iter().map(|it| (it, &pairs.right)));
        let column = |(index, (column, rows)): (usize, (&Column, &Vec<u32>))| {
            if wanted(index) { column.take(rows) } else { Column::null(column.ty(), n_rows) }
        };
        Batch::new(sides.enumerate().map(column).collect(), n_rows)
    }

    fn put(&self, execution: &Execution<'_>, part: &mut Part, batch: Batch) -> Result<(), Fault> {
        if batch.n_rows > 0 {
            part.held.push(execution.cx.budget.reserve(batch.bytes(), BY)?);
            part.batches.push(batch);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Pairs {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Pairs {
    fn len(&self) -> usize {
        self.left.len()
    }

    fn push(&mut self, left: u32, right: u32) {
        self.left.push(left);
        self.right.push(right);
    }

    fn pick(&self, rows: &[u32]) -> Pairs {
        let pick = |from: &[u32]| rows.iter().filter_map(|it| from.get(*it as usize).copied()).collect();
        Pairs { left: pick(&self.left), right: pick(&self.right) }
    }
}

/// Rows in the order of the table.
fn in_order(rows: &[u32]) -> Vec<u32> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}

/// `innerunique`: only the first left row of each key takes part.
fn keep_first_of_key(numbers: &mut [Vec<u32>], n_keys: usize) {
    let mut seen = vec![false; n_keys];
    for number in numbers.iter_mut().flatten() {
        match seen.get_mut(*number as usize) {
            Some(it) if !*it => *it = true,
            _ => *number = NO_GROUP,
        }
    }
}
