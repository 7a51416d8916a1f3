//! Geohash cells.

use super::shape::geo_json;
use kql_data::Dynamic;

crate::functions! {
    /// The geohash of a point, of 5 characters or so many as asked for, 1 to 18; "" when something is not valid.
    ///
    ///     geo_point_to_geohash(-80.195829, 25.802215, 8) => "dhwfz15h"
    ///     geo_point_to_geohash(200, 1, 8) => ""
    fn geo_point_to_geohash
        (longitude: real, latitude: real) -> string { encode(longitude, latitude, 5.0) }
        (longitude: real, latitude: real, accuracy: real) -> string { encode(longitude, latitude, accuracy) }

    /// The middle of a geohash cell.
    ///
    ///     geo_geohash_to_central_point("sunny").type => "Point"
    ///     geo_geohash_to_central_point("a") => dynamic(null)
    fn geo_geohash_to_central_point(geohash: string) -> dynamic {
        let cell = Cell::parse(geohash)?;
        let (west, south, east, north) = cell.bounds();
        Some(geo_json("Point", pair((west + east) / 2.0, (south + north) / 2.0)))
    }

    /// The rectangle of a geohash cell.
    ///
    ///     geo_geohash_to_polygon("dr5ru").coordinates[0][0] => dynamic([-74.00390625, 40.7373046875])
    fn geo_geohash_to_polygon(geohash: string) -> dynamic {
        let (west, south, east, north) = Cell::parse(geohash)?.bounds();
        let corners = [(west, south), (east, south), (east, north), (west, north), (west, south)];
        let ring = Dynamic::array(corners.into_iter().map(|(lng, lat)| pair(lng, lat)).collect());
        Some(geo_json("Polygon", Dynamic::array(vec![ring])))
    }

    /// The cells around a geohash cell.
    ///
    ///     geo_geohash_neighbors("sunny") => dynamic(["sunnv", "sunnt", "sunnw", "sunnx", "sunpp", "sunnz", "sunpn", "sunpj"])
    fn geo_geohash_neighbors(geohash: string) -> dynamic {
        Some(Dynamic::array(Cell::parse(geohash)?.neighbors().into_iter().map(Dynamic::string).collect()))
    }
}

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
const LENGTH_MAX: usize = 18;

fn pair(longitude: f64, latitude: f64) -> Dynamic {
    Dynamic::array(vec![Dynamic::Real(longitude), Dynamic::Real(latitude)])
}

/// A cell by its column and row, counted from the south-west corner of the map.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    column: u64,
    row: u64,
    length: usize,
}

impl Cell {
    /// Bits of longitude and of latitude.
    fn bits(length: usize) -> (u32, u32) {
        let bits = 5 * length as u32;
        (bits.div_ceil(2), bits / 2)
    }

    fn parse(text: &str) -> Option<Cell> {
        if text.is_empty() || text.len() > LENGTH_MAX {
            return None;
        }
        let (mut column, mut row, mut is_column) = (0u64, 0u64, true);
        for letter in text.bytes() {
            let value = LETTERS.iter().position(|it| *it == letter.to_ascii_lowercase())?;
            for bit in (0..5).rev() {
                let half = if is_column { &mut column } else { &mut row };
                *half = *half << 1 | (value as u64 >> bit & 1);
                is_column = !is_column;
            }
        }
        Some(Cell { column, row, length: text.len() })
    }

    fn text(self) -> String {
        let (column_bits, row_bits) = Cell::bits(self.length);
        let (mut columns_left, mut rows_left, mut is_column) = (column_bits, row_bits, true);
        let mut letter = || {
            let mut value = 0usize;
            for _ in 0..5 {
                let (half, left) =
                    if is_column { (self.column, &mut columns_left) } else { (self.row, &mut rows_left) };
                *left = left.saturating_sub(1);
                value = value << 1 | (half >> *left & 1) as usize;
                is_column = !is_column;
            }
            LETTERS.get(value).map_or('0', |it| char::from(*it))
        };
        (0..self.length).map(|_| letter()).collect()
    }

    /// West, south, east and north in degrees.
    fn bounds(self) -> (f64, f64, f64, f64) {
        let (column_bits, row_bits) = Cell::bits(self.length);
        let width = 360.0 / (column_bits as f64).exp2();
        let height = 180.0 / (row_bits as f64).exp2();
        let longitude = |column: u64| column as f64 * width - 180.0;
        let latitude = |row: u64| row as f64 * height - 90.0;
        (longitude(self.column), latitude(self.row), longitude(self.column + 1), latitude(self.row + 1))
    }

    /// The eight around, in the reference's order; none lies beyond a pole.
    fn neighbors(self) -> Vec<String> {
        let (column_bits, row_bits) = Cell::bits(self.length);
        let (columns, rows) = (1i64 << column_bits, 1i64 << row_bits);
        let steps = [(-1, 0), (-1, -1), (0, -1), (1, -1), (1, 1), (1, 0), (0, 1), (-1, 1)];
        let mut found = Vec::with_capacity(8);
        for (east, north) in steps {
            let row = self.row as i64 + north;
            let column = (self.column as i64 + east).rem_euclid(columns);
            if (0..rows).contains(&row) {
                found.push(Cell { column: column as u64, row: row as u64, ..self }.text());
            }
        }
        found
    }
}

fn encode(longitude: f64, latitude: f64, accuracy: f64) -> Option<String> {
    let is_valid = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
    if !is_valid || !(1.0..=LENGTH_MAX as f64).contains(&accuracy) {
        return None;
    }
    let length = accuracy as usize;
    let (column_bits, row_bits) = Cell::bits(length);
    let index = |fraction: f64, bits: u32| ((fraction * f64::from(bits).exp2()) as u64).min((1u64 << bits) - 1);
    let column = index((longitude + 180.0) / 360.0, column_bits);
    Some(Cell { column, row: index((latitude + 90.0) / 180.0, row_bits), length }.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        assert_eq!(encode(-80.195829, 25.802215, 8.0).as_deref(), Some("dhwfz15h"));
        assert_eq!(Cell::parse("sunny").map(Cell::text).as_deref(), Some("sunny"));
        assert_eq!(Cell::parse("a"), None);
        assert_eq!(Cell::parse(&"z".repeat(18)).map(Cell::text), Some("z".repeat(18)));
        assert_eq!(encode(180.0, 90.0, 18.0), Some("z".repeat(18)));
        let neighbors = ["sunnv", "sunnt", "sunnw", "sunnx", "sunpp", "sunnz", "sunpn", "sunpj"];
        assert_eq!(Cell::parse("sunny").unwrap().neighbors(), neighbors);
        let bounds = Cell::parse("dr5ru").unwrap().bounds();
        assert_eq!(bounds, (-74.00390625, 40.7373046875, -73.9599609375, 40.78125));
    }
}
