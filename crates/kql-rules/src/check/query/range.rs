//! `between` with its bounds the wrong way round.

use crate::{
    Level,
    check::{
        Edit, Lint,
        finding::Found,
        lint::Body,
        subject::{Subject, evaluate},
    },
};
use kql::{
    Value,
    parser::syntax::{ExprId, ExprKind},
};

pub(crate) const LINT: Lint = Lint {
    code: "Q013",
    name: "reversed-range",
    level: Level::Warning,
    summary: "The lower bound of `between` is above the upper one.",
    doc: "`between (low .. high)` holds nothing when `low` is above `high`, and `!between` then everything. With times: the \
          earlier moment comes first, so `ago(7d) .. ago(1d)`.",
    bad: "SigninLogs | where TimeGenerated between (ago(1h) .. ago(1d))",
    good: "SigninLogs | where TimeGenerated between (ago(1d) .. ago(1h))",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (id, kind) in it.exprs() {
        let ExprKind::Between { negated, low, high, .. } = kind else { continue };
        if !is_reversed(it, *low, *high) {
            continue;
        }
        let (low_place, high_place) = (it.place_of(*low), it.place_of(*high));
        let swap = vec![
            Edit { range: low_place.start..low_place.end, text: it.text(*high).to_owned() },
            Edit { range: high_place.start..high_place.end, text: it.text(*low).to_owned() },
        ];
        let holds = if *negated { "every value is outside it" } else { "no value is in it" };
        _ = found
            .add(it.rule, it.place_of(id), format!("the range begins above its end, so {holds}"))
            .fix("swap the bounds", swap);
    }
}

fn is_reversed(it: &Subject<'_>, low: ExprId, high: ExprId) -> bool {
    // Moments that move with the clock: the older one must come first.
    let (from, to) = (it.ages(low), it.ages(high));
    if !from.is_empty() && from.len() == to.len() {
        return from.iter().zip(&to).all(|(from, to)| from < to);
    }
    let (Some(low), Some(high)) = (it.constant(low), it.constant(high)) else { return false };
    let same =
        matches!((low, high), (Value::Datetime(_), Value::Datetime(_)) | (Value::Timespan(_), Value::Timespan(_)));
    let number = |it: &Value| matches!(it, Value::Int(_) | Value::Long(_) | Value::Real(_));
    (same || number(low) && number(high)) && evaluate(">", &[low.clone(), high.clone()]) == Some(Value::Bool(true))
}
