//! What `basket`, `autocluster` and `diffpatterns` share: combinations of values that many rows have.

use super::Call;
use crate::group::Grouper;
use kql_data::{Column, ColumnBuilder, Fault, Field, Type, Value};
use kql_parser::plan::EvaluateValue;

/// Patterns that one call looks at.
const PATTERNS_MAX: usize = 200_000;

/// Rows that are equal in all attributes count once, with the weight of each of two sets.
pub(super) struct Rows {
    fields: Vec<Field>,
    /// By attribute: its distinct values.
    values: Vec<Column>,
    /// By attribute: the value of each distinct row.
    codes: Vec<Vec<u32>>,
    /// By distinct row: weight in the first set, and in the second.
    weights: Vec<[f64; 2]>,
    pub(super) totals: [f64; 2],
}

/// Some attributes with a value each, and the rows that have them.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Attribute and value, by attribute.
    pub(super) items: Vec<(usize, u32)>,
    pub(super) rows: Vec<u32>,
    /// Weight of those rows in both sets.
    pub(super) weights: [f64; 2],
}

impl Rows {
    /// The rows of the input but for some columns. `set` tells to which of the two a row belongs, if to any.
    pub(super) fn new(
        call: &Call<'_>,
        skipped: &[usize],
        weight: Option<usize>,
        set: impl Fn(usize) -> Option<usize>,
    ) -> Result<Rows, Fault> {
        let (input, schema) = (call.input()?, call.schema(0)?);
        let kept: Vec<usize> = (0..schema.len()).filter(|it| !skipped.contains(it) && Some(*it) != weight).collect();
        let fields: Vec<Field> = kept.iter().filter_map(|it| schema.fields.get(*it).cloned()).collect();
        let columns: Vec<Column> = kept.iter().filter_map(|it| input.columns.get(*it).cloned()).collect();
        let mut by_row = Grouper::new(columns.iter().map(Column::ty).collect(), &call.execution.cx.budget, call.name)?;
        let numbers = by_row.assign(&columns, input.n_rows)?;
        let mut weights = vec![[0.0; 2]; by_row.len()];
        let mut totals = [0.0; 2];
        let weight_column = weight.and_then(|it| input.columns.get(it));
        for (row, number) in numbers.iter().enumerate() {
            let Some(set) = set(row) else { continue };
            let weight = weight_column.map_or(1.0, |it| it.dynamic(row).as_f64().unwrap_or(0.0));
            if let Some(it) = weights.get_mut(*number as usize).and_then(|it| it.get_mut(set)) {
                *it += weight;
            }
            if let Some(it) = totals.get_mut(set) {
                *it += weight;
            }
        }
        let (mut values, mut codes) = (Vec::new(), Vec::new());
        for column in by_row.keys()? {
            let mut by_value = Grouper::new(vec![column.ty()], &call.execution.cx.budget, call.name)?;
            codes.push(by_value.assign(std::slice::from_ref(&column), column.len())?);
            values.extend(by_value.keys()?);
        }
        Ok(Rows { fields, values, codes, weights, totals })
    }

    /// Number of attributes.
    pub(super) fn n_attributes(&self) -> usize {
        self.fields.len()
    }

    fn weigh(&self, rows: &[u32]) -> [f64; 2] {
        let mut sums = [0.0; 2];
        for row in rows {
            if let Some([a, b]) = self.weights.get(*row as usize) {
                sums = [sums[0] + a, sums[1] + b];
            }
        }
        sums
    }

    /// The share of each set that has so much weight.
    pub(super) fn shares(&self, weights: [f64; 2]) -> [f64; 2] {
        let share = |weight: f64, total: f64| if total > 0.0 { weight / total } else { 0.0 };
        [share(weights[0], self.totals[0]), share(weights[1], self.totals[1])]
    }

