//! Rows of two sides with equal keys. Keys get numbers from the side with fewer rows; both sides are then lists of numbers.

mod keys;
mod many;
mod matches;
mod sweep;
mod texts;
mod units;
mod window;

use crate::{
    execution::{Execution, Run},
    filter::{Filter, conjuncts},
    group::joined,
    stream::{Needed, Rows, is_needed},
};
use arrow_buffer::ScalarBuffer;
use keys::{Keyed, Side};
use kql_data::{Batch, Column, Fault, NO_ROW, Reservation, Type};
use kql_parser::plan::{Expr, ExprId, JoinKind, NodeId, Op};
use matches::{Matches, Present, keep_first_of_key};
use std::borrow::Cow;
use window::{Places, Sorted, Window};

/// Pairs of rows that are put out, or tested, at once.
const PAIRS: usize = 1 << 16;
/// Rows after which a stop is noticed.
const CHECK_ROWS: usize = 4_096;

const BY: &str = "`join`";

/// A window, and the right rows in its order.
type Windowed<'n> = (Window, Sorted<'n>);

/// `Op::Join`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, op: &Op, is_target: bool) -> Result<Rows, Fault> {
    let Op::Join { left, right, kind, keys, condition } = op else {
        return Err(Fault::new("not a join"));
    };
    let execution = run.execution;
    let plan = execution.plan;
    let keyed = numbered(run, id, *left, *right, keys)?;
    let Keyed { left: left_side, right: mut right_side, n_keys, left_makes } = keyed;

    let left_types: Vec<Type> = plan.schema(*left).fields.iter().map(|it| it.ty).collect();
    let outputs = if is_target { None } else { execution.shape.outputs_read(plan, id) };
    let parts = condition.map(|it| conjuncts(execution, it)).unwrap_or_default();
    forget_unread(run, &mut right_side, *kind, left_types.len(), &outputs, *condition);
    if left_makes && !matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter | JoinKind::RightAnti) {
        right_side.keep_numbered(run)?;
    }
    let _joined = execution.cx.budget.reserve(right_side.batches.iter().map(Batch::bytes).sum(), BY)?;
    let whole = joined(&plan.schema(*right), &right_side.batches)?;
    right_side.batches = Vec::new();
    let by_key = condition.is_none();
    let (of_left, of_right) = (
        matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti),
        matches!(kind, JoinKind::RightSemi | JoinKind::RightAnti),
    );
    let present = (by_key && (of_left || of_right))
        .then(|| Present::new(right_side.numbers.iter().flat_map(|it| it.iter()), n_keys));
    let right_numbers: Cow<'_, [u32]> = match right_side.numbers.as_slice() {
        // Nobody asks which rows they are.
        _ if by_key && of_left => Cow::Borrowed(&[]),
        [one] => Cow::Borrowed(one),
        more => Cow::Owned(more.iter().flat_map(|it| it.iter().copied()).collect()),
    };
    let n_places = if by_key { 1 } else { 1 + execution.cx.limits.threads };
    let _index = execution.cx.budget.reserve(right_numbers.len() * 12 + n_keys.saturating_mul(8 * n_places), BY)?;
    let (window, rest) = windowed(run, parts, &left_types, &whole, &right_numbers, n_keys)?;
    let condition = if rest.is_empty() { None } else { Some(Filter::of(run, &rest)?) };
    let n_left = left_types.len();
    let tests = condition.is_some();
    let reads = |columns: std::ops::Range<usize>| tests || columns.into_iter().any(|it| is_needed(&outputs, it));
    let lists_right = of_right || matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter);
    let (reads_left, reads_right) = (reads(0..n_left), lists_right || reads(n_left..n_left + whole.columns.len()));
    let counts = !reads_left && !reads_right && !of_left;
    let matches = match (present, &window) {
        (Some(it), _) => Pairing::Present(it),
        (_, None) if counts => Pairing::Counts(matches::counts(&right_numbers, n_keys)),
        (_, None) => Pairing::Matches(Matches::new(&right_numbers, n_keys)),
        (_, Some(_)) => Pairing::Window,
    };
    let join = Join {
        kind: *kind,
        n_keys,
        reads_left,
        reads_right,
        counts,
        matches,
        window,
        outputs,
        right: whole,
        condition,
        left_types,
    };
    join.run(run, left_side, &right_numbers)
}

