//! Join conditions that hold a column of the right side between bounds by the left row: `Used between (At .. At + 24h)`.
//!
//! The right rows of each key are put into the order of that column, and a left row finds its stretch by two searches,
//! instead of testing every pair of the key.

use super::sweep::{Rising, Sweep};
use crate::{
    execution::{Execution, Run},
    group::{NO_GROUP, RowsByGroup},
    program::Program,
};
use arrow_array::Array;
use arrow_buffer::ScalarBuffer;
use kql_data::{Batch, Column, Fault, Type, Value, time};
use kql_parser::plan::{Expr, ExprId, Plan};
use std::{borrow::Cow, ops::Range, sync::OnceLock};

/// A window, as the condition tells it.
pub(super) struct Window {
    /// The column of the right side, an expression over its columns.
    right: Program,
    /// What is added to it before it is compared; with it the value must stay a datetime.
    offsets: Vec<i64>,
    /// The bases of the bounds, over the left columns.
    left: Program,
    bounds: Vec<Bound>,
    ty: Type,
}

/// One bound: the right value must not be below, or above, `base + added`.
struct Bound {
    is_low: bool,
    is_inclusive: bool,
    /// What the query itself adds to the base, which must give a datetime: otherwise the bound is null.
    checked: i64,
    added: i128,
}

/// One side of a comparison.
#[derive(Clone, Copy)]
struct Term {
    base: ExprId,
    of_right: bool,
    offset: i64,
}

/// A comparison of the right value with a bound by the left row.
struct Comparison {
    right: Term,
    left: Term,
    is_low: bool,
    is_inclusive: bool,
    /// Added to the bound without being computed in the query.
    shift: i64,
}

/// The window in a condition's parts, and the parts that it does not cover. `None` when there is no window.
pub(super) fn find(run: &Run<'_>, parts: &[ExprId], n_left: usize) -> Result<Option<(Window, Vec<ExprId>)>, Fault> {
    let finder = Finder { plan: run.execution.plan, n_left };
    let mut rest = Vec::new();
    let mut found: Vec<Comparison> = Vec::new();
    for part in parts {
        match finder.comparisons(*part) {
            Some(all) if all.iter().all(|it| found.first().is_none_or(|first| finder.have_one_base(first, it))) => {
                found.extend(all);
            }
            _ => rest.push(*part),
        }
    }
    let Some(first) = found.first() else { return Ok(None) };
    // Columns of the right side come behind those of the left: the program sees them where the pairs have them.
    let right = Program::compile(run, &[first.right.base])?;
    let left = Program::compile(run, &found.iter().map(|it| it.left.base).collect::<Vec<ExprId>>())?;
    if right.is_volatile || left.is_volatile {
        return Ok(None);
    }
    let bound = |it: &Comparison| Bound {
        is_low: it.is_low,
        is_inclusive: it.is_inclusive,
        checked: it.left.offset,
        added: i128::from(it.left.offset) + i128::from(it.shift) - i128::from(it.right.offset),
    };
    let window = Window {
        right,
        offsets: found.iter().map(|it| it.right.offset).filter(|it| *it != 0).collect(),
        left,
        bounds: found.iter().map(bound).collect(),
        ty: finder.plan.expr(first.right.base).ty(),
    };
    Ok(Some((window, rest)))
}

struct Finder<'p> {
    plan: &'p Plan,
    n_left: usize,
}

