//! Lines: length, middle, points on them, distance.

use super::{
    points::spheroid_distance,
    shape::{Lines, point_json},
    sphere::{EARTH_RADIUS, Vector, arc_centroid, closest_on_arc, interpolated},
};

crate::functions! {
    /// Metres of a line, or of the union of several.
    ///
    ///     round(geo_line_length(dynamic({"type": "LineString", "coordinates": [[0, 0], [0, 1]]})), 3) => 111195.101
    ///     geo_line_length(dynamic({"type": "LineString", "coordinates": [[1, 1]]})) => real(null)
    fn geo_line_length(line_string: lines) -> real {
        Some(measured_edges(&line_string).iter().map(|(a, b)| a.angle(*b)).sum::<f64>() * EARTH_RADIUS)
    }

    /// The middle of a line, or of the union of several.
    ///
    ///     geo_line_centroid(dynamic({"type": "LineString", "coordinates": [[1, 1]]})) => dynamic(null)
    fn geo_line_centroid(line_string: lines) -> dynamic {
        let zero = Vector::new(0.0, 0.0, 0.0);
        let sum = measured_edges(&line_string).iter().fold(zero, |sum, (a, b)| sum.plus(arc_centroid(*a, *b)));
        (sum.norm() > 0.0).then(|| point_json(sum.unit()))
    }

    /// The point of a line at a fraction of its length, from 0 to 1.
    ///
    ///     geo_line_interpolate_point(dynamic({"type": "LineString", "coordinates": [[0, 0], [0, 2]]}), 2) => dynamic(null)
    fn geo_line_interpolate_point(line_string: lines, fraction: real) -> dynamic {
        point_at(line_string.only()?, fraction).map(point_json)
    }

    /// The fraction of a line's length, from 0 to 1, at which it comes closest to a point.
    ///
    ///     geo_line_locate_point(dynamic({"type": "LineString", "coordinates": [[0, 0], [0, 2]]}), 0, 3) => 1.0
    fn geo_line_locate_point
        (line_string: lines, longitude: real, latitude: real) -> real {
            fraction_at(line_string.only()?, Vector::at(longitude, latitude)?, false)
        }
        (line_string: lines, longitude: real, latitude: real, use_spheroid: bool) -> real {
            fraction_at(line_string.only()?, Vector::at(longitude, latitude)?, use_spheroid)
        }
        (line_string: lines, longitude: real, latitude: real, use_spheroid: real) -> real {
            fraction_at(line_string.only()?, Vector::at(longitude, latitude)?, use_spheroid != 0.0)
        }

    /// The point of a line, or of several, that is closest to a point.
    ///
    ///     geo_closest_point_on_line(1, 1, dynamic({"type": "LineString"})) => dynamic(null)
    fn geo_closest_point_on_line(longitude: real, latitude: real, line_string: lines) -> dynamic {
        let point = Vector::at(longitude, latitude)?;
        closest_of(point, line_string.edges()).map(point_json)
    }

    /// Metres from a point to a line, or to the closest of several.
    ///
    ///     geo_distance_point_to_line(0, 3, dynamic({"type": "LineString", "coordinates": [[-1, 3], [1, 3]]})) < 60 => true
    fn geo_distance_point_to_line(longitude: real, latitude: real, line_string: lines) -> real {
        let point = Vector::at(longitude, latitude)?;
        closest_of(point, line_string.edges()).map(|it| it.angle(point) * EARTH_RADIUS)
    }
}

