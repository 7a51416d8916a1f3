//! Edges of several shapes on one map, split wherever they meet, so that pieces only touch at their ends.

use super::{
    plane::{Plane, Spot},
    sphere::Vector,
};
use kql_data::{Context, Fault, Map};

/// Positions closer than this, in radians, are one: about 60 nanometres.
const NEAR: f64 = 1e-14;
/// Edges that one call may compare with each other.
const EDGES_MAX: usize = 50_000;

/// A place where edges begin, end or meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) spot: Spot,
    pub(crate) point: Vector,
}

/// A directed edge of a shape, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Which operand it belongs to.
    pub(crate) operand: usize,
    /// Its place among all edges.
    pub(crate) order: usize,
}

/// The pieces of all edges.
#[derive(Debug)]
pub(crate) struct Arrangement {
    pub(crate) nodes: Vec<Node>,
    pub(crate) pieces: Vec<Edge>,
}

/// Collects edges.
#[derive(Debug)]
pub(crate) struct Builder {
    plane: Plane,
    nodes: Vec<Node>,
    by_cell: Map<(i64, i64), Vec<usize>>,
    edges: Vec<Edge>,
}

impl Builder {
    /// For shapes with those points. Shapes wider than half the sphere are not supported.
    pub(crate) fn new(points: impl Iterator<Item = Vector> + Clone, by: &str) -> Result<Builder, Fault> {
        let plane = Plane::around(points)
            .ok_or_else(|| Fault::Unsupported(format!("{by}() of shapes that span more than half the Earth")))?;
        Ok(Builder { plane, nodes: Vec::new(), by_cell: Map::default(), edges: Vec::new() })
    }

    /// The node at a position, new or known.
    fn node(&mut self, spot: Spot, point: Option<Vector>) -> usize {
        // Cells are far wider than the tolerance, so that a near node lies in this cell or a neighbouring one.
        let cell = |it: f64| (it / (NEAR * 64.0)).floor() as i64;
        let (column, row) = (cell(spot.x), cell(spot.y));
        for (dx, dy) in [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)] {
            let known = self.by_cell.get(&(column.wrapping_add(dx), row.wrapping_add(dy)));
            let is_near = |it: &&usize| {
                self.nodes.get(**it).is_some_and(|it| {
                    let d = it.spot.minus(spot);
                    d.x.abs() <= NEAR && d.y.abs() <= NEAR
                })
            };
            if let Some(found) = known.and_then(|it| it.iter().find(is_near)) {
                return *found;
            }
        }
        let point = point.unwrap_or_else(|| self.plane.point(spot));
        self.nodes.push(Node { spot, point });
        self.by_cell.entry((column, row)).or_default().push(self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Adds a directed edge of an operand.
    pub(crate) fn add(&mut self, a: Vector, b: Vector, operand: usize) {
        let (Some(a_spot), Some(b_spot)) = (self.plane.spot(a), self.plane.spot(b)) else { return };
        let (from, to) = (self.node(a_spot, Some(a)), self.node(b_spot, Some(b)));
        if from != to {
            let order = self.edges.len();
            self.edges.push(Edge { from, to, operand, order });
        }
    }

    fn spot(&self, node: usize) -> Spot {
        self.nodes.get(node).map_or(Spot { x: 0.0, y: 0.0 }, |it| it.spot)
    }

    /// Splits all edges where they meet.
    pub(crate) fn build(mut self, cx: &Context, by: &str) -> Result<Arrangement, Fault> {
        if self.edges.len() > EDGES_MAX {
            let limit = EDGES_MAX as u64;
            return Err(Fault::Limit { name: "edges of a shape", limit, by: by.to_owned() });
        }
        let mut splits: Vec<Vec<usize>> = vec![Vec::new(); self.edges.len()];
        let edges = self.edges.clone();
        let mut by_x: Vec<(f64, f64, usize)> = edges
            .iter()
            .enumerate()
            .map(|(index, it)| {
                let (a, b) = (self.spot(it.from), self.spot(it.to));
                (a.x.min(b.x), a.x.max(b.x), index)
            })
            .collect();
        by_x.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (at, (_, right, i)) in by_x.iter().enumerate() {
            if at % 256 == 0 {
                cx.check()?;
            }
            for (left, _, j) in by_x.iter().skip(at + 1) {
                if *left > right + NEAR {
                    break;
                }
                if let (Some(a), Some(b)) = (edges.get(*i), edges.get(*j)) {
                    self.meet(a, b, (*i, *j), &mut splits);
                }
            }
        }
        let mut pieces = Vec::with_capacity(edges.len());
        for (edge, splits) in edges.iter().zip(&mut splits) {
            self.cut(edge, splits, &mut pieces);
        }
        Ok(Arrangement { nodes: self.nodes, pieces })
    }

    /// Notes where two edges meet.
    fn meet(&mut self, a: &Edge, b: &Edge, (i, j): (usize, usize), splits: &mut [Vec<usize>]) {
        let (a0, a1) = (self.spot(a.from), self.spot(a.to));
        let (b0, b1) = (self.spot(b.from), self.spot(b.to));
        let apart = a0.y.max(a1.y) + NEAR < b0.y.min(b1.y) || b0.y.max(b1.y) + NEAR < a0.y.min(a1.y);
        if apart {
            return;
        }
        let mut split = |index: usize, node: usize| {
            if let Some(nodes) = splits.get_mut(index) {
                nodes.push(node);
            }
        };
        let mut touches = false;
        for (node, spot) in [(b.from, b0), (b.to, b1)] {
            if node == a.from || node == a.to {
                touches = true;
            } else if lies_on(spot, a0, a1) {
                touches = true;
                split(i, node);
            }
        }
        for (node, spot) in [(a.from, a0), (a.to, a1)] {
            if node != b.from && node != b.to && lies_on(spot, b0, b1) {
                touches = true;
                split(j, node);
            }
        }
        if touches {
            return;
        }
        let (along_a, along_b) = (a1.minus(a0), b1.minus(b0));
        let (s0, s1) = (along_a.cross(b0.minus(a0)), along_a.cross(b1.minus(a0)));
        let (t0, t1) = (along_b.cross(a0.minus(b0)), along_b.cross(a1.minus(b0)));
        if s0 * s1 < 0.0 && t0 * t1 < 0.0 {
            let at = t0 / (t0 - t1);
            let node = self.node(Spot { x: a0.x + along_a.x * at, y: a0.y + along_a.y * at }, None);
            split(i, node);
            split(j, node);
        }
    }

    fn cut(&self, edge: &Edge, splits: &mut Vec<usize>, pieces: &mut Vec<Edge>) {
        let (from, to) = (self.spot(edge.from), self.spot(edge.to));
        let along = to.minus(from);
        let place = |node: &usize| self.spot(*node).minus(from).dot(along);
        splits.sort_by(|a, b| place(a).total_cmp(&place(b)));
        splits.push(edge.to);
        let mut last = edge.from;
        for node in splits.drain(..) {
            if node != last {
                pieces.push(Edge { from: last, to: node, ..*edge });
                last = node;
            }
        }
    }
}

/// Whether a position lies on a segment, its ends apart.
fn lies_on(spot: Spot, from: Spot, to: Spot) -> bool {
    let along = to.minus(from);
    let length = along.dot(along).sqrt();
    let place = spot.minus(from).dot(along) / length;
    place > NEAR && place < length - NEAR && along.cross(spot.minus(from)).abs() / length <= NEAR
}

impl Arrangement {
    /// The position of a node.
    pub(crate) fn spot(&self, node: usize) -> Spot {
        self.nodes.get(node).map_or(Spot { x: 0.0, y: 0.0 }, |it| it.spot)
    }

