//! Filters of finite and infinite impulse response.

use super::{SERIES, array, boolean, dynamic, each, reals};
use crate::declare::{Function, Naming, Overload, Param};
use kql_data::{Column, Context, Dynamic, Fault};

const FILTER: Param = array("filter");
const FIR: &[Overload] = &[
    dynamic(&[SERIES, FILTER], fir),
    dynamic(&[SERIES, FILTER, boolean("normalize")], fir),
    dynamic(&[SERIES, FILTER, boolean("normalize"), boolean("center")], fir),
];

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_fir",
        "The sums of each element and those before it, weighted by a filter. The filter is divided by its sum where \
         `normalize` is true, as it is by default unless a weight is negative. With `center` the elements on both sides are \
         taken instead of those before. What lies outside the series counts as 0.\n\n    \
         series_fir(dynamic([0, 2, 2, 3]), dynamic([1, -1]), false, false) => dynamic([0, 2, 0, 1])\n    \
         series_fir(dynamic([0, 2, 4]), dynamic([1, 1])) => dynamic([0.0, 1.0, 3.0])\n",
        FIR,
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "series_iir",
        "The series filtered by a recursion: each result is the sum of the elements weighted by the numerators, less that of \
         the results before weighted by the denominators, over the first denominator.\n\n    \
         series_iir(dynamic([1, 2, 3]), dynamic([1]), dynamic([1, -1])) => dynamic([1.0, 3.0, 6.0])\n",
        &[dynamic(&[SERIES, array("numerators"), array("denominators")], iir)],
    )
    .naming(Naming::FirstArgument),
];

/// Multiplications between two looks at whether the query is to stop.
const WORK: usize = 1 << 22;

fn fir(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let (series, filter) = (row.numbers(0)?, row.numbers(1)?);
        let has_negative = filter.iter().any(|it| *it < 0.0);
        let normalize = row.boolean(2).unwrap_or(!has_negative);
        if normalize && has_negative {
            return None;
        }
        let shift = if row.boolean(3).unwrap_or(false) { filter.len().saturating_sub(1) / 2 } else { 0 };
        let sum = if normalize { filter.iter().sum() } else { 1.0 };
        let is_whole =
            |index: usize| row.items(index).is_some_and(|it| it.iter().all(|it| matches!(it, Dynamic::Long(_))));
        let res = convolved(cx, &series, &filter, shift)?;
        if !normalize && is_whole(0) && is_whole(1) {
            return Some(Dynamic::array(res.iter().map(|it| Dynamic::Long(*it as i64)).collect()));
        }
        Some(reals(&res.iter().map(|it| it / sum).collect::<Vec<f64>>()))
    })
}

fn convolved(cx: &Context, series: &[f64], filter: &[f64], shift: usize) -> Option<Vec<f64>> {
    let mut work = 0;
    let mut res = Vec::with_capacity(series.len());
    for at in 0..series.len() {
        work += filter.len();
        if work > WORK {
            work = 0;
            cx.check().ok()?;
        }
        let term = |(back, weight): (usize, &f64)| {
            (at + shift).checked_sub(back).and_then(|it| series.get(it)).map_or(0.0, |it| it * weight)
        };
        res.push(filter.iter().enumerate().map(term).sum());
    }
    Some(res)
}

fn iir(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let (series, numerators, denominators) = (row.numbers(0)?, row.numbers(1)?, row.numbers(2)?);
        let (first, denominators) = denominators.split_first()?;
        if *first == 0.0 {
            return None;
        }
        let mut work = 0;
        let mut res: Vec<f64> = Vec::with_capacity(series.len());
        for at in 1..=series.len() {
            work += numerators.len() + denominators.len();
            if work > WORK {
                work = 0;
                cx.check().ok()?;
            }
            let taken: f64 = series.iter().take(at).rev().zip(&numerators).map(|(a, b)| a * b).sum();
            let back: f64 = res.iter().rev().zip(denominators).map(|(a, b)| a * b).sum();
            res.push((taken - back) / first);
        }
        Some(reals(&res))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;

    #[test]
    fn filters() {
        assert_eq!(run("series_fir", &["[0,0,0,0,2,2,2,2,3,3]", "[1,-1]", "false", "false"]), "[0,0,0,0,2,0,0,0,1,0]");
        assert_eq!(run("series_fir", &["[0,0,5,0,0]", "[1,1,1,1,1]"]), "[0.0,0.0,1.0,1.0,1.0]");
        assert_eq!(run("series_fir", &["[0,0,5,0,0]", "[1,1,1,1,1]", "true", "true"]), "[1.0,1.0,1.0,1.0,1.0]");
        assert_eq!(run("series_fir", &["[1]", "[1,-1]", "true"]), "null");
        assert_eq!(run("series_iir", &["[1,2,3,4]", "[1]", "[1,-1]"]), "[1.0,3.0,6.0,10.0]");
        assert_eq!(run("series_iir", &["[1]", "[1]", "[0]"]), "null");
    }
}
