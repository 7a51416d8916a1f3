//! Parameter types for shapes: read once where the argument is constant. What is not valid gives null without a call.
#![allow(non_camel_case_types, reason = "they stand beside the language's type names in signatures")]

use super::{
    region::Region,
    shape::{Lines, Polygon},
};
use crate::declare::{
    Accepts,
    types::{Argument, dynamic},
};
use kql_data::{Column, Context, Dynamic, Fault, Type};
use std::sync::Arc;

/// Shapes of a column.
#[derive(Debug)]
pub enum Shapes<'a, T> {
    /// The same in every row.
    Constant(Option<Arc<T>>),
    /// By row.
    Varying(&'a Column),
}

impl<'a, T> Shapes<'a, T> {
    fn new(column: &'a Column, read: fn(&Dynamic) -> Option<T>) -> Shapes<'a, T> {
        match column {
            Column::Constant { .. } => Shapes::Constant(read(&column.dynamic(0)).map(Arc::new)),
            other => Shapes::Varying(other),
        }
    }

    fn get(&self, cx: &Context, row: usize, read: fn(&Dynamic) -> Option<T>) -> Result<Option<Arc<T>>, Fault> {
        match self {
            Shapes::Constant(it) => Ok(it.clone()),
            Shapes::Varying(column) => Ok(dynamic::get(column, cx, row)?.and_then(|it| read(&it)).map(Arc::new)),
        }
    }
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident: $shape:ty, $read:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Argument for $name {
            const ACCEPTS: Accepts = Accepts::Bag;
            const CAST: Option<Type> = None;
            type Reader<'a> = Shapes<'a, $shape>;
            type Item<'a> = Arc<$shape>;
            fn reader<'a>(_: &Context, column: &'a Column) -> Result<Self::Reader<'a>, Fault> {
                Ok(Shapes::new(column, $read))
            }
            fn get<'a>(reader: &Self::Reader<'a>, cx: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
                reader.get(cx, row, $read)
            }
        }
    )*};
}

shapes! {
    /// A LineString or MultiLineString.
    lines: Lines, Lines::read;
    /// A Polygon or MultiPolygon.
    area: Area, Area::read;
}

/// The polygons of a Polygon or MultiPolygon, ready to be asked what lies in them.
#[derive(Debug)]
pub struct Area {
    pub(crate) polygons: Vec<Polygon>,
    pub(crate) region: Region,
}

impl Area {
    pub(crate) fn read(shape: &Dynamic) -> Option<Area> {
        Polygon::read_all(shape).map(Area::new)
    }

    pub(crate) fn new(polygons: Vec<Polygon>) -> Area {
        let region = Region::new(&polygons);
        Area { polygons, region }
    }
}
