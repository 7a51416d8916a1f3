//! Shapes as GeoJSON values, read and checked: lines and polygons.

use super::sphere::{Vector, normal, triangle_area};
use kql_data::{Bag, Dynamic};

/// Lines of points, each with two at least.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines(pub(crate) Vec<Vec<Vector>>);

/// A closed ring, counter-clockwise around the smaller part of the sphere. The first point is not repeated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ring(pub(crate) Vec<Vector>);

/// A shell and its holes. What lies in an odd number of rings is inside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Polygon(pub(crate) Vec<Ring>);

impl Ring {
    /// The edges, from point to next point.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        self.0.iter().copied().zip(self.0.iter().copied().cycle().skip(1))
    }

    /// Area of what it runs around counter-clockwise.
    pub(crate) fn area(&self) -> f64 {
        signed_area(&self.0)
    }
}

/// Area by triangles from the first point. Beyond half the sphere it becomes negative.
pub(crate) fn signed_area(points: &[Vector]) -> f64 {
    let Some((first, rest)) = points.split_first() else { return 0.0 };
    rest.iter().zip(rest.iter().skip(1)).map(|(a, b)| triangle_area(*first, *a, *b)).sum()
}

/// A position as a point of the sphere.
pub(crate) fn position(value: &Dynamic) -> Option<Vector> {
    match value.as_array()? {
        [longitude, latitude, ..] => Vector::at(longitude.as_f64()?, latitude.as_f64()?),
        _ => None,
    }
}

fn kind(shape: &Dynamic) -> Option<(&str, &[Dynamic])> {
    let bag = shape.as_bag()?;
    Some((bag.get("type")?.as_str()?, bag.get("coordinates")?.as_array()?))
}

impl Lines {
    /// Of a LineString or MultiLineString; `None` when it is not valid.
    pub(crate) fn read(shape: &Dynamic) -> Option<Lines> {
        let (kind, coordinates) = kind(shape)?;
        let lines = match kind {
            "LineString" => vec![line(coordinates)?],
            "MultiLineString" => coordinates.iter().map(|it| line(it.as_array()?)).collect::<Option<_>>()?,
            _ => return None,
        };
        (!lines.is_empty()).then_some(Lines(lines))
    }

    /// The line, where there is one alone.
    pub(crate) fn only(&self) -> Option<&[Vector]> {
        match self.0.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The edges, from point to next point.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        self.0.iter().flat_map(|it| it.iter().copied().zip(it.iter().copied().skip(1)))
    }
}

fn line(positions: &[Dynamic]) -> Option<Vec<Vector>> {
    let points: Vec<Vector> = positions.iter().map(position).collect::<Option<_>>()?;
    let is_edge = |(a, b): (&Vector, &Vector)| a != b && !a.is_antipodal(*b);
    (points.len() >= 2 && points.iter().zip(points.iter().skip(1)).all(is_edge)).then_some(points)
}

impl Polygon {
    /// Of a Polygon or MultiPolygon; `None` when it is not valid.
    pub(crate) fn read_all(shape: &Dynamic) -> Option<Vec<Polygon>> {
        let (kind, coordinates) = kind(shape)?;
        let polygons = match kind {
            "Polygon" => vec![polygon(coordinates)?],
            "MultiPolygon" => coordinates.iter().map(|it| polygon(it.as_array()?)).collect::<Option<_>>()?,
            _ => return None,
        };
        (!polygons.is_empty()).then_some(polygons)
    }

    /// The edges of all rings.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        self.0.iter().flat_map(Ring::edges)
    }
}

fn polygon(rings: &[Dynamic]) -> Option<Polygon> {
    let rings: Vec<Ring> = rings.iter().map(|it| ring(it.as_array()?)).collect::<Option<_>>()?;
    let polygon = Polygon(rings);
    (!polygon.0.is_empty() && !crosses_itself(&polygon)).then_some(polygon)
}

fn ring(positions: &[Dynamic]) -> Option<Ring> {
    let mut points: Vec<Vector> = positions.iter().map(position).collect::<Option<_>>()?;
    if points.len() < 4 || points.first() != points.last() {
        return None;
    }
    _ = points.pop();
    let mut sorted = points.clone();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)).then(a.z.total_cmp(&b.z)));
    if sorted.windows(2).any(|it| matches!(it, [a, b] if a == b)) {
        return None;
    }
    let mut ring = Ring(points);
    if ring.edges().any(|(a, b)| a.is_antipodal(b)) {
        return None;
    }
    let area = ring.area();
    if area == 0.0 {
        return None;
    }
    // The smaller part of the sphere is meant, whatever the direction.
    if area < 0.0 {
        ring.0.reverse();
    }
    Some(ring)
}

/// More edges than this are taken to be right: comparing all with all would take too long.
const CHECKED_EDGES_MAX: usize = 2_000;

fn crosses_itself(polygon: &Polygon) -> bool {
    let edges: Vec<(Vector, Vector)> = polygon.edges().collect();
    if edges.len() > CHECKED_EDGES_MAX {
        return false;
    }
    let crosses = |(index, a): (usize, &(Vector, Vector))| edges.iter().skip(index + 1).any(|b| cross(*a, *b));
    edges.iter().enumerate().any(crosses)
}