/// The point of some arcs that is closest to a point.
pub(crate) fn closest_of(point: Vector, edges: impl Iterator<Item = (Vector, Vector)>) -> Option<Vector> {
    let closest = edges.map(|(a, b)| closest_on_arc(point, a, b));
    let distance = |it: &Vector| it.minus(point).norm();
    closest.min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// The edges that count towards a measure: all of a single line, which may run over its own edges again, and those of the
/// union of several lines.
fn measured_edges(lines: &Lines) -> Vec<(Vector, Vector)> {
    if lines.only().is_some() { lines.edges().collect() } else { distinct_edges(lines) }
}

/// The edges of lines; one that several lines share, in either direction, once.
pub(crate) fn distinct_edges(lines: &Lines) -> Vec<(Vector, Vector)> {
    let key = |it: Vector| [it.x.to_bits(), it.y.to_bits(), it.z.to_bits()];
    let mut known = kql_data::Set::default();
    let is_new = |(a, b): &(Vector, Vector)| {
        let (a, b) = (key(*a), key(*b));
        known.insert(if a < b { (a, b) } else { (b, a) })
    };
    lines.edges().filter(is_new).collect()
}

fn length(line: &[Vector]) -> f64 {
    line.iter().zip(line.iter().skip(1)).map(|(a, b)| a.angle(*b)).sum()
}

fn point_at(line: &[Vector], fraction: f64) -> Option<Vector> {
    if !(0.0..=1.0).contains(&fraction) {
        return None;
    }
    let mut left = length(line) * fraction;
    for (a, b) in line.iter().zip(line.iter().skip(1)) {
        let edge = a.angle(*b);
        if left <= edge {
            return Some(interpolated(*a, *b, left / edge));
        }
        left -= edge;
    }
    line.last().copied()
}

fn fraction_at(line: &[Vector], point: Vector, use_spheroid: bool) -> Option<f64> {
    let measure = |a: Vector, b: Vector| {
        if use_spheroid { spheroid_distance(a.degrees(), b.degrees()) } else { a.angle(b) }
    };
    let (mut done, mut best) = (0.0, (f64::INFINITY, 0.0));
    for (a, b) in line.iter().zip(line.iter().skip(1)) {
        let closest = closest_on_arc(point, *a, *b);
        let distance = closest.minus(point).norm();
        if distance < best.0 {
            best = (distance, done + measure(*a, closest));
        }
        done += measure(*a, *b);
    }
    (done > 0.0).then(|| (best.1 / done).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::geo::shape::tests::shape;

    fn line(coordinates: &str) -> Vec<Vector> {
        Lines::read(&shape("LineString", coordinates)).unwrap().0.remove(0)
    }

    fn is_at(point: Option<Vector>, lng: f64, lat: f64) -> bool {
        point.is_some_and(|it| (it.degrees().0 - lng).abs() < 1e-9 && (it.degrees().1 - lat).abs() < 1e-9)
    }

    #[test]
    fn points_on_a_line() {
        let park = line(
            "[[-73.95807266235352,40.800426144169315],[-73.94966125488281,40.79691751000055],[-73.97317886352539,40.764486356930334],[-73.98210525512695,40.76786669510221],[-73.96004676818848,40.7980870753293]]",
        );
        assert!(is_at(point_at(&park, 0.9), -73.96556545832799, 40.79052937973534));
        let road = line("[[-73.95796,40.80042],[-73.97317,40.764486]]");
        let fraction = fraction_at(&road, Vector::at_degrees(-73.965, 40.792), false).unwrap();
        assert!((fraction - 0.2556013510030755).abs() < 1e-9);
        assert!(point_at(&road, 1.1).is_none());
        assert!(is_at(point_at(&road, 1.0), -73.97317, 40.764486));
    }

    #[test]
    fn the_closest_point() {
        let line = line("[[-115.183289,36.175007],[-115.192612,36.176736],[-115.202485,36.173439]]");
        let closest = closest_of(Vector::at_degrees(-115.199625, 36.210419), Lines(vec![line]).edges());
        assert!(is_at(closest, -115.192612, 36.176736));
    }

    #[test]
    fn shared_edges_count_once() {
        let lines = Lines::read(&shape("MultiLineString", "[[[0,0],[0,1]],[[0,1],[0,0]],[[0,1],[0,2]]]")).unwrap();
        assert_eq!(distinct_edges(&lines).len(), 2);
    }
}
