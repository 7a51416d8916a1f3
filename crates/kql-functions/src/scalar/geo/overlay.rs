//! Union and intersection of polygons: pieces of their edges are kept where one side is inside the result and the other
//! is not, and put together to rings.

use super::{
    arrangement::{Arrangement, Builder, Edge},
    plane::{Spot, area, contains},
    region::Region,
    shape::{Polygon, Ring},
    sphere::Vector,
};
use kql_data::{Context, Fault, Map, Set};

/// What is done with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// What lies in one of them.
    Union,
    /// What lies in both.
    Intersection,
}

impl Operation {
    fn has(self, windings: [i32; 2]) -> bool {
        let [a, b] = windings.map(|it| it > 0);
        if self == Operation::Union { a || b } else { a && b }
    }
}

/// What two areas share: polygons, lines where they only lie side by side, points where they only touch.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) polygons: Vec<Polygon>,
    pub(crate) lines: Vec<(Vector, Vector)>,
    pub(crate) points: Vec<Vector>,
}

/// An edge of the result, its interior to the left.
#[derive(Clone, Copy, Debug)]
struct Kept {
    from: usize,
    to: usize,
    order: usize,
}

/// The edges of polygons with their insides to the left: shells counter-clockwise, holes clockwise.
fn directed_edges(polygons: &[Polygon]) -> Vec<(Vector, Vector)> {
    let mut edges = Vec::new();
    for polygon in polygons {
        for (index, ring) in polygon.0.iter().enumerate() {
            let others = polygon.0.iter().enumerate().filter(|(at, _)| *at != index);
            let inside = |point: Vector| others.clone().filter(|(_, it)| ring_contains(it, point)).count();
            let is_hole = ring.edges().next().is_some_and(|(a, b)| inside(a.plus(b).unit()) % 2 == 1);
            if is_hole {
                edges.extend(ring.edges().map(|(a, b)| (b, a)).collect::<Vec<_>>().into_iter().rev());
            } else {
                edges.extend(ring.edges());
            }
        }
    }
    edges
}

fn ring_contains(ring: &Ring, point: Vector) -> bool {
    Region::new(&[Polygon(vec![ring.clone()])]).contains(point)
}

/// Runs an operation on two areas.
pub(crate) fn overlay(
    cx: &Context,
    operands: [&[Polygon]; 2],
    operation: Operation,
    by: &str,
) -> Result<Shared, Fault> {
    let edges = operands.map(directed_edges);
    let points = edges.iter().flatten().map(|(a, _)| *a);
    let mut builder = Builder::new(points, by)?;
    for (operand, edges) in edges.iter().enumerate() {
        for (a, b) in edges {
            builder.add(*a, *b, operand);
        }
    }
    let arrangement = builder.build(cx, by)?;
    let (kept, beside) = kept_edges(cx, &arrangement, operation)?;
    let polygons = polygons_of(&arrangement, &kept);
    if operation == Operation::Union {
        return Ok(Shared { polygons, ..Shared::default() });
    }
    let lines = beside.iter().map(|it| (arrangement.point(it.0), arrangement.point(it.1))).collect();
    let used: Set<usize> = kept.iter().map(|it| it.from).chain(beside.iter().flat_map(|it| [it.0, it.1])).collect();
    Ok(Shared { polygons, lines, points: touching(&arrangement, &used) })
}

/// Nodes of both operands that are no part of what else they share.
fn touching(arrangement: &Arrangement, used: &Set<usize>) -> Vec<Vector> {
    let ends = |operand: usize| -> Set<usize> {
        let own = arrangement.pieces.iter().filter(|it| it.operand == operand);
        own.flat_map(|it| [it.from, it.to]).collect()
    };
    let (a, b) = (ends(0), ends(1));
    let mut nodes: Vec<usize> = a.intersection(&b).filter(|it| !used.contains(*it)).copied().collect();
    nodes.sort_unstable();
    nodes.into_iter().map(|it| arrangement.point(it)).collect()
}

/// One piece of all edges that lie on each other.
struct Joint {
    low: usize,
    high: usize,
    /// For each operand how many more run from low to high than back.
    turns: [i32; 2],
    order: usize,
}

fn joints(arrangement: &Arrangement) -> Vec<Joint> {
    let mut joints: Vec<Joint> = arrangement
        .shared()
        .into_iter()
        .map(|((low, high), edges)| {
            let mut turns = [0, 0];
            for Edge { from, operand, .. } in &edges {
                if let Some(turn) = turns.get_mut(*operand) {
                    *turn += if *from == low { 1 } else { -1 };
                }
            }
            let order = edges.iter().map(|it| it.order).min().unwrap_or(0);
            Joint { low, high, turns, order }
        })
        .collect();
    joints.sort_by_key(|it| (it.order, it.low, it.high));
    joints
}