impl Finder<'_> {
    /// The comparisons that a part consists of; `None` when it is something else.
    fn comparisons(&self, part: ExprId) -> Option<Vec<Comparison>> {
        let Expr::Call { function, args, .. } = self.plan.expr(part) else { return None };
        match (function.name, args.as_slice()) {
            ("between", [value, low, high]) => {
                Some(vec![self.comparison(">=", *value, *low)?, self.comparison("<=", *value, *high)?])
            }
            (operator @ ("<" | "<=" | ">" | ">="), [a, b]) => Some(vec![self.comparison(operator, *a, *b)?]),
            _ => None,
        }
    }

    fn comparison(&self, operator: &str, a: ExprId, b: ExprId) -> Option<Comparison> {
        let (x, y, shift) = match (self.difference(a), self.ticks(b), self.ticks(a), self.difference(b)) {
            (Some((x, y)), Some(ticks), ..) => (x, y, ticks),
            // c < x - y: x is above y + c.
            (.., Some(ticks), Some((x, y))) => return self.oriented(mirrored(operator), x, y, ticks),
            _ => (self.term(a)?, self.term(b)?, 0),
        };
        self.oriented(operator, x, y, shift)
    }

    /// `x operator y + shift`, with the right side in front.
    fn oriented(&self, operator: &str, x: Term, y: Term, shift: i64) -> Option<Comparison> {
        let ty = |it: Term| self.plan.expr(it.base).ty();
        if x.of_right == y.of_right || ty(x) != ty(y) || !matches!(ty(x), Type::Datetime | Type::Long | Type::Timespan)
        {
            return None;
        }
        let (right, left, operator, shift) =
            if x.of_right { (x, y, operator, shift) } else { (y, x, mirrored(operator), shift.checked_neg()?) };
        let (is_low, is_inclusive) = (operator.starts_with('>'), operator.ends_with('='));
        Some(Comparison { right, left, is_low, is_inclusive, shift })
    }

    /// The two datetimes of a difference.
    fn difference(&self, expr: ExprId) -> Option<(Term, Term)> {
        let Expr::Call { function, args, ty: Type::Timespan, .. } = self.plan.expr(expr) else { return None };
        let [a, b] = args.as_slice() else { return None };
        let are_times = [*a, *b].iter().all(|it| self.plan.expr(*it).ty() == Type::Datetime);
        if function.name == "-" && are_times { Some((self.term(*a)?, self.term(*b)?)) } else { None }
    }

    /// A column's expression with what is added to it, if it reads one side alone.
    fn term(&self, expr: ExprId) -> Option<Term> {
        if let Expr::Call { function, args, ty: Type::Datetime, .. } = self.plan.expr(expr)
            && let [base, added] = args.as_slice()
            && self.plan.expr(*base).ty() == Type::Datetime
            && let Some(ticks) = self.ticks(*added)
        {
            let offset = match function.name {
                "+" => Some(ticks),
                "-" => ticks.checked_neg(),
                _ => None,
            };
            if let Some(offset) = offset {
                return Some(Term { base: *base, of_right: self.side(*base)?, offset });
            }
        }
        Some(Term { base: expr, of_right: self.side(expr)?, offset: 0 })
    }

    /// Whether an expression reads the right side alone; `None` when it reads both sides or none.
    fn side(&self, expr: ExprId) -> Option<bool> {
        let (mut left, mut right) = (false, false);
        self.plan.walk(expr, &mut |it| {
            if let Expr::Column { index, .. } = it {
                *(if *index < self.n_left { &mut left } else { &mut right }) = true;
            }
        });
        (left != right).then_some(right)
    }

    /// The ticks of a constant timespan.
    fn ticks(&self, expr: ExprId) -> Option<i64> {
        match self.plan.expr(expr) {
            Expr::Constant { value: Value::Timespan(it), .. } => Some(*it),
            _ => None,
        }
    }

    fn have_one_base(&self, a: &Comparison, b: &Comparison) -> bool {
        self.are_same(a.right.base, b.right.base)
    }

    /// Whether two expressions are the same, as far as is seen at once.
    fn are_same(&self, a: ExprId, b: ExprId) -> bool {
        match (self.plan.expr(a), self.plan.expr(b)) {
            (Expr::Column { index: a, .. }, Expr::Column { index: b, .. }) => a == b,
            _ => a == b,
        }
    }
}

fn mirrored(operator: &str) -> &'static str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        _ => "<=",
    }
}

fn ticks(column: &Column, row: usize) -> Option<i64> {
    match column.value(row) {
        Value::Datetime(it) | Value::Long(it) | Value::Timespan(it) => Some(it),
        _ => None,
    }
}

/// The values of a column, and which rows have one; `None` for all.
fn values(column: &Column) -> (ScalarBuffer<i64>, Option<Vec<bool>>) {
    match column {
        Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) if it.null_count() == 0 => {
            (it.values().clone(), None)
        }
        other => {
            let ticks: Vec<Option<i64>> = (0..other.len()).map(|row| ticks(other, row)).collect();
            (ticks.iter().map(|it| it.unwrap_or(0)).collect(), Some(ticks.iter().map(Option::is_some).collect()))
        }
    }
}

