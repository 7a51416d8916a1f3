//! Cells that cover lines and polygons.

use super::{
    argument::Area,
    buffer::{Reach, buffered, buffered_lines},
    h3::resolution_of,
    s2::level_of,
    s2cell::Cell,
    shape::{Lines, Polygon, cross},
    sphere::Vector,
};
use h3o::{CellIndex, LatLng, Resolution};
use kql_data::{Context, Dynamic, Fault, Set};

crate::functions! {
    /// The S2 cells of one level, 11 unless given, that cover a polygon and, with a radius in metres, what lies around
    /// it. Null when they are more than 65,536.
    ///
    ///     geo_polygon_to_s2cells(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [0, 50], [100, 50], [0, 0]]]}), 30) => dynamic(null)
    fn geo_polygon_to_s2cells
        (polygon: area) -> dynamic |cx| { area_in_s2(cx, &polygon, 11.0, 0.0) }
        (polygon: area, level: real) -> dynamic |cx| { area_in_s2(cx, &polygon, level, 0.0) }
        (polygon: area, level: real, radius: real) -> dynamic |cx| { area_in_s2(cx, &polygon, level, radius) }

    /// The S2 cells of one level, 11 unless given, that cover a line and, with a radius in metres, what lies around it.
    /// Null when they are more than 65,536.
    ///
    ///     array_length(geo_line_to_s2cells(dynamic({"type": "LineString", "coordinates": [[1, 1], [1.0001, 1]]}), 5)) => 1
    fn geo_line_to_s2cells
        (line_string: lines) -> dynamic |cx| { lines_in_s2(cx, &line_string, 11.0, 0.0) }
        (line_string: lines, level: real) -> dynamic |cx| { lines_in_s2(cx, &line_string, level, 0.0) }
        (line_string: lines, level: real, radius: real) -> dynamic |cx| { lines_in_s2(cx, &line_string, level, radius) }

    /// The H3 cells of one resolution, 6 unless given, whose middles lie in a polygon or, with a radius in metres,
    /// around it. Edges are straight on the map. Null when they are more than 61,680.
    ///
    ///     geo_polygon_to_h3cells(dynamic({"type": "Polygon", "coordinates": [[[0, 0], [40, 0], [40, 40], [0, 0]]]}), 15) => dynamic(null)
    fn geo_polygon_to_h3cells
        (polygon: area) -> dynamic |cx| { area_in_h3(cx, &polygon, 6.0, 0.0) }
        (polygon: area, resolution: real) -> dynamic |cx| { area_in_h3(cx, &polygon, resolution, 0.0) }
        (polygon: area, resolution: real, radius: real) -> dynamic |cx| { area_in_h3(cx, &polygon, resolution, radius) }
}

const S2_CELLS_MAX: usize = 65_536;
const H3_CELLS_MAX: usize = 61_680;

/// The polygons with what lies within a radius of them; `None` when the radius is not valid. The ring around reaches a
/// hundredth of the radius farther at most.
fn widened(cx: &Context, area: &Area, radius: f64, by: &str) -> Result<Option<Vec<Polygon>>, Fault> {
    if radius == 0.0 {
        return Ok(Some(area.polygons.clone()));
    }
    match Reach::new(radius, radius / 100.0) {
        Some(reach) => buffered(cx, &area.polygons, reach, by).map(Some),
        None => Ok(None),
    }
}

fn area_in_s2(cx: &Context, area: &Area, level: f64, radius: f64) -> Result<Option<Dynamic>, Fault> {
    let Some(level) = level_of(level) else { return Ok(None) };
    let Some(polygons) = widened(cx, area, radius, "geo_polygon_to_s2cells")? else { return Ok(None) };
    let area = Area::new(polygons);
    let edges: Vec<(Vector, Vector)> = area.polygons.iter().flat_map(Polygon::edges).collect();
    Covering { cx, level, area: Some(&area), cells: Vec::new() }.run(&edges)
}

fn lines_in_s2(cx: &Context, lines: &Lines, level: f64, radius: f64) -> Result<Option<Dynamic>, Fault> {
    let Some(level) = level_of(level) else { return Ok(None) };
    if radius != 0.0 {
        let Some(reach) = Reach::new(radius, radius / 100.0) else { return Ok(None) };
        let around = Area::new(buffered_lines(cx, lines, reach, "geo_line_to_s2cells")?);
        return area_in_s2(cx, &around, f64::from(level), 0.0);
    }
    let edges: Vec<(Vector, Vector)> = lines.edges().collect();
    Covering { cx, level, area: None, cells: Vec::new() }.run(&edges)
}

/// Divides cells down to a level where edges run through them.
struct Covering<'a> {
    cx: &'a Context,
    level: u32,
    area: Option<&'a Area>,
    cells: Vec<Cell>,
}

