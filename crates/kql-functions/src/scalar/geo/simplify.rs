//! Shapes with fewer points, within a tolerance in metres.

use super::{
    intersections::read_polygons,
    overlay::united,
    shape::{Lines, Polygon, Ring, lines_json, polygons_json},
    sphere::{EARTH_RADIUS, Vector, closest_on_arc},
};
use kql_data::{Context, Dynamic, Fault, Map, Set};

crate::functions! {
    /// A line without the points that lie within a tolerance in metres (10 unless given) of what remains. Null when
    /// nothing remains.
    ///
    ///     geo_line_simplify(dynamic({"type": "LineString", "coordinates": [[1.1, 1.1], [1.2, 1.2]]}), 100000) => dynamic(null)
    fn geo_line_simplify
        (line_string: lines) -> dynamic { simple_lines(&line_string, 10.0) }
        (line_string: lines, tolerance: real) -> dynamic { simple_lines(&line_string, tolerance) }

    /// A polygon, or the union of several, without the points that lie within a tolerance in metres (10 unless given)
    /// of what remains. Null when nothing remains.
    ///
    ///     geo_polygon_simplify(dynamic({"type": "Polygon", "coordinates": [[[5, 48], [0, 50], [0, 47], [4, 47], [5, 48]]]}), 1000000) => dynamic(null)
    fn geo_polygon_simplify
        (polygon: area) -> dynamic |cx| { simple_area(cx, &polygon.polygons, 10.0) }
        (polygon: area, tolerance: real) -> dynamic |cx| { simple_area(cx, &polygon.polygons, tolerance) }

    /// Polygons in an array without the points that lie within a tolerance in metres (10 unless given) of what remains.
    /// Borders that several share stay shared. Null when one is not valid, or nothing remains.
    ///
    ///     geo_simplify_polygons_array(dynamic([{"type": "Polygon", "coordinates": []}])) => dynamic(null)
    fn geo_simplify_polygons_array
        (polygons: array) -> dynamic { simple_polygons(&read_polygons(&polygons)?, 10.0) }
        (polygons: array, tolerance: real) -> dynamic { simple_polygons(&read_polygons(&polygons)?, tolerance) }
}

/// Metres; about the largest distance at which points can be told apart by chords.
const TOLERANCE_MAX: f64 = 7_800_000.0;

/// A tolerance in radians.
fn angle_of(tolerance: f64) -> Option<f64> {
    (0.0..=TOLERANCE_MAX).contains(&tolerance).then_some(tolerance / EARTH_RADIUS)
}

/// Which points of a chain remain: its ends, and what lies farther than the tolerance from the arcs between what
/// remains.
fn kept(points: &[Vector], tolerance: f64) -> Vec<bool> {
    let mut is_kept = vec![false; points.len()];
    let mut stack = vec![(0, points.len().saturating_sub(1))];
    while let Some((first, last)) = stack.pop() {
        for end in [first, last] {
            if let Some(it) = is_kept.get_mut(end) {
                *it = true;
            }
        }
        let (Some(a), Some(b)) = (points.get(first), points.get(last)) else { continue };
        let inner = points.iter().enumerate().take(last).skip(first + 1);
        let distances = inner.map(|(index, it)| (closest_on_arc(*it, *a, *b).angle(*it), index));
        if let Some((distance, index)) = distances.max_by(|a, b| a.0.total_cmp(&b.0))
            && distance > tolerance
        {
            stack.push((first, index));
            stack.push((index, last));
        }
    }
    is_kept
}

/// A chain without what is not needed; no two points that remain are closer than the tolerance, but for its ends.
fn simple_chain(points: &[Vector], tolerance: f64) -> Vec<Vector> {
    let is_kept = kept(points, tolerance);
    let mut chain: Vec<Vector> = Vec::new();
    for (point, is_kept) in points.iter().zip(is_kept) {
        if is_kept && chain.last().is_none_or(|it| it.angle(*point) >= tolerance) {
            chain.push(*point);
        }
    }
    // The end remains, whatever lies close before it.
    if let Some(end) = points.last()
        && chain.last() != Some(end)
    {
        if chain.len() > 1 {
            _ = chain.pop();
        }
        chain.push(*end);
    }
    chain
}

fn simple_lines(lines: &Lines, tolerance: f64) -> Option<Dynamic> {
    let tolerance = angle_of(tolerance)?;
    let simple = lines.0.iter().map(|it| simple_chain(it, tolerance));
    let is_there = |it: &Vec<Vector>| match it.as_slice() {
        [] | [_] => false,
        [a, b] => a.angle(*b) >= tolerance && a != b,
        _ => true,
    };
    lines_json(&simple.filter(is_there).collect::<Vec<_>>())
}

type Key = [u64; 3];

fn key(it: Vector) -> Key {
    [it.x.to_bits(), it.y.to_bits(), it.z.to_bits()]
}

