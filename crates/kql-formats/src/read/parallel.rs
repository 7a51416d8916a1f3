//! Lines on several threads: each takes runs of lines into a tree of its own, and the trees become one.
//!
//! Rows, rejects and columns come out in the order of the input, as if one thread had read it.

use super::{
    json::Reader,
    record::Scratch,
    source::{Run, Source},
};
use crate::{
    Accounting, LoadError,
    openai::Shape,
    shred::{Harvest, Tree, Wanted},
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

/// What all threads share.
struct Work<'a> {
    name: &'a str,
    limits: &'a Limits,
    shape: Shape,
    fast: bool,
    chunk_rows: usize,
    /// Bytes that are read at a time.
    block: usize,
    wanted: Wanted,
    queue: Mutex<Queue<'a>>,
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
    let (name, first_line) = (source.name.clone(), source.line);
    let work = Work {
        name: &name,
        limits: reader.limits,
        shape: reader.shape.unwrap_or(Shape::Plain),
        fast: reader.fast,
        chunk_rows: reader.tree.chunk_rows(),
        block: source.block(),
        wanted: reader.tree.wanted(),
        queue: Mutex::new(Queue { source, n_runs: 0, error: None }),
        failed: AtomicBool::new(false),
        held: AtomicUsize::new(reader.tree.bytes()),
    };
    let mut errors = Vec::new();
    let yields: Vec<Yield> = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || work.help()).ok();
        let threads: Vec<_> = (1..work.limits.threads.min(THREADS)).filter_map(spawn).collect();
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
    let error = work.queue.into_inner().unwrap_or_else(PoisonError::into_inner).error;
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
    /// Takes the next run of the source, and its number.
    fn next(&self, run: &mut Run) -> Option<usize> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.error.is_some() || self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let Queue { source, n_runs, error } = &mut *queue;
        *error = source.run(run, BLOCKS * self.block).err();
        *n_runs += 1;
        (!run.lines().is_empty()).then_some(*n_runs - 1)
    }

    /// Reads a run, as many lines at a time as stay in the cache. Returns how many lines those were, also before an error.
    fn read(&self, reader: &mut Reader<'_>, run: &Run) -> (u64, Result<(), LoadError>) {
        let (mut rest, mut line, mut offset) = (run.lines(), 0, run.offset);
        while !rest.is_empty() {
            let head = rest.get(..self.block).unwrap_or(rest);
            let end = match memchr::memrchr(b'\n', head) {
                _ if head.len() == rest.len() => rest.len(),
                Some(at) => at + 1,
                None => memchr::memchr(b'\n', rest).map_or(rest.len(), |it| it + 1),
            };
            let (lines, behind) = rest.split_at(end);
            match reader.block(self.name, lines, line, offset) {
                Ok(it) => line += it,
                Err(it) => return (line, Err(it)),
            }
            offset += end as u64;
            rest = behind;
        }
        (line, Ok(()))
    }

    /// Reads runs until there are no more.
    fn help(&self) -> Yield {
        let mut tree = Tree::new(self.chunk_rows);
        tree.want(self.wanted.clone());
        let (mut accounting, mut error, mut runs, mut lines) = (Accounting::default(), None, Vec::new(), Vec::new());
        let (mut held, mut run) = (0, Run::default());
        while let Some(index) = self.next(&mut run) {
            let before = tree.n_chunks();
            tree.begin_run(index);
            let mut shape = Some(self.shape);
            let (limits, fast, scratch) = (self.limits, self.fast, Scratch::default());
            let (tree_, accounting) = (&mut tree, &mut accounting);
            let shape = &mut shape;
            let mut reader = Reader { limits, shape, options: None, tree: tree_, accounting, fast, scratch, alone: 0 };
            let (n_lines, mut res) = self.read(&mut reader, &run);
            lines.push((run.offset, n_lines));
            tree.end_chunk();
            runs.resize(runs.len() + tree.n_chunks() - before, index);
            let now = tree.bytes();
            let all = self.held.fetch_add(now.saturating_sub(held), Ordering::Relaxed) + now.saturating_sub(held);
            held = held.max(now);
            if res.is_ok() && all > self.limits.memory {
                let (name, limit) = ("memory", self.limits.memory as u64);
                let fault = Fault::Limit { name, limit, by: "loading".to_owned() };
                res = Err(LoadError::at(self.name, 0, run.offset, fault));
            }
            if let Err(it) = res {
                self.failed.store(true, Ordering::Relaxed);
                error = Some(it);
            }
        }
        Yield { harvest: Harvest { tree, runs }, accounting, error, lines }
    }
}
