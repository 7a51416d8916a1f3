//! A node to a column of a type. A value that does not convert gives null and is counted.

use super::instant;
use arrow_array::{Array, BooleanArray, Float64Array, Int64Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use kql_data::{Column, ColumnBuilder, Decimal, Dynamic, Node, Shredded, Tag, Texts, Type, Value, json};
use std::sync::Arc;

/// Values of a column that did not convert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) example: Option<String>,
}

impl Failures {
    pub(crate) fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.example.is_none() {
            self.example = Some(crate::accounting::cut(&text()).chars().take(100).collect());
        }
    }

    /// Also those of later rows.
    pub(crate) fn append(&mut self, later: Failures) {
        self.count += later.count;
        self.example = self.example.take().or(later.example);
    }
}

/// The values of a node as a column.
pub(crate) fn column(node: Option<&Arc<Node>>, n_rows: usize, ty: Type, failures: &mut Failures) -> Column {
    let Some(node) = node else { return Column::null(ty, n_rows) };
    let seen = node.tags.iter().fold(0_u16, |seen, it| seen | 1 << it);
    let only = |tags: &[Tag]| seen & !tags.iter().fold(0b11, |bits, it| bits | 1 << *it as u8) == 0;
    let has = |tag: Tag| seen & 1 << tag as u8 != 0;
    let nulls = |tags: &[Tag]| {
        let valid = |it: &u8| tags.iter().any(|tag| *tag as u8 == *it);
        if seen & 0b11 == 0 { None } else { Some(node.tags.iter().map(valid).collect::<NullBuffer>()) }
    };
    match ty {
        Type::Dynamic => Column::Shredded(Shredded::new(node.clone())),
        Type::String if only(&[Tag::String]) => match &node.strings {
            Some(Texts::Dictionary(it)) => Column::Dictionary(it.clone()),
            Some(Texts::Plain(it)) => Column::String(it.clone()),
            None => Column::null(ty, n_rows),
        },
        Type::Long if only(&[Tag::Long]) => match &node.longs {
            Some(it) => Column::Long(Int64Array::new(it.clone(), nulls(&[Tag::Long]))),
            None => Column::null(ty, n_rows),
        },
        Type::Real if only(&[Tag::Long, Tag::Real]) => Column::Real(Float64Array::new(
            match (&node.longs, &node.reals) {
                (None, Some(it)) => it.clone(),
                _ => (0..n_rows).map(|row| number(node, row).unwrap_or(0.0)).collect(),
            },
            nulls(&[Tag::Long, Tag::Real]),
        )),
        Type::Bool if only(&[Tag::True, Tag::False]) => {
            let values: BooleanBuffer = node.tags.iter().map(|it| *it == Tag::True as u8).collect();
            Column::Bool(BooleanArray::new(values, nulls(&[Tag::True, Tag::False])))
        }
        Type::Datetime if only(&[Tag::String]) && has(Tag::String) => moments(node, failures),
        _ => by_value(node, n_rows, ty, failures),
    }
}

fn number(node: &Node, row: usize) -> Option<f64> {
    match node.tag(row) {
        Tag::Long => node.longs.as_ref()?.get(row).map(|it| *it as f64),
        Tag::Real => node.reals.as_ref()?.get(row).copied(),
        _ => None,
    }
}

fn moments(node: &Node, failures: &mut Failures) -> Column {
    let Some(texts) = &node.strings else { return Column::null(Type::Datetime, node.len()) };
    let reader = texts.reader();
    let mut of = |row: usize, tag: u8| {
        if tag != Tag::String as u8 {
            return None;
        }
        let text = reader.get(row);
        let moment = instant::moment(text);
        if moment.is_none() && !text.is_empty() {
            failures.add(|| text.to_owned());
        }
        moment
    };
    moments_of(node.tags.iter().enumerate().map(|(row, tag)| of(row, *tag)))
}

/// A column of moments.
pub(crate) fn moments_of(moments: impl Iterator<Item = Option<i64>>) -> Column {
    let all: Int64Array = moments.collect();
    // Without a null there need be no list of them.
    Column::Datetime(if all.null_count() == 0 { Int64Array::new(all.values().clone(), None) } else { all })
}

