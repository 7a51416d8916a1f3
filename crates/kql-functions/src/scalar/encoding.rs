//! Texts encoded and decoded: percent signs, base64, compression.

pub mod base64;
pub mod compression;
pub mod url;
