//! Quantiles from few centroids: exact while there are few different values, then merged as a t-digest does, finely at both
//! ends.
//!
//! T. Dunning, "The t-digest: efficient estimates of distributions", 2021: merging digest with scale function k1.

use kql_data::{Dynamic, Type, time};

/// First number of a digest written as a dynamic.
const FORMAT: i64 = 7;
/// Centroids that are kept before any are merged.
const CENTROIDS_MAX: usize = 2_048;
/// Steps of the scale function: the number of centroids after merging is about this.
const COMPRESSION: f64 = 1_000.0;
/// Datetimes count from here, so that those of our days fit a float without loss.
const ORIGIN: i64 = time::UNIX_EPOCH + 50 * 365 * time::DAY;

/// A digest of numbers or times with weights.
#[derive(Clone, Debug)]
pub struct Digest {
    /// Type of the values.
    ty: Type,
    /// Value and weight, by value.
    centroids: Vec<(f64, f64)>,
    /// Not yet among them.
    fresh: Vec<(f64, f64)>,
}

impl Digest {
    /// Without values.
    pub fn new(ty: Type) -> Digest {
        Digest { ty, centroids: Vec::new(), fresh: Vec::new() }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.centroids.is_empty() && self.fresh.is_empty()
    }

    /// A value as it is held.
    pub fn number(value: &Dynamic) -> Option<f64> {
        match value {
            Dynamic::Datetime(it) => Some((it - ORIGIN) as f64),
            Dynamic::Timespan(it) => Some(*it as f64),
            other => other.as_f64(),
        }
    }

    /// Adds a value so many times.
    pub fn insert(&mut self, value: f64, weight: f64) {
        if !value.is_finite() || weight <= 0.0 {
            return;
        }
        self.fresh.push((value, weight));
        if self.fresh.len() >= 2 * CENTROIDS_MAX {
            self.settle();
        }
    }

    /// Adds the values of another digest.
    pub fn merge(&mut self, other: &Digest) {
        if self.is_empty() {
            self.ty = other.ty;
        }
        other.centroids.iter().chain(&other.fresh).for_each(|(value, weight)| self.insert(*value, *weight));
    }

    /// Brings all values among the centroids, few enough.
    pub fn settle(&mut self) {
        let mut all = std::mem::take(&mut self.centroids);
        all.append(&mut self.fresh);
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
        self.centroids = if all.len() > CENTROIDS_MAX { compress(&all) } else { all };
    }

    fn total(&self) -> f64 {
        self.centroids.iter().map(|(_, weight)| weight).sum()
    }

