//! The pages of a column: headers, decompression, and what a page may make of its bytes.
//!
//! A header can say anything. So pages are read here, held against their bytes, and written out in memory with headers that
//! are true: the decoder of values gets no other.

use super::thrift::{Cursor, ty};
use ::parquet::{
    basic::{CompressionCodec, Encoding, Type as Physical},
    errors::{ParquetError, Result},
};
use kql_data::{Fault, Limits};
use std::{
    borrow::Cow,
    io::Read,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Decompressed bytes of a file from which the ratio counts.
const RATIO_FROM: u64 = 1 << 20;

/// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
/// Of version 2, whose levels are never compressed.
const DATA_2: i64 = 3;

/// What all pages of a file share: what was decompressed, against the limits.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) limits: Limits,
    pub(super) file_bytes: u64,
    pub(super) decompressed: AtomicU64,
    /// Why a page was refused, where it was a limit: Parquet's own errors are texts.
    pub(super) fault: Mutex<Option<Fault>>,
}

impl Meter {
    pub(super) fn refuse(&self, name: &'static str, limit: usize, by: &str) -> ParquetError {
        let fault = Fault::Limit { name, limit: limit as u64, by: by.to_owned() };
        let error = ParquetError::General(fault.to_string());
        _ = self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        error
    }

    /// Counts bytes before they are decompressed.
    fn count(&self, bytes: usize) -> Result<()> {
        let limits = &self.limits;
        if bytes > limits.memory {
            return Err(self.refuse("memory", limits.memory, "a page of the Parquet file"));
        }
        let all = self.decompressed.fetch_add(bytes as u64, Ordering::Relaxed).saturating_add(bytes as u64);
        if all > limits.decompressed_bytes as u64 {
            return Err(self.refuse("decompressed_bytes", limits.decompressed_bytes, "the Parquet file"));
        }
        if all > RATIO_FROM && all / self.file_bytes.max(1) > limits.decompressed_ratio as u64 {
            return Err(self.refuse("decompressed_ratio", limits.decompressed_ratio, "the Parquet file"));
        }
        Ok(())
    }
}

/// A leaf column of a row group, as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) codec: CompressionCodec,
    /// As the pages hold it: `INT96` is twelve bytes.
    pub(super) physical: Physical,
    /// Bytes of a value of fixed length.
    pub(super) length: usize,
}

/// What is known of a leaf column whose pages were read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leaf {
    /// Where the pages begin among those that were written out.
    pub(super) from: usize,
    /// Where the first data page begins.
    pub(super) data: usize,
    /// Where they end.
    pub(super) to: usize,
    /// Values, nulls among them.
    pub(super) n_values: u64,
    /// Bytes that one value may have: the longest text of the dictionary, or all of a page where texts begin as others do.
    pub(super) longest: usize,
    /// Whether all values come from the dictionary.
    pub(super) by_dictionary: bool,
}

/// Writes the pages of a leaf behind those that are there: decompressed, with headers that are true.
pub(super) fn write_out(chunk: Chunk<'_>, meter: &Meter, out: &mut Vec<u8>) -> Result<Leaf> {
    let mut leaf = Leaf { from: out.len(), data: out.len(), by_dictionary: true, ..Leaf::default() };
    let (mut at, mut is_first) = (0, true);
    while let Some(rest) = chunk.bytes.get(at..).filter(|it| !it.is_empty()) {
        let (mut header, n_bytes) = Header::read(rest).ok_or_else(|| malformed("a page header"))?;
        let end = n_bytes.checked_add(header.compressed).ok_or_else(|| malformed("the length of a page"))?;
        let body = rest.get(n_bytes..end).ok_or_else(|| malformed("the length of a page"))?;
        at += end;
        // An index, or something newer, is for readers that know of it.
        if !matches!(header.ty, DATA | DICTIONARY | DATA_2) {
            continue;
        }
        let levels = if header.ty == DATA_2 { header.level_bytes().filter(|it| *it <= body.len()) } else { Some(0) };
        let levels = levels.ok_or_else(|| malformed("the levels of a page"))?;
        let is_packed = chunk.codec != CompressionCodec::UNCOMPRESSED && header.is_compressed;
        let page =
            if is_packed { unpacked(chunk.codec, body, levels, header.uncompressed, meter)? } else { body.into() };
        match header.ty {
            DICTIONARY if is_first => leaf.longest = chunk.check_dictionary(&page, header.n_values)?,
            DICTIONARY => return Err(malformed("the order of pages")),
            _ => leaf.check_data(&page, &header),
        }
        (header.compressed, header.uncompressed, header.is_compressed) = (page.len(), page.len(), false);
        header.write(out).ok_or_else(|| malformed("the length of a page"))?;
        out.extend_from_slice(&page);
        if header.ty == DICTIONARY {
            leaf.data = out.len();
        }
        is_first = false;
        if out.len() > meter.limits.memory {
            return Err(meter.refuse("memory", meter.limits.memory, "a column of the Parquet file"));
        }
    }
    leaf.to = out.len();
    leaf.by_dictionary &= leaf.data > leaf.from;
    Ok(leaf)
}