type Pairs = Vec<(usize, usize)>;

/// The edges of the result; and, for an intersection, the pairs of nodes where the operands lie side by side.
fn kept_edges(cx: &Context, arrangement: &Arrangement, operation: Operation) -> Result<(Vec<Kept>, Pairs), Fault> {
    let joints = joints(arrangement);
    let ends: Vec<(Spot, Spot)> =
        joints.iter().map(|it| (arrangement.spot(it.low), arrangement.spot(it.high))).collect();
    let (mut kept, mut beside) = (Vec::new(), Vec::new());
    for (index, (joint, (low, high))) in joints.iter().zip(&ends).enumerate() {
        if index % 64 == 0 {
            cx.check()?;
        }
        let middle = Spot { x: (low.x + high.x) / 2.0, y: (low.y + high.y) / 2.0 };
        let is_upright = low.x == high.x;
        let above = windings_above(&joints, &ends, index, middle, is_upright);
        // Seen from low to high: `above` is the left side when that goes to the right; beside an upright edge it stands
        // for the side of smaller x.
        let is_left = if is_upright { high.y > low.y } else { high.x > low.x };
        let other = |at: usize, sign: i32| {
            above.get(at).copied().unwrap_or(0) + sign * joint.turns.get(at).copied().unwrap_or(0)
        };
        let (left, right) =
            if is_left { (above, [other(0, -1), other(1, -1)]) } else { ([other(0, 1), other(1, 1)], above) };
        match (operation.has(left), operation.has(right)) {
            (true, false) => kept.push(Kept { from: joint.low, to: joint.high, order: joint.order }),
            (false, true) => kept.push(Kept { from: joint.high, to: joint.low, order: joint.order }),
            (false, false) if joint.turns.iter().all(|it| *it != 0) => beside.push((joint.low, joint.high)),
            _ => {}
        }
    }
    Ok((kept, beside))
}

/// How often each operand runs around a position just beside an edge, by the edges above it.
fn windings_above(joints: &[Joint], ends: &[(Spot, Spot)], own: usize, spot: Spot, is_upright: bool) -> [i32; 2] {
    let mut windings = [0, 0];
    for (index, (joint, (low, high))) in joints.iter().zip(ends).enumerate() {
        let (left, right) = (low.x.min(high.x), low.x.max(high.x));
        let spans = if is_upright { left < spot.x && spot.x <= right } else { left <= spot.x && spot.x < right };
        if !spans || index == own {
            continue;
        }
        let y = low.y + (spot.x - low.x) * (high.y - low.y) / (high.x - low.x);
        if y > spot.y {
            let sign = if high.x > low.x { -1 } else { 1 };
            for (winding, turns) in windings.iter_mut().zip(joint.turns) {
                *winding += sign * turns;
            }
        }
    }
    windings
}

/// Rings of directed edges, as polygons.
fn polygons_of(arrangement: &Arrangement, kept: &[Kept]) -> Vec<Polygon> {
    let mut shells: Vec<(Vec<Spot>, Polygon)> = Vec::new();
    let mut holes: Vec<(Spot, Ring)> = Vec::new();
    for ring in rings_of(arrangement, kept) {
        let spots: Vec<Spot> = ring.iter().map(|it| arrangement.spot(it.from)).collect();
        let mut points: Vec<Vector> = ring.iter().map(|it| arrangement.point(it.from)).collect();
        if area(&spots) > 0.0 {
            shells.push((spots, Polygon(vec![Ring(points)])));
        } else if let [a, b, ..] = spots.as_slice() {
            points.reverse();
            holes.push((Spot { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0 }, Ring(points)));
        }
    }
    for (spot, hole) in holes {
        let around = shells.iter_mut().filter(|(spots, _)| contains(spots, spot));
        if let Some((_, shell)) = around.min_by(|a, b| area(&a.0).total_cmp(&area(&b.0))) {
            shell.0.push(hole);
        }
    }
    shells.into_iter().map(|(_, it)| it).collect()
}

