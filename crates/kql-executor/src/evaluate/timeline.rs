//! What plugins over a timeline share: events of ids, and the periods into which the timeline is cut.

use super::Call;
use crate::group::Grouper;
use kql_data::{Column, ColumnBuilder, Dynamic, Fault, Field, Reservation, Type, Value, time};
use kql_functions::scalar::conversion::convert;
use kql_parser::plan::EvaluateValue;

/// Fractions of a real timeline that are told apart.
const REAL_SCALE: f64 = 1e9;
/// Periods of one analysis.
const PERIODS_MAX: i128 = 1 << 20;

/// A place on a timeline: ticks, whole numbers, or reals scaled to whole numbers.
pub(super) fn place(value: &Value) -> Option<i128> {
    match value {
        Value::Int(it) => Some(i128::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(i128::from(*it)),
        Value::Real(it) if it.is_finite() => Some((it * REAL_SCALE).round() as i128),
        Value::Decimal(it) => Some((it.to_f64() * REAL_SCALE).round() as i128),
        _ => None,
    }
}

/// A column of places.
pub(super) fn place_column(ty: Type, places: impl IntoIterator<Item = i128>) -> Column {
    let mut out = ColumnBuilder::new(ty, 0);
    for it in places {
        let whole = i64::try_from(it).ok();
        out.push(&match (ty, whole) {
            (Type::Real, _) => Value::Real(it as f64 / REAL_SCALE),
            (Type::Decimal, _) => convert(&Value::Real(it as f64 / REAL_SCALE), Type::Decimal),
            (Type::Int, Some(it)) => i32::try_from(it).map_or(Value::Null, Value::Int),
            (Type::Datetime, Some(it)) => Value::Datetime(it),
            (Type::Timespan, Some(it)) => Value::Timespan(it),
            (_, Some(it)) => Value::Long(it),
            _ => Value::Null,
        });
    }
    out.finish()
}

/// Events: one id, one place and one combination of dimensions each.
pub(super) struct Events {
    /// Type of the timeline.
    pub(super) ty: Type,
    /// Its name.
    pub(super) name: String,
    /// Number of the id, number of the dimensions, place: of every row with a place, sorted by place.
    pub(super) all: Vec<Event>,
    /// The ids by number.
    pub(super) ids: Column,
    /// Names of the dimensions, and their values by number.
    pub(super) dimensions: Vec<(String, Column)>,
    _held: Reservation,
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) id: u32,
    pub(super) dimension: u32,
    pub(super) at: i128,
    /// Row of the input.
    pub(super) row: u32,
}

impl Events {
    /// The events of the input: the id is the first argument and the timeline the second; dimensions are the columns from
    /// that argument on.
    pub(super) fn new(call: &Call<'_>, first_dimension: usize) -> Result<Events, Fault> {
        let dimensions = dimensions(call, first_dimension);
        Events::of(call, call.column_index("IdColumn", 0)?, call.column_index("TimelineColumn", 1)?, &dimensions)
    }

    /// The events of those columns.
    pub(super) fn of(call: &Call<'_>, id: usize, timeline: usize, dimensions: &[usize]) -> Result<Events, Fault> {
        let (input, schema) = (call.input()?, call.schema(0)?);
        let held = call.execution.cx.budget.reserve(input.n_rows.saturating_mul(size_of::<Event>() + 16), call.name)?;
        let column = |index: usize| {
            let found = input.columns.get(index).cloned();
            found.ok_or_else(|| call.wrong("it names a column that is not there"))
        };
        let name = |index: usize| schema.fields.get(index).map_or(String::new(), |it| it.name.to_string());
        let (ids, places) = (column(id)?, column(timeline)?);
        let mut by_id = Grouper::new(vec![ids.ty()], &call.execution.cx.budget, call.name)?;
        let id_numbers = by_id.assign(&[ids], input.n_rows)?;
        let mut columns = Vec::with_capacity(dimensions.len());
        for it in dimensions {
            columns.push(column(*it)?);
        }
        let mut by_dimension =
            Grouper::new(columns.iter().map(Column::ty).collect(), &call.execution.cx.budget, call.name)?;
        let numbers = by_dimension.assign(&columns, input.n_rows)?;
        let mut all = Vec::with_capacity(input.n_rows);
        for (row, (id, dimension)) in id_numbers.iter().zip(&numbers).enumerate() {
            if let Some(at) = place(&places.value(row)) {
                all.push(Event { id: *id, dimension: *dimension, at, row: row as u32 });
            }
        }
        all.sort_by_key(|it| it.at);
        let dimensions = dimensions.iter().map(|it| name(*it)).zip(by_dimension.keys()?).collect();
        let ids = by_id.keys()?.into_iter().next().unwrap_or_else(|| Column::null(Type::String, 0));
        Ok(Events { ty: places.ty(), name: name(timeline), all, ids, dimensions, _held: held })
    }