/// The rows of both sides with the numbers of their keys.
fn numbered(run: &Run<'_>, id: NodeId, left: NodeId, right: NodeId, keys: &[(ExprId, ExprId)]) -> Result<Keyed, Fault> {
    let (left_keys, right_keys): (Vec<ExprId>, Vec<ExprId>) = keys.iter().copied().unzip();
    let left_rows = run.input(id, 0, left, None, BY)?;
    let right_rows = run.input(id, 1, right, None, BY)?;
    if left_rows.n_rows().max(right_rows.n_rows()) >= NO_ROW as usize {
        return Err(Fault::new("a side of a join has more than 4 billion rows"));
    }
    let programs = [run.program(id, 0, &left_keys)?, run.program(id, 1, &right_keys)?];
    let types: Vec<Type> = left_keys.iter().map(|it| run.execution.plan.expr(*it).ty()).collect();
    keys::number(run, types, &programs, left_rows, right_rows)
}

/// Columns of the right side that neither the condition nor anybody after the join reads become nulls, which cost nothing.
fn forget_unread(
    run: &Run<'_>,
    right: &mut Side,
    kind: JoinKind,
    n_left: usize,
    outputs: &Needed,
    condition: Option<ExprId>,
) {
    let mut read = Vec::new();
    if let Some(it) = condition {
        let note = &mut |it: &Expr| read.extend(if let Expr::Column { index, .. } = it { Some(*index) } else { None });
        run.execution.plan.walk(it, note);
    }
    let gives_right = !matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti);
    for batch in &mut right.batches {
        for (index, column) in batch.columns.iter_mut().enumerate() {
            let at = n_left + index;
            let is_given = match kind {
                JoinKind::RightSemi | JoinKind::RightAnti => is_needed(outputs, index),
                _ => gives_right && is_needed(outputs, at),
            };
            if !is_given && !read.contains(&at) {
                *column = Column::null(column.ty(), column.len());
            }
        }
    }
}

/// The window of a condition, with the right rows in its order, and the parts of the condition that stay.
fn windowed<'n>(
    run: &Run<'_>,
    parts: Vec<ExprId>,
    left_types: &[Type],
    right: &Batch,
    right_numbers: &'n [u32],
    n_keys: usize,
) -> Result<(Option<Windowed<'n>>, Vec<ExprId>), Fault> {
    let Some((window, rest)) = window::find(run, &parts, left_types.len())? else { return Ok((None, parts)) };
    Ok(match window.sort(run.execution, right, left_types.len(), right_numbers, n_keys)? {
        Some(sorted) => (Some((window, sorted)), rest),
        None => (None, parts),
    })
}

/// How a left row finds its matches.
enum Pairing {
    /// By key, one by one.
    Matches(Matches),
    /// Only whether there is one is asked.
    Present(Present),
    /// Only how many there are, by key.
    Counts(Vec<u32>),
    /// By key and within the bounds of the window.
    Window,
}

struct Join<'n> {
    kind: JoinKind,
    n_keys: usize,
    matches: Pairing,
    /// Bounds that the condition puts on a column of the right side, with the rows in its order.
    window: Option<Windowed<'n>>,
    right: Batch,
    /// What else the condition asks for.
    condition: Option<Filter>,
    left_types: Vec<Type>,
    /// Which columns of the pairs anybody reads.
    outputs: Needed,
    /// Whether anybody reads the left rows of pairs, or only their number.
    reads_left: bool,
    /// The same of right rows.
    reads_right: bool,
    /// Whether nobody reads either: pairs are only counted.
    counts: bool,
}

/// What one left batch gave.
#[derive(Default)]
struct Part {
    batches: Vec<Batch>,
    /// Rows of the right side that matched.
    matched: Vec<u32>,
    held: Vec<Reservation>,
}

