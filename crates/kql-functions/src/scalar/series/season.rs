//! Periods, and what repeats with them.
//!
//! A period's score is the autocorrelation of the series, taken around its end, stretched so that its least value is 0 and
//! its largest 1. A period counts only where the score has a hill: its top within the range of periods that the Fourier
//! frequency next to it stands for (M. Vlachos, P. Yu, V. Castelli, "On periodicity detection and structural periodic
//! similarity", 2005).

use super::{
    Row, SERIES, columns, dynamic, each,
    fit::Line,
    fourier::{Complex, inverse, transform},
    long, mean, real, reals, word,
};
use crate::declare::{Accepts, Function, Overload, Param, Returns};
use kql_data::{Column, Context, Dynamic, Fault, Type};

const PERIODS: &[(&str, Type)] = &[("periods", Type::Dynamic), ("scores", Type::Dynamic)];
const PARTS: &[(&str, Type)] =
    &[("baseline", Type::Dynamic), ("seasonal", Type::Dynamic), ("trend", Type::Dynamic), ("residual", Type::Dynamic)];
/// The shortest period.
const PERIOD_MIN: usize = 4;
/// Score that a period must reach for `series_decompose`.
pub(super) const THRESHOLD: f64 = 0.6;
/// Score that a period must reach for `series_seasonal`.
const SEASONAL_THRESHOLD: f64 = 0.7;

const PERIOD: Param = long("period");
const TREND: Param = word("trend");
const TEST_POINTS: Param = long("test_points");
const SEASONALITY: Param = real("seasonality_threshold");

macro_rules! forms {
    ($make:ident, $kernel:expr; $($params:expr),+) => {{
        const OVERLOADS: &[Overload] = &[$($make($params, $kernel)),+];
        OVERLOADS
    }};
}
const fn parts(params: &'static [Param], kernel: super::Kernel) -> Overload {
    columns(params, PARTS, kernel)
}

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_periods_detect",
        "The periods of a series between two bounds, as many as asked for, best first, and their scores from 0 to 1, a column \
         each. Both are filled up with 0. A period has at least 4 points and at most half the series.\n\n    \
         series_periods_detect(dynamic([8, 2, 4, 2, 1, 8, 2, 4, 2, 1, 8, 2, 4, 2, 1, 8, 2, 4, 2, 1]), 0, 10, 1)[0] => dynamic([5.0])\n",
        &[columns(&[SERIES, real("min_period"), real("max_period"), long("num_periods")], PERIODS, periods_detect)],
    ),
    Function::new(
        "series_periods_validate",
        "The scores from 0 to 1 of given periods of a series: the periods and the scores, a column each.\n\n    \
         series_periods_validate(dynamic([8, 2, 4, 2, 1, 8, 2, 4, 2, 1, 8, 2, 4, 2, 1, 8, 2, 4, 2, 1]), 5, 2) => dynamic([[5.0, 2.0], [1.0, 0.0]])\n",
        &[Overload {
            params: &[SERIES],
            rest: Some((Param::new("period", Accepts::Number).cast(Type::Real), 1, 16)),
            returns: Returns::Columns(PERIODS),
            kernel: Some(periods_validate),
        }],
    ),
    Function::new(
        "series_seasonal",
        "What repeats in a series with its period: for each place in the period the median of the elements there. Without a \
         period, or with -1, it is detected; zeros when there is none.\n\n    \
         series_seasonal(dynamic([1, 3, 5, 1, 3, 5, 2, 4, 6]), 3) => dynamic([1.0, 3.0, 5.0, 1.0, 3.0, 5.0, 1.0, 3.0, 5.0])\n",
        forms!(dynamic, series_seasonal; &[SERIES], &[SERIES, PERIOD], &[SERIES, PERIOD, TEST_POINTS]),
    ),
    Function::new(
        "series_decompose",
        "A series as the sum of parts: `baseline`, which is `seasonal` and `trend`, and `residual`, a column each. The period is \
         detected when it is -1, as by default, and none when it is 0. The trend is the average (`avg`), a line (`linefit`) or \
         none (`none`). The last `test_points` are predicted from those before.\n\n    \
         series_decompose(dynamic([1, 2, 3]), 0, \"linefit\")[2] => dynamic([1.0, 2.0, 3.0])\n",
        forms!(parts, series_decompose; &[SERIES], &[SERIES, PERIOD], &[SERIES, PERIOD, TREND],
            &[SERIES, PERIOD, TREND, TEST_POINTS], &[SERIES, PERIOD, TREND, TEST_POINTS, SEASONALITY]),
    ),
    Function::new(
        "series_decompose_forecast",
        "The baseline of a series, its last `points` predicted from those before: see `series_decompose`. The trend is a line by \
         default.\n\n    series_decompose_forecast(dynamic([1, 2, 3, 0]), 1, 0) => dynamic([1.0, 2.0, 3.0, 4.0])\n",
        forms!(dynamic, series_decompose_forecast; &[SERIES, POINTS], &[SERIES, POINTS, PERIOD],
            &[SERIES, POINTS, PERIOD, TREND], &[SERIES, POINTS, PERIOD, TREND, SEASONALITY]),
    ),
];
const POINTS: Param = long("points");

