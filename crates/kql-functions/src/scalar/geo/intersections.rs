//! Whether shapes meet, what they share, and their unions.

use super::{
    argument::Area,
    arrangement::{Arrangement, Builder, Edge},
    overlay::{Operation, overlay, union},
    shape::{Lines, Polygon, collection_json, coordinates, geo_json, lines_json, point_json, polygons_json},
    sphere::Vector,
};
use kql_data::{Context, Dynamic, Fault, Map, Set};

crate::functions! {
    /// Whether two lines meet.
    ///
    ///     geo_intersects_2lines(dynamic({"type": "LineString", "coordinates": [[0, 0], [2, 2]]}), dynamic({"type": "LineString", "coordinates": [[0, 2], [2, 0]]})) => true
    fn geo_intersects_2lines(line_string1: lines, line_string2: lines) -> bool |cx| {
        lines_meet(cx, &line_string1, &line_string2)
    }

    /// Whether a line meets a polygon or lies in it.
    ///
    ///     geo_intersects_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[0.5, 0.2], [0.6, 0.2]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]})) => true
    fn geo_intersects_line_with_polygon(line_string: lines, polygon: area) -> bool |cx| {
        line_meets_area(cx, &line_string, &polygon)
    }

    /// Whether two polygons share a point.
    ///
    ///     geo_intersects_2polygons(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}), dynamic({"type": "Polygon", "coordinates": [[[5, 5], [6, 5], [6, 6], [5, 5]]]})) => false
    fn geo_intersects_2polygons(polygon1: area, polygon2: area) -> bool |cx| { areas_meet(cx, &polygon1, &polygon2) }

    /// What two lines share: points and lines.
    ///
    ///     geo_intersection_2lines(dynamic({"type": "LineString", "coordinates": [[1, 1], [2, 2]]}), dynamic({"type": "LineString", "coordinates": [[3, 3], [4, 4]]})).geometries => dynamic([])
    fn geo_intersection_2lines(line_string1: lines, line_string2: lines) -> dynamic |cx| {
        shared_by_lines(cx, &line_string1, &line_string2)
    }

    /// The part of a line that lies in a polygon.
    ///
    ///     geo_intersection_line_with_polygon(dynamic({"type": "LineString", "coordinates": [[0, 5], [1, 5]]}), dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]})).geometries => dynamic([])
    fn geo_intersection_line_with_polygon(line_string: lines, polygon: area) -> dynamic |cx| {
        line_in_area(cx, &line_string, &polygon)
    }

    /// What two polygons share: polygons, and lines and points where they only touch.
    ///
    ///     geo_intersection_2polygons(dynamic({"type": "Polygon"}), dynamic({"type": "Polygon"})) => dynamic(null)
    fn geo_intersection_2polygons(polygon1: area, polygon2: area) -> dynamic |cx| {
        shared_by_areas(cx, &polygon1, &polygon2)
    }

    /// The union of polygons in an array; null when one is not valid.
    ///
    ///     geo_union_polygons_array(dynamic([{"type": "Polygon", "coordinates": []}])) => dynamic(null)
    fn geo_union_polygons_array(polygons: array) -> dynamic |cx| {
        let Some(polygons) = read_polygons(&polygons) else { return Ok(None) };
        Ok::<_, Fault>(polygons_json(&union(cx, polygons, "geo_union_polygons_array")?))
    }

    /// The union of lines in an array: edges that several share come once, and lines are joined where they go on. Null
    /// when one is not valid.
    ///
    ///     geo_union_lines_array(dynamic([{"type": "LineString", "coordinates": [[1, 1]]}])) => dynamic(null)
    fn geo_union_lines_array(line_strings: array) -> dynamic {
        let lines: Vec<Lines> = line_strings.as_array()?.iter().map(Lines::read).collect::<Option<_>>()?;
        lines_json(&joined(&Lines(lines.into_iter().flat_map(|it| it.0).collect())))
    }
}

