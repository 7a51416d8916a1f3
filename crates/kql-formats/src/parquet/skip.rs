//! Which row groups cannot hold a row that is wanted, by their statistics.

use super::{
    footer::FileColumn,
    kind::{Kind, Unit},
};
use ::parquet::{
    data_type::AsBytes,
    file::{metadata::RowGroupMetaData, statistics::Statistics},
};
use kql_data::{Schema, Type};

/// What rows are wanted for: all that one of the alternatives may be true of. Rows of which none is may be left out, and
/// files that tell enough leave them out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Conditions that hold together.
    pub any: Vec<Vec<Condition>>,
}

/// A condition on a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A datetime, timespan, long or int between two values, which belong to it: ticks or whole numbers.
    Within {
        /// The column.
        column: String,
        /// Its type in the table: files may have it in another, whose numbers mean something else.
        ty: Type,
        /// Smallest value.
        low: i64,
        /// Largest value.
        high: i64,
    },
    /// A string that is one of those.
    OneOf {
        /// The column.
        column: String,
        /// The strings.
        values: Vec<String>,
    },
}

impl Search {
    /// Whether every row that this wants is wanted by the other, whose times may be further apart by so many ticks.
    pub fn is_within(&self, other: &Search) -> bool {
        let holds = |given: &[Condition], wanted: &Condition| given.iter().any(|it| it.is_within(wanted));
        self.any.iter().all(|it| other.any.iter().any(|other| other.iter().all(|wanted| holds(it, wanted))))
    }

    /// All rows.
    pub fn all() -> Search {
        Search { any: vec![Vec::new()] }
    }

    /// The same at whatever time.
    pub fn at_any_time(mut self) -> Search {
        let is_time = |it: &Condition| matches!(it, Condition::Within { ty: Type::Datetime, .. });
        self.any.iter_mut().for_each(|it| it.retain(|it| !is_time(it)));
        self
    }

    /// The same with moments that many ticks further apart.
    pub fn widened(mut self, ticks: i64) -> Search {
        for it in self.any.iter_mut().flatten() {
            if let Condition::Within { ty: Type::Datetime, low, high, .. } = it {
                (*low, *high) = (low.saturating_sub(ticks), high.saturating_add(ticks));
            }
        }
        self
    }
}

impl Condition {
    /// The column.
    pub fn column(&self) -> &str {
        let (Condition::Within { column, .. } | Condition::OneOf { column, .. }) = self;
        column
    }

    fn is_within(&self, other: &Condition) -> bool {
        match (self, other) {
            (
                Condition::Within { column, ty, low, high },
                Condition::Within { column: other, ty: other_ty, low: from, high: to },
            ) => column == other && ty == other_ty && low >= from && high <= to,
            (Condition::OneOf { column, values }, Condition::OneOf { column: other, values: wanted }) => {
                column == other && values.iter().all(|it| wanted.contains(it))
            }
            _ => false,
        }
    }
}

/// Whether a row group may hold a row that is wanted.
pub(super) fn may_hold(
    search: &Search,
    columns: &[FileColumn],
    declared: Option<&Schema>,
    group: &RowGroupMetaData,
) -> bool {
    let possible = |condition: &Condition| {
        let Some(column) = columns.iter().find(|it| it.name == condition.column()) else { return true };
        let own = declared.and_then(|it| it.fields.iter().find(|it| *it.name == *column.name));
        // What is converted to a declared type is compared as that.
        if own.is_some_and(|it| it.ty != column.ty) {
            return true;
        }
        let statistics = group.columns().get(column.first_leaf).and_then(|it| it.statistics());
        statistics.zip(column.kind).is_none_or(|(statistics, kind)| condition.may_hold(statistics, kind))
    };
    search.any.iter().any(|it| it.iter().all(possible))
}

impl Condition {
    fn may_hold(&self, statistics: &Statistics, kind: Kind) -> bool {
        match (self, statistics) {
            (Condition::Within { ty, low, high, .. }, _) => {
                let is_same = kind.ty() == *ty || matches!((kind.ty(), ty), (Type::Int, Type::Long));
                !is_same || range(statistics, kind).is_none_or(|(min, max)| min <= *high && max >= *low)
            }
            (Condition::OneOf { values, .. }, Statistics::ByteArray(it)) if kind == Kind::Text => {
                // Old files order bytes as signed, and some nulls are no values; "" stands for null as well.
                let (Some(min), Some(max)) = (it.min_opt(), it.max_opt()) else { return true };
                statistics.is_min_max_deprecated()
                    || values
                        .iter()
                        .any(|it| it.is_empty() || min.as_bytes() <= it.as_bytes() && it.as_bytes() <= max.as_bytes())
            }
            _ => true,
        }
    }
}

/// Smallest and largest value in ticks or whole numbers, as [`super::convert`] makes them; `None` when they cannot be told.
fn range(statistics: &Statistics, kind: Kind) -> Option<(i64, i64)> {
    let (min, max) = match statistics {
        Statistics::Int32(it) => (i64::from(*it.min_opt()?), i64::from(*it.max_opt()?)),
        Statistics::Int64(it) => (*it.min_opt()?, *it.max_opt()?),
        _ => return None,
    };
    let of = |value: i64| match kind {
        Kind::Int | Kind::Long | Kind::Ticks => Some(value),
        Kind::Date => value.checked_mul(kql_data::time::DAY)?.checked_add(kql_data::time::UNIX_EPOCH),
        Kind::Moment(unit) => unit.ticks(value)?.checked_add(kql_data::time::UNIX_EPOCH),
        Kind::Span(unit) => unit.ticks(value),
        Kind::Span32 => Unit::Millisecond.ticks(value),
        _ => None,
    };
    // A moment beyond the year 9999 becomes null, so the ends are not clamped to what a datetime holds.
    Some((of(min)?, of(max)?)).filter(|it| it.0 <= it.1)
}

/// The newest moment of a datetime column in a row group, in ticks.
pub(super) fn latest(column: &FileColumn, group: &RowGroupMetaData) -> Option<i64> {
    let kind = column.kind.filter(|it| it.ty() == Type::Datetime)?;
    let statistics = group.columns().get(column.first_leaf)?.statistics()?;
    kql_data::time::in_range(range(statistics, kind)?.1)
}
