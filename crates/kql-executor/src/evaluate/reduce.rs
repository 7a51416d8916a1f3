//! `reduce`: groups of similar texts, by the words that are frequent at their places (after Vaarandi's SLCT).

use super::{Answer, Call};
use kql_data::{Batch, Column, Map, Schema, Type, Value};

/// Fraction of the rows that makes a word frequent when none is given.
const THRESHOLD: f64 = 0.1;

/// A piece of a text: a word, or what stands between words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Piece<'t> {
    Word(&'t str),
    Between(&'t str),
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let input = call.input()?;
    let values = call.values(call.required("value", 0)?)?;
    let threshold = match call.constant("threshold", 1)? {
        Some(Value::Real(it)) => it,
        Some(Value::Long(it)) => it as f64,
        Some(Value::Decimal(it)) => it.to_f64(),
        _ => THRESHOLD,
    };
    if !(0.0..=1.0).contains(&threshold) {
        return Err(call.wrong("the threshold must be between 0 and 1"));
    }
    let characters = call.constant("characters", 2)?.map(|it| it.text()).unwrap_or_default();
    let reader = values.string_reader();
    let texts: Vec<&str> = (0..input.n_rows).map(|row| reader.get(row)).collect();

    let mut frequencies: Map<(usize, &str), u64> = Map::default();
    let _held = call.execution.cx.budget.reserve(values.bytes().saturating_mul(2), call.name)?;
    for (row, text) in texts.iter().enumerate() {
        if row.is_multiple_of(4_096) {
            call.check()?;
        }
        for (at, word) in words(text, &characters) {
            *frequencies.entry((at, word)).or_default() += 1;
        }
    }
    // A word must be there more often than the threshold says, and at least twice.
    let wanted = threshold * texts.len() as f64;
    let is_frequent =
        |at: usize, word: &str| frequencies.get(&(at, word)).is_some_and(|count| *count >= 2 && *count as f64 > wanted);

    let mut groups: Map<Option<String>, (u64, usize)> = Map::default();
    let mut order: Vec<Option<String>> = Vec::new();
    for (row, text) in texts.iter().enumerate() {
        if row.is_multiple_of(4_096) {
            call.check()?;
        }
        let pattern = pattern(text, &characters, is_frequent);
        let group = groups.entry(pattern.clone()).or_insert_with(|| {
            order.push(pattern);
            (0, row)
        });
        group.0 += 1;
    }
    let mut found: Vec<(Option<String>, u64, usize)> = order
        .into_iter()
        .filter_map(|pattern| groups.get(&pattern).map(|(count, first)| (pattern.clone(), *count, *first)))
        .collect();
    // The largest groups first, what fits nowhere last.
    found.sort_by_key(|(pattern, count, first)| (pattern.is_none(), std::cmp::Reverse(*count), *first));
    let columns =
        vec![
            Column::strings(found.iter().map(|(pattern, ..)| pattern.as_deref().unwrap_or("others"))),
            Column::longs(found.iter().map(|(_, count, _)| *count as i64).collect()),
            Column::strings(found.iter().map(|(pattern, _, first)| {
                if pattern.is_some() { texts.get(*first).copied().unwrap_or("") } else { "" }
            })),
        ];
    let schema = Schema::of(&[("Pattern", Type::String), ("Count", Type::Long), ("Representative", Type::String)]);
    Ok((schema, vec![Batch::new(columns, found.len())]))
}

fn pieces<'t>(text: &'t str, characters: &str) -> Vec<Piece<'t>> {
    let mut out = Vec::new();
    let ends_word = |c: char| !c.is_alphanumeric() || characters.contains(c);
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ends_word).unwrap_or(rest.len());
        if end > 0 {
            out.push(Piece::Word(rest.get(..end).unwrap_or("")));
        }
        rest = rest.get(end..).unwrap_or("");
        let end = rest.find(|c| !ends_word(c)).unwrap_or(rest.len());
        if end > 0 {
            out.push(Piece::Between(rest.get(..end).unwrap_or("")));
        }
        rest = rest.get(end..).unwrap_or("");
    }
    out
}

/// Words with their numbers.
fn words<'t>(text: &'t str, characters: &str) -> Vec<(usize, &'t str)> {
    let words = pieces(text, characters).into_iter().filter_map(|it| match it {
        Piece::Word(word) => Some(word),
        Piece::Between(_) => None,
    });
    words.enumerate().collect()
}

/// The text with `*` for its rare words; `None` when all are rare.
fn pattern(text: &str, characters: &str, is_frequent: impl Fn(usize, &str) -> bool) -> Option<String> {
    let pieces = pieces(text, characters);
    let mut kept: Vec<Option<&str>> = Vec::with_capacity(pieces.len());
    let mut n = 0;
    let mut found = false;
    for piece in &pieces {
        match piece {
            Piece::Word(word) => {
                let is_frequent = is_frequent(n, word);
                found |= is_frequent;
                kept.push(is_frequent.then_some(word));
                n += 1;
            }
            Piece::Between(it) => kept.push(Some(it)),
        }
    }
    if !found {
        return None;
    }
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let is_star = |at: Option<usize>| at.is_some_and(|at| matches!(kept.get(at), Some(None)));
        match (piece, kept.get(index).copied().flatten()) {
            (Piece::Word(_), Some(word)) => out.push_str(word),
            (Piece::Word(_), None) => out.push('*'),
            // Separators that were named go with the rare word at their side.
            (Piece::Between(it), _) if it.chars().all(|c| characters.contains(c)) => {
                if !is_star(index.checked_sub(1)) && !is_star(Some(index + 1)) {
                    out.push_str(it);
                }
            }
            (Piece::Between(it), _) => out.push_str(it),
        }
    }
    while out.contains("**") {
        out = out.replace("**", "*");
    }
    Some(out)
}