impl Join<'_> {
    fn run(&self, run: &Run<'_>, left: Side, right_numbers: &[u32]) -> Result<Rows, Fault> {
        let execution = run.execution;
        let gives_right = matches!(self.kind, JoinKind::RightSemi | JoinKind::RightAnti);
        if gives_right && matches!(self.matches, Pairing::Present(_)) {
            let keys = Present::new(left.numbers.iter().flat_map(|it| it.iter()), self.n_keys);
            return self.right_rows(run, right_numbers.iter().map(|it| keys.has(*it)));
        }
        let mut numbers = left.numbers;
        if self.kind == JoinKind::InnerUnique {
            let mut seen = vec![false; self.n_keys];
            for it in &mut numbers {
                let mut own = it.to_vec();
                keep_first_of_key(&mut own, &mut seen);
                *it = own.into();
            }
        }
        let n_rows = left.batches.iter().map(|it| it.n_rows).sum();
        let tasks: Vec<(Batch, ScalarBuffer<u32>)> = left.batches.into_iter().zip(numbers).collect();
        let is_volatile = self.condition.as_ref().is_some_and(Filter::is_volatile);
        // A window is followed from batch to batch: each thread takes a stretch of them.
        let at_once = match &self.window {
            Some(_) => tasks.len().div_ceil(execution.cx.limits.threads.max(1)).max(1),
            None => 1,
        };
        let mut stretches: Vec<Vec<(Batch, ScalarBuffer<u32>)>> = Vec::new();
        for task in tasks {
            match stretches.last_mut() {
                Some(it) if it.len() < at_once => it.push(task),
                _ => stretches.push(vec![task]),
            }
        }
        let parts = run.parallel(stretches, n_rows, is_volatile, |tasks: Vec<(Batch, ScalarBuffer<u32>)>| {
            let n_rows = tasks.iter().map(|it| it.0.n_rows).sum();
            let mut places = self.window.as_ref().map(|(_, sorted)| Places::new(sorted, n_rows)).unwrap_or_default();
            tasks.iter().map(|(batch, numbers)| self.part(execution, batch, numbers, &mut places)).collect()
        })?;
        let parts = parts.into_iter().flat_map(|it: Vec<Part>| it);
        let lists_matched = gives_right || matches!(self.kind, JoinKind::RightOuter | JoinKind::FullOuter);
        let mut has_match = vec![false; if lists_matched { self.right.n_rows } else { 0 }];
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
        if gives_right {
            return self.right_rows(run, has_match.into_iter());
        }
        if lists_matched {
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
        Ok(out)
    }

    /// The right rows that have a match, or those that have none.
    fn right_rows(&self, run: &Run<'_>, has_match: impl Iterator<Item = bool>) -> Result<Rows, Fault> {
        let wanted = self.kind == JoinKind::RightSemi;
        let rows: Vec<u32> = (0..).zip(has_match).filter(|(_, it)| *it == wanted).map(|(row, _)| row).collect();
        Rows::reserved(run, vec![self.right.take(&rows)], BY)
    }

    fn part(
        &self,
        execution: &Execution<'_>,
        left: &Batch,
        numbers: &[u32],
        places: &mut Places,
    ) -> Result<Part, Fault> {
        let mut part = Part::default();
        if self.counts {
            let n_pairs = self.n_pairs(execution, left, numbers, places)?;
            self.put_counted(execution, &mut part, left, n_pairs)?;
            return Ok(part);
        }
        if let Pairing::Present(keys) = &self.matches {
            let wanted = self.kind == JoinKind::LeftSemi;
            let is_picked = |number: &u32| keys.has(*number) == wanted;
            self.put_left(execution, &mut part, left, numbers.iter().map(is_picked))?;
            return Ok(part);
        }
        if self.condition.is_none() && matches!(self.kind, JoinKind::LeftSemi | JoinKind::LeftAnti) {
            let wanted = self.kind == JoinKind::LeftSemi;
            let mut picked = Vec::with_capacity(numbers.len());
            self.each_match(execution, left, numbers, places, |_, found| {
                picked.push(found.is_empty() != wanted);
                Ok(())
            })?;
            self.put_left(execution, &mut part, left, picked.into_iter())?;
            return Ok(part);
        }
        let sorts = self.reads_right && self.window.as_ref().is_some_and(|(_, sorted)| !sorted.is_in_order);
        let pads = self.condition.is_none() && matches!(self.kind, JoinKind::LeftOuter | JoinKind::FullOuter);
        let mut pairs = Pairs::new(self.reads_left, self.reads_right);
        let mut left_matched = vec![false; if self.condition.is_some() { left.n_rows } else { 0 }];
        self.each_match(execution, left, numbers, places, |row, found| {
            let found = if sorts && !found.is_sorted() { Cow::Owned(in_order(found)) } else { Cow::Borrowed(found) };
            let mut matches: &[u32] = &found;
            if pads && matches.is_empty() {
                matches = &[NO_ROW];
            }
            while !matches.is_empty() {
                let (now, later) = matches.split_at(matches.len().min(PAIRS - pairs.len()));
                pairs.extend(row, now);
                matches = later;
                if pairs.len() >= PAIRS {
                    self.flush(execution, &mut part, left, &mut pairs, &mut left_matched)?;
                }
            }
            Ok(())
        })?;
        self.flush(execution, &mut part, left, &mut pairs, &mut left_matched)?;
        if self.condition.is_some() {
            self.put_unmatched(execution, &mut part, left, &left_matched)?;
        }
        part.matched.sort_unstable();
        part.matched.dedup();
        Ok(part)
    }

    /// Tells of each left row, in order, the right rows of its key and within its bounds.
    #[inline]
    fn each_match(
        &self,
        execution: &Execution<'_>,
        left: &Batch,
        numbers: &[u32],
        places: &mut Places,
        mut tell: impl FnMut(u32, &[u32]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let bounds = match &self.window {
            Some((window, _)) => Some(window.bounds(execution, left)?),
            None => None,
        };
        let mut of_rows = Vec::new();
        for (stretch, numbers) in numbers.chunks(CHECK_ROWS).enumerate() {
            execution.cx.check()?;
            let first = stretch * CHECK_ROWS;
            match (&self.window, &bounds, &self.matches) {
                (Some((_, sorted)), Some(bounds), _) => {
                    bounds.of_rows(first..first + numbers.len(), &mut of_rows);
                    for ((row, number), bounds) in (first as u32..).zip(numbers).zip(&of_rows) {
                        tell(row, sorted.find(*number, *bounds, places))?;
                    }
                }
                (.., Pairing::Matches(matches)) => {
                    for (row, number) in (first as u32..).zip(numbers) {
                        tell(row, matches.get(*number))?;
                    }
                }
                _ => return Err(Fault::new("a join has no matches to look at")),
            }
        }
        Ok(())
    }

    /// How many pairs the rows of a left batch make.
    fn n_pairs(
        &self,
        execution: &Execution<'_>,
        left: &Batch,
        numbers: &[u32],
        places: &mut Places,
    ) -> Result<u64, Fault> {
        // A left row without a match stays where its side is kept.
        let least = u64::from(self.kind == JoinKind::LeftOuter);
        if let Pairing::Counts(counts) = &self.matches {
            execution.cx.check()?;
            let one = |number: &u32| u64::from(counts.get(*number as usize).copied().unwrap_or(0)).max(least);
            return Ok(numbers.iter().map(one).sum());
        }
        let (Some((window, sorted)), mut n_pairs) = (&self.window, 0) else {
            return Err(Fault::new("a join has no matches to count"));
        };
        let bounds = window.bounds(execution, left)?;
        let mut of_rows = Vec::new();
        for (stretch, numbers) in numbers.chunks(CHECK_ROWS).enumerate() {
            execution.cx.check()?;
            let first = stretch * CHECK_ROWS;
            bounds.of_rows(first..first + numbers.len(), &mut of_rows);
            for (number, bounds) in numbers.iter().zip(&of_rows) {
                n_pairs += (sorted.count(*number, *bounds, places) as u64).max(least);
            }
        }
        Ok(n_pairs)
    }

    /// Puts out so many pairs, of which nobody reads a column.
    fn put_counted(&self, execution: &Execution<'_>, part: &mut Part, left: &Batch, n_pairs: u64) -> Result<(), Fault> {
        let mut missing = n_pairs;
        while missing > 0 {
            execution.cx.check()?;
            let n_rows = missing.min(PAIRS as u64) as usize;
            let columns = left.columns.iter().chain(&self.right.columns).map(|it| Column::null(it.ty(), n_rows));
            self.put(execution, part, Batch::new(columns.collect(), n_rows))?;
            missing -= n_rows as u64;
        }
        Ok(())
    }

    /// Puts out the left rows that are picked, with the columns that are read.
    fn put_left(
        &self,
        execution: &Execution<'_>,
        part: &mut Part,
        left: &Batch,
        picked: impl Iterator<Item = bool> + Clone,
    ) -> Result<(), Fault> {
        let n_rows = picked.clone().filter(|it| *it).count();
        let rows: Vec<u32> = if self.reads_left && n_rows < left.n_rows {
            (0..).zip(picked).filter(|(_, it)| *it).map(|(row, _)| row).collect()
        } else {
            Vec::new()
        };
        let column = |(index, column): (usize, &Column)| match (self.is_read(index), n_rows == left.n_rows) {
            (false, _) => Column::null(column.ty(), n_rows),
            (true, true) => column.clone(),
            (true, false) => column.take(&rows),
        };
        self.put(execution, part, Batch::new(left.columns.iter().enumerate().map(column).collect(), n_rows))
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
        let mut pairs = std::mem::replace(pairs, Pairs::new(self.reads_left, self.reads_right));
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
                let pairs = Pairs {
                    right: vec![NO_ROW; left_rows.len()],
                    n: left_rows.len(),
                    left: left_rows,
                    ..Pairs::new(true, true)
                };
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
        // Each left row once, as a look-up by a unique key gives them.
        let is_whole = n_rows == left.n_rows && pairs.left.iter().copied().eq(0..n_rows as u32);
        let n_left = left.columns.len();
        let column = |(index, column): (usize, &Column)| match index < n_left {
            _ if !wanted(index) => Column::null(column.ty(), n_rows),
            true if is_whole => column.clone(),
            true => column.take(&pairs.left),
            false => column.take(&pairs.right),
        };
        let columns = left.columns.iter().chain(&self.right.columns).enumerate();
        Batch::new(columns.map(column).collect(), n_rows)
    }

    fn put(&self, execution: &Execution<'_>, part: &mut Part, batch: Batch) -> Result<(), Fault> {
        if batch.n_rows > 0 {
            part.held.push(execution.cx.budget.reserve(batch.bytes(), BY)?);
            part.batches.push(batch);
        }
        Ok(())
    }
}

/// Pairs of rows; of a side that nobody reads only their number.
struct Pairs {
    n: usize,
    left: Vec<u32>,
    right: Vec<u32>,
    has_left: bool,
    has_right: bool,
}

impl Pairs {
    fn new(has_left: bool, has_right: bool) -> Pairs {
        Pairs { n: 0, left: Vec::new(), right: Vec::new(), has_left, has_right }
    }

    fn len(&self) -> usize {
        self.n
    }

    #[inline]
    fn extend(&mut self, left: u32, right: &[u32]) {
        self.n += right.len();
        match right {
            [one] => {
                if self.has_left {
                    self.left.push(left);
                }
                if self.has_right {
                    self.right.push(*one);
                }
            }
            more => {
                if self.has_left {
                    self.left.resize(self.left.len() + more.len(), left);
                }
                if self.has_right {
                    self.right.extend_from_slice(more);
                }
            }
        }
    }

    /// Some of the pairs, of which both sides are read.
    fn pick(&self, rows: &[u32]) -> Pairs {
        let pick = |from: &[u32]| rows.iter().filter_map(|it| from.get(*it as usize).copied()).collect();
        Pairs { n: rows.len(), left: pick(&self.left), right: pick(&self.right), ..Pairs::new(true, true) }
    }
}

/// Rows in the order of the table.
fn in_order(rows: &[u32]) -> Vec<u32> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    rows
}
