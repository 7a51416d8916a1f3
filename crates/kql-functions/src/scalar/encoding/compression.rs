//! Texts compressed with zlib or gzip and written in base64.

use crate::scalar::bounds;
use ::base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{
    Compression, Crc,
    read::{GzDecoder, ZlibDecoder},
    write::DeflateEncoder,
};
use kql_data::{Context, Fault};
use std::io::{Read, Write};

crate::functions! {
    /// A text compressed with zlib, in base64.
    ///
    ///     zlib_decompress_from_base64_string(zlib_compress_to_base64_string("abcabcabc")) => "abcabcabc"
    fn zlib_compress_to_base64_string(source: string) -> string {
        zlib(source.as_bytes()).map(|it| STANDARD.encode(it))
    }

    /// The text that was compressed with zlib; "" when it was not.
    ///
    ///     zlib_decompress_from_base64_string("eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4=") => "Test string 123"
    ///     zlib_decompress_from_base64_string("x0x0x0") => ""
    fn zlib_decompress_from_base64_string(source: string) -> string |cx| { unzlib(cx, source) }

    /// A text compressed with gzip, in base64.
    ///
    ///     gzip_compress_to_base64_string("1234567890qwertyuiop") => "H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA=="
    fn gzip_compress_to_base64_string(source: string) -> string {
        gzip(source.as_bytes()).map(|it| STANDARD.encode(it))
    }

    /// The text that was compressed with gzip; "" when it was not. Optional header fields are not read.
    ///
    ///     gzip_decompress_from_base64_string("H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==") => "1234567890qwertyuiop"
    ///     gzip_decompress_from_base64_string("x0x0x0") => ""
    fn gzip_decompress_from_base64_string(source: string) -> string |cx| { ungzip(cx, source) }
}

/// Deflated bytes; stored as they are where that saves nothing.
fn deflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let deflate = |level| {
        let mut encoder = DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).and_then(|()| encoder.finish()).ok()
    };
    match deflate(Compression::default()) {
        Some(small) if small.len() < bytes.len() => Some(small),
        _ => deflate(Compression::none()),
    }
}

fn zlib(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    Some([&[0x78, 0x01][..], &deflated(bytes)?, &(b << 16 | a).to_be_bytes()].concat())
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut crc = Crc::new();
    crc.update(bytes);
    Some([&header[..], &deflated(bytes)?, &crc.sum().to_le_bytes(), &(bytes.len() as u32).to_le_bytes()].concat())
}

/// What a decoder gives, within the limit of one string.
fn read(cx: &Context, decoder: impl Read, by: &str) -> Result<Option<String>, Fault> {
    let most = cx.limits.string_bytes;
    let mut out = Vec::new();
    if decoder.take(most as u64 + 1).read_to_end(&mut out).is_err() {
        return Ok(None);
    }
    bounds::string(cx, out.len(), by)?;
    Ok(String::from_utf8(out).ok())
}

fn unzlib(cx: &Context, source: &str) -> Result<Option<String>, Fault> {
    let Ok(bytes) = STANDARD.decode(source) else { return Ok(None) };
    read(cx, ZlibDecoder::new(bytes.as_slice()), "zlib_decompress_from_base64_string")
}

fn ungzip(cx: &Context, source: &str) -> Result<Option<String>, Fault> {
    let Ok(bytes) = STANDARD.decode(source) else { return Ok(None) };
    if bytes.get(3) != Some(&0) {
        return Ok(None);
    }
    read(cx, GzDecoder::new(bytes.as_slice()), "gzip_decompress_from_base64_string")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let cx = Context::default();
        for text in ["", "a", "1234567890qwertyuiop", &"žluť ".repeat(1_000)] {
            let zipped = STANDARD.encode(zlib(text.as_bytes()).unwrap());
            assert_eq!(unzlib(&cx, &zipped).unwrap().as_deref(), Some(text));
            let zipped = STANDARD.encode(gzip(text.as_bytes()).unwrap());
            assert_eq!(ungzip(&cx, &zipped).unwrap().as_deref(), Some(text));
        }
        assert_eq!(
            STANDARD.encode(zlib(b"1234567890qwertyuiop").unwrap()),
            "eAEBFADr/zEyMzQ1Njc4OTBxd2VydHl1aW9wOAkGdw=="
        );
    }

    #[test]
    fn bombs_are_bounded() {
        let mut cx = Context::default();
        cx.limits.string_bytes = 1_000;
        let bomb = STANDARD.encode(gzip("x".repeat(100_000).as_bytes()).unwrap());
        assert!(matches!(ungzip(&cx, &bomb), Err(Fault::Limit { name: "string_bytes", .. })));
        assert_eq!(ungzip(&cx, "x0x0x0"), Ok(None));
        assert_eq!(ungzip(&cx, ""), Ok(None));
    }
}
