//! A sort that can be stopped: rows are dealt out to parts by the order of a sample, and the parts are sorted one by one.

use kql_data::{Context, Fault};
use std::cmp::Ordering;

/// Rows that are sorted at one go: some tens of milliseconds at most.
const PART: usize = 1 << 17;

/// Rows of the sample for each part, so that parts come out about equally large.
const SAMPLED: usize = 16;

/// Sorts `rows` by an order that holds no two rows for equal.
pub(super) fn sort<T: Copy>(
    cx: &Context,
    mut rows: Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<T>, Fault> {
    if rows.len() <= 2 * PART {
        rows.sort_unstable_by(compare);
        return Ok(rows);
    }
    let bounds = bounds(&rows, &compare);
    let part_of = |row: &T| bounds.partition_point(|bound| compare(bound, row).is_lt());
    let mut parts: Vec<u16> = Vec::with_capacity(rows.len());
    let mut counts = vec![0_usize; bounds.len() + 1];
    for block in rows.chunks(PART) {
        cx.check()?;
        for row in block {
            let part = part_of(row);
            parts.push(part as u16);
            if let Some(it) = counts.get_mut(part) {
                *it += 1;
            }
        }
    }
    deal(&mut rows, &mut parts, &counts);
    drop(parts);
    let mut left = rows.as_mut_slice();
    for count in counts {
        cx.check()?;
        let (part, later) = left.split_at_mut(count.min(left.len()));
        part.sort_unstable_by(&compare);
        left = later;
    }
    Ok(rows)
}

/// Moves every row to its part, in place: each swap brings at least one row home.
fn deal<T>(rows: &mut [T], parts: &mut [u16], counts: &[usize]) {
    let mut ends = Vec::with_capacity(counts.len());
    let mut nexts = Vec::with_capacity(counts.len());
    let mut sum = 0;
    for count in counts {
        nexts.push(sum);
        sum += count;
        ends.push(sum);
    }
    for (home, end) in ends.iter().enumerate() {
        while let Some(at) = nexts.get(home).copied().filter(|at| at < end) {
            let Some(part) = parts.get(at).map(|it| usize::from(*it)) else { return };
            let Some(next) = nexts.get_mut(part) else { return };
            rows.swap(at, *next);
            parts.swap(at, *next);
            *next += 1;
        }
    }
}

/// The rows that stand between the parts, in order.
fn bounds<T: Copy>(rows: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let n_parts = (rows.len() / PART).clamp(2, usize::from(u16::MAX));
    let step = (rows.len() / (n_parts * SAMPLED)).max(1);
    // Strides of one length would meet what repeats at that length again and again.
    let mut sample: Vec<T> =
        rows.chunks(step).enumerate().filter_map(|(n, it)| it.get((n * 0x9e37) % it.len()).copied()).collect();
    sample.sort_unstable_by(compare);
    sample.iter().skip(SAMPLED).step_by(SAMPLED).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{Limits, Stop};

    fn context() -> Context {
        Context::new(0, 0, Stop::default(), Limits::default())
    }

    fn sorted(keys: Vec<u64>) {
        let rows: Vec<(u64, u32)> = keys.into_iter().zip(0..).collect();
        let mut expected = rows.clone();
        expected.sort_unstable();
        assert!(sort(&context(), rows, Ord::cmp).unwrap() == expected);
    }

    #[test]
    fn many_rows_are_in_order_whatever_they_hold() {
        let n = 5 * PART as u64 + 7;
        sorted((0..n).collect());
        sorted((0..n).rev().collect());
        sorted((0..n).map(|it| it.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).collect());
        sorted((0..n).map(|it| it % 3).collect());
        sorted(vec![7; n as usize]);
        sorted((0..n).map(|it| if it % 64 == 0 { it } else { 0 }).collect());
    }

    #[test]
    fn no_part_is_much_larger_than_another() {
        let rows: Vec<(u64, u32)> = (0..10 * PART as u64).map(|it| (it % 7, it as u32)).collect();
        let bounds = bounds(&rows, &Ord::cmp);
        assert!((8..=11).contains(&bounds.len()), "{}", bounds.len());
        for pair in bounds.windows(2) {
            let inside = rows.iter().filter(|it| (pair[0]..pair[1]).contains(it)).count();
            assert!(inside < 2 * PART, "{inside}");
        }
    }

    #[test]
    fn a_sort_is_stopped() {
        let cx = context();
        cx.stop.cancel();
        assert_eq!(sort(&cx, (0..3 * PART).collect(), Ord::cmp), Err(Fault::Cancelled));
    }
}
