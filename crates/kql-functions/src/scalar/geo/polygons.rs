//! Polygons: area, middle, outline, what lies in them and how far away.

use super::{
    argument::Area,
    lines::closest_of,
    overlay::united,
    shape::{Polygon, Ring, point_json},
    sphere::{EARTH_RADIUS, Vector, triangle_centroid},
};
use kql_data::{Context, Dynamic, Fault};

crate::functions! {
    /// Square metres of a polygon, or of the union of several.
    ///
    ///     geo_polygon_area(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]})) > 6e9 => true
    fn geo_polygon_area(polygon: area) -> real |cx| { measured(cx, &polygon, "geo_polygon_area", area_of) }

    /// Metres of a polygon's outline, or of that of the union of several.
    ///
    ///     geo_polygon_perimeter(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]})) < 4e5 => true
    fn geo_polygon_perimeter(polygon: area) -> real |cx| { measured(cx, &polygon, "geo_polygon_perimeter", outline) }

    /// The middle of a polygon, or of the union of several.
    ///
    ///     geo_polygon_centroid(dynamic({"type": "Polygon"})) => dynamic(null)
    fn geo_polygon_centroid(polygon: area) -> dynamic |cx| { centroid(cx, &polygon) }

    /// Whether a point lies in a polygon, or in one of several.
    ///
    ///     geo_point_in_polygon(1, 0.5, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]})) => true
    ///     geo_point_in_polygon(1, 1, dynamic({"type": "Polygon", "coordinates": []})) => bool(null)
    fn geo_point_in_polygon(longitude: real, latitude: real, polygon: area) -> bool {
        Some(polygon.region.contains(Vector::at(longitude, latitude)?))
    }

    /// Metres from a point to a polygon, or to the closest of several; 0 inside.
    ///
    ///     geo_distance_point_to_polygon(1, 0.5, dynamic({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]})) => 0.0
    fn geo_distance_point_to_polygon(longitude: real, latitude: real, polygon: area) -> real {
        let point = Vector::at(longitude, latitude)?;
        closest(&polygon, point).map(|it| it.angle(point) * EARTH_RADIUS)
    }

    /// The point of a polygon, or of several, that is closest to a point: that point itself inside.
    ///
    ///     geo_closest_point_on_polygon(500, 1, dynamic({"type": "Polygon", "coordinates": []})) => dynamic(null)
    fn geo_closest_point_on_polygon(longitude: real, latitude: real, polygon: area) -> dynamic {
        closest(&polygon, Vector::at(longitude, latitude)?).map(point_json)
    }
}

fn measured(cx: &Context, area: &Area, by: &str, measure: fn(&Polygon) -> f64) -> Result<f64, Fault> {
    Ok(united(cx, &area.polygons, by)?.iter().map(measure).sum())
}

/// Shell and holes: the shell first.
fn by_sign(polygon: &Polygon) -> impl Iterator<Item = (f64, &Ring)> {
    polygon.0.iter().enumerate().map(|(index, it)| (if index == 0 { 1.0 } else { -1.0 }, it))
}

fn area_of(polygon: &Polygon) -> f64 {
    by_sign(polygon).map(|(sign, it)| sign * it.area()).sum::<f64>() * EARTH_RADIUS * EARTH_RADIUS
}

fn outline(polygon: &Polygon) -> f64 {
    polygon.edges().map(|(a, b)| a.angle(b)).sum::<f64>() * EARTH_RADIUS
}

fn centroid(cx: &Context, area: &Area) -> Result<Option<Dynamic>, Fault> {
    let polygons = united(cx, &area.polygons, "geo_polygon_centroid")?;
    let mut sum = Vector::new(0.0, 0.0, 0.0);
    for (sign, ring) in polygons.iter().flat_map(by_sign) {
        let Some((first, rest)) = ring.0.split_first() else { continue };
        for (a, b) in rest.iter().zip(rest.iter().skip(1)) {
            sum = sum.plus(triangle_centroid(*first, *a, *b).times(sign));
        }
    }
    Ok((sum.norm() > 0.0).then(|| point_json(sum.unit())))
}

fn closest(area: &Area, point: Vector) -> Option<Vector> {
    if area.region.contains(point) {
        return Some(point);
    }
    closest_of(point, area.polygons.iter().flat_map(Polygon::edges))
}

#[cfg(test)]
mod tests {
    use super::{super::shape::tests::shape, *};

    const PARK: &str = "[[[-73.9495,40.7969],[-73.95807266235352,40.80068603561921],[-73.98201942443848,40.76825672305777],[-73.97317886352539,40.76455136505513],[-73.9495,40.7969]]]";
    const TWO: &str = "[[[[-73.9495,40.7969],[-73.95807266235352,40.80068603561921],[-73.98201942443848,40.76825672305777],[-73.97317886352539,40.76455136505513],[-73.9495,40.7969]]],[[[-73.94262313842773,40.775991804565585],[-73.98107528686523,40.791849155467695],[-73.99600982666016,40.77092185281977],[-73.96150588989258,40.75609977566361],[-73.94262313842773,40.775991804565585]]]]";

    fn area(kind: &str, coordinates: &str) -> Area {
        Area::read(&shape(kind, coordinates)).unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn measures() {
        let cx = Context::default();
        let (park, two) = (area("Polygon", PARK), area("MultiPolygon", TWO));
        assert!(close(measured(&cx, &park, "", outline).unwrap(), 9930.301496049382));
        assert!(close(measured(&cx, &two, "", outline).unwrap(), 15943.538457874045));
        assert!(close(measured(&cx, &two, "", area_of).unwrap(), 10889971.534347963));
        let middle = centroid(&cx, &park).unwrap().unwrap();
        let at = |index: i64| middle.get("coordinates").at(index).as_f64().unwrap();
        assert!(close(at(0), -73.96573568990762) && close(at(1), 40.78255053805781));
    }

    #[test]
    fn distances() {
        let park = area("Polygon", PARK);
        let point = Vector::at_degrees(-73.9839, 40.7705);
        let found = closest(&park, point).unwrap();
        assert!(close(found.angle(point) * EARTH_RADIUS, 259.9407560705964));
        assert!(close(found.degrees().0, -73.98120558015391) && close(found.degrees().1, 40.76935945284321));
        let inside = Vector::at_degrees(-73.9657, 40.7825);
        assert_eq!(closest(&park, inside), Some(inside));
    }
}