/// A ring by its chains between fixed points; its first and its farthest point where it has none.
fn simple_ring(ring: &Ring, tolerance: f64, is_fixed: &dyn Fn(Vector) -> bool) -> Option<Ring> {
    let mut fixed: Vec<usize> =
        (0..ring.0.len()).filter(|it| ring.0.get(*it).is_some_and(|it| is_fixed(*it))).collect();
    let start = fixed.first().copied().unwrap_or(0);
    let from = *ring.0.get(start)?;
    if fixed.len() < 2 {
        let distance = |it: usize| ring.0.get(it).map_or(0.0, |it| it.angle(from));
        let far = (0..ring.0.len()).max_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
        fixed = vec![start, far];
        fixed.sort_unstable();
    }
    let mut points: Vec<Vector> = Vec::new();
    for (index, from) in fixed.iter().enumerate() {
        let to = fixed.get(index + 1).copied().unwrap_or(fixed.first().copied().unwrap_or(0) + ring.0.len());
        let chain: Vec<Vector> = ring.0.iter().cycle().skip(*from).take(to - from + 1).copied().collect();
        points.extend(both_ways(&chain, tolerance));
        _ = points.pop();
    }
    let longest = points.iter().flat_map(|a| points.iter().map(|b| a.angle(*b))).fold(0.0, f64::max);
    (points.len() >= 3 && longest > tolerance).then_some(Ring(points))
}

/// A chain simplified in the same way whichever end it begins at: so that shared borders stay shared.
fn both_ways(chain: &[Vector], tolerance: f64) -> Vec<Vector> {
    let is_forward = chain.first().map(|it| key(*it)) <= chain.last().map(|it| key(*it));
    if is_forward {
        return simple_chain(chain, tolerance);
    }
    let backward: Vec<Vector> = chain.iter().rev().copied().collect();
    simple_chain(&backward, tolerance).into_iter().rev().collect()
}

fn simple(polygons: &[Polygon], tolerance: f64, is_fixed: &dyn Fn(Vector) -> bool) -> Vec<Polygon> {
    let simple_polygon = |polygon: &Polygon| {
        let (shell, holes) = polygon.0.split_first()?;
        let shell = simple_ring(shell, tolerance, is_fixed)?;
        let holes = holes.iter().filter_map(|it| simple_ring(it, tolerance, is_fixed));
        Some(Polygon(std::iter::once(shell).chain(holes).collect()))
    };
    polygons.iter().filter_map(simple_polygon).collect()
}

fn simple_area(cx: &Context, polygons: &[Polygon], tolerance: f64) -> Result<Option<Dynamic>, Fault> {
    let Some(tolerance) = angle_of(tolerance) else { return Ok(None) };
    let polygons = united(cx, polygons, "geo_polygon_simplify")?;
    Ok(polygons_json(&simple(&polygons, tolerance, &|_| false)))
}

fn simple_polygons(polygons: &[Polygon], tolerance: f64) -> Option<Dynamic> {
    let tolerance = angle_of(tolerance)?;
    // Where more than two edges meet, borders begin and end.
    let mut next_to: Map<Key, Set<Key>> = Map::default();
    for (a, b) in polygons.iter().flat_map(Polygon::edges) {
        _ = next_to.entry(key(a)).or_default().insert(key(b));
        _ = next_to.entry(key(b)).or_default().insert(key(a));
    }
    let is_fixed = |it: Vector| next_to.get(&key(it)).is_some_and(|it| it.len() > 2);
    polygons_json(&simple(polygons, tolerance, &is_fixed))
}

#[cfg(test)]
mod tests {
    use super::{super::argument::Area, super::shape::tests::shape, *};

    #[test]
    fn lines_lose_what_is_not_needed() {
        let line = Lines::read(&shape("LineString", "[[0,0],[1,0.00001],[2,0],[2,1]]")).unwrap();
        let simple = simple_lines(&line, 10.0).unwrap().get("coordinates");
        assert_eq!(simple.as_array().map(<[Dynamic]>::len), Some(3));
        assert_eq!(simple_lines(&line, -1.0), None);
        assert_eq!(simple_lines(&line, f64::NAN), None);
        assert_eq!(simple_lines(&line, 1_000_000.0), None);
    }

    #[test]
    fn polygons_lose_what_is_not_needed() {
        let cx = Context::default();
        let bay = "[[[-73.94885122776031,40.79673476355657],[-73.94885927438736,40.79692258628347],[-73.94887939095497,40.79692055577034],[-73.9488673210144,40.79693476936093],[-73.94888743758202,40.79693476936093],[-73.9488834142685,40.796959135509105],[-73.94890084862709,40.79695304397289],[-73.94906312227248,40.79710736271788],[-73.94923612475395,40.7968708081794],[-73.94885122776031,40.79673476355657]]]";
        let bay = Area::read(&shape("Polygon", bay)).unwrap();
        let simple = simple_area(&cx, &bay.polygons, 10.0).unwrap().unwrap().get("coordinates").at(0);
        let longitudes: Vec<f64> = simple.as_array().unwrap().iter().map(|it| it.at(0).as_f64().unwrap()).collect();
        let expected = [-73.94885122776031, -73.94906312227248, -73.94923612475395, -73.94885122776031];
        assert!(
            longitudes.len() == 4 && longitudes.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9),
            "{longitudes:?}"
        );
        assert_eq!(simple_area(&cx, &bay.polygons, 100.0), Ok(None));
    }

    #[test]
    fn shared_borders_stay_shared() {
        let two = "[[[[0,0],[1,0],[1.1,0.5],[1,1],[0,1],[0,0]]],[[[1,0],[2,0],[2,1],[1,1],[1.1,0.5],[1,0]]]]";
        let two = Polygon::read_all(&shape("MultiPolygon", two)).unwrap();
        let simple = simple_polygons(&two, 20_000.0).unwrap().get("coordinates");
        assert_eq!(simple.at(0).at(0).as_array().map(<[Dynamic]>::len), Some(5));
        assert_eq!(simple.at(1).at(0).as_array().map(<[Dynamic]>::len), Some(5));
    }
}
