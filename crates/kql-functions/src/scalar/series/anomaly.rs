//! Outliers by Tukey's fences, and anomalies against a baseline.

use super::{
    SERIES, columns, dynamic, each, long, number, real, reals,
    season::{decompose, plan},
    word,
};
use crate::declare::{Accepts, Function, Naming, Overload, Param};
use kql_data::{Column, Context, Dynamic, Fault, Type};

const KIND: Param = word("kind");
const IGNORED: Param = Param::new("ignore_val", Accepts::Number);
const MIN: Param = real("min_percentile");
const MAX: Param = real("max_percentile");
const TEST_POINTS: Param = long("test_points");
const THRESHOLD: Param = real("threshold");
const PERIOD: Param = long("period");
const TREND: Param = word("trend");
const METHOD: Param = word("method");
const SEASONALITY: Param = real("seasonality_threshold");
const NAMES: &[(&str, Type)] = &[("ad_flag", Type::Dynamic), ("ad_score", Type::Dynamic), ("baseline", Type::Dynamic)];

macro_rules! outliers {
    ($($params:expr),+) => {{
        const OVERLOADS: &[Overload] = &[$(dynamic($params, series_outliers)),+];
        OVERLOADS
    }};
}
macro_rules! anomalies {
    ($($params:expr),+) => {{
        const OVERLOADS: &[Overload] = &[$(columns($params, NAMES, series_decompose_anomalies)),+];
        OVERLOADS
    }};
}

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_outliers",
        "How far each element lies outside the range of most: 0 inside; beyond 1.5 or -1.5 it is an outlier. `tukey` takes the \
         range of the 25th to the 75th percentile; `ctukey`, the default, that of `min_percentile` to `max_percentile`, 10 and \
         90 by default. Nulls and elements equal to `ignore_val` score 0.\n\n    \
         series_outliers(dynamic([1, 2, 3, 4, 5]), \"tukey\") => dynamic([-0.5, 0.0, 0.0, 0.0, 0.5])\n",
        outliers!(
            &[SERIES],
            &[SERIES, KIND],
            &[SERIES, KIND, IGNORED],
            &[SERIES, KIND, IGNORED, MIN],
            &[SERIES, KIND, IGNORED, MIN, MAX],
            &[SERIES, KIND, IGNORED, MIN, MAX, TEST_POINTS]
        ),
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "series_decompose_anomalies",
        "The elements of a series that lie far from its baseline: `ad_flag` is 1 above, -1 below and 0 elsewhere, `ad_score` is \
         what `series_outliers` gives of the residual, and `baseline` what `series_decompose` gives, a column each. A score of \
         `threshold` (1.5 by default) flags.\n\n    \
         series_decompose_anomalies(dynamic([1, 2, 1, 2, 9, 2, 1, 2, 1, 2, 1, 2]), 1.5, 0)[0] => dynamic([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])\n",
        anomalies!(
            &[SERIES],
            &[SERIES, THRESHOLD],
            &[SERIES, THRESHOLD, PERIOD],
            &[SERIES, THRESHOLD, PERIOD, TREND],
            &[SERIES, THRESHOLD, PERIOD, TREND, TEST_POINTS],
            &[SERIES, THRESHOLD, PERIOD, TREND, TEST_POINTS, METHOD],
            &[SERIES, THRESHOLD, PERIOD, TREND, TEST_POINTS, METHOD, SEASONALITY]
        ),
    ),
];

/// The range of most, and the distance beyond it that scores 1.
#[derive(Clone, Copy)]
struct Fences {
    low: f64,
    high: f64,
    unit: f64,
}

/// The score's unit as a part of the range between the 10th and the 90th percentile, as measured on the reference.
const UNIT_OF_CTUKEY: f64 = 0.360_671_563_966_202_65;

impl Fences {
    /// By two percentiles of the learnt values; `None` without values.
    fn new(learnt: &mut [f64], min: f64, max: f64, unit: f64) -> Option<Fences> {
        learnt.sort_unstable_by(f64::total_cmp);
        let (low, high) = (percentile(learnt, min)?, percentile(learnt, max)?);
        Some(Fences { low, high, unit: (high - low) * unit })
    }

    fn score(&self, value: f64) -> f64 {
        let beyond = if value > self.high {
            value - self.high
        } else if value < self.low {
            value - self.low
        } else {
            return 0.0;
        };
        beyond / self.unit
    }
}

/// Between the two nearest of sorted values.
fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let place = percent.clamp(0.0, 100.0) / 100.0 * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

/// Fences by the name of a method; `None` for another name.
fn fences(kind: &str, learnt: &mut [f64], min: f64, max: f64) -> Option<Fences> {
    match kind {
        "tukey" => Fences::new(learnt, 25.0, 75.0, 1.0),
        "ctukey" => Fences::new(learnt, min, max, unit(min, max)),
        _ => None,
    }
}

