//! Two versions of a rule over the same history: detections lost and gained.

use super::Backtest;
use kql::time;
use serde_json::{Value as Json, json};
use std::collections::HashSet;

/// A distinct row of the answers of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The first run that had it, in ticks.
    pub at: i64,
    /// Its values under the columns that both versions have.
    pub values: Vec<String>,
}

/// What a new version finds more, and what it does not find any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Columns that both versions have: rows are compared by them. Without any, runs that fired are.
    pub columns: Vec<String>,
    /// Found by the old version alone.
    pub lost: Vec<Detection>,
    /// Found by the new version alone.
    pub gained: Vec<Detection>,
    /// How many both find.
    pub n_common: usize,
    /// Instants of runs in which only the old version fired.
    pub runs_lost: Vec<i64>,
    /// Instants of runs in which only the new version fired.
    pub runs_gained: Vec<i64>,
}

impl Comparison {
    /// Compares the backtests of two versions.
    pub fn of(old: &Backtest, new: &Backtest) -> Comparison {
        let columns: Vec<String> = new.columns.iter().filter(|it| old.columns.contains(it)).cloned().collect();
        let (before, after) = (detections(old, &columns), detections(new, &columns));
        let only = |these: &[Detection], others: &[Detection]| -> Vec<Detection> {
            let others: HashSet<&Vec<String>, ahash::RandomState> = others.iter().map(|it| &it.values).collect();
            these.iter().filter(|it| !others.contains(&it.values)).cloned().collect()
        };
        let (lost, gained) = (only(&before, &after), only(&after, &before));
        let fired =
            |it: &Backtest| -> Vec<i64> { it.runs.iter().filter(|it| it.n_alerts > 0).map(|it| it.at).collect() };
        let (before_runs, after_runs) = (fired(old), fired(new));
        let missing = |these: &[i64], others: &[i64]| -> Vec<i64> {
            let others: HashSet<i64, ahash::RandomState> = others.iter().copied().collect();
            these.iter().copied().filter(|it| !others.contains(it)).collect()
        };
        Comparison {
            n_common: before.len().saturating_sub(lost.len()),
            runs_lost: missing(&before_runs, &after_runs),
            runs_gained: missing(&after_runs, &before_runs),
            columns,
            lost,
            gained,
        }
    }

    /// The whole as JSON.
    pub fn to_json(&self) -> Json {
        let record = |it: &Detection| {
            let fields = self.columns.iter().cloned().zip(it.values.iter().map(|it| Json::from(it.as_str()))).collect();
            json!({"at": time::datetime_wire(it.at), "row": Json::Object(fields)})
        };
        let times = |it: &[i64]| it.iter().map(|it| Json::from(time::datetime_wire(*it))).collect::<Json>();
        json!({
            "columns": self.columns, "common": self.n_common,
            "lost": self.lost.iter().map(record).collect::<Json>(),
            "gained": self.gained.iter().map(record).collect::<Json>(),
            "runsLost": times(&self.runs_lost), "runsGained": times(&self.runs_gained),
        })
    }
}

/// Distinct values under some columns.
fn detections(of: &Backtest, columns: &[String]) -> Vec<Detection> {
    if columns.is_empty() {
        let fired = of.runs.iter().filter(|it| it.n_alerts > 0);
        return fired.map(|it| Detection { at: it.at, values: vec![time::datetime_wire(it.at)] }).collect();
    }
    let picked: Vec<usize> = columns.iter().filter_map(|it| of.columns.iter().position(|own| own == it)).collect();
    let mut seen: HashSet<Vec<String>, ahash::RandomState> = HashSet::default();
    let mut out = Vec::new();
    for (at, row) in &of.detections {
        let values: Vec<String> = picked.iter().map(|it| row.get(*it).cloned().unwrap_or_default()).collect();
        if seen.insert(values.clone()) {
            out.push(Detection { at: *at, values });
        }
    }
    out
}
