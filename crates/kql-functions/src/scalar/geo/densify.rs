//! Straight lines of the map turned into arcs of great circles, by points between.

use super::{
    shape::{Lines, Polygon, Ring, lines_json, polygons_json},
    sphere::{EARTH_RADIUS, Vector, interpolated},
};
use kql_data::{Context, Dynamic, Fault};

crate::functions! {
    /// A line with points added, so that arcs between them keep within a tolerance in metres (10, or 0.1 to 10,000) of
    /// the straight line on the map. An edge takes the long way around rather than cross the 180th meridian, unless
    /// `preserve_crossing` is true.
    ///
    ///     array_length(geo_line_densify(dynamic({"type": "LineString", "coordinates": [[50, 50], [51, 51]]})).coordinates) => 9
    fn geo_line_densify
        (line_string: lines) -> dynamic |cx| { dense_lines(cx, &line_string, 10.0, false) }
        (line_string: lines, tolerance: real) -> dynamic |cx| { dense_lines(cx, &line_string, tolerance, false) }
        (line_string: lines, tolerance: real, preserve_crossing: bool) -> dynamic |cx| {
            dense_lines(cx, &line_string, tolerance, preserve_crossing)
        }
        (line_string: lines, tolerance: real, preserve_crossing: real) -> dynamic |cx| {
            dense_lines(cx, &line_string, tolerance, preserve_crossing != 0.0)
        }

    /// A polygon with points added to its edges; see `geo_line_densify`.
    ///
    ///     array_length(geo_polygon_densify(dynamic({"type": "Polygon", "coordinates": [[[10, 10], [11, 10], [11, 11], [10, 11], [10, 10]]]})).coordinates[0]) => 11
    fn geo_polygon_densify
        (polygon: area) -> dynamic |cx| { dense_polygons(cx, &polygon.polygons, 10.0, false) }
        (polygon: area, tolerance: real) -> dynamic |cx| { dense_polygons(cx, &polygon.polygons, tolerance, false) }
        (polygon: area, tolerance: real, preserve_crossing: bool) -> dynamic |cx| {
            dense_polygons(cx, &polygon.polygons, tolerance, preserve_crossing)
        }
        (polygon: area, tolerance: real, preserve_crossing: real) -> dynamic |cx| {
            dense_polygons(cx, &polygon.polygons, tolerance, preserve_crossing != 0.0)
        }
}

/// An edge is farthest from its arc near the middle, but two such curves may cross there: it is measured here and at
/// the mirrored place, and what is farthest is at most this much more.
const MEASURED_AT: f64 = 0.312_156_910_822_483_1;
const MEASURED_SHARE: f64 = 0.838_299_925_698_885_1;

struct Densifier<'a> {
    cx: &'a Context,
    tolerance: f64,
    crosses: bool,
    n_points: usize,
}

/// A corner with its place on the map, in degrees.
type Corner = (Vector, (f64, f64));

impl Densifier<'_> {
    fn new(cx: &Context, tolerance: f64, crosses: bool) -> Option<Densifier<'_>> {
        let is_valid = (0.1..=10_000.0).contains(&tolerance);
        let tolerance = tolerance / EARTH_RADIUS * MEASURED_SHARE;
        is_valid.then_some(Densifier { cx, tolerance, crosses, n_points: 0 })
    }

    /// Adds the points after `from` up to `to`.
    fn edge(&mut self, from: Vector, to: Vector, out: &mut Vec<Vector>) -> Result<(), Fault> {
        let (a, mut b) = (from.degrees(), to.degrees());
        if self.crosses {
            b.0 -= 360.0 * ((b.0 - a.0) / 360.0).round();
        }
        let mut stack: Vec<(Corner, Corner)> = vec![((from, a), (to, b))];
        while let Some((a, b)) = stack.pop() {
            if self.is_close(a, b) || stack.len() > 60 {
                self.n_points += 1;
                super::super::bounds::array(self.cx, self.n_points, "geo_densify")?;
                out.push(b.0);
                continue;
            }
            let middle = between(a.1, b.1, 0.5);
            let middle = (Vector::at_degrees(middle.0, middle.1), middle);
            stack.push((middle, b));
            stack.push((a, middle));
        }
        Ok(())
    }

    fn is_close(&self, a: Corner, b: Corner) -> bool {
        if a.0.dot(b.0) < -1e-14 {
            return false;
        }
        [MEASURED_AT, 1.0 - MEASURED_AT].into_iter().all(|fraction| {
            let (lng, lat) = between(a.1, b.1, fraction);
            interpolated(a.0, b.0, fraction).angle(Vector::at_degrees(lng, lat)) <= self.tolerance
        })
    }
}