/// The page with the bytes behind its levels decompressed.
fn unpacked<'a>(
    codec: CompressionCodec,
    body: &[u8],
    levels: usize,
    size: usize,
    meter: &Meter,
) -> Result<Cow<'a, [u8]>> {
    let packed = body.get(levels..).unwrap_or(&[]);
    let size = size.checked_sub(levels).ok_or_else(|| malformed("the size of a page"))?;
    meter.count(size)?;
    let mut out = body.get(..levels).unwrap_or(&[]).to_vec();
    if size > 0 {
        unpack(codec, packed, size, &mut out)?;
    }
    if out.len() != levels + size {
        return Err(malformed("the size of a decompressed page"));
    }
    Ok(out.into())
}

impl Chunk<'_> {
    /// A dictionary has as many values as it says. Returns the bytes of its longest text.
    fn check_dictionary(&self, page: &[u8], n_values: usize) -> Result<usize> {
        let wrong = || malformed("the dictionary of a column");
        let width = match self.physical {
            Physical::BYTE_ARRAY => {
                let (mut rest, mut longest) = (page, 0);
                for _ in 0..n_values {
                    let (len, behind) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
                    let len = u32::from_le_bytes(*len) as usize;
                    rest = behind.get(len..).ok_or_else(wrong)?;
                    longest = longest.max(len);
                }
                return Ok(longest);
            }
            Physical::INT32 | Physical::FLOAT => 4,
            Physical::INT64 | Physical::DOUBLE => 8,
            _ => self.length,
        };
        let fits = width > 0 && n_values.checked_mul(width).is_some_and(|it| it <= page.len());
        if fits { Ok(0) } else { Err(wrong()) }
    }
}

impl Leaf {
    fn check_data(&mut self, page: &[u8], header: &Header) {
        self.n_values = self.n_values.saturating_add(header.n_values as u64);
        self.by_dictionary &= matches!(header.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
        if header.encoding == Encoding::DELTA_BYTE_ARRAY {
            self.longest = self.longest.max(page.len());
        }
    }
}

fn malformed(what: &str) -> ParquetError {
    ParquetError::General(format!("{what} is malformed"))
}

/// Whether pages of that codec can be read; the error names it.
pub(super) fn check_codec(codec: CompressionCodec) -> std::result::Result<(), Fault> {
    match codec {
        CompressionCodec::UNCOMPRESSED | CompressionCodec::SNAPPY | CompressionCodec::GZIP | CompressionCodec::ZSTD => {
            Ok(())
        }
        other => Err(Fault::Unsupported(format!("the compression {other} of Parquet files"))),
    }
}

/// Appends what was compressed; never more than so many bytes.
fn unpack(codec: CompressionCodec, packed: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    let failed = |it: &dyn std::fmt::Display| ParquetError::General(format!("a page does not decompress: {it}"));
    match codec {
        CompressionCodec::SNAPPY => {
            let said = snap::raw::decompress_len(packed).map_err(|it| failed(&it))?;
            if said != size {
                return Err(malformed("the size of a page"));
            }
            let from = out.len();
            out.resize(from + size, 0);
            let room = out.get_mut(from..).unwrap_or(&mut []);
            snap::raw::Decoder::new().decompress(packed, room).map(|_| ()).map_err(|it| failed(&it))
        }
        CompressionCodec::GZIP => {
            let unpacked = flate2::read::MultiGzDecoder::new(packed).take(size as u64 + 1).read_to_end(out);
            unpacked.map(|_| ()).map_err(|it| failed(&it))
        }
        CompressionCodec::ZSTD => {
            let frames = crate::read::source::zstd(Box::new(std::io::Cursor::new(packed.to_vec())));
            let unpacked = frames.take(size as u64 + 1).read_to_end(out);
            unpacked.map(|_| ()).map_err(|it| failed(&it))
        }
        other => Err(ParquetError::NYI(format!("the compression {other}"))),
    }
}

/// The header of a page.
#[derive(Clone, Copy, Debug)]
struct Header {
    ty: i64,
    uncompressed: usize,
    compressed: usize,
    n_values: usize,
    encoding: Encoding,
    definition_encoding: Encoding,
    repetition_encoding: Encoding,
    n_nulls: u32,
    n_rows: u32,
    definition_bytes: usize,
    repetition_bytes: usize,
    is_compressed: bool,
}

impl Header {
    /// Reads a header, and how many bytes it takes. `None` of what is none, or lacks what the kind of page needs.
    fn read(bytes: &[u8]) -> Option<(Header, usize)> {
        let (mut ty, mut uncompressed, mut compressed, mut body) = (None, None, None, None);
        let mut cursor = Cursor::new(bytes);
        cursor.fields(|it, id, kind| {
            match (id, kind) {
                (1, _) => ty = Some(it.int()?),
                (2, _) => uncompressed = Some(it.size()?),
                (3, _) => compressed = Some(it.size()?),
                (5 | 7 | 8, ty::STRUCT) => body = Some(Body::read(it, id)?),
                _ => it.skip(kind)?,
            }
            Some(())
        })?;
        let (ty, uncompressed, compressed) = (ty?, uncompressed?, compressed?);
        let needs_body = matches!(ty, DATA | DICTIONARY | DATA_2);
        let it = if needs_body { body? } else { Body::default() };
        let header = Header {
            ty,
            uncompressed,
            compressed,
            n_values: it.n_values,
            encoding: encoding(it.encoding)?,
            definition_encoding: encoding(it.definition_encoding)?,
            repetition_encoding: encoding(it.repetition_encoding)?,
            n_nulls: u32::try_from(it.n_nulls).ok()?,
            n_rows: u32::try_from(it.n_rows).ok()?,
            definition_bytes: it.definition_bytes,
            repetition_bytes: it.repetition_bytes,
            is_compressed: it.is_compressed,
        };
        Some((header, cursor.at()))
    }

