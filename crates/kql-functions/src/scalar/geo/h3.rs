//! H3 cells: hexagons in 16 resolutions.

use super::{
    shape::{Polygon, Ring, point_json, polygons_json},
    sphere::Vector,
};
use h3o::{CellIndex, LatLng, Resolution};
use kql_data::Dynamic;

crate::functions! {
    /// The H3 cell around a point, of resolution 6 or the one asked for, 0 to 15; "" when something is not valid.
    ///
    ///     geo_point_to_h3cell(-74.04450446039874, 40.689250859314974, 6) => "862a1072fffffff"
    ///     geo_point_to_h3cell(1, 1, 16) => ""
    fn geo_point_to_h3cell
        (longitude: real, latitude: real) -> string { cell_at(longitude, latitude, 6.0) }
        (longitude: real, latitude: real, resolution: real) -> string { cell_at(longitude, latitude, resolution) }

    /// The middle of an H3 cell.
    ///
    ///     geo_h3cell_to_central_point("862a1072fffffff").type => "Point"
    ///     geo_h3cell_to_central_point("1") => dynamic(null)
    fn geo_h3cell_to_central_point(h3cell: string) -> dynamic { Some(point_json(point(LatLng::from(parse(h3cell)?)))) }

    /// The polygon of an H3 cell.
    ///
    ///     array_length(geo_h3cell_to_polygon("862a1072fffffff").coordinates[0]) => 7
    fn geo_h3cell_to_polygon(h3cell: string) -> dynamic {
        let boundary = parse(h3cell)?.boundary();
        polygons_json(&[Polygon(vec![Ring(boundary.iter().map(|it| point(*it)).collect())])])
    }

    /// Resolution of an H3 cell, 0 to 15.
    ///
    ///     geo_h3cell_level("862a1072fffffff") => int(6)
    ///     geo_h3cell_level("abc") => int(null)
    fn geo_h3cell_level(h3cell: string) -> int { parse(h3cell).map(|it| i32::from(u8::from(it.resolution()))) }

    /// The H3 cell of a coarser resolution, or of the next, around a cell; "" when there is none.
    ///
    ///     geo_h3cell_parent("862a1072fffffff") => "852a1073fffffff"
    ///     geo_h3cell_parent("862a1072fffffff", 15) => ""
    fn geo_h3cell_parent
        (h3cell: string) -> string {
            let cell = parse(h3cell)?;
            parent(cell, f64::from(u8::from(cell.resolution())) - 1.0)
        }
        (h3cell: string, resolution: real) -> string { parent(parse(h3cell)?, resolution) }

    /// The H3 cells inside a cell, of the next finer resolution or the one asked for, at most five finer.
    ///
    ///     array_length(geo_h3cell_children("862a1072fffffff")) => 7
    ///     array_length(geo_h3cell_children("862a1072fffffff", 9)) => 343
    fn geo_h3cell_children
        (h3cell: string) -> dynamic {
            let cell = parse(h3cell)?;
            children(cell, f64::from(u8::from(cell.resolution())) + 1.0)
        }
        (h3cell: string, resolution: real) -> dynamic { children(parse(h3cell)?, resolution) }

    /// The H3 cells around a cell.
    ///
    ///     array_length(geo_h3cell_neighbors("862a1072fffffff")) => 6
    fn geo_h3cell_neighbors(h3cell: string) -> dynamic { Some(neighbors(parse(h3cell)?)) }

    /// The H3 cells around a cell in rings, the cell itself first, up to a distance of 0 to 142.
    ///
    ///     geo_h3cell_rings("861f8894fffffff", 1)[0] => dynamic(["861f8894fffffff"])
    fn geo_h3cell_rings(h3cell: string, distance: real) -> dynamic { rings(parse(h3cell)?, distance) }
}

fn parse(token: &str) -> Option<CellIndex> {
    if token.len() > 16 || token.starts_with('+') {
        return None;
    }
    CellIndex::try_from(u64::from_str_radix(token, 16).ok()?).ok()
}

fn text(cell: CellIndex) -> Dynamic {
    Dynamic::string(cell.to_string())
}

fn point(at: LatLng) -> Vector {
    Vector::at_degrees(at.lng(), at.lat())
}

/// A resolution from 0 to 15.
pub(crate) fn resolution_of(resolution: f64) -> Option<Resolution> {
    (0.0..=15.0).contains(&resolution).then_some(resolution as u8).and_then(|it| Resolution::try_from(it).ok())
}

