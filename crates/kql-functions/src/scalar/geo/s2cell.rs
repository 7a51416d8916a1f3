//! Cells of S2: the sphere on the six faces of a cube, each divided into quarters up to 30 times along a Hilbert curve.

use super::sphere::Vector;

/// Finest level.
pub(crate) const LEVEL_MAX: u32 = 30;
const SIZE_MAX: i64 = 1 << LEVEL_MAX;

/// For each orientation the quarter (2 i + j) at a place of the curve.
const PLACE_TO_QUARTER: [[u64; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
/// What a place of the curve does to the orientation.
const PLACE_TO_ORIENTATION: [usize; 4] = [1, 0, 0, 3];

/// A cell: face, place on the curve, and a 1 that marks where the bits end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell(pub(crate) u64);

/// A point on a face: its face and two coordinates from -1 to 1.
fn face_uv(point: Vector) -> (u64, f64, f64) {
    let Vector { x, y, z } = point;
    let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
    if ax > ay && ax > az {
        if x > 0.0 { (0, y / x, z / x) } else { (3, z / x, y / x) }
    } else if ay > az {
        if y > 0.0 { (1, -x / y, z / y) } else { (4, z / y, -x / y) }
    } else if z > 0.0 {
        (2, -x / z, -y / z)
    } else {
        (5, -y / z, -x / z)
    }
}

fn face_point(face: u64, u: f64, v: f64) -> Vector {
    match face {
        0 => Vector::new(1.0, u, v),
        1 => Vector::new(-u, 1.0, v),
        2 => Vector::new(-u, -v, 1.0),
        3 => Vector::new(-1.0, -v, -u),
        4 => Vector::new(v, -1.0, -u),
        _ => Vector::new(v, u, -1.0),
    }
}

/// The quadratic projection that makes cells more alike in size.
fn st_of_uv(u: f64) -> f64 {
    if u >= 0.0 { 0.5 * (1.0 + 3.0 * u).sqrt() } else { 1.0 - 0.5 * (1.0 - 3.0 * u).sqrt() }
}

fn uv_of_st(s: f64) -> f64 {
    if s >= 0.5 { (4.0 * s * s - 1.0) / 3.0 } else { (1.0 - 4.0 * (1.0 - s) * (1.0 - s)) / 3.0 }
}

fn index_of_st(s: f64) -> i64 {
    ((s * SIZE_MAX as f64).floor() as i64).clamp(0, SIZE_MAX - 1)
}

impl Cell {
    /// The cell of that level around a point.
    pub(crate) fn at(point: Vector, level: u32) -> Cell {
        let (face, u, v) = face_uv(point);
        Cell::of_indices(face, index_of_st(st_of_uv(u)), index_of_st(st_of_uv(v))).parent(level)
    }

    /// The finest cell at column `i` and row `j` of a face.
    fn of_indices(face: u64, i: i64, j: i64) -> Cell {
        let (mut place, mut orientation) = (0u64, (face & 1) as usize);
        for bit in (0..LEVEL_MAX).rev() {
            let quarter = ((i >> bit & 1) << 1 | (j >> bit & 1)) as u64;
            let row = PLACE_TO_QUARTER.get(orientation).copied().unwrap_or_default();
            let step = row.iter().position(|it| *it == quarter).unwrap_or(0);
            place = place << 2 | step as u64;
            orientation ^= PLACE_TO_ORIENTATION.get(step).copied().unwrap_or(0);
        }
        Cell(face << 61 | place << 1 | 1)
    }

    /// Reads a token: hexadecimal digits without the zeros at the end.
    pub(crate) fn parse(token: &str) -> Option<Cell> {
        if token.is_empty() || token.len() > 16 || !token.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        let id = u64::from_str_radix(token, 16).ok()? << (4 * (16 - token.len() as u32));
        let lowest = id & id.wrapping_neg();
        (id >> 61 < 6 && lowest & 0x1555_5555_5555_5555 != 0).then_some(Cell(id))
    }

    /// Its token.
    pub(crate) fn token(self) -> String {
        format!("{:016x}", self.0).trim_end_matches('0').to_owned()
    }

    /// 0 for a whole face, 30 for the finest.
    pub(crate) fn level(self) -> u32 {
        LEVEL_MAX - self.0.trailing_zeros().min(60) / 2
    }

    /// The cell of a coarser level around it.
    pub(crate) fn parent(self, level: u32) -> Cell {
        let lowest = 1u64 << (2 * (LEVEL_MAX - level.min(LEVEL_MAX)));
        Cell(self.0 & lowest.wrapping_neg() | lowest)
    }

    /// The four cells of the next finer level; itself, where there is none.
    pub(crate) fn children(self) -> [Cell; 4] {
        let lowest = self.0 & self.0.wrapping_neg();
        let quarter = lowest >> 2;
        if quarter == 0 {
            return [self; 4];
        }
        let first = self.0 - lowest + quarter;
        [0, 1, 2, 3].map(|it| Cell(first + it * 2 * quarter))
    }

    /// Face, column, row and how many columns and rows of the finest cells it spans.
    fn indices(self) -> (u64, i64, i64, i64) {
        let (face, level) = (self.0 >> 61, self.level());
        let (mut i, mut j, mut orientation) = (0i64, 0i64, (face & 1) as usize);
        for step in 0..level {
            let place = (self.0 >> (59 - 2 * step) & 3) as usize;
            let quarter = PLACE_TO_QUARTER.get(orientation).and_then(|it| it.get(place)).copied().unwrap_or(0);
            i = i << 1 | (quarter >> 1) as i64;
            j = j << 1 | (quarter & 1) as i64;
            orientation ^= PLACE_TO_ORIENTATION.get(place).copied().unwrap_or(0);
        }
        let left = LEVEL_MAX - level;
        (face, i << left, j << left, 1 << left)
    }

    fn point(face: u64, i: f64, j: f64) -> Vector {
        let size = SIZE_MAX as f64;
        face_point(face, uv_of_st(i / size), uv_of_st(j / size)).unit()
    }

    /// Its middle.
    pub(crate) fn center(self) -> Vector {
        let (face, i, j, size) = self.indices();
        let half = size as f64 / 2.0;
        Cell::point(face, i as f64 + half, j as f64 + half)
    }

    /// Its corners, counter-clockwise.
    pub(crate) fn corners(self) -> [Vector; 4] {
        let (face, i, j, size) = self.indices();
        [(0, 0), (size, 0), (size, size), (0, size)].map(|(di, dj)| Cell::point(face, (i + di) as f64, (j + dj) as f64))
    }

    /// The cells of the same level around it, those at its corners too. At a corner of the cube one comes twice and is
    /// given once.
    pub(crate) fn neighbors(self) -> Vec<Cell> {
        let (face, i, j, size) = self.indices();
        let level = self.level();
        let steps = [(1, 1), (1, 0), (-1, 0), (0, -1), (-1, 1), (1, -1), (0, 1), (-1, -1)];
        let mut found: Vec<Cell> = Vec::with_capacity(8);
        for (di, dj) in steps {
            let (i, j) = (edge(i, di, size), edge(j, dj, size));
            let cell = if (0..SIZE_MAX).contains(&i) && (0..SIZE_MAX).contains(&j) {
                Cell::of_indices(face, i, j)
            } else {
                wrapped(face, i, j)
            };
            let cell = cell.parent(level);
            if cell != self && !found.contains(&cell) {
                found.push(cell);
            }
        }
        found
    }
}

/// An index within the cell a step further.
fn edge(index: i64, step: i64, size: i64) -> i64 {
    match step {
        -1 => index - 1,
        1 => index + size,
        _ => index,
    }
}

/// The finest cell just beyond the edge of a face.
fn wrapped(face: u64, i: i64, j: i64) -> Cell {
    let limit = 1.0 + f64::EPSILON;
    let coordinate = |index: i64| {
        let index = index.clamp(-1, SIZE_MAX);
        ((2 * (index - SIZE_MAX / 2) + 1) as f64 / SIZE_MAX as f64).clamp(-limit, limit)
    };
    let (face, u, v) = face_uv(face_point(face, coordinate(i), coordinate(j)));
    Cell::of_indices(face, index_of_st(0.5 * (u + 1.0)), index_of_st(0.5 * (v + 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_by_point_and_token() {
        let cell = Cell::at(Vector::at_degrees(-80.195829, 25.802215), 8);
        assert_eq!(cell.token(), "88d9b");
        assert_eq!(Cell::parse("88d9b"), Some(cell));
        assert_eq!(cell.level(), 8);
        for wrong in ["", "a", "X", "zz", "0", "88d9b000000000000", "-1"] {
            assert_eq!(Cell::parse(wrong), None, "{wrong}");
        }
        let center = Cell::parse("1234567").unwrap().center().degrees();
        assert!((center.0 - 9.86830731850408).abs() < 1e-12 && (center.1 - 27.468392925827605).abs() < 1e-12);
        for level in 0..=LEVEL_MAX {
            let cell = Cell::at(Vector::at_degrees(12.5, -48.0), level);
            assert_eq!(Cell::at(cell.center(), level), cell);
            assert_eq!(Cell::parse(&cell.token()), Some(cell));
        }
    }

    #[test]
    fn neighbors() {
        let tokens = |token: &str| {
            let mut tokens: Vec<String> = Cell::parse(token).unwrap().neighbors().iter().map(|it| it.token()).collect();
            tokens.sort();
            tokens
        };
        assert_eq!(tokens("89c259"), ["89c251", "89c257", "89c25b", "89c25d", "89c25f", "89c2f5", "89c2f7", "89c2f9"]);
        assert_eq!(tokens("1").len(), 4, "a whole face");
    }
}
