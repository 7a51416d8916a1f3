//! What lies within a distance of points, lines and polygons.

use super::{
    overlay::union,
    shape::{Lines, Polygon, Ring, polygons_json},
    sphere::{EARTH_RADIUS, Vector, normal},
};
use kql_data::{Context, Dynamic, Fault};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

crate::functions! {
    /// The polygon around all points within a radius in metres of a point. It reaches no farther out than the tolerance
    /// in metres, 10 unless given.
    ///
    ///     geo_point_buffer(-115, 36, 100).type => "Polygon"
    ///     geo_point_buffer(10, 10, -1) => dynamic(null)
    fn geo_point_buffer
        (longitude: real, latitude: real, radius: real) -> dynamic {
            around_point(Vector::at(longitude, latitude)?, Reach::new(radius, 10.0)?)
        }
        (longitude: real, latitude: real, radius: real, tolerance: real) -> dynamic {
            around_point(Vector::at(longitude, latitude)?, Reach::new(radius, tolerance)?)
        }

    /// The polygons around all points within a radius in metres of a line; see `geo_point_buffer`.
    ///
    ///     geo_line_buffer(dynamic({"type": "LineString"}), 5) => dynamic(null)
    fn geo_line_buffer
        (line_string: lines, radius: real) -> dynamic |cx| { around_lines(cx, &line_string, radius, 10.0) }
        (line_string: lines, radius: real, tolerance: real) -> dynamic |cx| {
            around_lines(cx, &line_string, radius, tolerance)
        }

    /// The polygons around all points within a radius in metres of a polygon; see `geo_point_buffer`.
    ///
    ///     geo_polygon_buffer(dynamic({"type": "p"}), 1) => dynamic(null)
    fn geo_polygon_buffer
        (polygon: area, radius: real) -> dynamic |cx| { around_polygons(cx, &polygon.polygons, radius, 10.0) }
        (polygon: area, radius: real, tolerance: real) -> dynamic |cx| {
            around_polygons(cx, &polygon.polygons, radius, tolerance)
        }
}

/// How far a buffer reaches, in radians: the corners of the ring around a circle, and how many a full turn has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    radius: f64,
    n_corners: usize,
}

impl Reach {
    /// Of metres; `None` when they are not valid.
    pub(crate) fn new(radius: f64, tolerance: f64) -> Option<Reach> {
        let is_valid = radius > 0.0 && radius < FRAC_PI_2 * EARTH_RADIUS && tolerance >= radius * 1e-6;
        if !is_valid {
            return None;
        }
        // The corners of a ring around the circle lie farther out by the secant of half the angle between two.
        let share = (tolerance.min(radius * 0.99)) / radius;
        let half_step = (1.0 / (1.0 + share)).acos();
        Some(Reach { radius: radius / EARTH_RADIUS, n_corners: ((PI / half_step).ceil() as usize).clamp(4, 10_000) })
    }

    /// Corners around `center` from one direction counter-clockwise through an angle, half a step inside its ends.
    fn corners(self, center: Vector, start: Vector, angle: f64) -> impl Iterator<Item = Vector> {
        let n_corners = ((self.n_corners as f64 * angle / TAU).ceil() as usize).max(2);
        let step = angle / n_corners as f64;
        let side = center.cross(start);
        // The edges between corners touch the circle: tan r / cos (step / 2) = tan r' on the sphere.
        let reach = (self.radius.tan() / (step / 2.0).cos()).atan();
        (0..n_corners).map(move |index| {
            let angle = (index as f64 + 0.5) * step;
            let direction = start.times(angle.cos()).plus(side.times(angle.sin()));
            center.times(reach.cos()).plus(direction.times(reach.sin())).unit()
        })
    }
}

fn around_point(center: Vector, reach: Reach) -> Option<Dynamic> {
    polygons_json(&[circle(center, reach)])
}

fn circle(center: Vector, reach: Reach) -> Polygon {
    Polygon(vec![Ring(reach.corners(center, center.orthogonal(), TAU).collect())])
}