    /// All patterns of at most so many attributes that a share of one of the sets has, each with all the values that its
    /// rows have in common.
    pub(super) fn frequent(&self, call: &Call<'_>, share: f64, attributes_max: usize) -> Result<Vec<Pattern>, Fault> {
        let is_frequent = |weights: [f64; 2]| {
            let [a, b] = self.shares(weights);
            a.max(b) >= share && a.max(b) > 0.0
        };
        let mut items: Vec<Pattern> = Vec::new();
        for (attribute, codes) in self.codes.iter().enumerate() {
            let n_values = codes.iter().max().map_or(0, |it| *it as usize + 1);
            let mut rows: Vec<Vec<u32>> = vec![Vec::new(); n_values];
            for (row, code) in codes.iter().enumerate() {
                if let Some(it) = rows.get_mut(*code as usize) {
                    it.push(row as u32);
                }
            }
            for (code, rows) in rows.into_iter().enumerate() {
                let weights = self.weigh(&rows);
                if is_frequent(weights) {
                    items.push(Pattern { items: vec![(attribute, code as u32)], rows, weights });
                }
            }
        }
        let mut found = Vec::new();
        let mut n_seen = 0;
        let mut open: Vec<(Pattern, usize)> = Vec::new();
        for (n, item) in items.iter().enumerate() {
            open.push((item.clone(), n + 1));
            // Depth first: a pattern is made longer before the next one is begun.
            while let Some((pattern, next)) = open.pop() {
                n_seen += 1;
                if n_seen % 256 == 0 {
                    call.check()?;
                }
                if n_seen > PATTERNS_MAX {
                    return Err(call.wrong("there are too many patterns; use fewer columns or a higher threshold"));
                }
                if pattern.items.len() < attributes_max {
                    let last = pattern.items.last().map_or(0, |it| it.0);
                    for (n, other) in items.iter().enumerate().skip(next) {
                        let Some(item) = other.items.first().filter(|it| it.0 > last) else { continue };
                        let rows = common(&pattern.rows, &other.rows);
                        let weights = self.weigh(&rows);
                        if is_frequent(weights) {
                            let mut items = pattern.items.clone();
                            items.push(*item);
                            open.push((Pattern { items, rows, weights }, n + 1));
                        }
                    }
                }
                if pattern.items.len() == attributes_max || self.is_closed(&pattern) {
                    found.push(pattern);
                }
            }
        }
        Ok(found)
    }

    /// Whether the rows have no further value in common.
    fn is_closed(&self, pattern: &Pattern) -> bool {
        let weighed = |row: &&u32| self.weights.get(**row as usize).is_some_and(|[a, b]| *a > 0.0 || *b > 0.0);
        self.codes.iter().enumerate().all(|(attribute, codes)| {
            if pattern.items.iter().any(|it| it.0 == attribute) {
                return true;
            }
            let mut seen = pattern.rows.iter().filter(weighed).filter_map(|row| codes.get(*row as usize));
            let first = seen.next();
            seen.any(|it| Some(it) != first)
        })
    }

    /// The attribute columns of patterns: their values, and wildcards elsewhere.
    pub(super) fn columns(&self, patterns: &[&Pattern], wildcards: &[Value]) -> (Vec<Field>, Vec<Column>) {
        let mut columns = Vec::with_capacity(self.fields.len());
        for (attribute, (field, values)) in self.fields.iter().zip(&self.values).enumerate() {
            let wildcard = wildcards.iter().find(|it| it.ty() == Some(field.ty)).cloned();
            let wildcard = wildcard.unwrap_or_else(|| Value::null(field.ty));
            let mut out = ColumnBuilder::new(field.ty, patterns.len());
            for pattern in patterns {
                match pattern.items.iter().find(|it| it.0 == attribute) {
                    Some((_, code)) => out.push(&values.value(*code as usize)),
                    None => out.push(&wildcard),
                }
            }
            columns.push(out.finish());
        }
        (self.fields.clone(), columns)
    }
}

/// Rows of two ascending lists.
fn common(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut out = Vec::new();
    let mut right = right.iter().peekable();
    for row in left {
        while right.next_if(|it| *it < row).is_some() {}
        if right.peek() == Some(&row) {
            out.push(*row);
        }
    }
    out
}

/// A number that may be left out, by `~` or altogether.
pub(super) fn number(call: &Call<'_>, index: usize, default: f64) -> Result<f64, Fault> {
    match call.positional(index) {
        None => Ok(default),
        Some(value) => match call.constant_of(value)? {
            Value::String(it) if &*it == "~" => Ok(default),
            Value::Null => Ok(default),
            other => other.to_dynamic().as_f64().ok_or_else(|| call.wrong("an argument must be a number or `~`")),
        },
    }
}

/// The column of weights, if there is one.
pub(super) fn weight(call: &Call<'_>, index: usize) -> Result<Option<usize>, Fault> {
    match call.positional(index) {
        Some(EvaluateValue::Column(it)) => {
            let is_number = call.schema(0)?.fields.get(*it).is_some_and(|it| it.ty.is_number());
            if is_number { Ok(Some(*it)) } else { Err(call.wrong("the column of weights must hold numbers")) }
        }
        _ => Ok(None),
    }
}

/// What stands for any value, one a type, in the arguments from one on.
pub(super) fn wildcards(call: &Call<'_>, first: usize) -> Result<Vec<Value>, Fault> {
    let mut found = Vec::new();
    let mut at = first;
    while let Some(value) = call.positional(at) {
        match call.constant_of(value)? {
            Value::String(it) if &*it == "~" => {}
            other => found.push(other),
        }
        at += 1;
    }
    Ok(found)
}

/// A column of reals rounded to so many places.
pub(super) fn rounded(values: impl IntoIterator<Item = f64>, places: i32) -> Column {
    let scale = 10_f64.powi(places);
    let mut out = ColumnBuilder::new(Type::Real, 0);
    values.into_iter().for_each(|it| out.push(&Value::Real((it * scale).round() / scale)));
    out.finish()
}
