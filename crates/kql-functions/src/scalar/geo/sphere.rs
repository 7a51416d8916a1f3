//! The unit sphere: points, arcs of great circles, triangles. Distances are in radians unless a name says metres.

/// Metres of the Earth's radius.
pub(crate) const EARTH_RADIUS: f64 = 6_371_010.0;

/// A vector, of length 1 where it is a point of the sphere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Vector {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) z: f64,
}

impl Vector {
    pub(crate) const fn new(x: f64, y: f64, z: f64) -> Vector {
        Vector { x, y, z }
    }

    /// The point at a longitude and latitude in degrees; `None` when they are out of range.
    pub(crate) fn at(longitude: f64, latitude: f64) -> Option<Vector> {
        let is_valid = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
        is_valid.then(|| Vector::at_degrees(longitude, latitude))
    }

    /// The same without a check.
    pub(crate) fn at_degrees(longitude: f64, latitude: f64) -> Vector {
        let (sin_lng, cos_lng) = longitude.to_radians().sin_cos();
        let (sin_lat, cos_lat) = latitude.to_radians().sin_cos();
        Vector::new(cos_lng * cos_lat, sin_lng * cos_lat, sin_lat)
    }

    /// Longitude and latitude in degrees.
    pub(crate) fn degrees(self) -> (f64, f64) {
        (self.y.atan2(self.x).to_degrees(), self.z.atan2((self.x * self.x + self.y * self.y).sqrt()).to_degrees())
    }

    pub(crate) fn plus(self, it: Vector) -> Vector {
        Vector::new(self.x + it.x, self.y + it.y, self.z + it.z)
    }

    pub(crate) fn minus(self, it: Vector) -> Vector {
        Vector::new(self.x - it.x, self.y - it.y, self.z - it.z)
    }

    pub(crate) fn times(self, factor: f64) -> Vector {
        Vector::new(self.x * factor, self.y * factor, self.z * factor)
    }

    pub(crate) fn dot(self, it: Vector) -> f64 {
        self.x * it.x + self.y * it.y + self.z * it.z
    }

    pub(crate) fn cross(self, it: Vector) -> Vector {
        Vector::new(self.y * it.z - self.z * it.y, self.z * it.x - self.x * it.z, self.x * it.y - self.y * it.x)
    }

