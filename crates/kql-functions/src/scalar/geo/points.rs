//! Points: distance, direction, circles.

use super::sphere::{EARTH_RADIUS, Vector, azimuth, positive};

crate::functions! {
    /// Metres between two points; on the spheroid of WGS 84 where the last argument is true.
    ///
    ///     round(geo_distance_2points(-122.407628, 47.578557, -118.275287, 34.019056), 3) => 1546754.352
    ///     geo_distance_2points(300, 1, 1, 1) => real(null)
    fn geo_distance_2points
        (p1_longitude: real, p1_latitude: real, p2_longitude: real, p2_latitude: real) -> real {
            distance((p1_longitude, p1_latitude), (p2_longitude, p2_latitude), false)
        }
        (p1_longitude: real, p1_latitude: real, p2_longitude: real, p2_latitude: real, use_spheroid: bool) -> real {
            distance((p1_longitude, p1_latitude), (p2_longitude, p2_latitude), use_spheroid)
        }
        (p1_longitude: real, p1_latitude: real, p2_longitude: real, p2_latitude: real, use_spheroid: real) -> real {
            distance((p1_longitude, p1_latitude), (p2_longitude, p2_latitude), use_spheroid != 0.0)
        }

    /// Direction from the first point to the second in radians, clockwise from north.
    ///
    ///     round(degrees(geo_azimuth(5, 10, 10, -40)), 6) => 175.015654
    ///     geo_azimuth(5, 10, 5, 10) => real(null)
    fn geo_azimuth(p1_longitude: real, p1_latitude: real, p2_longitude: real, p2_latitude: real) -> real {
        let (a, b) = ((p1_longitude, p1_latitude), (p2_longitude, p2_latitude));
        has_direction(a, b)?.then(|| azimuth(a, b))
    }

    /// Angle in radians, clockwise, from the line between the first two points to the line between the last two.
    ///
    ///     round(degrees(geo_angle(0, 10, 0, 5, 3, -10)), 6) => 168.732543
    ///     geo_angle(0, 10, 0, 10, 3, -10) => real(null)
    fn geo_angle(
        p1_longitude: real, p1_latitude: real,
        p2_longitude: real, p2_latitude: real,
        p3_longitude: real, p3_latitude: real,
    ) -> real {
        angle((p1_longitude, p1_latitude), (p2_longitude, p2_latitude), (p3_longitude, p3_latitude))
    }

    /// Whether a point lies in the circle around another with a radius in metres.
    ///
    ///     geo_point_in_circle(-122.201741, 47.677084, -122.317404, 47.609119, 18000) => true
    ///     geo_point_in_circle(-122.137575, 47.630683, -122.100896, 47.527351, 3500) => false
    fn geo_point_in_circle(
        p_longitude: real, p_latitude: real, pc_longitude: real, pc_latitude: real, c_radius: real,
    ) -> bool {
        let distance = distance((p_longitude, p_latitude), (pc_longitude, pc_latitude), false)?;
        (c_radius > 0.0).then_some(distance <= c_radius)
    }
}

type Degrees = (f64, f64);

fn distance(a: Degrees, b: Degrees, use_spheroid: bool) -> Option<f64> {
    let (from, to) = (Vector::at(a.0, a.1)?, Vector::at(b.0, b.1)?);
    Some(if use_spheroid { spheroid_distance(a, b) } else { from.angle(to) * EARTH_RADIUS })
}

/// Metres along the WGS 84 spheroid.
pub(crate) fn spheroid_distance(a: Degrees, b: Degrees) -> f64 {
    use geographiclib_rs::{Geodesic, InverseGeodesic};
    Geodesic::wgs84().inverse(a.1, a.0, b.1, b.0)
}

/// Whether two points have one direction between them; `None` when one is not valid.
fn has_direction(a: Degrees, b: Degrees) -> Option<bool> {
    let (a, b) = (Vector::at(a.0, a.1)?, Vector::at(b.0, b.1)?);
    Some(a != b && !a.is_antipodal(b))
}

fn angle(a: Degrees, b: Degrees, c: Degrees) -> Option<f64> {
    let is_valid = has_direction(a, b)? && has_direction(b, c)?;
    is_valid.then(|| positive(azimuth(b, c) - azimuth(b, a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_distance() {
        let (seattle, los_angeles) = ((-122.407628, 47.578557), (-118.275287, 34.019056));
        let sphere = distance(seattle, los_angeles, false).unwrap();
        let spheroid = distance(seattle, los_angeles, true).unwrap();
        assert!((sphere - 1_546_754.3519738095).abs() < 1e-3);
        assert!((spheroid - sphere).abs() < 5_000.0 && spheroid != sphere);
        assert!(distance((0.0, 0.0), (180.0, 0.1), true).unwrap().is_finite());
        assert_eq!(distance((0.0, 91.0), (0.0, 0.0), true), None);
    }

    #[test]
    fn angles_go_clockwise() {
        assert!((angle((0.0, 10.0), (0.0, 5.0), (3.0, -10.0)).unwrap() - 2.9449384340688165).abs() < 1e-9);
        assert_eq!(angle((0.0, 0.0), (0.0, 0.0), (1.0, 1.0)), None);
    }
}
