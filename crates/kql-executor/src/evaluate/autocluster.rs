//! `autocluster`: few combinations of values that tell much about many rows.
//!
//! The reference grows patterns from seeds; here all frequent patterns are scored the same way (the weighted geometric
//! mean of coverage and of the part of the attributes that have a value) and the best that overlap little are chosen.

use super::{
    Answer, Call,
    basket::segments,
    patterns::{Pattern, Rows, number, weight, wildcards},
};
use kql_data::Set;

/// Share of the rows that a pattern has at least.
const SHARE: f64 = 0.02;
/// Attributes of a pattern.
const ATTRIBUTES_MAX: usize = 16;
/// Part of the best score that the others reach.
const SCORE: f64 = 0.4;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let size_weight = number(call, 0, 0.5)?;
    if !(0.0..=1.0).contains(&size_weight) {
        return Err(call.wrong("the weight of the size must be between 0 and 1"));
    }
    let rows = Rows::new(call, &[], weight(call, 1)?, |_| Some(0))?;
    let seeds = number(call, 2, 25.0)?.max(1.0) as usize;
    let all = rows.frequent(call, SHARE, ATTRIBUTES_MAX)?;
    let score = |it: &Pattern| {
        let coverage = rows.shares(it.weights)[0];
        let told = it.items.len() as f64 / rows.n_attributes().max(1) as f64;
        coverage.powf(size_weight) * told.powf(1.0 - size_weight)
    };
    let mut scored: Vec<(f64, &Pattern)> = all.iter().map(|it| (score(it), it)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.items.len().cmp(&a.1.items.len())));
    let best = scored.first().map_or(0.0, |it| it.0);
    let mut chosen: Vec<&Pattern> = Vec::new();
    let mut covered: Set<u32> = Set::default();
    for (score, pattern) in scored {
        if score < best * SCORE || chosen.len() >= seeds {
            break;
        }
        let n_new = pattern.rows.iter().filter(|it| !covered.contains(it)).count();
        if n_new * 2 >= pattern.rows.len() {
            covered.extend(&pattern.rows);
            chosen.push(pattern);
        }
    }
    segments(call, &rows, &chosen, &wildcards(call, 3)?)
}