/// The polygons of an array; `None` when one is not valid or there is none.
pub(crate) fn read_polygons(array: &Dynamic) -> Option<Vec<Polygon>> {
    let polygons: Vec<Vec<Polygon>> = array.as_array()?.iter().map(Polygon::read_all).collect::<Option<_>>()?;
    let polygons: Vec<Polygon> = polygons.into_iter().flatten().collect();
    (!polygons.is_empty()).then_some(polygons)
}

type Arc = (Vector, Vector);

fn arranged(cx: &Context, a: &[Arc], b: &[Arc], by: &str) -> Result<Arrangement, Fault> {
    let points = a.iter().chain(b).flat_map(|(from, to)| [*from, *to]);
    let mut builder = Builder::new(points, by)?;
    for (operand, edges) in [a, b].into_iter().enumerate() {
        for (from, to) in edges {
            builder.add(*from, *to, operand);
        }
    }
    builder.build(cx, by)
}

/// The nodes of one operand's edges.
fn nodes_of(arrangement: &Arrangement, operand: usize) -> Set<usize> {
    let own = arrangement.pieces.iter().filter(|it| it.operand == operand);
    own.flat_map(|it| [it.from, it.to]).collect()
}

fn meet(cx: &Context, a: &[Arc], b: &[Arc], by: &str) -> Result<bool, Fault> {
    let arrangement = arranged(cx, a, b, by)?;
    Ok(!nodes_of(&arrangement, 0).is_disjoint(&nodes_of(&arrangement, 1)))
}

fn lines_meet(cx: &Context, a: &Lines, b: &Lines) -> Result<bool, Fault> {
    meet(cx, &a.edges().collect::<Vec<_>>(), &b.edges().collect::<Vec<_>>(), "geo_intersects_2lines")
}

fn boundary(area: &Area) -> Vec<Arc> {
    area.polygons.iter().flat_map(Polygon::edges).collect()
}

fn line_meets_area(cx: &Context, lines: &Lines, area: &Area) -> Result<bool, Fault> {
    if lines.0.iter().flatten().any(|it| area.region.contains(*it)) {
        return Ok(true);
    }
    meet(cx, &lines.edges().collect::<Vec<_>>(), &boundary(area), "geo_intersects_line_with_polygon")
}

fn areas_meet(cx: &Context, a: &Area, b: &Area) -> Result<bool, Fault> {
    let (a_edges, b_edges) = (boundary(a), boundary(b));
    if a_edges.iter().any(|(it, _)| b.region.contains(*it)) || b_edges.iter().any(|(it, _)| a.region.contains(*it)) {
        return Ok(true);
    }
    meet(cx, &a_edges, &b_edges, "geo_intersects_2polygons")
}

/// One shape, or a collection of several kinds; an empty collection for nothing.
fn collected(points: &[Vector], lines: &[Vec<Vector>], polygons: &[Polygon]) -> Dynamic {
    let points = match points {
        [] => None,
        [one] => Some(point_json(*one)),
        several => {
            let positions = several.iter().map(|it| coordinates(*it)).collect();
            Some(geo_json("MultiPoint", Dynamic::array(positions)))
        }
    };
    let shapes: Vec<Dynamic> = [points, lines_json(lines), polygons_json(polygons)].into_iter().flatten().collect();
    match shapes.as_slice() {
        [one] => one.clone(),
        _ => collection_json(shapes),
    }
}

/// Pieces that follow each other as lines.
fn chained(arrangement: &Arrangement, pieces: &[Edge]) -> Vec<Vec<Vector>> {
    let mut lines: Vec<Vec<Vector>> = Vec::new();
    let mut end = None;
    for piece in pieces {
        match lines.last_mut().filter(|_| end == Some(piece.from)) {
            Some(line) => line.push(arrangement.point(piece.to)),
            None => lines.push(vec![arrangement.point(piece.from), arrangement.point(piece.to)]),
        }
        end = Some(piece.to);
    }
    lines
}