/// Whether two arcs cross at a point inside both.
pub(crate) fn cross(a: (Vector, Vector), b: (Vector, Vector)) -> bool {
    if a.0 == b.0 || a.0 == b.1 || a.1 == b.0 || a.1 == b.1 {
        return false;
    }
    let (na, nb) = (normal(a.0, a.1), normal(b.0, b.1));
    let (b0, b1) = (na.dot(b.0), na.dot(b.1));
    let (a0, a1) = (nb.dot(a.0), nb.dot(a.1));
    // Each has its ends on both sides of the other; the sides agree only where the near halves of the circles meet.
    b0 * b1 < 0.0 && a0 * a1 < 0.0 && (b0 < 0.0) == (a0 > 0.0)
}

/// A position of a point.
pub(crate) fn coordinates(point: Vector) -> Dynamic {
    let (longitude, latitude) = point.degrees();
    Dynamic::array(vec![Dynamic::Real(longitude), Dynamic::Real(latitude)])
}

/// A GeoJSON value of that kind.
pub(crate) fn geo_json(kind: &str, coordinates: Dynamic) -> Dynamic {
    let slots = [("type".into(), Dynamic::string(kind)), ("coordinates".into(), coordinates)];
    Dynamic::bag(Bag::from_iter(slots))
}

/// A GeoJSON Point.
pub(crate) fn point_json(point: Vector) -> Dynamic {
    geo_json("Point", coordinates(point))
}

fn line_coordinates(points: &[Vector]) -> Dynamic {
    Dynamic::array(points.iter().map(|it| coordinates(*it)).collect())
}

/// A LineString, or a MultiLineString; `None` without a line.
pub(crate) fn lines_json(lines: &[Vec<Vector>]) -> Option<Dynamic> {
    match lines {
        [] => None,
        [one] => Some(geo_json("LineString", line_coordinates(one))),
        several => {
            let lines = several.iter().map(|it| line_coordinates(it)).collect();
            Some(geo_json("MultiLineString", Dynamic::array(lines)))
        }
    }
}

/// The shell counter-clockwise, holes clockwise, each closed.
fn polygon_coordinates(polygon: &Polygon) -> Dynamic {
    let ring = |(index, ring): (usize, &Ring)| {
        let mut points = ring.0.clone();
        if index > 0 {
            points.reverse();
        }
        points.extend(points.first().copied());
        line_coordinates(&points)
    };
    Dynamic::array(polygon.0.iter().enumerate().map(ring).collect())
}

/// A Polygon, or a MultiPolygon; `None` without one.
pub(crate) fn polygons_json(polygons: &[Polygon]) -> Option<Dynamic> {
    match polygons {
        [] => None,
        [one] => Some(geo_json("Polygon", polygon_coordinates(one))),
        several => {
            let polygons = several.iter().map(polygon_coordinates).collect();
            Some(geo_json("MultiPolygon", Dynamic::array(polygons)))
        }
    }
}

/// A GeometryCollection.
pub(crate) fn collection_json(shapes: Vec<Dynamic>) -> Dynamic {
    let slots = [("type".into(), Dynamic::string("GeometryCollection")), ("geometries".into(), Dynamic::array(shapes))];
    Dynamic::bag(Bag::from_iter(slots))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn shape(kind: &str, coordinates: &str) -> Dynamic {
        geo_json(kind, kql_data::json::read(coordinates).unwrap())
    }

    #[test]
    fn what_is_not_valid_is_none() {
        let polygon = |it: &str| Polygon::read_all(&shape("Polygon", it)).is_some();
        assert!(polygon("[[[0,0],[10,10],[10,1],[0,0]]]"));
        assert!(!polygon("[[[0,0],[10,10],[10,10],[0,0]]]"), "a point twice");
        assert!(!polygon("[[[0,0],[10,10],[0,0]]]"), "two points");
        assert!(!polygon("[[[0,0],[10,10],[10,1],[0,1]]]"), "not closed");
        assert!(!polygon("[[[0,0],[10,10],[10,900],[0,0]]]"), "no latitude");
        assert!(!polygon("[[[0,0],[10,10],[10,0],[0,10],[0,0]]]"), "crosses itself");
        assert!(!polygon("[]"));
        assert!(Lines::read(&shape("LineString", "[[1,1]]")).is_none());
        assert!(Lines::read(&shape("LineString", "[[0,0],[180,0]]")).is_none());
        assert!(Lines::read(&shape("Polygon", "[[1,1],[2,2]]")).is_none());
        let two = Lines::read(&shape("MultiLineString", "[[[1,1],[2,2]],[[3,3],[4,4]]]")).unwrap();
        assert!(two.only().is_none());
    }

    #[test]
    fn rings_run_counter_clockwise() {
        let clockwise = Polygon::read_all(&shape("Polygon", "[[[0,0],[0,10],[10,10],[0,0]]]")).unwrap();
        assert!(clockwise[0].0[0].area() > 0.0);
        let json = polygons_json(&clockwise).unwrap().json();
        assert!(json.starts_with(r#"{"type":"Polygon","coordinates":[[[10.0,10.0"#), "{json}");
    }

    #[test]
    fn arcs_that_cross() {
        let arc = |a: (f64, f64), b: (f64, f64)| (Vector::at_degrees(a.0, a.1), Vector::at_degrees(b.0, b.1));
        assert!(cross(arc((0.0, -1.0), (0.0, 1.0)), arc((-1.0, 0.0), (1.0, 0.0))));
        assert!(!cross(arc((0.0, -1.0), (0.0, 1.0)), arc((0.0, 0.0), (1.0, 0.0))));
        assert!(!cross(arc((0.0, -1.0), (0.0, 1.0)), arc((179.0, 0.0), (-179.0, 0.0))));
    }
}
