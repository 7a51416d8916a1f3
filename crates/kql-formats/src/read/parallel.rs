//! Lines on several threads: each takes runs of lines into a tree of its own, and the trees become one.
//!
//! Rows, rejects and columns come out in the order of the input, as if one thread had read it. Of a file each thread reads
//! stretches of its own; what can only be read from the beginning to the end is read in turn.

use super::{
    json::Reader,
    record::Scratch,
    source::{Run, Source},
    stretch::{Stretches, Window},
};
use crate::{
    Accounting, LoadError,
    openai::Shape,
    shred::{Harvest, Tree},
};
use kql_data::{Fault, Limits};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Blocks of a run. Longer runs make larger chunks, and hold more of the input.
const BLOCKS: usize = 32;
/// Threads at most.
const THREADS: usize = 8;

/// The source, from which threads take runs in turn.
struct Queue<'a> {
    source: &'a mut Source,
    n_runs: usize,
    /// What ended the reading early.
    error: Option<LoadError>,
}

/// Where lines come from.
enum Lines<'a> {
    Runs(Mutex<Queue<'a>>),
    Stretches(Stretches),
}

/// Room that a thread uses again.
#[derive(Default)]
struct Hands {
    run: Run,
    window: Window,
}

/// What all threads share.
struct Work<'a> {
    name: &'a str,
    limits: &'a Limits,
    shape: Shape,
    fast: bool,
    /// Bytes that are read at a time.
    block: usize,
    /// What was read before.
    tree: &'a Tree,
    lines: Lines<'a>,
    /// Set when a thread cannot go on: the rest is not read.
    failed: AtomicBool,
    /// Bytes held by all trees.
    held: AtomicUsize,
}

/// What a thread brings back.
struct Yield {
    harvest: Harvest,
    /// Lines in its accounting and its error are counted from the beginning of their run.
    accounting: Accounting,
    error: Option<LoadError>,
    /// Of each run where it begins, and its lines.
    lines: Vec<(u64, u64)>,
}

/// Reads the rest of a source.
pub(super) fn lines(reader: &mut Reader<'_>, source: &mut Source) -> Result<(), LoadError> {
    let (name, first_line, block) = (source.name.clone(), source.line, source.block());
    reader.tree.end_chunk();
    let n_threads = reader.limits.threads.min(THREADS);
    let lines = match source.stretches(stretch_bytes(reader, block), n_threads) {
        Some(it) => Lines::Stretches(it),
        None => Lines::Runs(Mutex::new(Queue { source, n_runs: 0, error: None })),
    };
    let tree = &*reader.tree;
    let work = Work {
        name: &name,
        limits: reader.limits,
        shape: reader.shape.unwrap_or(Shape::Plain),
        fast: reader.fast,
        block,
        tree,
        lines,
        failed: AtomicBool::new(false),
        held: AtomicUsize::new(tree.bytes()),
    };
    let mut errors = Vec::new();
    let yields: Vec<Yield> = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || work.help()).ok();
        let threads: Vec<_> = (1..n_threads).filter_map(spawn).collect();
        let mut yields = vec![work.help()];
        for it in threads {
            match it.join() {
                Ok(it) => yields.push(it),
                Err(_) => {
                    let fault = Fault::new("a thread that reads died, which is a bug; please report it");
                    errors.push(LoadError::at(&name, 0, 0, fault));
                }
            }
        }
        yields
    });
    let places = Places::new(first_line, yields.iter().flat_map(|it| &it.lines));
    let error = match work.lines {
        Lines::Runs(it) => it.into_inner().unwrap_or_else(PoisonError::into_inner).error,
        Lines::Stretches(_) => None,
    };
    // What ends the reading stands behind all lines that were read.
    errors.extend(error.map(|it| LoadError { line: places.end, ..it }));
    let mut harvests = Vec::new();
    for mut it in yields {
        it.accounting.rejects.iter_mut().for_each(|it| it.line += places.first_line(it.offset));
        add(reader.accounting, it.accounting);
        errors.extend(it.error.map(|it| LoadError { line: it.line + places.first_line(it.offset), ..it }));
        harvests.push(it.harvest);
    }
    order_rejects(reader, &name);
    reader.tree.absorb(harvests);
    errors.into_iter().min_by_key(|it| it.offset).map_or(Ok(()), Err)
}

/// Bytes of a stretch of a file at least and at most: those of a whole chunk of lines like those that were read.
fn stretch_bytes(reader: &Reader<'_>, block: usize) -> (u64, u64) {
    let run = (BLOCKS * block) as u64;
    let line = reader.accounting.bytes / reader.accounting.lines.max(1);
    // Lines may turn out shorter, and a chunk should not be cut for a few of them.
    let chunk = line.saturating_mul(reader.tree.chunk_rows() as u64 / 8 * 7);
    (run / 4, chunk.clamp(run / 4, 8 * run))
}

/// The lines of runs.
struct Places {
    /// Of each run where it begins, and its first line, in order.
    runs: Vec<(u64, u64)>,
    /// The line behind all.
    end: u64,
}

impl Places {
    fn new<'a>(first_line: u64, lines: impl Iterator<Item = &'a (u64, u64)>) -> Places {
        let mut runs: Vec<_> = lines.copied().collect();
        runs.sort_unstable();
        let mut end = first_line;
        for (_, lines) in &mut runs {
            end += std::mem::replace(lines, end);
        }
        Places { runs, end }
    }

    /// The first line of the run that has that byte.
    fn first_line(&self, offset: u64) -> u64 {
        let behind = self.runs.partition_point(|it| it.0 <= offset);
        behind.checked_sub(1).and_then(|it| self.runs.get(it)).map_or(self.end, |it| it.1)
    }
}