/// The smallest and the largest value of the rows that have one.
fn extremes(values: &[i64], has_value: Option<&[bool]>) -> Option<(i64, i64)> {
    let wider = |(low, high): (i64, i64), it: &i64| (low.min(*it), high.max(*it));
    let nothing = (i64::MAX, i64::MIN);
    let (low, high) = match has_value {
        None => values.iter().fold(nothing, wider),
        Some(has) => values.iter().zip(has).filter(|(_, has)| **has).map(|(it, _)| it).fold(nothing, wider),
    };
    (low <= high).then_some((low, high))
}

/// The right rows of each key by the window's column.
pub(super) struct Sorted<'n> {
    /// Of each row, where all rows are in this order.
    rising: Option<(ScalarBuffer<i64>, Cow<'n, [u32]>)>,
    n_keys: usize,
    rows: OnceLock<RowsByGroup>,
    /// The value of each of those rows.
    values: OnceLock<Vec<i64>>,
    /// Whether rows of a key that stand in this order also stand in the table's.
    pub(super) is_in_order: bool,
}

impl Window {
    /// The right rows of each key in order. `None` when an addition could leave the range of datetimes, so that pairs have
    /// to be tested one by one.
    pub(super) fn sort<'n>(
        &self,
        execution: &Execution<'_>,
        right: &Batch,
        n_left: usize,
        numbers: &'n [u32],
        n_keys: usize,
    ) -> Result<Option<Sorted<'n>>, Fault> {
        let found = self.right.run(execution, &behind(right, n_left))?;
        let Some(column) = found.first() else { return Ok(None) };
        let (ticks, has_value) = values(column);
        let in_range = |it: i64| self.offsets.iter().all(|offset| is_datetime(i128::from(it) + i128::from(*offset)));
        let ends = extremes(&ticks, has_value.as_deref());
        if !ends.is_none_or(|(low, high)| in_range(low) && in_range(high)) {
            return Ok(None);
        }
        execution.cx.check()?;
        let numbers = match has_value {
            None => Cow::Borrowed(numbers),
            Some(it) => numbers.iter().zip(it).map(|(number, has)| if has { *number } else { NO_GROUP }).collect(),
        };
        if ticks.is_sorted() {
            let (rows, values) = (OnceLock::new(), OnceLock::new());
            return Ok(Some(Sorted { rising: Some((ticks, numbers)), n_keys, rows, values, is_in_order: true }));
        }
        let mut rows = RowsByGroup::new(&numbers, n_keys);
        let value = |row: &u32| ticks.get(*row as usize).copied().unwrap_or(i64::MIN);
        let mut is_in_order = true;
        rows.each_group(|rows| {
            if !rows.is_sorted_by_key(value) {
                is_in_order = false;
                rows.sort_by_key(value);
            }
        });
        let values = rows.rows().iter().map(value).collect::<Vec<i64>>().into();
        Ok(Some(Sorted { rising: None, n_keys, rows: rows.into(), values, is_in_order }))
    }

    /// The bounds of the left rows of a batch.
    pub(super) fn bounds(&self, execution: &Execution<'_>, left: &Batch) -> Result<Bounds, Fault> {
        let bases = self.left.run(execution, left)?;
        let limit = |(bound, column): (&Bound, &Column)| {
            let (values, has_value) = values(column);
            let added = bound.added
                + match (bound.is_inclusive, bound.is_low) {
                    (true, _) => 0,
                    (false, true) => 1,
                    (false, false) => -1,
                };
            let fits = |it: i64| self.is_bound(it, bound) && i64::try_from(i128::from(it) + added).is_ok();
            let is_plain =
                has_value.is_none() && extremes(&values, None).is_none_or(|(low, high)| fits(low) && fits(high));
            match i64::try_from(added) {
                Ok(added) if is_plain => Limit { values, is_low: bound.is_low, kind: Kind::Plain(added) },
                _ => {
                    let one = |(row, it): (usize, &i64)| {
                        let has = has_value.as_ref().is_none_or(|has| has.get(row).copied().unwrap_or(false));
                        (has && self.is_bound(*it, bound)).then(|| i128::from(*it) + added)
                    };
                    let all = values.iter().enumerate().map(one).collect();
                    Limit { values, is_low: bound.is_low, kind: Kind::Checked(all) }
                }
            }
        };
        Ok(Bounds { limits: self.bounds.iter().zip(bases.iter()).map(limit).collect() })
    }

    fn is_bound(&self, base: i64, bound: &Bound) -> bool {
        self.ty != Type::Datetime || bound.checked == 0 || is_datetime(i128::from(base) + i128::from(bound.checked))
    }
}

