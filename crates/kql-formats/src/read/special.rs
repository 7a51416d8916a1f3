//! Quotes, backslashes and control characters in the text of strings, sixteen bytes at a time.

use wide::u8x16;

/// Bytes that are looked at together while escapes are taken out.
pub(super) const BLOCK: usize = 64;

/// By the byte behind a backslash: the character of the escape; 0 of longer escapes, and of what is none.
#[allow(
    clippy::indexing_slicing,
    reason = "a byte is a position in a table of 256, and this runs while it is compiled"
)]
const ESCAPES: [u8; 256] = {
    let mut all = [0; 256];
    let short = [(b'n', b'\n'), (b'r', b'\r'), (b't', b'\t'), (b'b', 8), (b'f', 12)];
    let mut at = 0;
    while at < short.len() {
        all[short[at].0 as usize] = short[at].1;
        at += 1;
    }
    (all[b'"' as usize], all[b'\\' as usize], all[b'/' as usize]) = (b'"', b'\\', b'/');
    all
};

/// The character of an escape of two bytes, by the second.
#[inline]
pub(super) fn short_escape(second: u8) -> Option<u8> {
    ESCAPES.get(second as usize).copied().filter(|it| *it != 0)
}

/// A bit for each of sixteen bytes that is a quote, a backslash or a control character, the lowest for the first.
#[inline(always)]
pub(super) fn special(sixteen: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*sixteen);
    // A bit turned over, a quote is the byte behind all control characters.
    let turned = bytes ^ u8x16::splat(2);
    let low = turned.min(u8x16::splat(0x20)).simd_eq(turned);
    (bytes.simd_eq(u8x16::splat(b'\\')) | low).to_bitmask()
}

/// The same of thirty-two.
#[inline(always)]
pub(super) fn special_of_32(block: &[u8; 32]) -> u32 {
    let (halves, _) = block.as_chunks::<16>();
    match halves {
        [low, high] => special(low) | special(high) << 16,
        _ => 0,
    }
}

/// What ended the reading of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ended {
    /// Its end.
    Block,
    /// The quote at the end of the string, which was gone over.
    String,
    /// An escape that is long, or that the block has not all of.
    Escape,
    /// A control character.
    Odd,
}

/// Appends the plain text and the short escapes of the first [`BLOCK`] bytes of a window, in a string. Returns what ended that,
/// and after how many bytes. `out` should have room for the window.
#[inline(always)]
pub(super) fn unescape_block(window: &[u8; BLOCK + 16], out: &mut Vec<u8>) -> (Ended, usize) {
    let (pieces, _) = window.as_chunks::<16>();
    let specials = pieces.iter().take(BLOCK / 16).rev().fold(0, |all, it| all << 16 | u64::from(special(it)));
    let (mut rest, mut at, mut plain) = (specials, 0, Plain { bytes: [0; BLOCK + 16], n: 0 });
    let ended = loop {
        let to = if rest == 0 { BLOCK } else { rest.trailing_zeros() as usize };
        plain.copy(window, at, to);
        if rest == 0 {
            break (Ended::Block, BLOCK);
        }
        let next = window.get(to + 1).copied().filter(|_| to + 1 < BLOCK);
        match window.get(to) {
            Some(b'"') => break (Ended::String, to + 1),
            Some(b'\\') => match next.and_then(short_escape) {
                Some(it) => plain.push(it),
                None => break (Ended::Escape, to),
            },
            _ => break (Ended::Odd, to),
        }
        at = to + 2;
        // The byte behind the backslash may be special itself.
        rest &= (!0 << to) << 2;
    };
    // All of the room is appended without a call, and cut off again where nothing was put.
    let len = out.len() + plain.n;
    out.extend_from_slice(&plain.bytes);
    out.truncate(len);
    ended
}

/// What a block says, so far.
struct Plain {
    bytes: [u8; BLOCK + 16],
    n: usize,
}

impl Plain {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        if let Some(it) = self.bytes.get_mut(self.n) {
            *it = byte;
        }
        self.n += 1;
    }

    /// Appends a part of a window: whole pieces of sixteen bytes, of which what is too much is written over later.
    #[inline(always)]
    fn copy(&mut self, window: &[u8; BLOCK + 16], from: usize, to: usize) {
        let (mut at, mut n) = (from, self.n);
        while at < to {
            let source = window.get(at..).and_then(|it| it.first_chunk::<16>());
            let target = self.bytes.get_mut(n..).and_then(|it| it.first_chunk_mut::<16>());
            if let (Some(source), Some(target)) = (source, target) {
                *target = *source;
            }
            (at, n) = (at + 16, n + 16);
        }
        self.n += to.saturating_sub(from);
    }
}