/// Rejects of the source in its order, behind those of earlier sources.
fn order_rejects(reader: &mut Reader<'_>, source: &str) {
    let rejects = std::mem::take(&mut reader.accounting.rejects);
    let (mut these, mut kept): (Vec<_>, Vec<_>) = rejects.into_iter().partition(|it| it.source == source);
    these.sort_by_key(|it| it.offset);
    kept.append(&mut these);
    kept.truncate(reader.limits.rejects_kept);
    reader.accounting.rejects = kept;
}

fn add(all: &mut Accounting, mut more: Accounting) {
    all.bytes += more.bytes;
    all.row_bytes += more.row_bytes;
    all.reject_bytes += more.reject_bytes;
    all.blank_bytes += more.blank_bytes;
    all.lines += more.lines;
    all.rows += more.rows;
    all.rejected += more.rejected;
    all.blank += more.blank;
    all.replaced_bytes += more.replaced_bytes;
    all.rejects.append(&mut more.rejects);
}

impl Work<'_> {
    /// Takes the next run or stretch of the source. Returns its number and where it begins.
    fn next(&self, hands: &mut Hands) -> Option<(usize, u64)> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let queue = match &self.lines {
            Lines::Stretches(it) => return it.next(&mut hands.window),
            Lines::Runs(it) => it,
        };
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.error.is_some() {
            return None;
        }
        let Queue { source, n_runs, error } = &mut *queue;
        *error = source.run(&mut hands.run, BLOCKS * self.block).err();
        *n_runs += 1;
        (!hands.run.lines().is_empty()).then_some((*n_runs - 1, hands.run.offset))
    }

    /// Reads the lines that were taken. Returns how many those were, also before an error.
    fn read(&self, reader: &mut Reader<'_>, hands: &mut Hands, held: &mut usize) -> (u64, Result<(), LoadError>) {
        match &self.lines {
            Lines::Runs(_) => self.read_run(reader, &hands.run, held),
            Lines::Stretches(it) => self.read_stretch(reader, it, &mut hands.window, held),
        }
    }

    fn read_stretch(
        &self,
        reader: &mut Reader<'_>,
        of: &Stretches,
        window: &mut Window,
        held: &mut usize,
    ) -> (u64, Result<(), LoadError>) {
        let mut line = 0;
        loop {
            let read = window.next(of, self.name, line).and_then(|goes_on| {
                let offset = window.offset();
                let n = if goes_on { reader.block(self.name, window.lines(), line, offset)? } else { 0 };
                line += n;
                self.check_memory(reader.tree, held, line, offset)?;
                Ok(goes_on)
            });
            match read {
                Ok(true) => {}
                Ok(false) => return (line, Ok(())),
                Err(it) => return (line, Err(it)),
            }
        }
    }

    /// Counts what the tree of a thread holds.
    fn check_memory(&self, tree: &Tree, held: &mut usize, line: u64, offset: u64) -> Result<(), LoadError> {
        let now = tree.bytes();
        let more = now.saturating_sub(*held);
        *held += more;
        if self.held.fetch_add(more, Ordering::Relaxed) + more > self.limits.memory {
            let (name, limit) = ("memory", self.limits.memory as u64);
            let fault = Fault::Limit { name, limit, by: "loading".to_owned() };
            return Err(LoadError::at(self.name, line, offset, fault));
        }
        Ok(())
    }

    /// Reads a run, as many lines at a time as stay in the cache. Returns how many lines those were, also before an error.
    fn read_run(&self, reader: &mut Reader<'_>, run: &Run, held: &mut usize) -> (u64, Result<(), LoadError>) {
        let (mut rest, mut line, mut offset) = (run.lines(), 0, run.offset);
        while !rest.is_empty() {
            let head = rest.get(..self.block).unwrap_or(rest);
            let end = match memchr::memrchr(b'\n', head) {
                _ if head.len() == rest.len() => rest.len(),
                Some(at) => at + 1,
                None => memchr::memchr(b'\n', rest).map_or(rest.len(), |it| it + 1),
            };
            let (lines, behind) = rest.split_at(end);
            let read = reader.block(self.name, lines, line, offset).and_then(|it| {
                line += it;
                self.check_memory(reader.tree, held, line, offset)
            });
            if let Err(it) = read {
                return (line, Err(it));
            }
            offset += end as u64;
            rest = behind;
        }
        (line, Ok(()))
    }

    /// Reads runs until there are no more.
    fn help(&self) -> Yield {
        let mut tree = self.tree.fork();
        let (mut accounting, mut error, mut runs, mut lines) = (Accounting::default(), None, Vec::new(), Vec::new());
        let (mut held, mut hands) = (0, Hands::default());
        while let Some((index, offset)) = self.next(&mut hands) {
            let before = tree.n_chunks();
            tree.begin_run(index);
            let mut shape = Some(self.shape);
            let (limits, fast, scratch) = (self.limits, self.fast, Scratch::default());
            let (tree_, accounting) = (&mut tree, &mut accounting);
            let shape = &mut shape;
            let mut reader = Reader { limits, shape, options: None, tree: tree_, accounting, fast, scratch, alone: 0 };
            let (n_lines, res) = self.read(&mut reader, &mut hands, &mut held);
            lines.push((offset, n_lines));
            tree.end_chunk();
            runs.resize(runs.len() + tree.n_chunks() - before, index);
            if let Err(it) = res {
                self.failed.store(true, Ordering::Relaxed);
                error = Some(it);
            }
        }
        tree.wrap_up();
        Yield { harvest: Harvest { tree, runs }, accounting, error, lines }
    }
}
