//! Datetimes and timespans.

pub mod format;
pub mod make;
pub mod part;
pub mod shift;
pub mod text;
pub mod zone;
