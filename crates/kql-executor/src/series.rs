//! Aggregates along an axis, as arrays: `make-series`.

use crate::{
    aggregate::{Aggregates, Groups, STATES_MAX, merged},
    execution::{Execution, Run},
    fold::Deal,
    group::{Grouper, RowsByGroup},
    stream::{Rows, needed},
};
use kql_data::{Batch, Column, Dynamic, Fault, Type, Value};
use kql_parser::plan::{AggregateExpr, ExprId, NodeId, Series};
use std::ops::ControlFlow;

const BY: &str = "`make-series`";

/// Bins of the axis: bin `n` begins at `origin + n * step`.
#[derive(Clone, Copy, Debug)]
enum Axis {
    Whole { ty: Type, origin: i64, step: i64 },
    Real { origin: f64, step: f64 },
}

/// The axis and which of its bins every series has.
#[derive(Debug)]
struct Bins {
    axis: Axis,
    first: Option<i64>,
    last: Option<i64>,
    /// Smallest and largest value that counts, the largest itself not included unless `in range`.
    low: Option<f64>,
    from: Option<i64>,
    to: Option<i64>,
    high: Option<f64>,
    includes_high: bool,
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(it) => Some(i64::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Real(it) => Some(*it),
        Value::Decimal(it) => Some(it.to_f64()),
        other => whole(other).map(|it| it as f64),
    }
}

impl Axis {
    fn bin(&self, value: &Value) -> Option<i64> {
        match self {
            Axis::Whole { origin, step, .. } => {
                let distance = i128::from(whole(value)?) - i128::from(*origin);
                i64::try_from(distance.div_euclid(i128::from(*step))).ok()
            }
            Axis::Real { origin, step } => {
                let bin = ((real(value)? - origin) / step).floor();
                (bin.abs() < 9e15).then_some(bin as i64)
            }
        }
    }

    fn start(&self, bin: i64) -> Dynamic {
        match self {
            Axis::Whole { ty, origin, step } => {
                let value = step.checked_mul(bin).and_then(|it| it.checked_add(*origin));
                match (value, ty) {
                    (None, _) => Dynamic::Null,
                    (Some(it), Type::Datetime) => Dynamic::Datetime(it),
                    (Some(it), Type::Timespan) => Dynamic::Timespan(it),
                    (Some(it), _) => Dynamic::Long(it),
                }
            }
            Axis::Real { origin, step } => Dynamic::Real(origin + step * bin as f64),
        }
    }
}

impl Bins {
    fn new(run: &Run<'_>, it: &Series) -> Result<Bins, Fault> {
        let ty = run.execution.plan.expr(it.axis).ty();
        let value = |id: Option<ExprId>| -> Result<Option<Value>, Fault> {
            id.map(|id| run.constant(id)).transpose().map(|it| it.filter(|it| !it.is_null()))
        };
        let (from, to, step) = (value(it.from)?, value(it.to)?, run.constant(it.step)?);
        let is_real = matches!(ty, Type::Real | Type::Decimal);
        let bad_step = || Fault::new("the step of `make-series` must be greater than zero");
        // With `in range` bins begin at multiples of the step.
        let origin = from.as_ref().filter(|_| !it.in_range);
        let axis = if is_real {
            let step = real(&step).filter(|it| *it > 0.0 && it.is_finite()).ok_or_else(bad_step)?;
            Axis::Real { origin: origin.and_then(real).unwrap_or(0.0), step }
        } else {
            let step = whole(&step).filter(|it| *it > 0).ok_or_else(bad_step)?;
            Axis::Whole { ty, origin: origin.and_then(whole).unwrap_or(0), step }
        };
        let first = from.as_ref().and_then(|it| axis.bin(it));
        // The end is not part of the last bin, unless it was written `in range`.
        let last = to.as_ref().and_then(|to| {
            let bin = axis.bin(to)?;
            let begins_there = match (&axis, axis.start(bin)) {
                (Axis::Whole { .. }, start) => start.to_value().ty().is_some() && whole(&start.to_value()) == whole(to),
                (Axis::Real { .. }, start) => start.as_f64() == real(to),
            };
            Some(if begins_there && !it.in_range { bin.saturating_sub(1) } else { bin })
        });
        Ok(Bins {
            axis,
            first,
            last,
            low: from.as_ref().and_then(real),
            high: to.as_ref().and_then(real),
            from: from.as_ref().and_then(whole),
            to: to.as_ref().and_then(whole),
            includes_high: it.in_range,
        })
    }