impl Covering<'_> {
    fn run(mut self, edges: &[(Vector, Vector)]) -> Result<Option<Dynamic>, Fault> {
        for face in 0..6u64 {
            if !self.divide(Cell(face << 61 | 1 << 60), edges)? {
                return Ok(None);
            }
        }
        self.cells.sort_unstable();
        Ok(Some(Dynamic::array(self.cells.iter().map(|it| Dynamic::string(it.token())).collect())))
    }

    /// Adds what is needed of a cell; false when there are too many.
    fn divide(&mut self, cell: Cell, edges: &[(Vector, Vector)]) -> Result<bool, Fault> {
        let corners = cell.corners();
        let [a, b, c, d] = corners;
        let sides = [(a, b), (b, c), (c, d), (d, a)];
        let is_in = |it: &&(Vector, Vector)| {
            Cell::at(it.0, cell.level()) == cell
                || Cell::at(it.1, cell.level()) == cell
                || sides.iter().any(|side| cross(*side, **it))
        };
        let inside: Vec<(Vector, Vector)> = edges.iter().filter(is_in).copied().collect();
        if inside.is_empty() {
            let is_covered = self.area.is_some_and(|it| it.region.contains(cell.center()));
            return Ok(!is_covered || self.fill(cell));
        }
        if cell.level() >= self.level {
            self.cells.push(cell);
            if self.cells.len().is_multiple_of(1_024) {
                self.cx.check()?;
            }
            return Ok(self.cells.len() <= S2_CELLS_MAX);
        }
        for child in cell.children() {
            if !self.divide(child, &inside)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds all cells of the level inside a cell.
    fn fill(&mut self, cell: Cell) -> bool {
        if cell.level() >= self.level {
            self.cells.push(cell);
            return self.cells.len() <= S2_CELLS_MAX;
        }
        // Four times as many a level: eight levels are the most that may fit.
        self.level - cell.level() <= 8 && cell.children().into_iter().all(|it| self.fill(it))
    }
}

/// A ring in degrees that may run beyond 180°, so that it does not jump.
fn unrolled(points: &[Vector]) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::with_capacity(points.len());
    for point in points {
        let (lng, lat) = point.degrees();
        let lng = out.last().map_or(lng, |(last, _)| lng - 360.0 * ((lng - last) / 360.0).round());
        out.push((lng, lat));
    }
    out
}

/// Polygons on the plain map.
struct FlatArea(Vec<Vec<Vec<(f64, f64)>>>);

impl FlatArea {
    fn new(polygons: &[Polygon]) -> FlatArea {
        FlatArea(polygons.iter().map(|it| it.0.iter().map(|it| unrolled(&it.0)).collect()).collect())
    }

    fn contains(&self, lng: f64, lat: f64) -> bool {
        let in_rings = |rings: &Vec<Vec<(f64, f64)>>, lng: f64| {
            rings.iter().filter(|it| ring_contains(it, lng, lat)).count() % 2 == 1
        };
        self.0.iter().any(|rings| [lng - 360.0, lng, lng + 360.0].into_iter().any(|it| in_rings(rings, it)))
    }
}

fn ring_contains(ring: &[(f64, f64)], lng: f64, lat: f64) -> bool {
    let crosses = |(a, b): (&(f64, f64), &(f64, f64))| {
        (a.1 > lat) != (b.1 > lat) && (lng - a.0) < (b.0 - a.0) * (lat - a.1) / (b.1 - a.1)
    };
    ring.iter().zip(ring.iter().cycle().skip(1)).filter(|it| crosses(*it)).count() % 2 == 1
}

fn area_in_h3(cx: &Context, area: &Area, resolution: f64, radius: f64) -> Result<Option<Dynamic>, Fault> {
    let Some(resolution) = resolution_of(resolution) else { return Ok(None) };
    let Some(polygons) = widened(cx, area, radius, "geo_polygon_to_h3cells")? else { return Ok(None) };
    let flat = FlatArea::new(&polygons);
    let Some(mut seen) = cells_along(cx, &flat, resolution)? else { return Ok(None) };
    let mut queue: Vec<CellIndex> = seen.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(cell) = queue.pop() {
        let at = LatLng::from(cell);
        if !flat.contains(at.lng(), at.lat()) {
            continue;
        }
        found.push(cell);
        if found.len() > H3_CELLS_MAX {
            return Ok(None);
        }
        if found.len().is_multiple_of(1_024) {
            cx.check()?;
        }
        queue.extend(cell.grid_disk_safe(1).filter(|it| seen.insert(*it)));
    }
    found.sort_unstable();
    Ok(Some(Dynamic::array(found.iter().map(|it| Dynamic::string(it.to_string())).collect())))
}