/// The bounds of the rows of a batch.
pub(super) struct Bounds {
    limits: Vec<Limit>,
}

/// What one bound is by row.
struct Limit {
    values: ScalarBuffer<i64>,
    is_low: bool,
    kind: Kind,
}

enum Kind {
    /// The value and so much, which never overflows.
    Plain(i64),
    /// What it is, of each row that has it.
    Checked(Vec<Option<i128>>),
}

impl Bounds {
    /// The smallest and the largest value that fits each of those rows. Empty where nothing fits.
    pub(super) fn of_rows(&self, rows: Range<usize>, out: &mut Vec<(i64, i64)>) {
        out.clear();
        out.resize(rows.len(), (i64::MIN, i64::MAX));
        for limit in &self.limits {
            match (&limit.kind, limit.values.get(rows.clone())) {
                (Kind::Plain(added), Some(values)) if limit.is_low => {
                    out.iter_mut().zip(values).for_each(|(out, it)| out.0 = out.0.max(it.wrapping_add(*added)));
                }
                (Kind::Plain(added), Some(values)) => {
                    out.iter_mut().zip(values).for_each(|(out, it)| out.1 = out.1.min(it.wrapping_add(*added)));
                }
                (Kind::Checked(all), _) => {
                    let all = all.get(rows.clone()).unwrap_or(&[]);
                    out.iter_mut().zip(all).for_each(|(out, it)| *out = narrowed(*out, *it, limit.is_low));
                }
                _ => {}
            }
        }
    }
}

/// A stretch that ends at a limit, too.
fn narrowed((low, high): (i64, i64), limit: Option<i128>, is_low: bool) -> (i64, i64) {
    match limit {
        None => NOTHING,
        // Beyond all values, which the clamp would let in.
        Some(it) if is_low && it > i128::from(i64::MAX) => NOTHING,
        Some(it) if !is_low && it < i128::from(i64::MIN) => NOTHING,
        Some(it) if is_low => (low.max(clamped(it, i64::MIN, i64::MAX)), high),
        Some(it) => (low, high.min(clamped(it, i64::MIN, i64::MAX))),
    }
}

/// A stretch without values. A later bound only narrows it.
const NOTHING: (i64, i64) = (i64::MAX, i64::MIN);

fn clamped(it: i128, low: i64, high: i64) -> i64 {
    i64::try_from(it.clamp(i128::from(low), i128::from(high))).unwrap_or(low)
}

fn is_datetime(ticks: i128) -> bool {
    i64::try_from(ticks).ok().and_then(time::in_range).is_some()
}

/// A right batch with its columns where pairs have them.
fn behind(right: &Batch, n_left: usize) -> Batch {
    let left = (0..n_left).map(|_| Column::null(Type::Bool, right.n_rows));
    Batch::new(left.chain(right.columns.iter().cloned()).collect(), right.n_rows)
}

/// Where rows were found last: left rows mostly come in the order of time, too.
#[derive(Default)]
pub(super) struct Places {
    sweep: Option<Sweep>,
    /// Of each key.
    cursor: Vec<(u32, u32)>,
    /// Look-ups that will be made. Of keys that hardly repeat nothing is remembered.
    n_rows: usize,
}

impl Places {
    /// For look-ups of so many rows.
    pub(super) fn new(sorted: &Sorted<'_>, n_rows: usize) -> Places {
        Places { sweep: sorted.sweep(), cursor: Vec::new(), n_rows }
    }

    fn cursor(&mut self, n_keys: usize) -> &mut [(u32, u32)] {
        if self.cursor.is_empty() && n_keys <= self.n_rows {
            self.cursor.resize(n_keys, (0, 0));
        }
        &mut self.cursor
    }
}

