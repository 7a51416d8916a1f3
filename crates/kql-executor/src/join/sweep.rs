//! How many right rows of each key are before a time, while both sides come in its order: two places go through the right
//! rows once, one for each end of the window, and count by key what they pass. Nothing is sorted or searched.

/// Steps that a left row may take. Rows that come nearly in order go back a little.
const STEPS: usize = 8;
/// Times that all right rows may be passed beside.
const ROUNDS: usize = 4;

/// The two places, and what they have passed.
pub(super) struct Sweep {
    low: usize,
    high: usize,
    /// By key the rows before each place.
    passed: Vec<[u32; 2]>,
    /// Steps that are left; left rows in another order would soon take them all.
    fuel: usize,
}

/// The right rows: the time of each, which rise, and its key.
#[derive(Clone, Copy)]
pub(super) struct Rising<'a> {
    pub(super) ticks: &'a [i64],
    pub(super) numbers: &'a [u32],
}

impl Sweep {
    pub(super) fn new(n_keys: usize, n_rows: usize) -> Sweep {
        Sweep { low: 0, high: 0, passed: vec![[0; 2]; n_keys], fuel: n_rows.saturating_mul(ROUNDS) }
    }

    /// Of the right rows of a key how many are before the bounds, and how many not after them. `None` once so many steps were
    /// taken that the rows cannot be in order.
    #[inline]
    pub(super) fn find(&mut self, rows: Rising<'_>, number: u32, (low, high): (i64, i64)) -> Option<(usize, usize)> {
        if low > high {
            return Some((0, 0));
        }
        self.fuel += STEPS;
        let n_low = step::<0>(rows, &mut self.low, &mut self.passed, |it| it < low);
        let n_high = step::<1>(rows, &mut self.high, &mut self.passed, |it| it <= high);
        self.fuel = self.fuel.checked_sub(n_low + n_high)?;
        let [before, until] = self.passed.get(number as usize).copied().unwrap_or_default();
        Some((before as usize, until as usize))
    }
}

/// Moves a place behind the last row that is before something. Gives the rows it passed.
#[inline]
fn step<const END: usize>(
    rows: Rising<'_>,
    place: &mut usize,
    passed: &mut [[u32; 2]],
    is_before: impl Fn(i64) -> bool,
) -> usize {
    let start = *place;
    let mut count = |at: usize, by: u32| {
        let number = rows.numbers.get(at).map_or(usize::MAX, |it| *it as usize);
        if let Some(it) = passed.get_mut(number).and_then(|it| it.get_mut(END)) {
            *it = it.wrapping_add(by);
        }
    };
    while rows.ticks.get(*place).is_some_and(|it| is_before(*it)) {
        count(*place, 1);
        *place += 1;
    }
    if *place > start {
        return *place - start;
    }
    while let Some(before) = place.checked_sub(1)
        && rows.ticks.get(before).is_some_and(|it| !is_before(*it))
    {
        // One less.
        count(before, u32::MAX);
        *place = before;
    }
    start - *place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_counts_what_a_loop_counts_forwards_and_back() {
        let ticks: Vec<i64> = (0..300).map(|it| it / 4 * 3).collect();
        let numbers: Vec<u32> = (0..300).map(|it| if it % 11 == 0 { u32::MAX } else { it * 7 % 5 }).collect();
        let rows = Rising { ticks: &ticks, numbers: &numbers };
        let mut sweep = Sweep::new(5, ticks.len());
        for at in 0..300_i64 {
            // Nearly in order, with bounds that nothing fits, and ends beyond all.
            let low = if at % 50 == 49 { i64::MIN } else { at - (at * 7) % 13 };
            let high = if at % 60 == 59 { i64::MAX } else { low.saturating_add(20 - at % 30) };
            for number in 0..6 {
                let count = |is_before: &dyn Fn(i64) -> bool| {
                    ticks.iter().zip(&numbers).filter(|it| *it.1 == number && is_before(*it.0)).count()
                };
                sweep.fuel += 1_000;
                let found = sweep.find(rows, number, (low, high)).unwrap();
                let expected = if low > high { (0, 0) } else { (count(&|it| it < low), count(&|it| it <= high)) };
                assert_eq!(found, expected, "{low} {high} {number}");
            }
        }
    }

    #[test]
    fn rows_in_no_order_are_given_up_soon() {
        let ticks: Vec<i64> = (0..10_000).collect();
        let numbers = vec![0; ticks.len()];
        let rows = Rising { ticks: &ticks, numbers: &numbers };
        let mut sweep = Sweep::new(1, ticks.len());
        let n_found = (0..1_000).take_while(|at| sweep.find(rows, 0, ((at % 2) * 9_000, 9_000)).is_some()).count();
        assert!(n_found < 10, "{n_found}");
        let mut sweep = Sweep::new(1, ticks.len());
        assert!((0..20_000).all(|at| sweep.find(rows, 0, (at / 2, at / 2 + 50)).is_some()));
    }
}