fn cell_at(longitude: f64, latitude: f64, resolution: f64) -> Option<String> {
    _ = Vector::at(longitude, latitude)?;
    let resolution = resolution_of(resolution)?;
    Some(LatLng::new(latitude, longitude).ok()?.to_cell(resolution).to_string())
}

fn parent(cell: CellIndex, resolution: f64) -> Option<String> {
    cell.parent(resolution_of(resolution)?).map(|it| it.to_string())
}

/// How much finer children may be: five levels are 16,807 cells.
const LEVELS_MAX: u8 = 5;

fn children(cell: CellIndex, resolution: f64) -> Option<Dynamic> {
    let resolution = resolution_of(resolution)?;
    let levels = u8::from(resolution).checked_sub(u8::from(cell.resolution()))?;
    (levels <= LEVELS_MAX).then(|| Dynamic::array(cell.children(resolution).map(text).collect()))
}

const DISTANCE_MAX: f64 = 142.0;

fn rings(cell: CellIndex, distance: f64) -> Option<Dynamic> {
    if !(0.0..=DISTANCE_MAX).contains(&distance) {
        return None;
    }
    let rings = (0..=distance as u32).map(|it| Dynamic::array(ring(cell, it).into_iter().map(text).collect()));
    Some(Dynamic::array(rings.collect()))
}

/// The cells at a distance, walking around; near one of the twelve pentagons, where no walk closes, in any order.
fn ring(cell: CellIndex, distance: u32) -> Vec<CellIndex> {
    match cell.grid_ring_fast(distance).collect::<Option<Vec<_>>>() {
        Some(mut ring) => {
            ring.rotate_left(usize::from(distance > 0));
            ring
        }
        None => {
            let disk = cell.grid_disk_distances::<Vec<(CellIndex, u32)>>(distance);
            disk.into_iter().filter(|(_, at)| *at == distance).map(|(cell, _)| cell).collect()
        }
    }
}

/// The cells around a cell, in the reference's order: back around the ring, but the fourth first.
fn neighbors(cell: CellIndex) -> Dynamic {
    let disk = cell.grid_disk_distances::<Vec<(CellIndex, u32)>>(1);
    let mut around: Vec<CellIndex> = disk.into_iter().filter(|(_, at)| *at == 1).map(|(cell, _)| cell).collect();
    around.reverse();
    if let Some(first) = around.get_mut(..3) {
        first.rotate_right(1);
    }
    Dynamic::array(around.into_iter().map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        assert_eq!(cell_at(-74.04450446039874, 40.689250859314974, 6.0).as_deref(), Some("862a1072fffffff"));
        for wrong in ["abc", "123", "@", "", "+862a1072fffffff", "ffffffffffffffff"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let cell = parse("862a1072fffffff").unwrap();
        assert_eq!(parent(cell, 100.0), None);
        assert_eq!(parent(cell, 15.0), None);
        assert_eq!(children(cell, 12.0), None);
        assert_eq!(children(cell, 5.0), None);
        let center = point(LatLng::from(cell)).degrees();
        assert!((center.0 + 74.01600847979243).abs() < 1e-10 && (center.1 - 40.704167908350385).abs() < 1e-10);
    }

    #[test]
    fn cells_around_are_in_order() {
        let around = neighbors(parse("862a1072fffffff").unwrap()).json();
        assert_eq!(
            around,
            r#"["862a10777ffffff","862a100d7ffffff","862a100dfffffff","862a1070fffffff","862a10707ffffff","862a10727ffffff"]"#
        );
        let rings = rings(parse("861f8894fffffff").unwrap(), 1.0).unwrap().json();
        let ring = r#"["861f88947ffffff","861f8895fffffff","861f88867ffffff","861f8d497ffffff","861f8d4b7ffffff","861f8896fffffff"]"#;
        assert_eq!(rings, format!(r#"[["861f8894fffffff"],{ring}]"#));
        let pentagon = parse("821c07fffffffff").unwrap();
        assert_eq!(neighbors(pentagon).as_array().map(<[Dynamic]>::len), Some(5));
        assert_eq!(ring_len(pentagon, 2), 10);
    }

    fn ring_len(cell: CellIndex, distance: u32) -> usize {
        ring(cell, distance).len()
    }
}