/// Scores of all lags, and the power of each frequency; `None` of a series that never changes.
fn scores(cx: &Context, series: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let n = series.len();
    if n < 2 {
        return None;
    }
    let mean = mean(series);
    let centred: Vec<Complex> = series.iter().map(|it| Complex { re: it - mean, im: 0.0 }).collect();
    let power: Vec<f64> = transform(cx, &centred).iter().map(|it| it.power()).collect();
    let spectrum: Vec<Complex> = power.iter().map(|it| Complex { re: *it, im: 0.0 }).collect();
    let correlations: Vec<f64> = inverse(cx, &spectrum).iter().map(|it| it.re).collect();
    let largest = *correlations.first()?;
    let least = correlations.iter().copied().fold(f64::INFINITY, f64::min);
    let range = largest - least;
    if !range.is_finite() || range <= largest * 1e-12 {
        return None;
    }
    Some((correlations.iter().map(|it| (it - least) / range).collect(), power))
}

/// The lags from half way to the period of the next higher frequency, to half way to that of the next lower one.
fn range_of_frequency(n: usize, frequency: usize) -> std::ops::RangeInclusive<usize> {
    let period = |it: usize| n as f64 / it as f64;
    let low = (period(frequency + 1) + period(frequency)) / 2.0 - 1.0;
    let high = if frequency > 1 { (period(frequency) + period(frequency - 1)) / 2.0 + 1.0 } else { n as f64 / 2.0 };
    (low.ceil().max(1.0) as usize)..=((high.floor() as usize).min(n / 2))
}

/// The top of the hill in the range of a frequency, if there is a hill.
fn hill(scores: &[f64], frequency: usize) -> Option<usize> {
    let at = |lag: usize| scores.get(lag).copied().unwrap_or(f64::NEG_INFINITY);
    let top = range_of_frequency(scores.len(), frequency).max_by(|a, b| at(*a).total_cmp(&at(*b)).then(b.cmp(a)))?;
    (at(top) > at(top.checked_sub(1)?) && at(top) >= at(top + 1)).then_some(top)
}

