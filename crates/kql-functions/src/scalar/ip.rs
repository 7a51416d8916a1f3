//! Internet addresses: reading, masking, comparing, ranges, addresses inside text, and where they are.

pub mod address;
pub mod compare;
pub mod format;
pub mod location;
pub mod ranges;
pub mod text;
