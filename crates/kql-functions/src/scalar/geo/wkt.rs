//! Well-known text to GeoJSON.

use super::shape::collection_json;
use kql_data::{Bag, Dynamic};

crate::functions! {
    /// The shape that a well-known text describes; null when it is not valid.
    ///
    ///     geo_from_wkt("POINT (1 2)") => dynamic({"type": "Point", "coordinates": [1.0, 2.0]})
    ///     geo_from_wkt("LINESTRING (1 2, 3 4)").coordinates => dynamic([[1.0, 2.0], [3.0, 4.0]])
    ///     geo_from_wkt("CIRCLE (1 2)") => dynamic(null)
    fn geo_from_wkt(wkt: text) -> dynamic { parse(wkt) }
}

/// Kinds of shapes: name in the text, name in GeoJSON, and how deep their positions lie in arrays.
const KINDS: [(&str, &str, usize); 6] = [
    ("MULTIPOINT", "MultiPoint", 1),
    ("MULTILINESTRING", "MultiLineString", 2),
    ("MULTIPOLYGON", "MultiPolygon", 3),
    ("POINT", "Point", 0),
    ("LINESTRING", "LineString", 1),
    ("POLYGON", "Polygon", 2),
];

/// Collections inside collections, at most.
const DEPTH_MAX: usize = 32;

fn parse(text: &str) -> Option<Dynamic> {
    let mut reader = Reader { rest: text };
    let shape = reader.shape(0)?;
    reader.rest.trim().is_empty().then_some(shape)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.get(..text.len()).is_some_and(|it| it.eq_ignore_ascii_case(text));
        self.rest = if found { rest.get(text.len()..).unwrap_or("") } else { rest };
        found
    }

    fn shape(&mut self, depth: usize) -> Option<Dynamic> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.skip("GEOMETRYCOLLECTION") {
            let mut shapes = Vec::new();
            if self.skip("EMPTY") {
                return Some(collection_json(shapes));
            }
            self.list(|reader| {
                shapes.push(reader.shape(depth + 1)?);
                Some(())
            })?;
            return Some(collection_json(shapes));
        }
        let (_, kind, levels) = *KINDS.iter().find(|(name, ..)| self.skip(name))?;
        let coordinates = match kind {
            "Point" => {
                let mut position = None;
                self.list(|reader| {
                    if position.is_some() {
                        return None;
                    }
                    position = Some(reader.position()?);
                    Some(())
                })?;
                position?
            }
            "MultiPoint" => self.points()?,
            _ => self.positions(levels)?,
        };
        let slots = [("type".into(), Dynamic::string(kind)), ("coordinates".into(), coordinates)];
        Some(Dynamic::bag(Bag::from_iter(slots)))
    }

    /// `( item, item … )`
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if !self.skip("(") {
            return None;
        }
        loop {
            item(self)?;
            if self.skip(")") {
                return Some(());
            }
            if !self.skip(",") {
                return None;
            }
        }
    }

    fn positions(&mut self, levels: usize) -> Option<Dynamic> {
        let mut items = Vec::new();
        self.list(|reader| {
            items.push(if levels <= 1 { reader.position()? } else { reader.positions(levels - 1)? });
            Some(())
        })?;
        Some(Dynamic::array(items))
    }

    /// Points of a MULTIPOINT, with or without parentheses of their own.
    fn points(&mut self) -> Option<Dynamic> {
        let mut items = Vec::new();
        self.list(|reader| {
            let is_wrapped = reader.skip("(");
            items.push(reader.position()?);
            (!is_wrapped || reader.skip(")")).then_some(())
        })?;
        Some(Dynamic::array(items))
    }

    fn position(&mut self) -> Option<Dynamic> {
        let (longitude, latitude) = (self.number()?, self.number()?);
        let is_valid = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
        is_valid.then(|| Dynamic::array(vec![Dynamic::Real(longitude), Dynamic::Real(latitude)]))
    }

    fn number(&mut self) -> Option<f64> {
        let rest = self.rest.trim_start();
        let is_part = |it: char| it.is_ascii_digit() || matches!(it, '+' | '-' | '.' | 'e' | 'E');
        let end = rest.find(|it: char| !is_part(it)).unwrap_or(rest.len());
        let (number, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let json = |it: &str| parse(it).map_or("null".to_owned(), |it| it.json());
        assert_eq!(json("POINT (1 2)"), r#"{"type":"Point","coordinates":[1.0,2.0]}"#);
        assert_eq!(
            json("polygon((0 0,2 0, 2 2,0 0))"),
            r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[2.0,0.0],[2.0,2.0],[0.0,0.0]]]}"#
        );
        assert_eq!(json("MULTIPOINT ((1 2), 3 4)"), r#"{"type":"MultiPoint","coordinates":[[1.0,2.0],[3.0,4.0]]}"#);
        assert_eq!(
            json("GEOMETRYCOLLECTION (POINT (1 2))"),
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1.0,2.0]}]}"#
        );
        for wrong in
            ["", "POINT", "POINT (1)", "POINT (1 2", "POINT (1 2) x", "POINT (1 200)", "POINT (1 2, 3 4)", "LINE (1 2)"]
        {
            assert_eq!(json(wrong), "null", "{wrong}");
        }
        assert_eq!(json(&"GEOMETRYCOLLECTION (".repeat(100_000)), "null");
    }
}