/// Periods between two bounds and their scores, best first.
pub(super) fn detect(cx: &Context, series: &[f64], min: f64, max: f64) -> Vec<(usize, f64)> {
    let n = series.len();
    let Some((scores, power)) = scores(cx, series) else { return Vec::new() };
    let frequencies = power.get(1..=n / 2).unwrap_or(&[]);
    // The strongest of so many frequencies of noise has about the logarithm of their number times the average power.
    let noise = mean(frequencies) * (frequencies.len() as f64).ln().max(1.0);
    let mut found: Vec<(usize, f64)> = Vec::new();
    for (frequency, power) in (1..).zip(frequencies) {
        if *power < noise {
            continue;
        }
        if cx.check().is_err() {
            break;
        }
        let Some(top) = hill(&scores, frequency) else { continue };
        let fits = top >= PERIOD_MIN && top <= n / 2 && top as f64 >= min && top as f64 <= max;
        if fits && !found.iter().any(|(it, _)| *it == top) {
            found.push((top, scores.get(top).copied().unwrap_or(0.0)));
        }
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// The score of a given period.
fn validate(scores: &[f64], period: f64) -> f64 {
    let n = scores.len();
    if period < PERIOD_MIN as f64 || period > n as f64 / 2.0 {
        return 0.0;
    }
    let (lag, frequency) = (period.round() as usize, (n as f64 / period).round() as usize);
    match hill(scores, frequency.max(1)) {
        Some(top) if top == lag => scores.get(lag).copied().unwrap_or(0.0),
        _ => 0.0,
    }
}

fn periods_detect(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let cap = cx.limits.array_elements;
    each(cx, args, n_rows, |row| {
        let found = detect(cx, &row.numbers(0)?, row.real(1)?, row.real(2)?);
        let count = usize::try_from(row.long(3)?).unwrap_or(0).min(cap);
        let filled = found.into_iter().map(|(period, score)| (period as f64, score));
        let (periods, scores): (Vec<f64>, Vec<f64>) = filled.chain(std::iter::repeat((0.0, 0.0))).take(count).unzip();
        Some(Dynamic::array(vec![reals(&periods), reals(&scores)]))
    })
}

fn periods_validate(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let lags = scores(cx, &row.numbers(0)?).map(|it| it.0).unwrap_or_default();
        let periods: Vec<f64> = (1..args.len()).map(|it| row.real(it)).collect::<Option<_>>()?;
        let scores: Vec<f64> = periods.iter().map(|it| validate(&lags, *it)).collect();
        Some(Dynamic::array(vec![reals(&periods), reals(&scores)]))
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), half.checked_sub(1).and_then(|it| values.get(it))) {
        (Some(upper), Some(lower)) if values.len().is_multiple_of(2) => (lower + upper) / 2.0,
        (Some(middle), _) => *middle,
        _ => 0.0,
    }
}

/// For each place in the period the median of the learnt points there, over the whole length.
fn seasonal(series: &[f64], learnt: usize, period: usize) -> Vec<f64> {
    if period == 0 {
        return vec![0.0; series.len()];
    }
    let places = period.min(learnt.max(1));
    let medians: Vec<f64> = (0..places)
        .map(|place| median(&mut series.iter().take(learnt).skip(place).step_by(period).copied().collect::<Vec<f64>>()))
        .collect();
    (0..series.len()).map(|it| medians.get(it % period).copied().unwrap_or(0.0)).collect()
}

/// The parts of a series.
pub(super) struct Parts {
    pub(super) baseline: Vec<f64>,
    seasonal: Vec<f64>,
    trend: Vec<f64>,
    pub(super) residual: Vec<f64>,
}

/// How a series is to be taken apart.
pub(super) struct Plan<'a> {
    pub(super) period: i64,
    pub(super) trend: &'a str,
    pub(super) test_points: i64,
    pub(super) threshold: f64,
}

/// The parts of a series; `None` for a trend of another name.
pub(super) fn decompose(cx: &Context, series: &[f64], plan: &Plan) -> Option<Parts> {
    let learnt = series.len().saturating_sub(usize::try_from(plan.test_points).unwrap_or(0));
    let known = series.get(..learnt)?;
    let period = match plan.period {
        -1 => detected(cx, known, plan.threshold),
        other => usize::try_from(other).unwrap_or(0),
    };
    let seasonal = seasonal(series, learnt, period);
    let rest: Vec<f64> = known.iter().zip(&seasonal).map(|(a, b)| a - b).collect();
    let trend = match plan.trend {
        "avg" => vec![if rest.is_empty() { 0.0 } else { mean(&rest) }; series.len()],
        "linefit" => {
            Line::fit(&rest).map_or(vec![0.0; series.len()], |line| (0..series.len()).map(|it| line.at(it)).collect())
        }
        "none" => vec![0.0; series.len()],
        _ => return None,
    };
    let baseline: Vec<f64> = seasonal.iter().zip(&trend).map(|(a, b)| a + b).collect();
    let residual = series.iter().zip(&baseline).map(|(a, b)| a - b).collect();
    Some(Parts { baseline, seasonal, trend, residual })
}

/// The best period with at least that score; 0 for none.
fn detected(cx: &Context, series: &[f64], threshold: f64) -> usize {
    let found = detect(cx, series, 0.0, f64::INFINITY);
    found.first().filter(|(_, score)| *score >= threshold).map_or(0, |(period, _)| *period)
}