    /// Bytes of the levels of a page of version 2.
    fn level_bytes(&self) -> Option<usize> {
        self.definition_bytes.checked_add(self.repetition_bytes)
    }

    /// Appends the header; `None` when a number has no room in it.
    fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        let size = |it: usize| i32::try_from(it).ok().map(i64::from);
        let levels = |it: Encoding| it as i64;
        let page = match self.ty {
            DATA => (
                5,
                vec![
                    size(self.n_values)?,
                    self.encoding as i64,
                    levels(self.definition_encoding),
                    levels(self.repetition_encoding),
                ],
            ),
            DICTIONARY => (7, vec![size(self.n_values)?, self.encoding as i64]),
            _ => (
                8,
                vec![
                    size(self.n_values)?,
                    i64::from(self.n_nulls),
                    i64::from(self.n_rows),
                    self.encoding as i64,
                    size(self.definition_bytes)?,
                    size(self.repetition_bytes)?,
                ],
            ),
        };
        write_ints(&[self.ty, size(self.uncompressed)?, size(self.compressed)?], out);
        out.push((page.0 - 3) << 4 | ty::STRUCT);
        write_ints(&page.1, out);
        if self.ty == DATA_2 {
            out.push(1 << 4 | ty::FALSE);
        }
        out.extend([0, 0]);
        Some(())
    }
}

/// Fields of 32 bits, numbered from 1.
fn write_ints(values: &[i64], out: &mut Vec<u8>) {
    for value in values {
        out.push(1 << 4 | ty::I32);
        let mut left = (value << 1 ^ value >> 63) as u64;
        while left >= 0x80 {
            out.push(left as u8 | 0x80);
            left >>= 7;
        }
        out.push(left as u8);
    }
}

/// The part of a header that depends on the kind of page.
#[derive(Clone, Copy, Debug)]
struct Body {
    n_values: usize,
    encoding: i64,
    definition_encoding: i64,
    repetition_encoding: i64,
    n_nulls: usize,
    n_rows: usize,
    definition_bytes: usize,
    repetition_bytes: usize,
    is_compressed: bool,
}

impl Default for Body {
    fn default() -> Body {
        Body {
            n_values: 0,
            encoding: 0,
            definition_encoding: 3,
            repetition_encoding: 3,
            n_nulls: 0,
            n_rows: 0,
            definition_bytes: 0,
            repetition_bytes: 0,
            is_compressed: true,
        }
    }
}

impl Body {
    /// `page` is the number of the field that it stands in: 5 a data page, 7 a dictionary, 8 a data page of version 2.
    fn read(cursor: &mut Cursor<'_>, page: i16) -> Option<Body> {
        let mut body = Body::default();
        cursor.fields(|it, id, kind| {
            match (page, id) {
                (_, 1) => body.n_values = it.size()?,
                (5 | 7, 2) | (8, 4) => body.encoding = it.int()?,
                (5, 3) => body.definition_encoding = it.int()?,
                (5, 4) => body.repetition_encoding = it.int()?,
                (8, 2) => body.n_nulls = it.size()?,
                (8, 3) => body.n_rows = it.size()?,
                (8, 5) => body.definition_bytes = it.size()?,
                (8, 6) => body.repetition_bytes = it.size()?,
                (8, 7) => body.is_compressed = kind == ty::TRUE,
                _ => it.skip(kind)?,
            }
            Some(())
        })?;
        Some(body)
    }
}

#[allow(deprecated, reason = "old files are encoded so")]
fn encoding(number: i64) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}
