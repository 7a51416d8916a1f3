//! Geography: points, lines and polygons of the Earth, cells of its grids.
//!
//! Coordinates are degrees of longitude and latitude; shapes are GeoJSON values. The Earth is a sphere of 6,371,010 m
//! unless a call asks for the spheroid, and edges are arcs of great circles. What is not valid gives null.

pub mod geohash;
pub mod h3;
pub mod lines;
pub mod points;
pub mod s2;
mod s2cell;
mod shape;
mod sphere;
pub mod wkt;