/// Walks along the edges with the inside to the left; a ring that comes back to a node is cut there.
fn rings_of(arrangement: &Arrangement, kept: &[Kept]) -> Vec<Vec<Kept>> {
    let mut leaving: Map<usize, Vec<usize>> = Map::default();
    for (index, edge) in kept.iter().enumerate() {
        leaving.entry(edge.from).or_default().push(index);
    }
    let mut is_used = vec![false; kept.len()];
    let mut rings = Vec::new();
    for start in 0..kept.len() {
        let mut path: Vec<Kept> = Vec::new();
        let mut next = Some(start).filter(|it| is_used.get(*it) == Some(&false));
        while let Some(index) = next {
            let Some(edge) = kept.get(index) else { break };
            if let Some(used) = is_used.get_mut(index) {
                *used = true;
            }
            path.push(*edge);
            if let Some(at) = path.iter().position(|it| it.from == edge.to) {
                let ring = path.split_off(at);
                if ring.len() > 2 {
                    rings.push(in_order(ring));
                }
            }
            let free = leaving.get(&edge.to).into_iter().flatten().filter(|it| is_used.get(**it) == Some(&false));
            let turn = |it: &usize| kept.get(*it).map_or(f64::INFINITY, |it| turn(arrangement, edge, it));
            next = free.copied().min_by(|a, b| turn(a).total_cmp(&turn(b)));
            if path.is_empty() {
                next = None;
            }
        }
    }
    rings.sort_by_key(|it| it.iter().map(|it| it.order).min());
    rings
}

/// The angle, clockwise, from the way back to the way on.
fn turn(arrangement: &Arrangement, arriving: &Kept, leaving: &Kept) -> f64 {
    let at = arrangement.spot(arriving.to);
    let back = arrangement.spot(arriving.from).minus(at);
    let on = arrangement.spot(leaving.to).minus(at);
    super::sphere::positive(on.cross(back).atan2(on.dot(back)))
}

/// A ring turned so that it begins after its latest edge, as the reference has it.
fn in_order(mut ring: Vec<Kept>) -> Vec<Kept> {
    let (mut latest, mut saw_gap) = (0, false);
    for (index, edge) in ring.iter().enumerate().skip(1) {
        let best = ring.get(latest).map_or(0, |it| it.order);
        if edge.order < best {
            saw_gap = true;
        } else if edge.order > best || !saw_gap {
            (latest, saw_gap) = (index, false);
        }
    }
    let first = (latest + 1) % ring.len().max(1);
    ring.rotate_left(first);
    ring
}

/// The union of all polygons, joined two by two, those with the fewest points first.
pub(crate) fn union(cx: &Context, polygons: Vec<Polygon>, by: &str) -> Result<Vec<Polygon>, Fault> {
    let n_points = |it: &Polygon| it.0.iter().map(|it| it.0.len()).sum::<usize>();
    let mut queue: Vec<(usize, Vec<Polygon>)> = polygons.into_iter().map(|it| (n_points(&it), vec![it])).collect();
    queue.sort_by_key(|(size, _)| *size);
    while queue.len() > 1 {
        let rest = queue.split_off(2);
        let (size, united) = match queue.as_slice() {
            [(a_size, a), (b_size, b)] => (a_size + b_size, overlay(cx, [a, b], Operation::Union, by)?.polygons),
            _ => (0, Vec::new()),
        };
        queue = rest;
        let at = queue.partition_point(|it| it.0 <= size);
        queue.insert(at, (size, united));
    }
    Ok(queue.pop().map(|(_, it)| it).unwrap_or_default())
}

/// The union of polygons, where some may overlap; what cannot is left alone.
pub(crate) fn united(cx: &Context, polygons: &[Polygon], by: &str) -> Result<Vec<Polygon>, Fault> {
    let caps: Vec<(Vector, f64)> = polygons.iter().map(cap).collect();
    let overlap =
        |(index, a): (usize, &(Vector, f64))| caps.iter().skip(index + 1).any(|b| a.0.angle(b.0) <= a.1 + b.1);
    if caps.iter().enumerate().any(overlap) { union(cx, polygons.to_vec(), by) } else { Ok(polygons.to_vec()) }
}

/// A circle around a polygon: its middle and its radius.
fn cap(polygon: &Polygon) -> (Vector, f64) {
    let points = polygon.0.first().map_or(&[][..], |it| it.0.as_slice());
    let center = points.iter().fold(Vector::new(0.0, 0.0, 0.0), |sum, it| sum.plus(*it)).unit();
    // The middle of an edge may lie farther out than its ends only on rings wider than half the sphere.
    (center, points.iter().map(|it| it.angle(center)).fold(0.0, f64::max) + 1e-12)
}

#[cfg(test)]
mod tests {
    use super::{super::shape::tests::shape, *};

    fn polygons(coordinates: &str) -> Vec<Polygon> {
        Polygon::read_all(&shape("MultiPolygon", coordinates)).unwrap()
    }

    fn degrees(polygons: &[Polygon]) -> Vec<Vec<(f64, f64)>> {
        let ring = |it: &Ring| it.0.iter().map(|it| it.degrees()).map(|(x, y)| (round(x), round(y))).collect();
        polygons.iter().flat_map(|it| &it.0).map(ring).collect()
    }

    fn round(value: f64) -> f64 {
        (value * 1e6).round() / 1e6
    }