    /// The bin of a value that counts.
    fn of(&self, value: &Value) -> Option<i64> {
        let is_inside = match (&self.axis, whole(value)) {
            (Axis::Whole { .. }, Some(value)) => {
                self.from.is_none_or(|from| value >= from)
                    && self.to.is_none_or(|to| value < to || (self.includes_high && value == to))
            }
            _ => {
                let value = real(value)?;
                !value.is_nan()
                    && self.low.is_none_or(|low| value >= low)
                    && self.high.is_none_or(|high| value < high || (self.includes_high && value == high))
            }
        };
        self.axis.bin(value).filter(|_| is_inside)
    }
}

/// `Op::Series`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, it: &Series) -> Result<Rows, Fault> {
    let execution = run.execution;
    let plan = execution.plan;
    let aggregates: Vec<AggregateExpr> = it.aggregates.iter().map(|(call, _)| call.clone()).collect();
    let mut roots = it.keys.clone();
    roots.push(it.axis);
    roots.extend(aggregates.iter().flat_map(|call| call.args.iter().copied()));
    let program = run.program(id, 0, &roots)?;
    let calls = Aggregates::new(execution, &aggregates, &program.constants(), it.keys.len() + 1);
    let bins = Bins::new(run, it)?;
    let stream = run.stream(id, 0, it.input, needed(plan.schema(it.input).len(), program.columns.iter().copied()))?;
    let mut types: Vec<Type> = it.keys.iter().map(|key| plan.expr(*key).ty()).collect();
    types.push(Type::Long);
    let make = || Groups::new(execution, &types, &calls, BY);
    let n_keys = it.keys.len();
    let parts = run.fold(&stream, Deal::Stretches(STATES_MAX), make, |groups, batch: Batch| {
        let columns = program.run(execution, &batch)?;
        let Some(axis) = columns.get(n_keys) else { return Ok(ControlFlow::Continue(())) };
        let (mut rows, mut numbers) = (Vec::new(), Vec::new());
        for row in 0..batch.n_rows {
            if let Some(bin) = bins.of(&axis.value(row)) {
                rows.push(row as u32);
                numbers.push(bin);
            }
        }
        let columns: Vec<Column> = columns.iter().map(|it| it.take(&rows)).collect();
        let mut keys = columns.get(..n_keys).unwrap_or(&[]).to_vec();
        keys.push(Column::longs(numbers));
        groups.add(execution, &keys, &columns, rows.len())?;
        Ok(ControlFlow::Continue(()))
    })?;
    let whole = merged(execution, parts, make)?;
    let (mut keys, outputs) = whole.finish(execution, 0)?;
    let numbers = keys.pop().unwrap_or_else(|| Column::longs(Vec::new()));
    let outputs: Vec<Column> = outputs.into_iter().filter_map(|it| it.into_iter().next()).collect();
    let mut defaults = Vec::with_capacity(outputs.len());
    for (call, default) in &it.aggregates {
        defaults.push(default_of(run, call, *default)?);
    }
    let out = Arrays { execution, bins: &bins, defaults, nonempty: it.nonempty };
    let batch = out.build(keys, &numbers, &outputs)?;
    Rows::reserved(run, if batch.n_rows == 0 { Vec::new() } else { vec![batch] }, BY)
}