impl Sorted<'_> {
    /// Looks for the rows of left rows one after the other, where the right rows are in order.
    fn sweep(&self) -> Option<Sweep> {
        self.rising.as_ref().map(|(ticks, _)| Sweep::new(self.n_keys, ticks.len()))
    }

    fn rows(&self) -> Option<&RowsByGroup> {
        match &self.rising {
            Some((_, numbers)) => Some(self.rows.get_or_init(|| RowsByGroup::new(numbers, self.n_keys))),
            None => self.rows.get(),
        }
    }

    fn values(&self, rows: &RowsByGroup) -> &[i64] {
        let gathered = |ticks: &ScalarBuffer<i64>| {
            rows.rows().iter().map(|row| ticks.get(*row as usize).copied().unwrap_or(i64::MIN)).collect()
        };
        match &self.rising {
            Some((ticks, _)) => self.values.get_or_init(|| gathered(ticks)),
            None => self.values.get().map_or(&[], Vec::as_slice),
        }
    }

    /// How many right rows of a key are within bounds.
    #[inline]
    pub(super) fn count(&self, number: u32, bounds: (i64, i64), places: &mut Places) -> usize {
        if let (Some((ticks, numbers)), Some(sweep)) = (&self.rising, &mut places.sweep) {
            match sweep.find(Rising { ticks, numbers }, number, bounds) {
                Some((before, until)) => return until.saturating_sub(before),
                None => places.sweep = None,
            }
        }
        self.find(number, bounds, places).len()
    }

    /// The right rows of a key within bounds.
    #[inline]
    pub(super) fn find(&self, number: u32, bounds: (i64, i64), places: &mut Places) -> &[u32] {
        let Some(by_key) = self.rows() else { return &[] };
        let range = by_key.range(number);
        let rows = by_key.rows().get(range.clone()).unwrap_or(&[]);
        if let (Some((ticks, numbers)), Some(sweep)) = (&self.rising, &mut places.sweep) {
            match sweep.find(Rising { ticks, numbers }, number, bounds) {
                Some((before, until)) => return rows.get(before..until).unwrap_or(&[]),
                None => places.sweep = None,
            }
        }
        let (low, high) = bounds;
        let values = self.values(by_key).get(range).unwrap_or(&[]);
        if low > high || values.is_empty() {
            return &[];
        }
        let Some(last) = places.cursor(self.n_keys).get_mut(number as usize) else {
            let from = values.partition_point(|it| *it < low);
            let count = values.get(from..).map_or(0, |it| it.partition_point(|it| *it <= high));
            return rows.get(from..from + count).unwrap_or(&[]);
        };
        let from = gallop(values, last.0 as usize, |it| it < low);
        let to = gallop(values, (last.1 as usize).max(from), |it| it <= high);
        *last = (from as u32, to as u32);
        rows.get(from..to).unwrap_or(&[])
    }
}

/// How many values at the beginning are true of `is_before`, which is true of the first ones only: searched from a guess in
/// growing steps.
#[inline]
fn gallop(values: &[i64], guess: usize, is_before: impl Fn(i64) -> bool) -> usize {
    let is_at = |at: usize| values.get(at).is_some_and(|it| is_before(*it));
    let (mut low, mut high, mut step) = (guess.min(values.len()), values.len(), 1);
    if is_at(low) {
        // All up to `low` are before.
        low += 1;
        while is_at(low + step - 1) {
            low += step;
            step *= 2;
        }
        high = high.min(low + step - 1);
    } else {
        // None from `high` on is.
        high = low;
        while step <= high && !is_at(high - step) {
            high -= step;
            step *= 2;
        }
        low = if step <= high { high - step + 1 } else { 0 };
    }
    low + values.get(low..high).map_or(0, |it| it.partition_point(|it| is_before(*it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn galloping_finds_what_a_search_finds() {
        for n_values in [0_i64, 1, 2, 3, 10, 100] {
            let values: Vec<i64> = (0..n_values).map(|it| it / 3 * 2).collect();
            for bound in -1..n_values + 2 {
                let expected = values.partition_point(|it| *it < bound);
                for guess in 0..values.len() + 3 {
                    assert_eq!(gallop(&values, guess, |it| it < bound), expected, "{bound} from {guess} of {n_values}");
                }
            }
        }
    }
}
