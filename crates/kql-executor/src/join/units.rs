//! Texts where they stand: of several arrays, each under a number.

use std::ops::Range;

/// Texts of which the place is found at once.
const HINT_BITS: u32 = 12;

/// Texts that stand in one array.
pub(super) struct Unit<'a> {
    pub(super) offsets: &'a [i64],
    pub(super) data: &'a [u8],
    /// The number of the first.
    pub(super) start: u32,
}

impl Unit<'_> {
    pub(super) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    #[inline]
    pub(super) fn text(&self, at: usize) -> &[u8] {
        match self.offsets.get(at..).unwrap_or(&[]) {
            [from, to, ..] => self.data.get(*from as usize..*to as usize).unwrap_or(&[]),
            _ => &[],
        }
    }
}

/// Arrays of texts, whose numbers go on from one to the next.
pub(super) struct Units<'a> {
    pub(super) all: Vec<Unit<'a>>,
    /// For each stretch of numbers the unit of the first.
    hints: Vec<u32>,
    n_texts: usize,
}

impl<'a> Units<'a> {
    pub(super) fn new(all: Vec<Unit<'a>>) -> Units<'a> {
        let n_texts = all.iter().map(Unit::len).sum();
        Units { hints: hints(&all, n_texts), all, n_texts }
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.n_texts
    }

    /// The text of a number; of one that there is not, "".
    #[inline]
    pub(super) fn text(&self, number: u32) -> &[u8] {
        self.known(number).unwrap_or(&[])
    }

    /// The text of a number, if there is one.
    #[inline]
    pub(super) fn known(&self, number: u32) -> Option<&[u8]> {
        let mut unit = *self.hints.get((number >> HINT_BITS) as usize)? as usize;
        while self.all.get(unit + 1).is_some_and(|it| it.start <= number) {
            unit += 1;
        }
        let unit = self.all.get(unit)?;
        let at = number.checked_sub(unit.start)? as usize;
        (at < unit.len()).then(|| unit.text(at))
    }

    /// Tells of each text of a range of numbers, in order.
    #[inline]
    pub(super) fn each(&self, range: Range<usize>, mut tell: impl FnMut(u32, &[u8])) {
        let first = self.all.partition_point(|it| it.start as usize + it.len() <= range.start);
        for unit in self.all.iter().skip(first) {
            let start = unit.start as usize;
            if start >= range.end {
                return;
            }
            let (from, to) = (range.start.saturating_sub(start), (range.end - start).min(unit.len()));
            for (at, ends) in (from..).zip(unit.offsets.get(from..=to).unwrap_or(&[]).windows(2)) {
                if let [from, to] = ends {
                    tell((start + at) as u32, unit.data.get(*from as usize..*to as usize).unwrap_or(&[]));
                }
            }
        }
    }
}

fn hints(units: &[Unit<'_>], n_texts: usize) -> Vec<u32> {
    let mut unit = 0;
    let first = |stretch: usize| {
        let number = stretch << HINT_BITS;
        while units.get(unit + 1).is_some_and(|it| it.start as usize <= number) {
            unit += 1;
        }
        unit as u32
    };
    (0..(n_texts >> HINT_BITS) + 1).map(first).collect()
}
