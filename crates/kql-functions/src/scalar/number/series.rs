//! `range()`: an array of equally spaced values.

use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    resolve::Actual,
    scalar::{conversion, operator::lift},
};
use kql_data::{Column, Context, Dynamic, Fault, Type, Value, time};

/// Values from one to another by a step, ends included; empty when the step leads away, `None` when a bound is missing.
/// No more than the limit are made.
fn longs(start: i64, stop: i64, step: i64, limit: usize, wrap: impl Fn(i64) -> Dynamic) -> Vec<Dynamic> {
    let mut out = Vec::new();
    let mut at = start;
    while step != 0 && out.len() < limit && if step > 0 { at <= stop } else { at >= stop } {
        out.push(wrap(at));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    out
}

/// Each value is counted from the start, so that errors do not add up.
fn reals(start: f64, stop: f64, step: f64, limit: usize) -> Vec<Dynamic> {
    let mut out = Vec::new();
    if !start.is_finite() || stop.is_nan() || !step.is_finite() || step == 0.0 {
        return out;
    }
    while out.len() < limit {
        let at = start + step * out.len() as f64;
        if if step > 0.0 { at > stop } else { at < stop } {
            break;
        }
        out.push(Dynamic::Real(at));
    }
    out
}

fn one_range(start: &Value, stop: &Value, step: Option<&Value>, limit: usize) -> Option<Vec<Dynamic>> {
    let ticks = |it: Option<&Value>| match it {
        None => Some(time::HOUR),
        Some(it) => conversion::to_long(it),
    };
    Some(match start {
        Value::Datetime(start) => longs(*start, conversion::to_long(stop)?, ticks(step)?, limit, Dynamic::Datetime),
        Value::Timespan(start) => longs(*start, conversion::to_long(stop)?, ticks(step)?, limit, Dynamic::Timespan),
        _ => {
            let is_whole = |it: &Value| matches!(it, Value::Int(_) | Value::Long(_));
            let step = step.cloned().unwrap_or(Value::Long(1));
            if is_whole(start) && is_whole(stop) && is_whole(&step) {
                let (start, stop, step) =
                    (conversion::to_long(start)?, conversion::to_long(stop)?, conversion::to_long(&step)?);
                longs(start, stop, step, limit, Dynamic::Long)
            } else {
                let (start, stop, step) =
                    (conversion::to_real(start)?, conversion::to_real(stop)?, conversion::to_real(&step)?);
                reals(start, stop, step, limit)
            }
        }
    })
}

fn range(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (start, stop, step) = (lift::arg(args, 0)?, lift::arg(args, 1)?, args.get(2));
    let limit = cx.limits.array_elements;
    let mut held = cx.budget.reserve(0, "range()")?;
    let mut out = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        cx.check()?;
        let made = one_range(&start.value(row), &stop.value(row), step.map(|it| it.value(row)).as_ref(), limit);
        held.grow(made.as_ref().map_or(0, Vec::len) * size_of::<Dynamic>(), "range()")?;
        out.push(made.map(Dynamic::array));
    }
    Ok(Column::dynamics(out))
}

fn range_type(actuals: &[Actual]) -> Result<Type, Fault> {
    let ty = |index: usize| actuals.get(index).map(|it| it.ty);
    let fits = match (ty(0), ty(1), ty(2)) {
        (Some(Type::Datetime), Some(Type::Datetime), step) => step.is_none_or(|it| it == Type::Timespan),
        (Some(Type::Timespan), Some(Type::Timespan), step) => step.is_none_or(|it| it == Type::Timespan),
        (Some(start), Some(stop), step) => start.is_number() && stop.is_number() && step.is_none_or(Type::is_number),
        _ => false,
    };
    if fits || actuals.iter().any(|it| it.ty == Type::Dynamic) {
        return Ok(Type::Dynamic);
    }
    Err(Fault::coded("SEM0001", "range() takes numbers, or two times and a timespan"))
}

const fn overload(params: &'static [Param]) -> Overload {
    Overload { params, rest: None, returns: Returns::Custom(range_type), kernel: Some(range) }
}

const START: Param = Param::new("start", Accepts::Scalar);
const STOP: Param = Param::new("stop", Accepts::Scalar);

/// The function `range`.
pub const FUNCTIONS: &[Function] = &[Function::new(
    "range",
    "An array of values from one to another by a step, which is 1, or an hour for times. It is cut at the limit of elements.\n\n    \
     range(1, 8, 3) => dynamic([1, 4, 7])\n    range(1, 3) => dynamic([1, 2, 3])\n    \
     range(0.5, 1.5, 0.5) => dynamic([0.5, 1.0, 1.5])\n",
    &[overload(&[START, STOP]), overload(&[START, STOP, Param::new("step", Accepts::Scalar)])],
)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_at_the_limit_and_at_64_bits() {
        assert_eq!(longs(1, i64::MAX, 1, 3, Dynamic::Long).len(), 3);
        assert_eq!(longs(i64::MAX - 1, i64::MAX, 1, 10, Dynamic::Long).len(), 2);
        assert_eq!(longs(3, 1, -1, 10, Dynamic::Long).len(), 3);
        assert_eq!(longs(1, 3, 0, 10, Dynamic::Long).len(), 0);
        assert_eq!(reals(0.0, f64::INFINITY, 1e-300, 5).len(), 5);
    }
}