    /// The value at a percentile by nearest rank; `None` of an empty digest.
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        let rank = crate::aggregates::percentile::nearest_rank(percentile, self.total() as i128) as f64;
        let mut sum = 0.0;
        let found = self.centroids.iter().find(|(_, weight)| {
            sum += weight;
            sum >= rank
        });
        found.or(self.centroids.last()).map(|(value, _)| *value)
    }

    /// How many values are not above that one.
    pub fn rank(&self, value: f64) -> f64 {
        self.centroids.iter().take_while(|(it, _)| *it <= value).map(|(_, weight)| weight).sum()
    }

    /// The same as a percentage of all; `None` of an empty digest.
    pub fn percent_rank(&self, value: f64) -> Option<f64> {
        let total = self.total();
        (total > 0.0).then(|| self.rank(value) * 100.0 / total)
    }

    /// A held value in the digest's own type.
    pub fn dynamic(&self, value: f64) -> Dynamic {
        match self.ty {
            Type::Datetime => Dynamic::Datetime((value.round() as i64).saturating_add(ORIGIN)),
            Type::Timespan => Dynamic::Timespan(value.round() as i64),
            Type::Int | Type::Long if value.fract() == 0.0 => Dynamic::Long(value as i64),
            _ => Dynamic::Real(value),
        }
    }

    /// Rough bytes held.
    pub fn bytes(&self) -> usize {
        (self.centroids.capacity() + self.fresh.capacity()) * 16
    }

    /// As `tdigest` gives it: `[[format, type], [values], [weights]]`; the type of numbers is left out, times are in ticks.
    pub fn to_dynamic(&self) -> Dynamic {
        let mut head = vec![Dynamic::Long(FORMAT)];
        if matches!(self.ty, Type::Datetime | Type::Timespan) {
            head.push(Dynamic::string(self.ty.name()));
        }
        let value = |(value, _): &(f64, f64)| match self.dynamic(*value) {
            Dynamic::Datetime(it) | Dynamic::Timespan(it) => Dynamic::Long(it),
            other => other,
        };
        let weight = |(_, weight): &(f64, f64)| Dynamic::Long(*weight as i64);
        let values = Dynamic::array(self.centroids.iter().map(value).collect());
        let weights = Dynamic::array(self.centroids.iter().map(weight).collect());
        Dynamic::array(vec![Dynamic::array(head), values, weights])
    }

    /// What [`to_dynamic`](Digest::to_dynamic) gave; `None` for anything else.
    pub fn from_dynamic(value: &Dynamic) -> Option<Digest> {
        let [head, values, weights] = value.as_array()? else { return None };
        let (values, weights) = (values.as_array()?, weights.as_array()?);
        let [Dynamic::Long(FORMAT), rest @ ..] = head.as_array()? else { return None };
        let ty = match rest {
            [] if values.iter().all(|it| matches!(it, Dynamic::Long(_))) => Type::Long,
            [] => Type::Real,
            [it] => it.as_str().and_then(Type::from_name)?,
            _ => return None,
        };
        if values.len() != weights.len() {
            return None;
        }
        let mut res = Digest::new(ty);
        for (value, weight) in values.iter().zip(weights) {
            let value = match value {
                Dynamic::Long(it) if ty == Type::Datetime => Digest::number(&Dynamic::Datetime(*it))?,
                other => other.as_f64()?,
            };
            res.insert(value, weight.as_f64()?);
        }
        res.settle();
        Some(res)
    }
}

/// Merges neighbours as far as the scale function allows.
fn compress(sorted: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let scale = |q: f64| COMPRESSION / (2.0 * std::f64::consts::PI) * (2.0 * q.clamp(0.0, 1.0) - 1.0).asin();
    let mut res: Vec<(f64, f64)> = Vec::new();
    let mut before = 0.0;
    for (value, weight) in sorted {
        match res.last_mut() {
            Some(last) if scale((before + last.1 + weight) / total) - scale(before / total) <= 1.0 => {
                last.1 += weight;
                last.0 += (value - last.0) * weight / last.1;
            }
            last => {
                before += last.map_or(0.0, |it| it.1);
                res.push((*value, *weight));
            }
        }
    }
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(values: impl Iterator<Item = i64>) -> Digest {
        let mut res = Digest::new(Type::Long);
        values.for_each(|it| res.insert(it as f64, 1.0));
        res.settle();
        res
    }

    #[test]
    fn few_values_are_exact() {
        let it = digest(1..=1_000);
        assert_eq!(it.rank(685.0), 685.0);
        assert_eq!(it.percentile(50.0), Some(500.0));
        let back = Digest::from_dynamic(&it.to_dynamic()).unwrap();
        assert_eq!(back.percentile(99.9), Some(999.0));
        assert_eq!(Digest::new(Type::Real).percentile(5.0), None);
    }

    #[test]
    fn many_values_are_near() {
        let it = digest((0..200_000).map(|it| it * 7_919 % 200_003));
        assert!(it.centroids.len() <= CENTROIDS_MAX);
        for p in [0.1, 1.0, 25.0, 50.0, 75.0, 99.0, 99.9] {
            let found = it.percentile(p).unwrap();
            assert!((found - p * 2_000.03).abs() < 500.0, "{p}: {found}");
        }
    }

    #[test]
    fn times_keep_their_ticks() {
        let tick = time::datetime(2007, 12, 31, 23, 59, 0, 1).unwrap();
        let mut it = Digest::new(Type::Datetime);
        it.insert(Digest::number(&Dynamic::Datetime(tick)).unwrap(), 1.0);
        it.settle();
        let back = Digest::from_dynamic(&it.to_dynamic()).unwrap();
        assert_eq!(back.dynamic(back.percentile(100.0).unwrap()), Dynamic::Datetime(tick));
    }
}
