//! What lies in polygons.

use super::{
    plane::{Plane, Spot, contains},
    shape::{Polygon, Ring},
    sphere::Vector,
};

/// Polygons ready to be asked whether a point lies in one of them.
#[derive(Debug)]
pub(crate) struct Region(Vec<Vec<RingIndex>>);

/// One ring: a map, where it fits on one.
#[derive(Debug)]
enum RingIndex {
    Map(Plane, Vec<Spot>),
    Sphere(Ring),
}

impl Region {
    pub(crate) fn new(polygons: &[Polygon]) -> Region {
        Region(polygons.iter().map(|it| it.0.iter().map(RingIndex::new).collect()).collect())
    }

    /// Whether a point lies in one of the polygons.
    pub(crate) fn contains(&self, point: Vector) -> bool {
        self.0.iter().any(|rings| rings.iter().filter(|it| it.contains(point)).count() % 2 == 1)
    }
}

impl RingIndex {
    fn new(ring: &Ring) -> RingIndex {
        let map = Plane::around(ring.0.iter().copied());
        let spots = map.and_then(|map| ring.0.iter().map(|it| map.spot(*it)).collect::<Option<Vec<_>>>());
        match (map, spots) {
            (Some(map), Some(spots)) => RingIndex::Map(map, spots),
            _ => RingIndex::Sphere(ring.clone()),
        }
    }

    fn contains(&self, point: Vector) -> bool {
        match self {
            RingIndex::Map(map, spots) => map.spot(point).is_some_and(|it| contains(spots, it)),
            RingIndex::Sphere(ring) => turns_around(ring, point),
        }
    }
}

/// Whether a ring runs once around a point, counter-clockwise.
fn turns_around(ring: &Ring, point: Vector) -> bool {
    let east = point.orthogonal();
    let north = point.cross(east);
    let direction = |it: Vector| it.dot(north).atan2(it.dot(east));
    let turn = |(a, b): (Vector, Vector)| {
        let angle = direction(b) - direction(a);
        angle - std::f64::consts::TAU * (angle / std::f64::consts::TAU).round()
    };
    ring.edges().map(turn).sum::<f64>() > std::f64::consts::PI
}

#[cfg(test)]
mod tests {
    use super::{super::shape::tests::shape, *};

    fn region(coordinates: &str) -> Region {
        Region::new(&Polygon::read_all(&shape("Polygon", coordinates)).unwrap())
    }

    #[test]
    fn points_in_polygons() {
        let donut = region("[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[4,6],[6,6],[6,4],[4,4]]]");
        let has = |lng: f64, lat: f64| donut.contains(Vector::at_degrees(lng, lat));
        assert!(has(1.0, 1.0) && has(9.0, 9.0));
        assert!(!has(5.0, 5.0) && !has(11.0, 5.0) && !has(-179.0, -1.0));
    }

    #[test]
    fn a_ring_around_the_pole() {
        let cap = region("[[[0,10],[90,10],[180,10],[-90,10],[0,10]]]");
        let has = |lng: f64, lat: f64| cap.contains(Vector::at_degrees(lng, lat));
        assert!(has(30.0, 80.0) && has(45.0, 30.0));
        assert!(!has(30.0, -80.0) && !has(45.0, 5.0));
    }

    #[test]
    fn across_the_date_line() {
        let fiji = region("[[[177,-19],[-179,-19],[-179,-16],[177,-16],[177,-19]]]");
        assert!(fiji.contains(Vector::at_degrees(180.0, -17.0)));
        assert!(fiji.contains(Vector::at_degrees(-179.5, -17.0)));
        assert!(!fiji.contains(Vector::at_degrees(0.0, -17.0)));
    }
}
