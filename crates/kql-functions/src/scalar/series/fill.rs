//! Filling the gaps of a series.

use super::{SERIES, dynamic, each, number};
use crate::declare::{Accepts, Function, Naming, Overload, Param};
use kql_data::{Column, Context, Dynamic, Fault};

const MISSING: Param = Param::new("missing_value_placeholder", Accepts::Number);
const VALUE: Param = Param::new("constant_value", Accepts::Number);
const EDGES: Param = super::boolean("fill_edges");

macro_rules! forms {
    ($kernel:expr; $($params:expr),+) => {{
        const OVERLOADS: &[Overload] = &[$(dynamic($params, $kernel)),+];
        OVERLOADS
    }};
}

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_fill_forward",
        "The series with every missing element, null or the placeholder, replaced by the nearest to its left.\n\n    \
         series_fill_forward(dynamic([null, 36, null, 41])) => dynamic([null, 36, 36, 41])\n",
        forms!(fill_forward; &[SERIES], &[SERIES, MISSING]),
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "series_fill_backward",
        "The series with every missing element, null or the placeholder, replaced by the nearest to its right.\n\n    \
         series_fill_backward(dynamic([111, null, 36, null])) => dynamic([111, 36, 36, null])\n",
        forms!(fill_backward; &[SERIES], &[SERIES, MISSING]),
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "series_fill_const",
        "The series with every missing element, null or the placeholder, replaced by a constant, 0 by default.\n\n    \
         series_fill_const(dynamic([111, null]), -1) => dynamic([111, -1])\n",
        forms!(fill_const; &[SERIES], &[SERIES, VALUE], &[SERIES, VALUE, MISSING]),
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "series_fill_linear",
        "The series with every missing element, null or the placeholder, replaced by what lies on the line between its \
         neighbours; at the edges by the nearest element unless `fill_edges` is false. A series without any element becomes \
         `constant_value`, 0.0 by default. Of whole numbers the result is whole.\n\n    \
         series_fill_linear(dynamic([null, 111.0, null, 36.0])) => dynamic([111.0, 111.0, 73.5, 36.0])\n",
        forms!(fill_linear; &[SERIES], &[SERIES, MISSING], &[SERIES, MISSING, EDGES], &[SERIES, MISSING, EDGES, VALUE]),
    )
    .naming(Naming::FirstArgument),
];

/// Whether an element is missing: null, or equal to the placeholder.
fn is_missing(item: &Dynamic, placeholder: Option<&Dynamic>) -> bool {
    match placeholder {
        None | Some(Dynamic::Null) => item.is_null() || matches!(item, Dynamic::Real(it) if it.is_nan()),
        Some(it) => item == it,
    }
}

fn fill_forward(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let mut items = row.items(0)?.to_vec();
        carry(items.iter_mut(), row.get(1));
        Some(Dynamic::array(items))
    })
}

fn fill_backward(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let mut items = row.items(0)?.to_vec();
        carry(items.iter_mut().rev(), row.get(1));
        Some(Dynamic::array(items))
    })
}

fn carry<'a>(items: impl Iterator<Item = &'a mut Dynamic>, placeholder: Option<&Dynamic>) {
    let mut last: Option<Dynamic> = None;
    for item in items {
        if !is_missing(item, placeholder) {
            last = Some(item.clone());
        } else if let Some(last) = &last {
            *item = last.clone();
        }
    }
}

fn fill_const(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let has_value = args.len() > 1;
    each(cx, args, n_rows, |row| {
        let filler = if has_value { row.get(1).cloned().unwrap_or(Dynamic::Null) } else { Dynamic::Long(0) };
        let fill = |it: &Dynamic| if is_missing(it, row.get(2)) { filler.clone() } else { it.clone() };
        Some(Dynamic::array(row.items(0)?.iter().map(fill).collect()))
    })
}

fn fill_linear(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let has_value = args.len() > 3;
    each(cx, args, n_rows, |row| {
        let filler = if has_value { row.get(3).cloned().unwrap_or(Dynamic::Null) } else { Dynamic::Real(0.0) };
        Some(interpolated(row.items(0)?, row.get(1), row.boolean(2).unwrap_or(true), &filler))
    })
}

fn interpolated(items: &[Dynamic], placeholder: Option<&Dynamic>, fill_edges: bool, filler: &Dynamic) -> Dynamic {
    let known: Vec<(usize, &Dynamic)> = items.iter().enumerate().filter(|it| !is_missing(it.1, placeholder)).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return Dynamic::array(vec![filler.clone(); items.len()]);
    };
    let is_whole = known.iter().all(|it| matches!(it.1, Dynamic::Long(_)));
    let mut res = items.to_vec();
    if fill_edges {
        res.iter_mut().take(first.0).for_each(|it| *it = first.1.clone());
        res.iter_mut().skip(last.0).for_each(|it| *it = last.1.clone());
    }
    for pair in known.windows(2) {
        let &[(from, a), (to, b)] = pair else { continue };
        let (Some(a), Some(b)) = (number(a), number(b)) else { continue };
        for (step, slot) in (1..).zip(res.iter_mut().take(to).skip(from + 1)) {
            let value = a + (b - a) * f64::from(step) / (to - from) as f64;
            *slot = if is_whole { Dynamic::Long(value as i64) } else { Dynamic::Real(value) };
        }
    }
    Dynamic::array(res)
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;

    #[test]
    fn lines_between_neighbours() {
        let whole = "[null, 111, null, 36, 41, null, null, 16, 61, 33, null, null]";
        assert_eq!(run("series_fill_linear", &[whole]), "[111,111,73,36,41,32,24,16,61,33,33,33]");
        assert_eq!(run("series_fill_linear", &["[null, null]"]), "[0.0,0.0]");
        assert_eq!(run("series_fill_linear", &["[0, 5, 0]", "0", "false"]), "[0,5,0]");
        assert_eq!(run("series_fill_linear", &["[1.0, 0, 2.0]", "0"]), "[1.0,1.5,2.0]");
    }

    #[test]
    fn neighbours_and_constants() {
        assert_eq!(run("series_fill_const", &["[111, null, 36]", "0.0"]), "[111,0.0,36]");
        assert_eq!(run("series_fill_const", &["[111, -1, 36]", "7", "-1"]), "[111,7,36]");
        assert_eq!(run("series_fill_backward", &["[111, null, null, 36, null]"]), "[111,36,36,36,null]");
        assert_eq!(run("series_fill_forward", &["[null, 1, null, null]"]), "[null,1,1,1]");
    }
}