fn series_seasonal(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let series = row.numbers(0)?;
        let learnt = series.len().saturating_sub(usize::try_from(row.long(2).unwrap_or(0)).unwrap_or(0));
        let period = match row.long(1).unwrap_or(-1) {
            -1 => detected(cx, series.get(..learnt)?, SEASONAL_THRESHOLD),
            other => usize::try_from(other).unwrap_or(0),
        };
        Some(reals(&seasonal(&series, learnt, period)))
    })
}

fn series_decompose(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let parts = decompose(cx, &row.numbers(0)?, &plan(&row, 1, "avg", row.long(3).unwrap_or(0), 4))?;
        Some(Dynamic::array(
            [parts.baseline, parts.seasonal, parts.trend, parts.residual].iter().map(|it| reals(it)).collect(),
        ))
    })
}

fn series_decompose_forecast(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        Some(reals(&decompose(cx, &row.numbers(0)?, &plan(&row, 2, "linefit", row.long(1)?, 4))?.baseline))
    })
}

/// A plan by the arguments from the period on.
pub(super) fn plan<'a>(row: &'a Row, period: usize, trend: &'a str, test_points: i64, threshold: usize) -> Plan<'a> {
    Plan {
        period: row.long(period).unwrap_or(-1),
        trend: row.word(period + 1).unwrap_or(trend),
        test_points,
        threshold: row.real(threshold).unwrap_or(THRESHOLD),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use super::*;

    const TRAFFIC: &str = "[80, 139, 87, 110, 68, 54, 50, 51, 53, 133, 86, 141, 97, 156, 94, 149, 95, 140, 77, 61, 50, 54, \
        47, 133, 72, 152, 94, 148, 105, 162, 101, 160, 87, 63, 53, 55, 54, 151, 103, 189, 108, 183, 113, 175, 113, 178, 90, \
        71, 62, 62, 65, 165, 109, 181, 115, 182, 121, 178, 114, 170]";

    #[test]
    fn measured_periods() {
        let res = run("series_periods_detect", &[TRAFFIC, "0.0", "50.0", "2"]);
        assert!(res.starts_with("[[14.0,0.0],[0.84055587940914") && res.ends_with(",0.0]]"), "{res}");
        let res = run("series_periods_validate", &[TRAFFIC, "14.0", "10.0"]);
        assert!(res.starts_with("[[14.0,10.0],[0.84055587940914") && res.ends_with(",0.0]]"), "{res}");
    }

    #[test]
    fn measured_seasons() {
        let res = run("series_seasonal", &["[2,5,3,4,3,2,1,2,3,4,3,2,1,2,3,4,3,2,1,2,3,4,3,2,1]"]);
        assert!(res.starts_with("[1.0,2.0,3.0,4.0,3.0,2.0,1.0,"), "{res}");
        let res = run("series_seasonal", &["[8,12,14,12,10,10,12,14,12,10,10,12,14,12,10,10,12,14,12,10]"]);
        assert!(res.starts_with("[10.0,12.0,14.0,12.0,10.0,10.0,"), "{res}");
        let res = run("series_seasonal", &["[1,3,5,2,4,6,1,3,5,2,4,6]"]);
        assert!(res.starts_with("[0.0,0.0,0.0,"), "{res}");
        assert_eq!(run("series_seasonal", &["[1,3,5,2,4,6]", "3"]), "[1.5,3.5,5.5,1.5,3.5,5.5]");
        assert_eq!(run("series_seasonal", &["[7,7,7,7,7,7,7,7]"]), "[0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0]");
        assert_eq!(run("series_seasonal", &["[1,2]", "9223372036854775807"]), "[1.0,2.0]");
    }

    #[test]
    fn a_week_of_hours_is_found_under_its_days() {
        let at = |hour: usize| {
            let (day, hour) = (hour / 24 % 7, hour % 24);
            let level = if day >= 5 { 10.0 } else { 15.0 };
            level - (hour / 10 * (hour / 10)) as f64
                + crate::sketch::hll::hash_long((day * 31 + hour) as i64) as f64 / 1e19
        };
        let series: Vec<f64> = (0..840).map(at).collect();
        assert_eq!(detect(&Context::default(), &series, 0.0, f64::INFINITY).first().map(|it| it.0), Some(168));
        assert!(detect(&Context::default(), &series, 0.0, f64::INFINITY).iter().any(|it| it.0 == 24));
    }
}