    pub(crate) fn norm(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// Of length 1, unless it is 0.
    pub(crate) fn unit(self) -> Vector {
        let norm = self.norm();
        if norm > 0.0 { self.times(1.0 / norm) } else { self }
    }

    /// Angle between two vectors.
    pub(crate) fn angle(self, it: Vector) -> f64 {
        normal(self, it).norm().atan2(self.dot(it))
    }

    /// Some vector at a right angle.
    pub(crate) fn orthogonal(self) -> Vector {
        let axis = if self.x.abs() < self.y.abs() && self.x.abs() < self.z.abs() {
            Vector::new(1.0, 0.0, 0.0)
        } else if self.y.abs() < self.z.abs() {
            Vector::new(0.0, 1.0, 0.0)
        } else {
            Vector::new(0.0, 0.0, 1.0)
        };
        self.cross(axis).unit()
    }

    /// Whether two points lie opposite each other, so that no single shortest arc joins them.
    pub(crate) fn is_antipodal(self, it: Vector) -> bool {
        self.plus(it).norm() < 1e-14
    }
}

/// The cross product of two points; exact to the last digits where they lie close together.
pub(crate) fn normal(a: Vector, b: Vector) -> Vector {
    a.minus(b).cross(a.plus(b)).times(0.5)
}

/// The point on the arc from `a` to `b` at that angle from `a`.
pub(crate) fn point_at_angle(a: Vector, b: Vector, angle: f64) -> Vector {
    let direction = normal(a, b).cross(a).unit();
    a.times(angle.cos()).plus(direction.times(angle.sin())).unit()
}

/// The point on the arc at that fraction of its length.
pub(crate) fn interpolated(a: Vector, b: Vector, fraction: f64) -> Vector {
    if fraction == 0.0 || a == b {
        return a;
    }
    if fraction == 1.0 {
        return b;
    }
    point_at_angle(a, b, fraction * a.angle(b))
}

/// The point of the arc that is closest to `point`.
pub(crate) fn closest_on_arc(point: Vector, a: Vector, b: Vector) -> Vector {
    let n = normal(a, b).unit();
    let projected = point.minus(n.times(point.dot(n)));
    let is_between = n.cross(a).dot(projected) > 0.0 && projected.cross(b).dot(n) > 0.0;
    if is_between && projected.norm() > 1e-15 {
        projected.unit()
    } else if point.minus(a).norm() <= point.minus(b).norm() {
        a
    } else {
        b
    }
}

/// Direction from one point to another, clockwise from north, 0 to 2π.
pub(crate) fn azimuth(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (from_lng, from_lat) = (from.0.to_radians(), from.1.to_radians());
    let (to_lng, to_lat) = (to.0.to_radians(), to.1.to_radians());
    let east = (to_lng - from_lng).sin() * to_lat.cos();
    let north = from_lat.cos() * to_lat.sin() - from_lat.sin() * to_lat.cos() * (to_lng - from_lng).cos();
    positive(east.atan2(north))
}

/// An angle from 0 to 2π.
pub(crate) fn positive(angle: f64) -> f64 {
    let turn = std::f64::consts::TAU;
    let angle = angle.rem_euclid(turn);
    if angle < turn { angle } else { 0.0 }
}

/// Area of a triangle; negative when its corners go clockwise.
pub(crate) fn triangle_area(a: Vector, b: Vector, c: Vector) -> f64 {
    let volume = a.dot(b.minus(a).cross(c.minus(a)));
    2.0 * volume.atan2(1.0 + a.dot(b) + b.dot(c) + c.dot(a))
}

/// The centre of a triangle times its signed area.
pub(crate) fn triangle_centroid(a: Vector, b: Vector, c: Vector) -> Vector {
    let ratio = |angle: f64| if angle == 0.0 { 1.0 } else { angle / angle.sin() };
    let (ra, rb, rc) = (ratio(b.angle(c)), ratio(c.angle(a)), ratio(a.angle(b)));
    let x = Vector::new(a.x, b.x - a.x, c.x - a.x);
    let y = Vector::new(a.y, b.y - a.y, c.y - a.y);
    let z = Vector::new(a.z, b.z - a.z, c.z - a.z);
    let r = Vector::new(ra, rb - ra, rc - ra);
    Vector::new(y.cross(z).dot(r), z.cross(x).dot(r), x.cross(y).dot(r)).times(0.5)
}

/// The centre of an arc times its length.
pub(crate) fn arc_centroid(a: Vector, b: Vector) -> Vector {
    let (difference, sum) = (a.minus(b), a.plus(b));
    let cos2 = sum.dot(sum);
    if cos2 == 0.0 { Vector::new(0.0, 0.0, 0.0) } else { sum.times((difference.dot(difference) / cos2).sqrt()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn distances_and_directions() {
        let (a, b) = (Vector::at_degrees(-122.407628, 47.578557), Vector::at_degrees(-118.275287, 34.019056));
        assert!(close(a.angle(b) * EARTH_RADIUS, 1_546_754.3519738095));
        assert!(close(azimuth((5.0, 10.0), (10.0, -40.0)).to_degrees(), 175.01565360656755));
        assert!(Vector::at(180.1, 0.0).is_none() && Vector::at(0.0, f64::NAN).is_none());
        assert!(a.is_antipodal(a.times(-1.0)) && !a.is_antipodal(b));
    }

    #[test]
    fn arcs() {
        let (a, b) = (Vector::at_degrees(0.0, 0.0), Vector::at_degrees(90.0, 0.0));
        let middle = interpolated(a, b, 0.5).degrees();
        assert!(close(middle.0, 45.0) && middle.1.abs() < 1e-12);
        let closest = closest_on_arc(Vector::at_degrees(30.0, 10.0), a, b).degrees();
        assert!(close(closest.0, 30.0));
        assert_eq!(closest_on_arc(Vector::at_degrees(-10.0, 5.0), a, b), a);
    }

    #[test]
    fn an_eighth_of_the_sphere() {
        let corners = [(0.0, 0.0), (90.0, 0.0), (0.0, 90.0)].map(|(lng, lat)| Vector::at_degrees(lng, lat));
        let [a, b, c] = corners;
        assert!(close(triangle_area(a, b, c), std::f64::consts::FRAC_PI_2));
        assert!(close(triangle_area(a, c, b), -std::f64::consts::FRAC_PI_2));
        assert!(close(triangle_centroid(a, b, c).unit().x, (1.0f64 / 3.0).sqrt()));
    }
}
