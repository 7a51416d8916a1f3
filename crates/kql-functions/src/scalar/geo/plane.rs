//! A map of half the sphere on which arcs of great circles are straight (the gnomonic projection).

use super::sphere::Vector;

/// The map around a point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    center: Vector,
    east: Vector,
    north: Vector,
}

/// A position on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Spot {
    pub(crate) fn minus(self, it: Spot) -> Spot {
        Spot { x: self.x - it.x, y: self.y - it.y }
    }

    pub(crate) fn cross(self, it: Spot) -> f64 {
        self.x * it.y - self.y * it.x
    }

    pub(crate) fn dot(self, it: Spot) -> f64 {
        self.x * it.x + self.y * it.y
    }
}

/// Farther from the middle than this (its cosine) the map becomes too large.
const COSINE_MIN: f64 = 0.05;

impl Plane {
    /// The map around the middle of some points; `None` when they do not all lie on one half of the sphere.
    pub(crate) fn around(points: impl Iterator<Item = Vector> + Clone) -> Option<Plane> {
        let center = points.clone().fold(Vector::new(0.0, 0.0, 0.0), Vector::plus).unit();
        let east = center.orthogonal();
        let plane = Plane { center, east, north: center.cross(east) };
        points.into_iter().all(|it| it.dot(center) > COSINE_MIN).then_some(plane)
    }

    /// Where a point lies on the map; `None` on the other half of the sphere.
    pub(crate) fn spot(&self, point: Vector) -> Option<Spot> {
        let height = point.dot(self.center);
        (height > 1e-6).then(|| Spot { x: point.dot(self.east) / height, y: point.dot(self.north) / height })
    }

    /// The point at a position of the map.
    pub(crate) fn point(&self, spot: Spot) -> Vector {
        self.center.plus(self.east.times(spot.x)).plus(self.north.times(spot.y)).unit()
    }
}

/// Area of a ring on the map, negative when it runs clockwise.
pub(crate) fn area(ring: &[Spot]) -> f64 {
    let Some(first) = ring.first() else { return 0.0 };
    ring.iter().zip(ring.iter().skip(1)).map(|(a, b)| a.minus(*first).cross(b.minus(*first))).sum::<f64>() / 2.0
}

/// Whether a position lies inside a ring.
pub(crate) fn contains(ring: &[Spot], spot: Spot) -> bool {
    let next = ring.iter().cycle().skip(1);
    let crosses = |(a, b): (&Spot, &Spot)| {
        (a.y > spot.y) != (b.y > spot.y) && (spot.x - a.x) < (b.x - a.x) * (spot.y - a.y) / (b.y - a.y)
    };
    ring.iter().zip(next).filter(|it| crosses(*it)).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_are_straight() {
        let points = [(10.0, 50.0), (20.0, 52.0)].map(|(lng, lat)| Vector::at_degrees(lng, lat));
        let plane = Plane::around(points.iter().copied()).unwrap();
        let spots = points.map(|it| plane.spot(it).unwrap());
        let middle = plane.spot(super::super::sphere::interpolated(points[0], points[1], 0.3)).unwrap();
        assert!(spots[1].minus(spots[0]).cross(middle.minus(spots[0])).abs() < 1e-15);
        assert!(plane.point(spots[0]).minus(points[0]).norm() < 1e-15);
        let far = [Vector::at_degrees(0.0, 0.0), Vector::at_degrees(179.0, 0.0)];
        assert!(Plane::around(far.iter().copied()).is_none());
    }
}
