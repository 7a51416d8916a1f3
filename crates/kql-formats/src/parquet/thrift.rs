//! Thrift's compact protocol, as far as Parquet's headers need it, over bytes that may lie.
//!
//! Every length is held against the bytes that are left, so that nothing is allocated because a file says so.

/// Nesting of structs and lists in a header.
const DEPTH_MAX: usize = 32;

/// Types on the wire.
pub(super) mod ty {
    pub(crate) const TRUE: u8 = 1;
    pub(crate) const FALSE: u8 = 2;
    pub(crate) const I8: u8 = 3;
    pub(crate) const I16: u8 = 4;
    pub(crate) const I32: u8 = 5;
    pub(crate) const I64: u8 = 6;
    pub(crate) const DOUBLE: u8 = 7;
    pub(crate) const BINARY: u8 = 8;
    pub(crate) const LIST: u8 = 9;
    pub(crate) const SET: u8 = 10;
    pub(crate) const MAP: u8 = 11;
    pub(crate) const STRUCT: u8 = 12;
}

/// A place in a header. What does not read gives `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A whole number.
    pub(super) fn int(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A whole number of 32 bits that is not negative.
    pub(super) fn size(&mut self) -> Option<usize> {
        let value = i32::try_from(self.int()?).ok()?;
        usize::try_from(value).ok()
    }

    fn pass(&mut self, n_bytes: usize) -> Option<()> {
        if n_bytes > self.left() {
            return None;
        }
        self.at += n_bytes;
        Some(())
    }

    /// The type and number of the elements of a list; each takes a byte at least.
    pub(super) fn list(&mut self) -> Option<(u8, usize)> {
        let head = self.byte()?;
        let n = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            n => usize::from(n),
        };
        (n <= self.left()).then_some((head & 15, n))
    }

    /// Reads a struct: `field` takes each field by its number and type, and reads or skips its value.
    pub(super) fn fields(&mut self, mut field: impl FnMut(&mut Cursor<'a>, i16, u8) -> Option<()>) -> Option<()> {
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.int()?).ok()?,
                delta => id.checked_add(i16::from(delta))?,
            };
            field(self, id, head & 15)?;
        }
    }

    /// Goes on behind a value of that type.
    pub(super) fn skip(&mut self, ty: u8) -> Option<()> {
        self.skip_at(ty, 0, false)
    }

    /// `element`: in a list, where a bool takes a byte of its own.
    fn skip_at(&mut self, ty: u8, depth: usize, element: bool) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match ty {
            ty::TRUE | ty::FALSE if element => self.pass(1),
            ty::TRUE | ty::FALSE => Some(()),
            ty::I8 => self.pass(1),
            ty::I16..=ty::I64 => self.varint().map(|_| ()),
            ty::DOUBLE => self.pass(8),
            ty::BINARY => {
                let n_bytes = usize::try_from(self.varint()?).ok()?;
                self.pass(n_bytes)
            }
            ty::LIST | ty::SET => {
                let (ty, n) = self.list()?;
                (0..n).try_for_each(|_| self.skip_at(ty, depth + 1, true))
            }
            ty::MAP => {
                let n = usize::try_from(self.varint()?).ok()?;
                if n == 0 {
                    return Some(());
                }
                if n > self.left() {
                    return None;
                }
                let types = self.byte()?;
                (0..n).try_for_each(|_| {
                    self.skip_at(types >> 4, depth + 1, true)?;
                    self.skip_at(types & 15, depth + 1, true)
                })
            }
            ty::STRUCT => self.fields(|it, _, ty| it.skip_at(ty, depth + 1, false)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_beyond_the_end_do_not_read() {
        // A binary of 2^40 bytes; a list of 2^31 structs; a string that is there.
        let huge = [0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
        assert!(Cursor::new(&huge).skip(ty::STRUCT).is_none());
        let list = [0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0];
        assert!(Cursor::new(&list).skip(ty::STRUCT).is_none());
        let good = [0x18, 2, b'h', b'i', 0];
        let mut cursor = Cursor::new(&good);
        assert!(cursor.skip(ty::STRUCT).is_some());
        assert_eq!(cursor.at(), 5);
    }

    #[test]
    fn nesting_ends() {
        let deep = vec![0x1C; 100_000];
        assert!(Cursor::new(&deep).skip(ty::STRUCT).is_none());
    }

    #[test]
    fn numbers_are_zigzag() {
        let mut cursor = Cursor::new(&[0x01, 0x02, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F]);
        assert_eq!((cursor.int(), cursor.int(), cursor.size()), (Some(-1), Some(1), Some(i32::MAX as usize)));
    }
}
