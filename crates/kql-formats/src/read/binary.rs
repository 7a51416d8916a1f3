//! Sources that are no text: told by their first bytes, before anything is made of them.

/// How well known binary formats begin, and what they are.
const KNOWN: &[(&[u8], &str)] = &[
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"ElfFile\0", "a Windows event log (EVTX)"),
    (b"PK\x03\x04", "a ZIP archive, such as an XLSX workbook"),
    (b"\x1f\x9d", "a file of compress(1)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x7fELF", "a program"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture"),
];

/// Bytes that are looked at.
pub(crate) const LOOKED_AT: usize = 4 << 10;

/// Of fewer bytes no more is said than what is wrong with each line.
const BYTES_MIN: usize = 512;

/// Of so many bytes one is a control character that text does not have: then it is taken for none.
const BYTES_PER_CONTROL: usize = 20;

/// As many NULs in a row are the padding of a log that was cut off, and no sign.
const PADDING: usize = 16;

/// What the source is, when it is no text.
pub(crate) fn kind(first: &[u8]) -> Option<&'static str> {
    let first = first.get(..LOOKED_AT).unwrap_or(first);
    if let Some((_, what)) = KNOWN.iter().find(|(magic, _)| first.starts_with(magic)) {
        // Some of these are text as well: the start of a word in a header.
        if n_controls(first) > 0 || first.len() < 64 && !first.is_ascii() {
            return Some(what);
        }
    }
    let is_binary = first.len() >= BYTES_MIN && n_controls(first) > first.len() / BYTES_PER_CONTROL;
    is_binary.then_some("a binary file")
}

/// Control characters that no text has, short runs of NUL among them.
fn n_controls(bytes: &[u8]) -> usize {
    let runs = bytes.chunk_by(|a, b| (*a == 0) == (*b == 0));
    let count = |run: &[u8]| match run.first() {
        Some(0) => {
            if run.len() < PADDING {
                run.len()
            } else {
                0
            }
        }
        _ => run.iter().filter(|it| matches!(it, 1..=8 | 14..=26 | 28..=31)).count(),
    };
    runs.map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_told_from_text() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some("a PNG image"));
        assert_eq!(kind(b"ARROW1\0\0\x10\x01"), Some("an Arrow file"));
        let noise: Vec<u8> = (0..4_000_u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(kind(&noise), Some("a binary file"));
        for text in ["", "ORC,a\n1,2\n", "PAR1\n", "BZh;x\n", "{\"a\":\"\u{1b}[31m\"}\n", "a,b\n\u{1},2\n"] {
            assert_eq!(kind(text.as_bytes()), None, "{text:?}");
        }
        // Text in another encoding, and a log with NULs where the system went down.
        assert_eq!(kind(&[0xEF, 0xF0, 0xE8, 0xE2, 0xE5, 0xF2, b'\n'].repeat(500)), None);
        let mut log = b"{\"a\":1}\n".repeat(100);
        log.extend([0; 2_000]);
        assert_eq!(kind(&log), None);
    }
}
