//! S2 cells of points, and what lies around them.

use super::{
    s2cell::{Cell, LEVEL_MAX},
    shape::{Polygon, Ring, point_json, polygons_json},
    sphere::Vector,
};
use kql_data::Dynamic;

crate::functions! {
    /// The token of the S2 cell around a point, of level 11 or the one asked for, 0 to 30; "" when something is not
    /// valid.
    ///
    ///     geo_point_to_s2cell(-80.195829, 25.802215, 8) => "88d9b"
    ///     geo_point_to_s2cell(300, 1, 8) => ""
    fn geo_point_to_s2cell
        (longitude: real, latitude: real) -> string { token(longitude, latitude, 11.0) }
        (longitude: real, latitude: real, level: real) -> string { token(longitude, latitude, level) }

    /// The middle of an S2 cell.
    ///
    ///     geo_s2cell_to_central_point("1234567").type => "Point"
    ///     geo_s2cell_to_central_point("a") => dynamic(null)
    fn geo_s2cell_to_central_point(s2cell: string) -> dynamic { Some(point_json(Cell::parse(s2cell)?.center())) }

    /// The four-sided polygon of an S2 cell.
    ///
    ///     array_length(geo_s2cell_to_polygon("89c259").coordinates[0]) => 5
    fn geo_s2cell_to_polygon(s2cell: string) -> dynamic {
        polygons_json(&[Polygon(vec![Ring(Cell::parse(s2cell)?.corners().to_vec())])])
    }

    /// The S2 cells of the same level around a cell.
    ///
    ///     array_length(geo_s2cell_neighbors("89c259")) => 8
    fn geo_s2cell_neighbors(s2cell: string) -> dynamic {
        let neighbors = Cell::parse(s2cell)?.neighbors();
        Some(Dynamic::array(neighbors.into_iter().map(|it| Dynamic::string(it.token())).collect()))
    }
}

/// A level from 0 to 30.
pub(crate) fn level_of(level: f64) -> Option<u32> {
    (0.0..=f64::from(LEVEL_MAX)).contains(&level).then_some(level as u32)
}

fn token(longitude: f64, latitude: f64, level: f64) -> Option<String> {
    Some(Cell::at(Vector::at(longitude, latitude)?, level_of(level)?).token())
}