/// The unit for other percentiles: the place where an element of a normal distribution scores 1.5 stays the same.
fn unit(min: f64, max: f64) -> f64 {
    if min == 10.0 && max == 90.0 {
        return UNIT_OF_CTUKEY;
    }
    let (low, high) = (normal_quantile(min / 100.0), normal_quantile(max / 100.0));
    let reach = normal_quantile(0.9) * (1.0 + 3.0 * UNIT_OF_CTUKEY);
    let unit = (2.0 * reach - (high - low)) / (3.0 * (high - low));
    if unit.is_finite() && unit > 0.0 { unit } else { UNIT_OF_CTUKEY }
}

/// The value below which that part of a standard normal distribution lies, by P. J. Acklam's rational approximation.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let poly = |factors: &[f64], x: f64| factors.iter().fold(0.0, |sum, it| sum * x + it);
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    if (0.024_25..=0.975_75).contains(&p) {
        let q = p - 0.5;
        let r = q * q;
        return poly(&A, r) * q / (poly(&B, r) * r + 1.0);
    }
    let tail = (-2.0 * p.min(1.0 - p).ln()).sqrt();
    let size = poly(&C, tail) / (poly(&D, tail) * tail + 1.0);
    if p < 0.5 { size } else { -size }
}

fn series_outliers(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let ignored = row.get(2).and_then(number);
        let element = |it: &Dynamic| number(it).filter(|it| !it.is_nan() && Some(*it) != ignored);
        let series: Vec<Option<f64>> = row.items(0)?.iter().map(element).collect();
        let n_learnt = series.len().saturating_sub(usize::try_from(row.long(5).unwrap_or(0)).unwrap_or(0));
        let mut learnt: Vec<f64> = series.iter().take(n_learnt).copied().flatten().collect();
        let percent = |index, default: f64| row.real(index).map_or(default, |it: f64| it.clamp(2.0, 98.0));
        let kind = row.word(1).unwrap_or("ctukey").to_ascii_lowercase();
        if !matches!(kind.as_str(), "tukey" | "ctukey") {
            return None;
        }
        let fences = fences(&kind, &mut learnt, percent(3, 10.0), percent(4, 90.0));
        let score = |it: &Option<f64>| it.zip(fences).map_or(0.0, |(it, fences)| fences.score(it));
        Some(reals(&series.iter().map(score).collect::<Vec<f64>>()))
    })
}

fn series_decompose_anomalies(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let threshold = row.real(1).unwrap_or(1.5);
        let plan = plan(&row, 2, "avg", row.long(4).unwrap_or(0), 6);
        let parts = decompose(cx, &row.numbers(0)?, &plan)?;
        let n_learnt = parts.residual.len().saturating_sub(usize::try_from(plan.test_points).unwrap_or(0));
        let mut learnt: Vec<f64> = parts.residual.iter().take(n_learnt).copied().collect();
        let kind = row.word(5).unwrap_or("ctukey").to_ascii_lowercase();
        if !matches!(kind.as_str(), "tukey" | "ctukey") {
            return None;
        }
        let fences = fences(&kind, &mut learnt, 10.0, 90.0);
        let scores: Vec<f64> = parts.residual.iter().map(|it| fences.map_or(0.0, |fences| fences.score(*it))).collect();
        let flag = |score: &f64| Dynamic::Long(i64::from(*score >= threshold) - i64::from(*score <= -threshold));
        let flags = Dynamic::array(scores.iter().map(flag).collect());
        Some(Dynamic::array(vec![flags, reals(&scores), reals(&parts.baseline)]))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (p, expected) in [(0.5, 0.0), (0.9, 1.281_551_565_5), (0.02, -2.053_748_910_6), (0.975, 1.959_963_984_5)] {
            assert!((normal_quantile(p) - expected).abs() < 1e-7, "{p}");
        }
        assert!((unit(10.000_001, 90.0) - UNIT_OF_CTUKEY).abs() < 1e-6);
    }

    #[test]
    fn scores_begin_outside_the_range() {
        let series = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30]";
        let scores: Vec<f64> = serde_json::from_str(&run("series_outliers", &[series])).unwrap();
        assert_eq!(&scores[1..10], &[0.0; 9]);
        assert!((scores[10] - 21.0 / (8.0 * UNIT_OF_CTUKEY)).abs() < 1e-12);
        assert!((scores[0] + 1.0 / (8.0 * UNIT_OF_CTUKEY)).abs() < 1e-12);
        assert_eq!(run("series_outliers", &["[1, null, 1, 9]", "\"tukey\"", "9"]), "[0.0,0.0,0.0,0.0]");
        assert_eq!(run("series_outliers", &["[]"]), "[]");
        assert_eq!(run("series_outliers", &["[1]", "\"other\""]), "null");
    }

    #[test]
    fn a_spike_over_a_flat_series_is_flagged() {
        let res = run("series_decompose_anomalies", &["[5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,90,5,5,5,5,5]"]);
        assert!(res.starts_with("[[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,"), "{res}");
        assert_eq!(run("series_decompose_anomalies", &["[]"]), "[[],[],[]]");
        assert_eq!(run("series_decompose_anomalies", &["[1, null]"]), "null");
    }
}
