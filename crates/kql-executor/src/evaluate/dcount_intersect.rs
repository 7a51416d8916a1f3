//! `dcount_intersect`: how many values are in the first set, in the first two, … by inclusion and exclusion.

use super::{Answer, Call};
use kql_data::{Batch, Column, Fault, Field, Schema, Type, Value};
use kql_functions::{Actual, CallSite};

/// Sets at most; the work doubles with each.
const SETS_MAX: usize = 16;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let mut sets = Vec::new();
    while let Some(value) = call.positional(sets.len()) {
        sets.push(call.values(value)?);
    }
    if !(2..=SETS_MAX).contains(&sets.len()) {
        return Err(call.wrong("it takes 2 to 16 sets"));
    }
    let count = site("dcount_hll", 1)?;
    let merge = site("hll_merge", 2)?;
    let n_rows = call.input()?.n_rows;
    let cx = call.execution.cx;
    // The union and its count of every choice of sets, by its bits.
    let n_choices = 1_usize << sets.len();
    let _held =
        cx.budget.reserve(sets.iter().map(Column::bytes).sum::<usize>().saturating_mul(n_choices), call.name)?;
    let mut unions: Vec<Option<Column>> = vec![None; n_choices];
    let mut counts: Vec<Vec<f64>> = vec![vec![0.0; n_rows]; n_choices];
    for choice in 1..n_choices {
        call.check()?;
        let lowest = choice.trailing_zeros() as usize;
        let rest = choice & (choice - 1);
        let Some(set) = sets.get(lowest) else { continue };
        let union = match unions.get(rest).and_then(Option::as_ref) {
            Some(it) => merge.evaluate(cx, &[it.clone(), set.clone()], n_rows)?,
            None => set.clone(),
        };
        let count = count.evaluate(cx, std::slice::from_ref(&union), n_rows)?;
        if let Some(it) = counts.get_mut(choice) {
            *it = (0..n_rows).map(|row| number(&count.value(row))).collect();
        }
        if let Some(it) = unions.get_mut(choice) {
            *it = Some(union);
        }
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for n in 1..=sets.len() {
        let all = (1_usize << n) - 1;
        let one = |row: usize| {
            let signed = |choice: usize| {
                let count = counts.get(choice).and_then(|it| it.get(row)).copied().unwrap_or(0.0);
                if choice.count_ones() % 2 == 1 { count } else { -count }
            };
            // Choices of the first n sets are the numbers up to `all`.
            (1..=all).map(signed).sum::<f64>().round().max(0.0) as i64
        };
        fields.push(Field::new(format!("s{}", n - 1), Type::Long));
        columns.push(Column::longs((0..n_rows).map(one).collect()));
    }
    Ok((Schema::new(fields), vec![Batch::new(columns, n_rows)]))
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Long(it) => *it as f64,
        Value::Real(it) => *it,
        _ => 0.0,
    }
}

fn site(name: &str, n_args: usize) -> Result<CallSite, Fault> {
    let function = kql_functions::function(name).ok_or_else(|| Fault::Unsupported(format!("function `{name}`")))?;
    let resolved = kql_functions::resolve(function, &vec![Actual::varying(Type::Dynamic); n_args])?;
    CallSite::new(function, resolved.overload)
}
