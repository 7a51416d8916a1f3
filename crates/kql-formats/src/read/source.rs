//! Bytes of a source: decompressed, counted, in windows.

use super::{
    stretch::{Shared, Stretches},
    utf16::Utf16,
};
use crate::{LoadError, parquet::Random};
use kql_data::{Fault, Limits, Stop};
use std::{
    io::{self, BufRead, BufReader, Cursor, Read},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

/// Bytes asked for at a time: few enough to stay in the cache from the system's copy to the last look at them.
pub(crate) const BLOCK: usize = 256 << 10;
/// Bytes that a thread which decompresses hands over at a time.
const AHEAD: usize = 1 << 20;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Where bytes come from. The caller opens files; this crate never does.
pub type Bytes = Box<dyn Read + Send>;

/// A source being read.
pub(crate) struct Source {
    /// Name for messages.
    pub(crate) name: String,
    reader: Bytes,
    /// The file, if its bytes can be read from any place and are those that are consumed.
    file: Option<Shared>,
    /// Bytes read are those between `from` and `to`.
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    ended: bool,
    bytes_max: usize,
    ratio_max: u64,
    /// Bytes read of compressed input.
    compressed: Option<Arc<AtomicU64>>,
    line_bytes: usize,
    stop: Stop,
    /// Bytes asked for at a time.
    block: usize,
    is_utf16: bool,
    /// Whether a carriage return alone ends a line.
    old_mac: bool,
    /// Bytes consumed.
    pub(crate) offset: u64,
    /// Line of the next byte, from 1.
    pub(crate) line: u64,
    read: u64,
}

/// Lines that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Longer than what is used of it, so that no room is cleared twice.
    bytes: Vec<u8>,
    len: usize,
    /// Where they begin in the source.
    pub(crate) offset: u64,
}

impl Run {
    /// The lines.
    pub(crate) fn lines(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Room for so many bytes behind them.
    fn room(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.len + bytes;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(self.len..end).unwrap_or_default()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// Bytes in which a line end should be found.
const LOOKED_AT: usize = 64 << 10;

/// Decompressed bytes from which the ratio counts: a short text of one letter is no bomb.
const RATIO_FROM: u64 = 1 << 20;

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    read: Option<Arc<AtomicU64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        if let Some(read) = &self.read {
            _ = read.fetch_add(n as u64, Ordering::Relaxed);
        }
        Ok(n)
    }
}

impl Source {
    /// Looks at the first bytes and decompresses what is compressed.
    pub(crate) fn open(name: &str, mut reader: Bytes, limits: &Limits, stop: &Stop) -> Result<Source, LoadError> {
        let fail = |it: io::Error| LoadError::at(name, 1, 0, Fault::new(it.to_string()));
        let mut magic = Vec::new();
        _ = reader.by_ref().take(4).read_to_end(&mut magic).map_err(fail)?;
        let (gzip, zstd) = (magic.starts_with(GZIP), magic.starts_with(ZSTD));
        let little = magic.starts_with(&[0xFF, 0xFE]);
        let utf16 = little || magic.starts_with(&[0xFE, 0xFF]);
        let compressed = (gzip || zstd).then(|| Arc::new(AtomicU64::new(0)));
        let whole = Counted { inner: Cursor::new(magic).chain(reader), read: compressed.clone() };
        let reader: Bytes = if gzip {
            Box::new(flate2::read::MultiGzDecoder::new(whole))
        } else if zstd {
            Box::new(Frames { frame: None, input: Some(BufReader::new(Box::new(whole))) })
        } else if utf16 {
            Box::new(Utf16::new(whole, little))
        } else {
            Box::new(whole)
        };
        let file = None;
        // Decompression is as much work as reading records, so it gets a thread.
        let reader = if limits.threads > 1 && (gzip || zstd) { ahead(reader) } else { reader };
        Ok(Source {
            name: name.to_owned(),
            reader,
            file,
            buffer: Vec::new(),
            from: 0,
            to: 0,
            ended: false,
            bytes_max: if gzip || zstd { limits.decompressed_bytes } else { usize::MAX },
            ratio_max: limits.decompressed_ratio as u64,
            compressed,
            line_bytes: limits.line_bytes,
            stop: stop.clone(),
            block: BLOCK,
            is_utf16: utf16,
            old_mac: false,
            offset: 0,
            line: 1,
            read: 0,
        })
    }

