//! A file that can be read from any place, in stretches: each thread reads one of its own, a block at a time, so that
//! lines are still in its cache when it takes them apart.

use super::source::read_all;
use crate::{LoadError, parquet::Random};
use kql_data::{Fault, Stop};
use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::{Arc, Mutex, PoisonError},
};

/// A file that is read from where it is, and by several threads from elsewhere.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Box<dyn Random>>>);

impl Shared {
    pub(super) fn new(file: Box<dyn Random>) -> Shared {
        Shared(Arc::new(Mutex::new(file)))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Box<dyn Random>) -> io::Result<T>) -> io::Result<T> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes of the file now.
    pub(super) fn len(&self) -> io::Result<u64> {
        self.with(|it| it.seek(SeekFrom::End(0)))
    }

    /// Where it is read next.
    pub(super) fn position(&self) -> io::Result<u64> {
        self.with(|it| it.stream_position())
    }

    /// Reads bytes from a place on, as many as there is room for; fewer at the end of the file.
    fn read_at(&self, from: u64, room: &mut [u8]) -> io::Result<usize> {
        self.with(|it| {
            _ = it.seek(SeekFrom::Start(from))?;
            read_all(it, room)
        })
    }
}

impl Read for Shared {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.with(|it| it.read(out))
    }
}

/// The rest of a file, dealt to threads.
pub(super) struct Stretches {
    pub(super) file: Shared,
    /// Bytes of the file.
    pub(super) len: u64,
    /// Where lines begin that nobody has taken.
    pub(super) next: Mutex<(u64, usize)>,
    /// Bytes of a stretch at least, and at most.
    pub(super) sizes: (u64, u64),
    pub(super) threads: u64,
    pub(super) line_bytes: usize,
    pub(super) block: usize,
    pub(super) stop: Stop,
}

impl Stretches {
    /// The next stretch: its number, and where it begins. The last ones are short, so that all threads end at about the same time.
    pub(super) fn next(&self, window: &mut Window) -> Option<(usize, u64)> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, index) = *next;
        let rest = self.len.checked_sub(from).filter(|it| *it > 0)?;
        let (least, most) = self.sizes;
        let size = (rest / (2 * self.threads).max(1)).min(most).max(least).max(1);
        *next = (from.saturating_add(size), index + 1);
        // What was written to the file since it was measured belongs to the last one.
        let to = if size >= rest { u64::MAX } else { from + size };
        window.begin(from, to, index > 0);
        Some((index, from))
    }
}

/// The lines at hand of a stretch: those that begin in it.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Longer than what is used of it.
    buffer: Vec<u8>,
    len: usize,
    /// Bytes that were given out.
    taken: usize,
    /// Where the buffer begins in the file.
    offset: u64,
    to: u64,
    /// The line under way began before the stretch.
    is_cut: bool,
    /// No more lines.
    ended: bool,
}

impl Window {
    /// Begins a stretch. Where a line may be under way, the byte before tells whether one is.
    fn begin(&mut self, from: u64, to: u64, may_be_cut: bool) {
        let is_cut = may_be_cut && from > 0;
        (self.len, self.taken, self.ended, self.is_cut, self.to) = (0, 0, false, is_cut, to);
        self.offset = from - u64::from(is_cut);
    }

    /// Where the bytes that [`Window::lines`] gave out begin in the file.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes that [`Window::next`] has found.
    pub(super) fn lines(&self) -> &[u8] {
        self.buffer.get(..self.taken).unwrap_or(&[])
    }

    fn drop(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes.min(self.len)..self.len, 0);
        self.len = self.len.saturating_sub(bytes);
        self.offset += bytes as u64;
    }

    /// Goes on to the next lines; false at the end. Errors count lines from 0.
    pub(super) fn next(&mut self, of: &Stretches, name: &str, line: u64) -> Result<bool, LoadError> {
        let taken = std::mem::take(&mut self.taken);
        self.drop(taken);
        while !self.ended {
            // No line ends in what is left of the block before.
            let mut seen = self.len;
            of.stop.check().map_err(|it| LoadError::at(name, line, self.offset, it))?;
            let n = self.fill(of).map_err(|it| LoadError::at(name, line, self.offset, Fault::new(it.to_string())))?;
            if self.is_cut {
                let end = memchr::memchr(b'\n', self.buffer.get(..self.len).unwrap_or(&[]));
                self.is_cut = end.is_none();
                self.drop(end.map_or(self.len, |it| it + 1));
                self.ended = self.offset >= self.to || n == 0;
                if self.is_cut || self.ended {
                    continue;
                }
                seen = 0;
            }
            self.taken = self.end_of_lines(seen, n == 0);
            if self.taken > 0 {
                return Ok(true);
            }
            if self.len > of.line_bytes {
                let fault = Fault::Limit {
                    name: "line_bytes",
                    limit: of.line_bytes as u64,
                    by: "a line of the input".to_owned(),
                };
                return Err(LoadError::at(name, line, self.offset, fault));
            }
        }
        Ok(false)
    }

    /// Where the last line ends that begins in the stretch and is here; no line ends in the first bytes.
    fn end_of_lines(&mut self, seen: usize, is_all: bool) -> usize {
        let bytes = self.buffer.get(..self.len).unwrap_or(&[]);
        // The line that has the last byte of the stretch is the last one.
        let last = usize::try_from((self.to - 1).saturating_sub(self.offset)).unwrap_or(usize::MAX).max(seen);
        let end = bytes.get(last..).and_then(|it| memchr::memchr(b'\n', it)).map(|it| last + it + 1);
        self.ended = is_all || end.is_some();
        match end {
            Some(it) => it,
            None if is_all => self.len,
            None => memchr::memrchr(b'\n', bytes.get(seen..).unwrap_or(&[])).map_or(0, |it| seen + it + 1),
        }
    }

    /// Reads a block behind what is here; returns its bytes, none at the end of the file.
    fn fill(&mut self, of: &Stretches) -> io::Result<usize> {
        let end = self.len + of.block;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let room = self.buffer.get_mut(self.len..end).unwrap_or_default();
        let n = of.file.read_at(self.offset + self.len as u64, room)?;
        self.len += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Every byte of a file comes once, in whole lines, wherever stretches begin.
    #[test]
    fn stretches_are_all_lines() {
        let texts = ["", "a", "\n", "a\n", "\n\na", "one\ntwo\r\nthree", "x\n\n\nlonger than a stretch is\n\ny\n"];
        let long = format!("{}\nb\n{}\n\nc", "a".repeat(40), "d".repeat(90));
        for text in texts.iter().map(|it| (*it).to_owned()).chain([long]) {
            for (size, block) in [(1, 1), (1, 7), (2, 3), (3, 100), (5, 2), (8, 8), (30, 4), (1_000, 16)] {
                let stretches = Stretches {
                    file: Shared::new(Box::new(Cursor::new(text.clone().into_bytes()))),
                    len: text.len() as u64,
                    next: Mutex::new((0, 0)),
                    sizes: (size, size),
                    threads: 2,
                    line_bytes: 1_000,
                    block,
                    stop: Stop::default(),
                };
                let (mut window, mut read) = (Window::default(), Vec::new());
                while stretches.next(&mut window).is_some() {
                    while window.next(&stretches, "x", 0).unwrap() {
                        assert_eq!(window.offset(), read.len() as u64, "{text:?} {size} {block}");
                        read.extend_from_slice(window.lines());
                        assert!(read.ends_with(b"\n") || read.len() == text.len(), "{text:?} {size} {block}");
                    }
                }
                assert_eq!(read, text.as_bytes(), "{size} {block}");
            }
        }
    }
}
