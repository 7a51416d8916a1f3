//! Geography: points, lines and polygons of the Earth, cells of its grids.
//!
//! Coordinates are degrees of longitude and latitude; shapes are GeoJSON values. The Earth is a sphere of 6,371,010 m
//! unless a call asks for the spheroid, and edges are arcs of great circles. What is not valid gives null.

pub mod argument;
mod arrangement;
pub mod buffer;
pub mod covering;
pub mod densify;
pub mod geohash;
pub mod h3;
pub mod intersections;
pub mod lines;
mod overlay;
mod plane;
pub mod points;
pub mod polygons;
mod region;
pub mod s2;
mod s2cell;
mod shape;
pub mod simplify;
mod sphere;
pub mod wkt;