fn shared_by_lines(cx: &Context, a: &Lines, b: &Lines) -> Result<Dynamic, Fault> {
    let (a, b): (Vec<Arc>, Vec<Arc>) = (a.edges().collect(), b.edges().collect());
    let arrangement = arranged(cx, &a, &b, "geo_intersection_2lines")?;
    let key = |it: &Edge| (it.from.min(it.to), it.from.max(it.to));
    let others: Set<_> = arrangement.pieces.iter().filter(|it| it.operand == 1).map(key).collect();
    let own = arrangement.pieces.iter().filter(|it| it.operand == 0 && others.contains(&key(it)));
    let pieces: Vec<Edge> = own.copied().collect();
    let points = touching(&arrangement, &pieces);
    Ok(collected(&points, &chained(&arrangement, &pieces), &[]))
}

fn shared_by_areas(cx: &Context, a: &Area, b: &Area) -> Result<Dynamic, Fault> {
    let operands = [a.polygons.as_slice(), b.polygons.as_slice()];
    let shared = overlay(cx, operands, Operation::Intersection, "geo_intersection_2polygons")?;
    let lines: Vec<Vec<Vector>> = shared.lines.iter().map(|(a, b)| vec![*a, *b]).collect();
    Ok(collected(&shared.points, &lines, &shared.polygons))
}

/// Points where both operands meet, apart from the pieces that they share.
fn touching(arrangement: &Arrangement, pieces: &[Edge]) -> Vec<Vector> {
    let used: Set<usize> = pieces.iter().flat_map(|it| [it.from, it.to]).collect();
    let (a, b) = (nodes_of(arrangement, 0), nodes_of(arrangement, 1));
    let mut nodes: Vec<usize> = a.intersection(&b).filter(|it| !used.contains(*it)).copied().collect();
    nodes.sort_unstable();
    nodes.into_iter().map(|it| arrangement.point(it)).collect()
}

fn line_in_area(cx: &Context, lines: &Lines, area: &Area) -> Result<Dynamic, Fault> {
    let edges: Vec<Arc> = lines.edges().collect();
    let arrangement = arranged(cx, &edges, &boundary(area), "geo_intersection_line_with_polygon")?;
    let key = |it: &Edge| (it.from.min(it.to), it.from.max(it.to));
    let walls: Set<_> = arrangement.pieces.iter().filter(|it| it.operand == 1).map(key).collect();
    let is_inside = |it: &&Edge| {
        let middle = arrangement.point(it.from).plus(arrangement.point(it.to)).unit();
        it.operand == 0 && (walls.contains(&key(it)) || area.region.contains(middle))
    };
    let pieces: Vec<Edge> = arrangement.pieces.iter().filter(is_inside).copied().collect();
    let points = touching(&arrangement, &pieces);
    Ok(collected(&points, &chained(&arrangement, &whole_edges(pieces)), &[]))
}

/// Pieces of one edge that follow each other, as one: nothing of the polygon lies between them.
fn whole_edges(pieces: Vec<Edge>) -> Vec<Edge> {
    let mut whole: Vec<Edge> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match whole.last_mut() {
            Some(last) if last.order == piece.order && last.to == piece.from => last.to = piece.to,
            _ => whole.push(piece),
        }
    }
    whole
}