/// The ring around one edge: half a turn at each end.
fn around_edge(a: Vector, b: Vector, reach: Reach) -> Polygon {
    let left = normal(a, b).unit();
    let right = left.times(-1.0);
    Polygon(vec![Ring(reach.corners(b, right, PI).chain(reach.corners(a, left, PI)).collect())])
}

fn around_lines(cx: &Context, lines: &Lines, radius: f64, tolerance: f64) -> Result<Option<Dynamic>, Fault> {
    Ok(polygons_json(&match Reach::new(radius, tolerance) {
        Some(reach) => union(cx, lines.edges().map(|(a, b)| around_edge(a, b, reach)).collect(), "geo_line_buffer")?,
        None => Vec::new(),
    }))
}

fn around_polygons(cx: &Context, polygons: &[Polygon], radius: f64, tolerance: f64) -> Result<Option<Dynamic>, Fault> {
    let Some(reach) = Reach::new(radius, tolerance) else { return Ok(None) };
    Ok(polygons_json(&buffered(cx, polygons, reach, "geo_polygon_buffer")?))
}

/// Polygons and all points within a reach of them.
pub(crate) fn buffered(cx: &Context, polygons: &[Polygon], reach: Reach, by: &str) -> Result<Vec<Polygon>, Fault> {
    let edges = polygons.iter().flat_map(Polygon::edges).map(|(a, b)| around_edge(a, b, reach));
    union(cx, edges.chain(polygons.iter().cloned()).collect(), by)
}

/// All points within a reach of lines.
pub(crate) fn buffered_lines(cx: &Context, lines: &Lines, reach: Reach, by: &str) -> Result<Vec<Polygon>, Fault> {
    union(cx, lines.edges().map(|(a, b)| around_edge(a, b, reach)).collect(), by)
}

#[cfg(test)]
mod tests {
    use super::{super::argument::Area, super::lines::closest_of, super::shape::tests::shape, *};

    fn metres(points: impl Iterator<Item = Vector>, from: impl Fn(Vector) -> f64) -> (f64, f64) {
        let distances: Vec<f64> = points.map(|it| from(it) * EARTH_RADIUS).collect();
        (distances.iter().copied().fold(f64::INFINITY, f64::min), distances.iter().copied().fold(0.0, f64::max))
    }

    fn middles(polygon: &Polygon) -> impl Iterator<Item = Vector> + '_ {
        polygon.edges().flat_map(|(a, b)| [a, a.plus(b).unit()])
    }

    #[test]
    fn circles_keep_within_the_tolerance() {
        let center = Vector::at_degrees(-115.1745895278105, 36.10813773164026);
        let (near, far) = metres(middles(&circle(center, Reach::new(100.0, 0.1).unwrap())), |it| it.angle(center));
        assert!(near > 99.999 && far < 100.1001, "{near} {far}");
        for (radius, tolerance) in [(-1.0, 1.0), (0.0, 1.0), (1e9, 1.0), (f64::NAN, 1.0), (100.0, -1.0), (1e6, 0.1)] {
            assert!(Reach::new(radius, tolerance).is_none());
        }
        assert!(Reach::new(1.0, 10.0).is_some());
    }

    #[test]
    fn lines_are_surrounded() {
        let line = Lines::read(&shape("LineString", "[[14.43,50.10],[14.44,50.11],[14.45,50.10]]")).unwrap();
        let around = buffered_lines(&Context::default(), &line, Reach::new(50.0, 1.0).unwrap(), "").unwrap();
        assert_eq!((around.len(), around[0].0.len()), (1, 1));
        let from_line = |it: Vector| closest_of(it, line.edges()).unwrap().angle(it);
        let (near, far) = metres(middles(&around[0]), from_line);
        assert!(near > 49.99 && far < 51.01, "{near} {far}");
    }

    #[test]
    fn polygons_grow() {
        let square = Area::read(&shape("Polygon", "[[[0,0],[1,0],[1,1],[0,1],[0,0]]]")).unwrap();
        let grown = buffered(&Context::default(), &square.polygons, Reach::new(1_000.0, 10.0).unwrap(), "").unwrap();
        assert_eq!((grown.len(), grown[0].0.len()), (1, 1));
        assert!(Area::new(grown).region.contains(Vector::at_degrees(0.5, -0.0089)));
    }
}