/// What an empty bin holds: 0 of the aggregate's type when nothing else is asked for.
fn default_of(run: &Run<'_>, call: &AggregateExpr, default: Option<ExprId>) -> Result<Dynamic, Fault> {
    let ty = call.outputs.first().copied().unwrap_or(Type::Long);
    Ok(match default {
        Some(id) => match (run.constant(id)?, ty) {
            (Value::Long(it), Type::Real) => Dynamic::Real(it as f64),
            (Value::Int(it), Type::Real) => Dynamic::Real(f64::from(it)),
            (other, _) => other.to_dynamic(),
        },
        None => match ty {
            Type::Real => Dynamic::Real(0.0),
            Type::Timespan => Dynamic::Timespan(0),
            Type::Datetime => Dynamic::Null,
            _ => Dynamic::Long(0),
        },
    })
}

struct Arrays<'a> {
    execution: &'a Execution<'a>,
    bins: &'a Bins,
    defaults: Vec<Dynamic>,
    nonempty: bool,
}

impl Arrays<'_> {
    fn build(&self, keys: Vec<Column>, numbers: &Column, outputs: &[Column]) -> Result<Batch, Fault> {
        let execution = self.execution;
        let mut grouper = Grouper::new(keys.iter().map(Column::ty).collect(), &execution.cx.budget, BY)?;
        let series = grouper.assign(&keys, numbers.len())?;
        let mut n_series = grouper.len();
        let rows = RowsByGroup::new(&series, n_series);
        if n_series == 0 && self.nonempty && keys.is_empty() {
            n_series = 1;
        }
        let mut arrays: Vec<Vec<Option<Dynamic>>> = vec![Vec::new(); outputs.len() + 1];
        let mut held = execution.cx.budget.reserve(0, BY)?;
        for one in 0..n_series {
            execution.cx.check()?;
            let rows = rows.get(one as u32);
            let (first, n_bins) = self.extent(numbers, rows)?;
            held.grow(n_bins * size_of::<Dynamic>() * arrays.len(), BY)?;
            let mut cells: Vec<Vec<Dynamic>> =
                self.defaults.iter().map(|default| vec![default.clone(); n_bins]).collect();
            for row in rows {
                let Value::Long(bin) = numbers.value(*row as usize) else { continue };
                let Some(at) = bin.checked_sub(first).and_then(|it| usize::try_from(it).ok()) else { continue };
                for (cells, output) in cells.iter_mut().zip(outputs) {
                    if let Some(cell) = cells.get_mut(at) {
                        *cell = output.dynamic(*row as usize);
                    }
                }
            }
            cells.push((0..n_bins as i64).map(|it| self.bins.axis.start(first.saturating_add(it))).collect());
            for (array, cells) in arrays.iter_mut().zip(cells) {
                array.push(Some(Dynamic::array(cells)));
            }
        }
        let mut columns = grouper.keys()?;
        columns.extend(arrays.into_iter().map(Column::dynamics));
        Ok(Batch::new(columns, n_series))
    }

    /// First bin and number of bins of a series: as asked for, else those that have rows.
    fn extent(&self, numbers: &Column, rows: &[u32]) -> Result<(i64, usize), Fault> {
        let present = rows.iter().filter_map(|row| match numbers.value(*row as usize) {
            Value::Long(it) => Some(it),
            _ => None,
        });
        let (low, high) = present.fold((None, None), |(low, high): (Option<i64>, Option<i64>), it| {
            (Some(low.map_or(it, |low| low.min(it))), Some(high.map_or(it, |high| high.max(it))))
        });
        let (Some(first), Some(last)) = (self.bins.first.or(low), self.bins.last.or(high)) else { return Ok((0, 0)) };
        let n_bins = (i128::from(last) - i128::from(first) + 1).max(0);
        let limit = self.execution.cx.limits.array_elements;
        match usize::try_from(n_bins) {
            Ok(n_bins) if n_bins <= limit => Ok((first, n_bins)),
            _ => Err(Fault::Limit { name: "array_elements", limit: limit as u64, by: BY.to_owned() }),
        }
    }
}