/// Lines with each edge once, joined where exactly one goes on.
fn joined(lines: &Lines) -> Vec<Vec<Vector>> {
    let edges = super::lines::distinct_edges(lines);
    let key = |it: Vector| [it.x.to_bits(), it.y.to_bits(), it.z.to_bits()];
    let mut leaving: Map<[u64; 3], Vec<usize>> = Map::default();
    let mut n_arriving: Map<[u64; 3], usize> = Map::default();
    for (index, (a, b)) in edges.iter().enumerate() {
        leaving.entry(key(*a)).or_default().push(index);
        *n_arriving.entry(key(*b)).or_default() += 1;
    }
    let goes_on = |it: Vector| match leaving.get(&key(it)).map(Vec::as_slice) {
        Some([one]) if n_arriving.get(&key(it)) == Some(&1) => Some(*one),
        _ => None,
    };
    let mut is_used = vec![false; edges.len()];
    let mut lines = Vec::new();
    // First the lines that begin somewhere, then what is left: rings.
    for begins in [true, false] {
        for (start, (a, b)) in edges.iter().enumerate() {
            if is_used.get(start) != Some(&false) || (begins && goes_on(*a).is_some()) {
                continue;
            }
            let mut line = vec![*a, *b];
            let mut next = Some(start);
            while let Some(used) = next.and_then(|it| is_used.get_mut(it)) {
                *used = true;
                next = line.last().and_then(|it| goes_on(*it)).filter(|it| is_used.get(*it) == Some(&false));
                line.extend(next.and_then(|it| edges.get(it)).map(|(_, b)| *b));
            }
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{super::shape::tests::shape, *};

    fn lines(coordinates: &str) -> Lines {
        Lines::read(&shape("LineString", coordinates)).unwrap()
    }

    fn rounded(value: &Dynamic) -> String {
        fn round(value: &Dynamic) -> Dynamic {
            match value {
                Dynamic::Real(it) => Dynamic::Real((it * 1e6).round() / 1e6),
                Dynamic::Array(items) => Dynamic::array(items.iter().map(round).collect()),
                Dynamic::Bag(bag) => Dynamic::bag(bag.iter().map(|(key, it)| (key.clone(), round(it))).collect()),
                other => other.clone(),
            }
        }
        round(value).json()
    }

    #[test]
    fn lines_meet_in_points_and_lines() {
        let cx = Context::default();
        let a = lines("[[-73.978929,40.785155],[-73.980903,40.782621]]");
        let b = lines("[[-73.985195,40.788275],[-73.974552,40.779761]]");
        let shared = shared_by_lines(&cx, &a, &b).unwrap();
        assert_eq!(rounded(&shared), r#"{"type":"Point","coordinates":[-73.979837,40.783989]}"#);
        let shared = shared_by_lines(&cx, &a, &a).unwrap();
        assert_eq!(
            rounded(&shared),
            r#"{"type":"LineString","coordinates":[[-73.978929,40.785155],[-73.980903,40.782621]]}"#
        );
    }

    #[test]
    fn a_line_is_cut_by_a_polygon() {
        let line = lines("[[-110.522,39.198],[-91.428,40.880]]");
        let donut = "[[[-90.263,36.738],[-102.041,45.274],[-109.335,36.527],[-90.263,36.738]],[[-100.393,41.705],[-103.139,38.925],[-97.558,39.113],[-100.393,41.705]]]";
        let donut = Area::read(&shape("Polygon", donut)).unwrap();
        assert_eq!(
            rounded(&line_in_area(&Context::default(), &line, &donut).unwrap()),
            r#"{"type":"MultiLineString","coordinates":[[[-106.893537,39.769226],[-101.744486,40.373506]],[[-99.136499,40.589337],[-95.284528,40.79906]]]}"#
        );
        let far = lines("[[0,0],[1,1]]");
        let near = Area::read(&shape("Polygon", "[[[2,0],[3,0],[3,1],[2,0]]]")).unwrap();
        assert_eq!(
            line_in_area(&Context::default(), &far, &near).unwrap().json(),
            r#"{"type":"GeometryCollection","geometries":[]}"#
        );
        assert_eq!(line_meets_area(&Context::default(), &far, &near), Ok(false));
    }

    #[test]
    fn lines_are_joined() {
        let lines = shape(
            "MultiLineString",
            "[[[0,0],[1,0],[2,0]],[[1,0],[2,0],[3,0]],[[5,5],[6,6]],[[8,8],[9,8],[9,9],[8,8]]]",
        );
        let joined = joined(&Lines::read(&lines).unwrap());
        assert_eq!(joined.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 4]);
    }
}