    /// As [`Source::open`], of a file of which some bytes were read already.
    pub(crate) fn open_file(
        name: &str,
        begin: Vec<u8>,
        file: Box<dyn Random>,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Source, LoadError> {
        let (file, n_read) = (Shared::new(file), begin.len() as u64);
        let mut source = Source::open(name, Box::new(Cursor::new(begin).chain(file.clone())), limits, stop)?;
        let is_plain = source.compressed.is_none() && !source.is_utf16;
        // It need not have stood at its beginning.
        source.file = Some(file).filter(|it| is_plain && it.position().is_ok_and(|it| it == n_read));
        Ok(source)
    }

    /// What is not consumed yet, in stretches for several threads, if the source is a plain file. The last ones are as short
    /// as the first of `sizes`, the others not longer than the second. Nothing else may be read then.
    pub(super) fn stretches(&self, sizes: (u64, u64), threads: usize) -> Option<Stretches> {
        let file = self.file.clone().filter(|_| !self.old_mac)?;
        let len = file.len().ok().filter(|it| *it > self.offset)?;
        let (line_bytes, block, stop) = (self.line_bytes, self.block, self.stop.clone());
        let next = Mutex::new((self.offset, 0));
        Some(Stretches { file, len, next, sizes, threads: threads as u64, line_bytes, block, stop })
    }

    /// Sets how many bytes are asked for at a time.
    pub(crate) fn set_block(&mut self, bytes: usize) {
        self.block = bytes.clamp(1, BLOCK);
    }

    /// How many bytes are asked for at a time.
    pub(crate) fn block(&self) -> usize {
        self.block
    }

    /// Bytes at hand.
    pub(crate) fn window(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or(&[])
    }

    /// An error at the place where the window begins.
    pub(crate) fn error(&self, fault: Fault) -> LoadError {
        LoadError::at(&self.name, self.line, self.offset, fault)
    }

    /// The error of a record that is too long.
    pub(crate) fn too_long(&self) -> LoadError {
        let (name, limit) = ("line_bytes", self.line_bytes as u64);
        self.error(Fault::Limit { name, limit, by: "a line of the input".to_owned() })
    }

    /// Reads another block into the window. False at the end.
    pub(crate) fn more(&mut self) -> Result<bool, LoadError> {
        self.stop.check().map_err(|it| self.error(it))?;
        if self.ended {
            return Ok(false);
        }
        if self.from > 0 {
            self.buffer.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
        }
        let end = self.to + self.block;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let n = read_all(&mut self.reader, self.buffer.get_mut(self.to..end).unwrap_or_default());
        let n = n.map_err(|it| self.error(Fault::new(it.to_string())))?;
        self.to += n;
        if self.old_mac {
            end_lines(self.buffer.get_mut(self.to.saturating_sub(n)..self.to).unwrap_or_default());
        }
        self.count(n)?;
        Ok(!self.ended)
    }

    /// Counts bytes that were read: none at the end.
    fn count(&mut self, n: usize) -> Result<(), LoadError> {
        self.ended = n == 0;
        self.read += n as u64;
        if self.read > self.bytes_max as u64 {
            let (name, limit) = ("decompressed_bytes", self.bytes_max as u64);
            return Err(self.error(Fault::Limit { name, limit, by: "compressed input".to_owned() }));
        }
        if let Some(compressed) = &self.compressed
            && self.read > RATIO_FROM
            && self.read / compressed.load(Ordering::Relaxed).max(1) > self.ratio_max
        {
            let (name, limit) = ("decompressed_ratio", self.ratio_max);
            return Err(self.error(Fault::Limit { name, limit, by: "compressed input".to_owned() }));
        }
        Ok(())
    }

    /// Takes whole lines of about so many bytes, or all at the end of input, straight into a buffer. Their line ends are not
    /// counted. After an error there may be lines as well: those before it.
    pub(crate) fn run(&mut self, run: &mut Run, bytes: usize) -> Result<(), LoadError> {
        run.offset = self.offset;
        run.len = 0;
        run.append(self.window());
        (self.from, self.to) = (0, 0);
        let res = self.fill(run, bytes);
        let end = match memchr::memrchr(b'\n', run.lines()) {
            _ if self.ended && res.is_ok() => run.len,
            at => at.map_or(0, |it| it + 1),
        };
        let behind = run.lines().get(end..).unwrap_or(&[]);
        if self.buffer.len() < behind.len() {
            self.buffer.resize(behind.len(), 0);
        }
        if let Some(to) = self.buffer.get_mut(..behind.len()) {
            to.copy_from_slice(behind);
        }
        self.to = behind.len();
        run.len = end;
        self.offset += end as u64;
        res
    }

    /// Reads until so many bytes are there and a line ends, or the input does.
    fn fill(&mut self, run: &mut Run, bytes: usize) -> Result<(), LoadError> {
        while !self.ended {
            let has_end = memchr::memrchr(b'\n', run.lines()).is_some();
            if has_end && run.len >= bytes {
                break;
            }
            if !has_end && run.len > self.line_bytes {
                return Err(self.too_long());
            }
            self.stop.check().map_err(|it| self.error(it))?;
            let room = run.room(bytes.saturating_sub(run.len).max(self.block));
            let n = read_all(&mut self.reader, room);
            let n = n.map_err(|it| self.error(Fault::new(it.to_string())))?;
            if self.old_mac {
                end_lines(run.room(n));
            }
            run.len += n;
            self.count(n)?;
        }
        Ok(())
    }

    /// All bytes that are left.
    pub(crate) fn whole(&mut self, limits: &Limits) -> Result<Vec<u8>, LoadError> {
        while self.more()? {
            if self.window().len() > limits.memory {
                let (name, limit) = ("memory", limits.memory as u64);
                return Err(self.error(Fault::Limit { name, limit, by: "loading".to_owned() }));
            }
        }
        self.buffer.truncate(self.to);
        Ok(self.buffer.split_off(self.from.min(self.buffer.len())))
    }

    /// Finds out whether carriage returns alone end the lines, as they did on old Macs, and reads them as line ends then.
    pub(crate) fn look_at_line_ends(&mut self) -> Result<(), LoadError> {
        while self.window().len() < LOOKED_AT && memchr::memchr(b'\n', self.window()).is_none() && self.more()? {}
        let window = self.buffer.get_mut(self.from..self.to).unwrap_or_default();
        if memchr::memchr(b'\n', window).is_none() && memchr::memchr(b'\r', window).is_some() {
            self.old_mac = true;
            end_lines(window);
        }
        Ok(())
    }

    /// Bytes of the window that are whole lines, or all at the end of input; `None` at the end.
    pub(crate) fn lines(&mut self) -> Result<Option<usize>, LoadError> {
        loop {
            if self.ended {
                return Ok(Some(self.window().len()).filter(|it| *it > 0));
            }
            if let Some(at) = memchr::memrchr(b'\n', self.window())
                && (at + 1 >= self.block / 2 || self.window().len() >= 2 * self.block)
            {
                return Ok(Some(at + 1));
            }
            if self.window().len() > self.line_bytes && memchr::memchr(b'\n', self.window()).is_none() {
                return Err(self.too_long());
            }
            _ = self.more()?;
        }
    }

    /// Goes on behind so many bytes with so many line ends.
    pub(crate) fn consume(&mut self, bytes: usize, lines: u64) {
        self.from = (self.from + bytes).min(self.to);
        self.offset += bytes as u64;
        self.line += lines;
    }

    /// Goes on behind so many bytes.
    pub(crate) fn skip(&mut self, bytes: usize) {
        let lines = memchr::memchr_iter(b'\n', self.window().get(..bytes).unwrap_or(&[])).count();
        self.consume(bytes, lines as u64);
    }
}

/// Reads until there is no room, or no more.
pub(super) fn read_all(reader: &mut impl Read, mut room: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while !room.is_empty() {
        match reader.read(room) {
            Ok(0) => break,
            Ok(n) => {
                read += n;
                room = room.get_mut(n..).unwrap_or_default();
            }
            Err(it) if it.kind() == io::ErrorKind::Interrupted => {}
            Err(it) => return Err(it),
        }
    }
    Ok(read)
}

fn end_lines(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|it| **it == b'\r').for_each(|it| *it = b'\n');
}

/// The same bytes, read and decompressed by a thread of their own, a few blocks ahead.
///
/// Without a thread to be had, the reader itself.
fn ahead(mut reader: Bytes) -> Bytes {
    // What is short is not worth a thread.
    let mut first = Vec::new();
    let n = match reader.by_ref().take(AHEAD as u64).read_to_end(&mut first) {
        Ok(n) => n,
        Err(it) => return Box::new(Cursor::new(first).chain(Failed(Some(it)))),
    };
    if n < AHEAD {
        return Box::new(Cursor::new(first));
    }
    let (send, blocks) = mpsc::sync_channel(4);
    let (give_back, given_back) = mpsc::channel::<Vec<u8>>();
    let (hand_over, handed) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("kql-read".to_owned()).spawn(move || {
        let Ok(reader): Result<Bytes, _> = handed.recv() else { return };
        let mut reader = reader;
        // The last block is empty: without it, the thread did not come to its end.
        loop {
            // Blocks go round: memory that is new to the process costs a fault a page.
            let mut block = given_back.try_recv().unwrap_or_default();
            block.clear();
            block.reserve(AHEAD);
            let res = reader.by_ref().take(AHEAD as u64).read_to_end(&mut block);
            let goes_on = matches!(res, Ok(n) if n > 0);
            // Nobody listens when the load was given up.
            if send.send(res.map(|_| block)).is_err() || !goes_on {
                return;
            }
        }
    });
    match spawned {
        Ok(_) => match hand_over.send(reader) {
            Ok(()) => Box::new(Ahead { blocks, give_back, block: Cursor::new(first), ended: false }),
            Err(mpsc::SendError(reader)) => Box::new(Cursor::new(first).chain(reader)),
        },
        Err(_) => Box::new(Cursor::new(first).chain(reader)),
    }
}

/// Blocks that another thread reads.
struct Ahead {
    blocks: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// Where blocks go to be filled again.
    give_back: mpsc::Sender<Vec<u8>>,
    block: Cursor<Vec<u8>>,
    ended: bool,
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.block.read(out)?;
            if n > 0 || out.is_empty() || self.ended {
                return Ok(n);
            }
            let block = self.blocks.recv().map_err(|_| io::Error::other("the thread that reads ended early"))??;
            self.ended = block.is_empty();
            let used = std::mem::replace(&mut self.block, Cursor::new(block));
            // Nobody wants it at the end.
            _ = self.give_back.send(used.into_inner());
        }
    }
}

/// A reader that fails once, where another failed.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

type Input = BufReader<Bytes>;

/// What Zstandard frames hold.
pub(crate) fn zstd(bytes: Bytes) -> impl Read {
    Frames { frame: None, input: Some(BufReader::new(bytes)) }
}

/// Zstandard frames, one after the other.
struct Frames {
    frame: Option<ruzstd::decoding::StreamingDecoder<Input, ruzstd::decoding::FrameDecoder>>,
    input: Option<Input>,
}

impl Read for Frames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let n = frame.read(out)?;
                if n > 0 || out.is_empty() {
                    return Ok(n);
                }
                self.input = self.frame.take().map(|it| it.into_inner());
            }
            let Some(mut input) = self.input.take() else { return Ok(0) };
            if input.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(ruzstd::decoding::StreamingDecoder::new(input).map_err(io::Error::other)?);
        }
    }
}