/// Moments that are counted from 1970.
pub(crate) fn seconds(node: Option<&Node>, n_rows: usize) -> Column {
    let moment = |node: &Node, row: usize| match node.tag(row) {
        Tag::Long => node.longs.as_ref()?.get(row).and_then(|it| instant::epoch(*it)),
        Tag::Real => node.reals.as_ref()?.get(row).and_then(|it| instant::seconds(*it)),
        Tag::String => instant::moment(node.strings.as_ref()?.reader().get(row)),
        _ => None,
    };
    moments_of((0..n_rows).map(|row| node.and_then(|it| moment(it, row))))
}

fn by_value(node: &Node, n_rows: usize, ty: Type, failures: &mut Failures) -> Column {
    let mut out = ColumnBuilder::new(ty, n_rows);
    for row in 0..n_rows {
        let source = node.value(row);
        match value(&source, ty) {
            Some(it) => out.push(&it),
            None => {
                failures.add(|| source.text());
                out.push_null();
            }
        }
    }
    out.finish()
}

/// A JSON value as a value of a type; `None` when it does not convert. Null and "" give null.
pub(crate) fn value(source: &Dynamic, ty: Type) -> Option<Value> {
    if ty == Type::String {
        return Some(Value::String(match source {
            Dynamic::String(it) => it.clone(),
            Dynamic::Null => "".into(),
            other => other.json().into(),
        }));
    }
    let text = source.as_str().map(str::trim);
    if source.is_null() || text.is_some_and(str::is_empty) && ty != Type::Dynamic {
        return Some(Value::null(ty));
    }
    Some(match ty {
        Type::Bool => Value::Bool(match (source, text) {
            (Dynamic::Bool(it), _) => *it,
            (_, Some(it)) if it.eq_ignore_ascii_case("true") || it == "1" => true,
            (_, Some(it)) if it.eq_ignore_ascii_case("false") || it == "0" => false,
            _ => source.as_f64()? != 0.0,
        }),
        Type::Int => Value::Int(i32::try_from(whole(source, text)?).ok()?),
        Type::Long => Value::Long(whole(source, text)?),
        Type::Real => Value::Real(match (source, text) {
            (Dynamic::Bool(it), _) => f64::from(u8::from(*it)),
            (_, Some(it)) => it.parse().ok()?,
            _ => source.as_f64()?,
        }),
        Type::Decimal => Value::Decimal(match (source, text) {
            (Dynamic::Long(it), _) => Decimal::from(*it),
            (Dynamic::Decimal(it), _) => it.clone(),
            (Dynamic::Real(it), _) => Decimal::from_f64(*it)?,
            (_, it) => Decimal::parse(it?)?,
        }),
        Type::Datetime => Value::Datetime(match (source, text) {
            (Dynamic::Long(it), _) => instant::epoch(*it)?,
            (Dynamic::Real(it), _) => instant::seconds(*it)?,
            (Dynamic::Datetime(it), _) => *it,
            (_, it) => instant::moment(it?)?,
        }),
        Type::Timespan => Value::Timespan(instant::span(text?)?),
        Type::Guid => Value::Guid(instant::guid(text?)?),
        Type::Dynamic => Value::Dynamic(source.clone()),
        Type::String => return None,
    })
}

fn whole(source: &Dynamic, text: Option<&str>) -> Option<i64> {
    match (source, text) {
        (Dynamic::Bool(it), _) => Some(i64::from(*it)),
        (Dynamic::Long(it), _) => Some(*it),
        (_, Some(it)) => it.parse().ok().or_else(|| cut(it.parse().ok()?)),
        _ => cut(source.as_f64()?),
    }
}

/// Toward zero, if it fits.
fn cut(value: f64) -> Option<i64> {
    (value.abs() < 9.2e18).then_some(value as i64)
}

/// Whether a string is the JSON text of a bag or an array.
pub(crate) fn is_json(text: &str) -> bool {
    let text = text.trim();
    let (first, last) = (text.bytes().next(), text.bytes().last());
    matches!((first, last), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))) && json::read(text).is_some()
}
