//! `diffpatterns_text`: runs of words that are more frequent in the texts of one of two sets of rows. Patterns hold consecutive
//! words; which of several that overlap is shown is this engine's choice.

use super::{
    Answer, Call,
    patterns::{number, rounded},
};
use kql_data::{Batch, Column, Fault, Map, Schema, Set, Type, Value};

/// Runs of words that one call looks at.
const RUNS_MAX: usize = 1_000_000;

/// A run of words and the rows of each set whose texts have it.
struct Run {
    words: Vec<u32>,
    counts: [u64; 2],
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let input = call.input()?;
    let column = call.values(call.required("TextColumn", 0)?)?;
    let condition = call.values(call.required("BooleanCondition", 1)?)?;
    let words_min = number(call, 2, 1.0)?.clamp(1.0, 200.0) as usize;
    let threshold = number(call, 3, 0.05)?;
    if !(0.015..=1.0).contains(&threshold) {
        return Err(call.wrong("the threshold must be between 0.015 and 1"));
    }
    let words_max = number(call, 4, 20.0)?.clamp(1.0, 20.0) as usize;
    let reader = column.string_reader();
    let mut numbers: Map<&str, u32> = Map::default();
    let mut names: Vec<&str> = Vec::new();
    let (mut texts, mut totals) = (Vec::with_capacity(input.n_rows), [0_u64; 2]);
    let _held = call.execution.cx.budget.reserve(column.bytes().saturating_mul(4), call.name)?;
    for row in 0..input.n_rows {
        if row.is_multiple_of(4_096) {
            call.check()?;
        }
        let Value::Bool(set) = condition.value(row) else { continue };
        count(&mut totals, set);
        let words = reader.get(row).split_whitespace().map(|word| {
            *numbers.entry(word).or_insert_with(|| {
                names.push(word);
                names.len() as u32 - 1
            })
        });
        texts.push((set, words.collect::<Vec<u32>>()));
    }
    let difference = |it: &Run| {
        let [a, b] = shares(it.counts, totals);
        (a - b).abs()
    };
    let is_frequent = |counts: &[u64; 2]| {
        let [a, b] = shares(*counts, totals);
        a.max(b) >= threshold
    };
    let mut found = frequent(call, &texts, words_max, is_frequent)?;
    found.retain(|it| it.words.len() >= words_min && difference(it) >= threshold);
    found.sort_by(|a, b| difference(b).total_cmp(&difference(a)).then_with(|| b.words.len().cmp(&a.words.len())));
    let mut chosen: Vec<Run> = Vec::new();
    for run in found {
        // What is part of a better run, or has one in it, says nothing new.
        let within = |a: &Run, b: &Run| b.words.windows(a.words.len().max(1)).any(|it| *it == *a.words);
        if !chosen.iter().any(|it| within(it, &run) || within(&run, it)) {
            chosen.push(run);
        }
        call.check()?;
    }
    Ok(table(&chosen, &names, totals))
}

/// One more text of the set where the condition is true, or of the other.
fn count(counts: &mut [u64; 2], is_true: bool) {
    let [of_true, of_false] = counts;
    *(if is_true { of_true } else { of_false }) += 1;
}

/// Which part of each set that is.
fn shares(counts: [u64; 2], totals: [u64; 2]) -> [f64; 2] {
    let share = |count: u64, total: u64| count as f64 / total.max(1) as f64;
    [share(counts[0], totals[0]), share(counts[1], totals[1])]
}

/// Runs of up to `words_max` words that are frequent in a set, each counted once a text. A run is only looked for where its
/// first and its last words are frequent runs themselves.
fn frequent(
    call: &Call<'_>,
    texts: &[(bool, Vec<u32>)],
    words_max: usize,
    is_frequent: impl Fn(&[u64; 2]) -> bool,
) -> Result<Vec<Run>, Fault> {
    let mut found: Vec<Run> = Vec::new();
    let mut shorter: Set<&[u32]> = Set::default();
    for length in 1..=words_max {
        let mut counts: Map<&[u32], [u64; 2]> = Map::default();
        let mut seen: Set<&[u32]> = Set::default();
        for (n, (set, words)) in texts.iter().enumerate() {
            if n.is_multiple_of(1_024) {
                call.check()?;
            }
            seen.clear();
            for run in words.windows(length) {
                let parts = (run.get(1..), run.get(..length - 1));
                let is_candidate = length == 1
                    || parts.0.is_some_and(|it| shorter.contains(it)) && parts.1.is_some_and(|it| shorter.contains(it));
                if is_candidate && seen.insert(run) {
                    count(counts.entry(run).or_default(), *set);
                }
            }
        }
        counts.retain(|_, it| is_frequent(it));
        if counts.is_empty() || found.len() + counts.len() > RUNS_MAX {
            break;
        }
        found.extend(counts.iter().map(|(run, counts)| Run { words: run.to_vec(), counts: *counts }));
        shorter = counts.into_keys().collect();
    }
    // The order of a map is no order.
    found.sort_by(|a, b| a.words.cmp(&b.words));
    Ok(found)
}

fn table(chosen: &[Run], names: &[&str], totals: [u64; 2]) -> (Schema, Vec<Batch>) {
    let (count_true, count_false) = chosen.iter().map(|it| (it.counts[0] as i64, it.counts[1] as i64)).unzip();
    let shares: Vec<[f64; 2]> = chosen.iter().map(|it| shares(it.counts, totals)).collect();
    let text = |it: &Run| {
        let words: Vec<&str> = it.words.iter().filter_map(|word| names.get(*word as usize).copied()).collect();
        words.join(" ")
    };
    let texts = Column::strings(chosen.iter().map(text));
    let fields = [
        ("Count_of_True", Type::Long),
        ("Count_of_False", Type::Long),
        ("Percent_of_True", Type::Real),
        ("Percent_of_False", Type::Real),
        ("Pattern", Type::String),
    ];
    let columns = vec![
        Column::longs(count_true),
        Column::longs(count_false),
        rounded(shares.iter().map(|it| 100.0 * it[0]), 2),
        rounded(shares.iter().map(|it| 100.0 * it[1]), 2),
        texts,
    ];
    (Schema::of(&fields), vec![Batch::new(columns, chosen.len())])
}