/// The cells along all edges and those next to them; `None` when they are too many.
fn cells_along(cx: &Context, area: &FlatArea, resolution: Resolution) -> Result<Option<Set<CellIndex>>, Fault> {
    let mut seen: Set<CellIndex> = Set::default();
    let step = resolution.edge_length_rads().to_degrees() / 2.0;
    for ring in area.0.iter().flatten() {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let dlng = (b.0 - a.0) - 360.0 * ((b.0 - a.0) / 360.0).round();
            let (dlat, steps) = (b.1 - a.1, (dlng.hypot(b.1 - a.1) / step).ceil().max(1.0));
            if steps > 4.0 * H3_CELLS_MAX as f64 {
                return Ok(None);
            }
            for index in 0..steps as usize {
                let fraction = index as f64 / steps;
                let lng = a.0 + dlng * fraction;
                let lng = lng - 360.0 * (lng / 360.0).round();
                let Ok(at) = LatLng::new((a.1 + dlat * fraction).clamp(-90.0, 90.0), lng) else { continue };
                seen.extend(at.to_cell(resolution).grid_disk_safe(1));
                if seen.len() > 8 * H3_CELLS_MAX {
                    return Ok(None);
                }
            }
            cx.check()?;
        }
    }
    Ok(Some(seen))
}

#[cfg(test)]
mod tests {
    use super::{super::shape::tests::shape, *};

    fn area(coordinates: &str) -> Area {
        Area::read(&shape("Polygon", coordinates)).unwrap()
    }

    fn count(cells: Result<Option<Dynamic>, Fault>) -> usize {
        cells.unwrap().and_then(|it| it.as_array().map(<[Dynamic]>::len)).unwrap_or(0)
    }

    const SQUARE: &str = "[[[0.3,0.3],[1.3,0.3],[1.3,1.3],[0.3,1.3],[0.3,0.3]]]";

    #[test]
    fn every_point_is_covered() {
        let (cx, square) = (Context::default(), area(SQUARE));
        let cells = area_in_s2(&cx, &square, 9.0, 0.0).unwrap().unwrap();
        let tokens: Set<&str> = cells.as_array().unwrap().iter().filter_map(Dynamic::as_str).collect();
        for (lng, lat) in [(0.31, 0.31), (1.29, 0.8), (0.8, 0.8), (0.3, 1.0), (1.25, 1.25)] {
            assert!(tokens.contains(Cell::at(Vector::at_degrees(lng, lat), 9).token().as_str()));
        }
        assert!(!tokens.contains(Cell::at(Vector::at_degrees(1.8, 0.8), 9).token().as_str()));
        assert!(count(area_in_s2(&cx, &square, 9.0, 10_000.0)) > tokens.len());
        assert_eq!(area_in_s2(&cx, &square, 30.0, 0.0), Ok(None));
        assert_eq!(area_in_s2(&cx, &square, 31.0, 0.0), Ok(None));
        assert_eq!(area_in_s2(&cx, &square, 9.0, -1.0), Ok(None));
        assert_eq!(count(area_in_s2(&cx, &square, 0.0, 0.0)), 1);
    }

    #[test]
    fn lines_are_covered() {
        let cx = Context::default();
        let line = Lines::read(&shape("LineString", "[[-0.087152,51.509596],[-0.088340,51.506110]]")).unwrap();
        let cells = lines_in_s2(&cx, &line, 14.0, 500.0).unwrap().unwrap().json();
        let station = Cell::at(Vector::at_degrees(-0.08492752160134387, 51.504876316440914), 14).token();
        assert!(cells.contains(&station));
        assert!(!lines_in_s2(&cx, &line, 14.0, 0.0).unwrap().unwrap().json().contains("null"));
    }

    #[test]
    fn middles_lie_inside() {
        let (cx, square) = (Context::default(), area(SQUARE));
        let square_km = |area: &Area| {
            let cells = area_in_h3(&cx, area, 5.0, 0.0).unwrap().unwrap();
            let cell = |it: &Dynamic| it.as_str().unwrap().parse::<CellIndex>().unwrap().area_km2();
            cells.as_array().unwrap().iter().map(cell).sum::<f64>()
        };
        assert!((11_000.0..13_500.0).contains(&square_km(&square)));
        assert!(count(area_in_h3(&cx, &square, 5.0, 20_000.0)) > count(area_in_h3(&cx, &square, 5.0, 0.0)));
        assert_eq!(area_in_h3(&cx, &square, 15.0, 0.0), Ok(None));
        assert_eq!(area_in_h3(&cx, &square, 16.0, 0.0), Ok(None));
        let across = area("[[[179.5,0],[-179.5,0],[-179.5,1],[179.5,1],[179.5,0]]]");
        assert!((11_000.0..13_500.0).contains(&square_km(&across)));
    }
}