fn between(a: (f64, f64), b: (f64, f64), fraction: f64) -> (f64, f64) {
    (a.0 + (b.0 - a.0) * fraction, a.1 + (b.1 - a.1) * fraction)
}

fn dense_lines(cx: &Context, lines: &Lines, tolerance: f64, crosses: bool) -> Result<Option<Dynamic>, Fault> {
    let Some(mut densifier) = Densifier::new(cx, tolerance, crosses) else { return Ok(None) };
    let mut dense = Vec::with_capacity(lines.0.len());
    for line in &lines.0 {
        let mut points: Vec<Vector> = line.first().copied().into_iter().collect();
        for (a, b) in line.iter().zip(line.iter().skip(1)) {
            densifier.edge(*a, *b, &mut points)?;
        }
        dense.push(points);
    }
    Ok(lines_json(&dense))
}

fn dense_polygons(cx: &Context, polygons: &[Polygon], tolerance: f64, crosses: bool) -> Result<Option<Dynamic>, Fault> {
    let Some(mut densifier) = Densifier::new(cx, tolerance, crosses) else { return Ok(None) };
    let mut dense = Vec::with_capacity(polygons.len());
    for polygon in polygons {
        let mut rings = Vec::with_capacity(polygon.0.len());
        for ring in &polygon.0 {
            let mut points: Vec<Vector> = ring.0.first().copied().into_iter().collect();
            for (a, b) in ring.edges() {
                densifier.edge(a, b, &mut points)?;
            }
            // The last edge led back to the first point.
            _ = points.pop();
            rings.push(Ring(points));
        }
        dense.push(Polygon(rings));
    }
    Ok(polygons_json(&dense))
}

#[cfg(test)]
mod tests {
    use super::{super::argument::Area, super::shape::tests::shape, *};

    fn count(shape: &Dynamic) -> usize {
        shape.get("coordinates").as_array().map_or(0, <[Dynamic]>::len)
    }

    #[test]
    fn points_are_added_where_they_are_needed() {
        let cx = Context::default();
        let line = Lines::read(&shape("LineString", "[[50,50],[51,51]]")).unwrap();
        assert_eq!(count(&dense_lines(&cx, &line, 10.0, false).unwrap().unwrap()), 9);
        assert_eq!(dense_lines(&cx, &line, 0.0, false), Ok(None));
        let square = Area::read(&shape("Polygon", "[[[10,10],[11,10],[11,11],[10,11],[10,10]]]")).unwrap();
        let dense = dense_polygons(&cx, &square.polygons, 10.0, false).unwrap().unwrap();
        assert_eq!(dense.get("coordinates").at(0).as_array().unwrap().len(), 11);
        let park = "[[[-73.958244,40.800719],[-73.949146,40.79695],[-73.973093,40.764226],[-73.982062,40.768159],[-73.958244,40.800719]]]";
        let park = Area::read(&shape("Polygon", park)).unwrap();
        let dense = dense_polygons(&cx, &park.polygons, 10.0, false).unwrap().unwrap().get("coordinates").at(0);
        assert_eq!(dense.as_array().unwrap().len(), 5);
        assert!((dense.at(0).at(0).as_f64().unwrap() + 73.982062).abs() < 1e-9);
    }

    #[test]
    fn the_date_line_is_crossed_on_demand() {
        let cx = Context::default();
        let line = Lines::read(&shape("LineString", "[[179,10],[-179,10]]")).unwrap();
        let count = |crosses| count(&dense_lines(&cx, &line, 1_000.0, crosses).unwrap().unwrap());
        assert_eq!(count(true), 2);
        assert!(count(false) > 50);
    }
}
