//! Hashes: xxHash64 of a value's bytes, and digests of its text.

use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    scalar::operator::{lift, overload},
};
use arrow_array::Int64Array;
use kql_data::{Column, ColumnBuilder, Context, Fault, Type, Value};
use md5::Digest;
use std::fmt::Write;
use xxhash_rust::xxh64::xxh64;

/// xxHash64 with seed 0: of a string its UTF-8, of numbers and times their bytes, least first, of null nothing.
pub fn hash_value(value: &Value) -> i64 {
    let hash = match value {
        Value::Null => xxh64(&[], 0),
        Value::Bool(it) => xxh64(&[u8::from(*it)], 0),
        Value::Int(it) => xxh64(&it.to_le_bytes(), 0),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => xxh64(&it.to_le_bytes(), 0),
        Value::Real(it) => xxh64(&it.to_le_bytes(), 0),
        Value::Guid(it) => xxh64(&guid_bytes(*it), 0),
        Value::String(it) => xxh64(it.as_bytes(), 0),
        Value::Decimal(_) | Value::Dynamic(_) => xxh64(value.text().as_bytes(), 0),
    };
    hash.cast_signed()
}

/// The bytes of a guid as Windows keeps them: the first three groups with the least byte first.
fn guid_bytes(value: u128) -> [u8; 16] {
    let mut bytes = value.to_be_bytes();
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

/// A hash as a number under the modulus; null when that is not positive.
fn reduced(hash: i64, modulus: i64) -> Option<i64> {
    let modulus = u64::try_from(modulus).ok().filter(|it| *it > 0)?;
    i64::try_from(hash.cast_unsigned() % modulus).ok()
}

fn hash(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let modulus = args.get(1).map(lift::longs).transpose()?;
    let one = |row, hash| match &modulus {
        None => Some(hash),
        Some(modulus) => reduced(hash, modulus.get(row)?),
    };
    let hashes: Int64Array = if column.ty() == Type::String {
        let texts = column.string_reader();
        (0..n_rows).map(|row| one(row, xxh64(texts.get(row).as_bytes(), 0).cast_signed())).collect()
    } else {
        (0..n_rows).map(|row| one(row, hash_value(&column.value(row)))).collect()
    };
    Ok(Column::Long(hashes))
}

fn write_hex(bytes: &[u8], out: &mut String) {
    for it in bytes {
        _ = write!(out, "{it:02x}");
    }
}

/// The digest of a text in hexadecimal; "" for "".
fn digest<D: Digest>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let texts = lift::arg(args, 0)?.string_reader();
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    let mut hex = String::new();
    for row in 0..n_rows {
        let text = texts.get(row);
        hex.clear();
        if !text.is_empty() {
            write_hex(&D::digest(text.as_bytes()), &mut hex);
        }
        out.push_str(&hex);
    }
    Ok(out.finish())
}

const SOURCE: Param = Param::new("source", Accepts::NotDynamic);
const TEXT: Param = Param::new("source", Accepts::NotDynamic).cast(Type::String);
const MODULUS: Param = Param::new("mod", Accepts::Integer).cast(Type::Long);

macro_rules! digest_function {
    ($name:literal, $digest:ty, $what:literal, $example:literal) => {
        Function::new(
            $name,
            concat!("The ", $what, " digest of a value's text, in hexadecimal; \"\" for \"\".\n\n    ", $example, "\n"),
            &[Overload {
                params: &[TEXT],
                rest: None,
                returns: Returns::Type(Type::String),
                kernel: Some(digest::<$digest>),
            }],
        )
    };
}

/// The hash functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "hash",
        "The xxHash64 of a value as a long, or its remainder by a modulus.\n\n    \
         hash(\"World\") => 1846988464401551951\n    hash(\"World\", 100) => 51\n    \
         hash(datetime(2015-01-01)) => 1380966698541616202\n",
        &[overload(&[SOURCE], Type::Long, hash), overload(&[SOURCE, MODULUS], Type::Long, hash)],
    )
    .aliases(&["hash_xxhash64"]),
    digest_function!("hash_md5", md5::Md5, "MD5", "hash_md5(\"World\") => \"f5a7924e621e84c9280a9a27e1bcb7f6\""),
    digest_function!(
        "hash_sha1",
        sha1::Sha1,
        "SHA-1",
        "hash_sha1(\"World\") => \"70c07ec18ef89c5309bbb0937f3a6342411e1fdd\""
    ),
    digest_function!(
        "hash_sha256",
        sha2::Sha256,
        "SHA-256",
        "hash_sha256(\"abc\") => \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes() {
        let text = |it: &str| Value::String(it.into());
        assert_eq!(hash_value(&text("World")), 1_846_988_464_401_551_951);
        assert_eq!(hash_value(&text("Alice")), -3_122_868_243_544_336_885);
        assert_eq!(hash_value(&Value::Null), hash_value(&text("")));
        assert_eq!(reduced(1_846_988_464_401_551_951, 100), Some(51));
        assert_eq!(reduced(-1, 0), None);
        let mut hex = String::new();
        write_hex(&md5::Md5::digest(b"2020-01-01T00:00:00.0000000Z"), &mut hex);
        assert_eq!(hex, "786c530672d1f8db31fee25ea8a9390b");
    }
}
