//! `series_stats`: extremes, average and spread.

use super::{SERIES, boolean, columns, dynamic, each, mean, number, squares};
use crate::declare::{Function, Overload, Param};
use kql_data::{Bag, Dynamic, Type};

const NONFINITE: Param = boolean("ignore_nonfinite").constant();
const NAMES: &[(&str, Type)] = &[
    ("min", Type::Real),
    ("min_idx", Type::Long),
    ("max", Type::Real),
    ("max_idx", Type::Long),
    ("avg", Type::Real),
    ("stdev", Type::Real),
    ("variance", Type::Real),
];
const COLUMNS: &[Overload] = &[
    columns(&[SERIES], NAMES, |cx, args, n_rows| each(cx, args, n_rows, |row| as_columns(row.items(0)?, false))),
    columns(&[SERIES, NONFINITE], NAMES, |cx, args, n_rows| {
        each(cx, args, n_rows, |row| as_columns(row.items(0)?, row.boolean(1).unwrap_or(false)))
    }),
];
const BAGS: &[Overload] = &[
    dynamic(&[SERIES], |cx, args, n_rows| each(cx, args, n_rows, |row| as_bag(row.items(0)?, false))),
    dynamic(&[SERIES, NONFINITE], |cx, args, n_rows| {
        each(cx, args, n_rows, |row| as_bag(row.items(0)?, row.boolean(1).unwrap_or(false)))
    }),
];

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_stats",
        "Smallest and largest element with their positions, average, standard deviation and variance of the sample, a column \
         each. Null when an element is null or not finite, unless such are to be ignored.\n\n    \
         series_stats(dynamic([3, 1, 5])) => dynamic([1.0, 1, 5.0, 2, 3.0, 2.0, 4.0])\n",
        COLUMNS,
    ),
    Function::new(
        "series_stats_dynamic",
        "What `series_stats` gives, and sum and length, as a bag.\n\n    \
         series_stats_dynamic(dynamic([3, 1, 5])).avg => 3.0\n",
        BAGS,
    ),
];

struct Stats {
    min: (usize, f64),
    max: (usize, f64),
    finite: Vec<f64>,
}

impl Stats {
    fn of(items: &[Dynamic], ignore_nonfinite: bool) -> Option<Stats> {
        let found = items.iter().map(|it| number(it).filter(|it| it.is_finite()));
        let finite: Vec<(usize, f64)> = found.enumerate().filter_map(|(at, it)| it.map(|it| (at, it))).collect();
        if finite.len() < items.len() && !ignore_nonfinite {
            return None;
        }
        let (mut min, mut max) = (*finite.first()?, *finite.first()?);
        for it in &finite {
            min = if it.1 < min.1 { *it } else { min };
            max = if it.1 > max.1 { *it } else { max };
        }
        Some(Stats { min, max, finite: finite.into_iter().map(|(_, it)| it).collect() })
    }

    fn variance(&self) -> f64 {
        let n = self.finite.len();
        if n > 1 { squares(&self.finite) / (n - 1) as f64 } else { 0.0 }
    }

    fn slots(&self) -> [(&'static str, Dynamic); 7] {
        let index = |it: usize| Dynamic::Long(it as i64);
        [
            ("min", Dynamic::Real(self.min.1)),
            ("min_idx", index(self.min.0)),
            ("max", Dynamic::Real(self.max.1)),
            ("max_idx", index(self.max.0)),
            ("avg", Dynamic::Real(mean(&self.finite))),
            ("stdev", Dynamic::Real(self.variance().sqrt())),
            ("variance", Dynamic::Real(self.variance())),
        ]
    }
}

fn as_columns(items: &[Dynamic], ignore_nonfinite: bool) -> Option<Dynamic> {
    Some(Dynamic::array(Stats::of(items, ignore_nonfinite)?.slots().map(|(_, it)| it).to_vec()))
}

fn as_bag(items: &[Dynamic], ignore_nonfinite: bool) -> Option<Dynamic> {
    let stats = Stats::of(items, ignore_nonfinite)?;
    let mut bag: Bag = stats.slots().into_iter().map(|(name, it)| (name.into(), it)).collect();
    _ = bag.insert("sum".into(), Dynamic::Real(stats.finite.iter().sum()));
    _ = bag.insert("len".into(), Dynamic::Long(items.len() as i64));
    Some(Dynamic::bag(bag))
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;

    #[test]
    fn the_page_s_example() {
        let series = "[23, 46, 23, 87, 4, 8, 3, 75, 2, 56, 13, 75, 32, 16, 29]";
        let res = run("series_stats", &[series]);
        assert!(res.starts_with("[2.0,8,87.0,3,32.8,28.50363385354"), "{res}");
        assert!(run("series_stats_dynamic", &[series]).contains(r#""sum":492.0,"len":15"#));
        assert_eq!(run("series_stats", &["[1, null]"]), "null");
        assert_eq!(run("series_stats", &["[1, null]", "true"]), "[1.0,0,1.0,0,1.0,0.0,0.0]");
        assert_eq!(run("series_stats", &["[]"]), "null");
    }
}