    /// Appends the columns of the dimensions: for each row the combination of that number.
    pub(super) fn push_dimensions(
        &self,
        numbers: impl Iterator<Item = u32>,
        fields: &mut Vec<Field>,
        columns: &mut Vec<Column>,
    ) {
        let numbers: Vec<u32> = numbers.collect();
        for (name, values) in &self.dimensions {
            fields.push(Field::new(name.as_str(), values.ty()));
            columns.push(values.take(&numbers));
        }
    }

    /// The events between two places, both included.
    pub(super) fn between(&self, from: Option<i128>, to: Option<i128>) -> &[Event] {
        let first = from.map_or(0, |from| self.all.partition_point(|it| it.at < from));
        let last = to.map_or(self.all.len(), |to| self.all.partition_point(|it| it.at <= to));
        self.all.get(first..last.max(first)).unwrap_or(&[])
    }
}

/// The columns among the arguments from one on.
pub(super) fn dimensions(call: &Call<'_>, first: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = first;
    while let Some(value) = call.positional(at) {
        if let EvaluateValue::Column(it) = value {
            found.push(*it);
        }
        at += 1;
    }
    found
}

/// A constant on the timeline, or a distance.
pub(super) fn constant(call: &Call<'_>, name: &str, index: usize) -> Result<i128, Fault> {
    let value = call.constant(name, index)?;
    let found = value.as_ref().and_then(place);
    found.ok_or_else(|| call.wrong(&format!("the argument `{name}` must be a number, a datetime or a timespan")))
}

/// A distance that must be greater than zero.
pub(super) fn distance(call: &Call<'_>, name: &str, index: usize) -> Result<i128, Fault> {
    match constant(call, name, index)? {
        it if it > 0 => Ok(it),
        _ => Err(call.wrong(&format!("the argument `{name}` must be greater than zero"))),
    }
}

/// A dynamic's content on a timeline of that type.
pub(super) fn place_of_dynamic(value: &Dynamic, ty: Type) -> Option<i128> {
    match value {
        Dynamic::String(_) if matches!(ty, Type::Datetime | Type::Timespan) => {
            place(&convert(&value.to_value(), Type::Timespan))
        }
        Dynamic::Long(it) if ty == Type::Real => place(&Value::Real(*it as f64)),
        other => place(&other.to_value()),
    }
}

/// How a timeline is cut.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fixed(i128),
    Week,
    Month,
    Year,
}

/// A timeline cut into periods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Periods {
    pub(super) start: i128,
    pub(super) end: i128,
    step: Step,
}

impl Periods {
    /// Periods of that argument's length between two others; with those, weeks, months and years by name too.
    pub(super) fn new(call: &Call<'_>, start: i128, end: i128, name: &str, index: usize) -> Result<Periods, Fault> {
        let step = match call.constant(name, index)?.map(|it| it.text().to_lowercase()).as_deref() {
            Some("week") => Step::Week,
            Some("month") => Step::Month,
            Some("year") => Step::Year,
            _ => Step::Fixed(distance(call, name, index)?),
        };
        let it = Periods { start, end, step };
        if let Step::Fixed(step) = step
            && (end - start) / step > PERIODS_MAX
        {
            return Err(call.wrong("there would be more than a million periods"));
        }
        Ok(it)
    }

    /// The length of a period, if all are of one length.
    pub(super) fn length(&self) -> Option<i128> {
        if let Step::Fixed(it) = self.step { Some(it) } else { None }
    }

    /// Where the period of a place begins. Periods of fixed length are counted from the start.
    pub(super) fn of(&self, at: i128) -> i128 {
        let days = at.div_euclid(i128::from(time::DAY)) as i64;
        let date = |year: i64, month: i64| i128::from(time::days_from_civil(year, month, 1)) * i128::from(time::DAY);
        match self.step {
            Step::Fixed(step) => self.start + (at - self.start).div_euclid(step) * step,
            // Day 0 is a Monday; weeks begin on Sunday.
            Step::Week => i128::from(days - (days + 1).rem_euclid(7)) * i128::from(time::DAY),
            Step::Month => {
                let (year, month, _) = time::civil_from_days(days);
                date(year, month)
            }
            Step::Year => date(time::civil_from_days(days).0, 1),
        }
    }

    /// Where the period behind that one begins.
    pub(super) fn next(&self, period: i128) -> i128 {
        let day = i128::from(time::DAY);
        match self.step {
            Step::Fixed(step) => period + step,
            Step::Week => period + 7 * day,
            Step::Month => self.of(period + 31 * day),
            Step::Year => self.of(period + 366 * day),
        }
    }

    /// All periods from start to end.
    pub(super) fn all(&self) -> Vec<i128> {
        let mut found = Vec::new();
        let mut at = self.of(self.start);
        while at <= self.end && (found.len() as i128) <= PERIODS_MAX {
            found.push(at);
            at = self.next(at);
        }
        found
    }
}
