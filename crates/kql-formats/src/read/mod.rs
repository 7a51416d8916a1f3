//! Readers: bytes of a source to records in the tree.

pub(crate) mod binary;
pub(crate) mod canonical;
pub(crate) mod careful;
pub(crate) mod delimited;
pub(crate) mod json;
mod parallel;
pub(crate) mod record;
pub(crate) mod scan;
pub(crate) mod shape;
pub(crate) mod source;
mod special;
mod stretch;
pub(crate) mod text;
mod utf16;
