//! `geo_polygon_lookup`, `geo_line_lookup`: rows of a table by the shape that a place lies in, or near.

use super::{
    Answer, Call,
    ip_lookup::{flag, looked_up, lookup_column},
};
use kql_data::{Column, Fault, NO_ROW, Type, Value};
use kql_functions::{Actual, CallSite};

pub(super) fn polygon(call: &Call<'_>) -> Answer {
    let radius = radius(call, "radius", 4)?;
    let test = match radius {
        Some(radius) => Test::new("geo_distance_point_to_polygon", Some(radius))?,
        None => Test::new("geo_point_in_polygon", None)?,
    };
    run(call, &test, "LookupPolygonKey")
}

pub(super) fn line(call: &Call<'_>) -> Answer {
    let radius = radius(call, "radius", 4)?.ok_or_else(|| call.wrong("the radius is missing"))?;
    run(call, &Test::new("geo_distance_point_to_line", Some(radius))?, "LookupLineKey")
}

fn radius(call: &Call<'_>, name: &str, index: usize) -> Result<Option<f64>, Fault> {
    Ok(match call.constant(name, index)? {
        Some(Value::Real(it)) => Some(it),
        Some(Value::Long(it)) => Some(it as f64),
        Some(Value::Int(it)) => Some(f64::from(it)),
        _ => None,
    })
}

/// A function of longitude, latitude and shape, and how far away is near.
struct Test {
    site: CallSite,
    radius: Option<f64>,
}

impl Test {
    fn new(name: &str, radius: Option<f64>) -> Result<Test, Fault> {
        let function = kql_functions::function(name).ok_or_else(|| Fault::Unsupported(format!("function `{name}`")))?;
        let types = [Type::Real, Type::Real, Type::Dynamic].map(Actual::varying);
        let resolved = kql_functions::resolve(function, &types)?;
        Ok(Test { site: CallSite::new(function, resolved.overload)?, radius })
    }
}

fn run(call: &Call<'_>, test: &Test, key_name: &str) -> Answer {
    let (input, table) = (call.input()?, call.table(1)?);
    let key = lookup_column(call, key_name, 1)?;
    let (longitude, latitude) = (real(call, "SourceLongitude", 2)?, real(call, "SourceLatitude", 3)?);
    let unmatched = flag(call, "return_unmatched", 5)?;
    let returns_key = flag(call, "return_lookup_key", 7)?;
    let Some(shapes) = table.columns.get(key) else { return Err(call.wrong("the key is not in the lookup table")) };

    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut held = call.execution.cx.budget.reserve(0, call.name)?;
    for other in 0..table.n_rows {
        call.check()?;
        let shape = Column::constant(shapes.value(other), Type::Dynamic, input.n_rows);
        let args = [longitude.clone(), latitude.clone(), shape];
        let answer = test.site.evaluate(call.execution.cx, &args, input.n_rows)?;
        for row in 0..input.n_rows {
            let is_hit = match (answer.value(row), test.radius) {
                (Value::Bool(it), _) => it,
                (Value::Real(distance), Some(radius)) => distance <= radius,
                _ => false,
            };
            if is_hit {
                pairs.push((row as u32, other as u32));
            }
        }
        held.resize(pairs.len() * 16, call.name)?;
    }
    pairs.sort_unstable();
    let (mut left, mut right) = (Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len()));
    let mut pairs = pairs.into_iter().peekable();
    for row in 0..input.n_rows as u32 {
        let mut is_matched = false;
        while let Some((row, other)) = pairs.next_if(|it| it.0 == row) {
            left.push(row);
            right.push(other);
            is_matched = true;
        }
        if unmatched && !is_matched {
            left.push(row);
            right.push(NO_ROW);
        }
    }
    looked_up(call, &left, &right, if returns_key { &[] } else { std::slice::from_ref(&key) })
}

/// A column of coordinates as floats.
fn real(call: &Call<'_>, name: &str, index: usize) -> Result<Column, Fault> {
    let column = call.values(call.required(name, index)?)?;
    if column.ty() == Type::Real {
        return Ok(column);
    }
    let mut out = kql_data::ColumnBuilder::new(Type::Real, column.len());
    for row in 0..column.len() {
        out.push(&kql_functions::scalar::conversion::convert(&column.value(row), Type::Real));
    }
    Ok(out.finish())
}