    const PARK: &str = "[[[[-73.9495,40.7969],[-73.95807,40.80068],[-73.98201,40.76825],[-73.97317,40.76455],[-73.9495,40.7969]]],[[[-73.94622,40.79249],[-73.96888,40.79282],[-73.9577,40.7789],[-73.94622,40.79249]]]]";

    #[test]
    fn polygons_are_united() {
        let united = union(&Context::default(), polygons(PARK), "test").unwrap();
        let expected = [
            (-73.9495, 40.7969),
            (-73.95807, 40.80068),
            (-73.963928, 40.792748),
            (-73.96888, 40.79282),
            (-73.966272, 40.789573),
            (-73.98201, 40.76825),
            (-73.97317, 40.76455),
            (-73.960302, 40.782141),
            (-73.9577, 40.7789),
            (-73.94622, 40.79249),
            (-73.952659, 40.792584),
        ];
        assert_eq!(degrees(&united), [expected]);
    }

    #[test]
    fn polygons_are_intersected() {
        let a = polygons(
            "[[[[-73.9630937576294,40.77498840732385],[-73.963565826416,40.774383111780914],[-73.96205306053162,40.773745311181585],[-73.96160781383514,40.7743912365898],[-73.9630937576294,40.77498840732385]]]]",
        );
        let b = polygons(
            "[[[[-73.96213352680206,40.775045280447145],[-73.9631313085556,40.774578106920345],[-73.96207988262177,40.77416780398293],[-73.96213352680206,40.775045280447145]]]]",
        );
        let shared = overlay(&Context::default(), [&a, &b], Operation::Intersection, "test").unwrap();
        let expected =
            [(-73.962106, 40.774591), (-73.962642, 40.774807), (-73.963131, 40.774578), (-73.96208, 40.774168)];
        assert_eq!(degrees(&shared.polygons), [expected]);
        assert!(shared.points.is_empty() && shared.lines.is_empty());
    }

    #[test]
    fn touching_is_shared_too() {
        let a = polygons("[[[[2,45],[0,45],[1,44],[2,45]]]]");
        let b = polygons(
            "[[[[3,44],[2,45],[2,43],[3,44]]],[[[1.192,45.265],[1.005,44.943],[1.356,44.937],[1.192,45.265]]]]",
        );
        let shared = overlay(&Context::default(), [&a, &b], Operation::Intersection, "test").unwrap();
        assert_eq!(shared.points.len(), 1);
        let expected = [(1.322708, 45.003909), (1.040457, 45.004356), (1.005, 44.943), (1.356, 44.937)];
        assert_eq!(degrees(&shared.polygons), [expected]);
        let beside = polygons("[[[[1,44],[0,45],[0,44],[1,44]]]]");
        let shared = overlay(&Context::default(), [&a, &beside], Operation::Intersection, "test").unwrap();
        assert_eq!((shared.polygons.len(), shared.lines.len(), shared.points.len()), (0, 1, 0));
    }

    #[test]
    fn holes_appear_and_vanish() {
        let cx = Context::default();
        let ring = |from: f64, to: f64| {
            format!("[[[[{from},{from}],[{to},{from}],[{to},{to}],[{from},{to}],[{from},{from}]]]]")
        };
        let frame = "[[[[0,0],[9,0],[9,3],[0,3],[0,0]]],[[[0,6],[9,6],[9,9],[0,9],[0,6]]],[[[0,0],[3,0],[3,9],[0,9],[0,0]]],[[[6,0],[9,0],[9,9],[6,9],[6,0]]]]";
        let united = union(&cx, polygons(frame), "test").unwrap();
        assert_eq!((united.len(), united[0].0.len()), (1, 2));
        let plug = polygons(&ring(2.0, 7.0));
        let filled = overlay(&cx, [&united, &plug], Operation::Union, "test").unwrap().polygons;
        assert_eq!((filled.len(), filled[0].0.len()), (1, 1));
        let inside = overlay(&cx, [&united, &plug], Operation::Intersection, "test").unwrap().polygons;
        assert_eq!((inside.len(), inside[0].0.len()), (1, 2));
    }

    #[test]
    fn cells_side_by_side() {
        let cells = "[[[[0,0],[1,0],[1,1],[0,1],[0,0]]],[[[1,0],[2,0],[2,1],[1,1],[1,0]]],[[[0,1],[1,1],[1,2],[0,2],[0,1]]],[[[1,1],[2,1],[2,2],[1,2],[1,1]]]]";
        let united = union(&Context::default(), polygons(cells), "test").unwrap();
        assert_eq!((united.len(), united[0].0.len(), united[0].0[0].0.len()), (1, 1, 8));
    }
}
