//! `project-reorder`: listed columns first.

use super::super::{Bind, Binder, Table};
use super::project_away::{choose, matching};
use crate::syntax::{ProjectReorder, ReorderOrder};
use indexmap::IndexSet;
use std::cmp::Ordering;

pub(super) fn bind(b: &mut Binder<'_>, it: &ProjectReorder, input: Table) -> Bind<Table> {
    let mut chosen: IndexSet<usize> = IndexSet::new();
    for column in &it.columns {
        let mut found = matching(b, column.column, &input)?;
        let name = |index: &usize| input.schema.fields.get(*index).map_or("", |it| &*it.name);
        match column.order {
            Some(ReorderOrder::Ascending) => found.sort_by(|a, b| name(a).cmp(name(b))),
            Some(ReorderOrder::Descending) => found.sort_by(|a, b| name(b).cmp(name(a))),
            Some(ReorderOrder::GrannyAscending) => found.sort_by(|a, b| natural(name(a), name(b))),
            Some(ReorderOrder::GrannyDescending) => found.sort_by(|a, b| natural(name(b), name(a))),
            None => {}
        }
        chosen.extend(found);
    }
    chosen.extend(0..input.schema.len());
    let chosen: Vec<usize> = chosen.into_iter().collect();
    Ok(choose(b, &chosen, &input))
}

/// Runs of digits compare as numbers: a2 comes before a10.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        match (a.chars().next(), b.chars().next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (left, rest_a) = digits(a);
                let (right, rest_b) = digits(b);
                let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) if x == y => {
                a = a.get(x.len_utf8()..).unwrap_or("");
                b = b.get(y.len_utf8()..).unwrap_or("");
            }
            (Some(x), Some(y)) => return x.cmp(&y),
        }
    }
}

/// The leading digits without zeros in front, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}