    /// The point of a node.
    pub(crate) fn point(&self, node: usize) -> Vector {
        self.nodes.get(node).map_or(Vector::new(1.0, 0.0, 0.0), |it| it.point)
    }

    /// The pieces that lie on each other, as one: their two nodes, the lower first.
    pub(crate) fn shared(&self) -> Map<(usize, usize), Vec<Edge>> {
        let mut shared: Map<(usize, usize), Vec<Edge>> = Map::default();
        for piece in &self.pieces {
            let key = (piece.from.min(piece.to), piece.from.max(piece.to));
            shared.entry(key).or_default().push(*piece);
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Degrees = (f64, f64);

    fn arrangement(edges: &[(Degrees, Degrees)]) -> Arrangement {
        let edges: Vec<(Vector, Vector)> =
            edges.iter().map(|(a, b)| (Vector::at_degrees(a.0, a.1), Vector::at_degrees(b.0, b.1))).collect();
        let points = edges.iter().flat_map(|(a, b)| [*a, *b]);
        let mut builder = Builder::new(points, "test").unwrap();
        for (index, (a, b)) in edges.iter().enumerate() {
            builder.add(*a, *b, index);
        }
        builder.build(&Context::default(), "test").unwrap()
    }

    #[test]
    fn edges_are_split_where_they_meet() {
        let cross = arrangement(&[((0.0, -1.0), (0.0, 1.0)), ((-1.0, 0.0), (1.0, 0.0))]);
        assert_eq!((cross.nodes.len(), cross.pieces.len()), (5, 4));
        let tee = arrangement(&[((0.0, 0.0), (0.0, 1.0)), ((-1.0, 0.0), (1.0, 0.0))]);
        assert_eq!((tee.nodes.len(), tee.pieces.len()), (4, 3));
        let overlap = arrangement(&[((0.0, 0.0), (2.0, 0.0)), ((1.0, 0.0), (3.0, 0.0))]);
        assert_eq!((overlap.nodes.len(), overlap.pieces.len(), overlap.shared().len()), (4, 4, 3));
    }
}
