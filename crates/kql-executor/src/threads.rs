//! Threads that help the one that a query runs on, and wait from one query to the next.
//!
//! A query begins on its own thread. It calls for help once it has worked for a while at something of which much is left: a
//! thread that is woken for less costs more than it does.

use crate::execution::{Execution, lock};
use kql_data::Crew;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    fmt,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Threads of a pool need room for nested dynamics.
const STACK_BYTES: usize = 8 << 20;
/// Pools that wait at most: those of queries that ran at one time.
const WAITING_MAX: usize = 2;
/// Nanoseconds for which a query works at something before it calls for help.
const PATIENCE: u64 = 100_000;
/// Nanoseconds of work that must be left for each thread that is called.
const WORTH: u64 = 250_000;

/// Threads for the queries of a host: a query has some to itself while it runs, and leaves them to the next.
#[derive(Default)]
pub struct Threads {
    waiting: Mutex<Vec<Arc<Helpers>>>,
}

impl fmt::Debug for Threads {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Threads").field("waiting", &lock(&self.waiting).len()).finish()
    }
}

impl Threads {
    /// Helpers for a query that may have so many threads, its own among them; `None` where one is enough, and where the
    /// system gives none: the query then runs on its own.
    pub(crate) fn take(&self, threads: usize) -> Option<Arc<Helpers>> {
        let count = threads.checked_sub(1).filter(|it| *it > 0)?;
        let mut waiting = lock(&self.waiting);
        if let Some(at) = waiting.iter().position(|it| it.count() == count) {
            return Some(waiting.swap_remove(at));
        }
        // Another number is wanted from now on.
        waiting.clear();
        drop(waiting);
        let pool = ThreadPoolBuilder::new().num_threads(count).stack_size(STACK_BYTES).build().ok()?;
        Some(Arc::new(Helpers { pool, idle: AtomicUsize::new(count) }))
    }

    /// Takes threads back.
    pub(crate) fn give(&self, helpers: Arc<Helpers>) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() < WAITING_MAX {
            waiting.push(helpers);
        }
    }
}

/// Bytes that glibc still learns from.
const LARGE: usize = 31 << 20;

/// Tells the allocator that large pieces come and go. glibc's hands them to the system and back, page by page, until it has
/// seen such a one given back; from then on it keeps twice as much for the next query. Nothing of the piece is touched.
pub(crate) fn keep_large_pieces() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut piece: Vec<u8> = Vec::new();
        // Where it is not to be had, nothing is learnt.
        _ = piece.try_reserve_exact(LARGE);
        drop(std::hint::black_box(piece));
    });
}

/// The threads that help a query.
#[derive(Debug)]
pub(crate) struct Helpers {
    pool: ThreadPool,
    /// Those that help nobody now: work within work finds some of them busy.
    idle: AtomicUsize,
}

impl Helpers {
    fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    fn are_busy(&self) -> bool {
        self.idle.load(Ordering::Relaxed) == 0
    }

    /// One of them; `None` when all are busy.
    fn claim(&self) -> Option<Claim<'_>> {
        let less = |it: usize| it.checked_sub(1);
        self.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok().map(|_| Claim(self))
    }
}

impl Crew for Helpers {
    fn share(&self, n_pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= n_pieces {
                    return;
                }
                piece(index);
            }
        };
        self.pool.in_place_scope(|scope| {
            for claim in (1..n_pieces).map_while(|_| self.claim()) {
                scope.spawn(|_| {
                    work();
                    drop(claim);
                });
            }
            work();
        });
    }
}

/// A helper that is busy as long as this lives.
struct Claim<'h>(&'h Helpers);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        _ = self.0.idle.fetch_add(1, Ordering::Relaxed);
    }
}

/// Work in pieces, which several threads may do.
pub(crate) trait Shared: Sync {
    /// What a thread has from one piece to the next.
    type Worker;
    /// A thread begins.
    fn begin(&self) -> Self::Worker;
    /// Does a piece; whether there was one.
    fn piece(&self, worker: &mut Self::Worker) -> bool;
    /// Pieces that nobody has begun.
    fn left(&self) -> usize;
    /// A thread ends: there is nothing left for it.
    fn end(&self, worker: Self::Worker);
}

/// Does all pieces on this thread.
pub(crate) fn work_to_the_end<S: Shared>(work: &S, mut worker: S::Worker) {
    while work.piece(&mut worker) {}
    work.end(worker);
}

impl Execution<'_> {
    /// Does all pieces of some work, with helpers where that pays.
    pub(crate) fn share<S: Shared>(&self, work: &S) {
        let Some(helpers) = self.helpers() else { return work_to_the_end(work, work.begin()) };
        let (since, mut worker, mut n_done) = (self.time(), work.begin(), 0);
        while helpers.are_busy() || self.helpers_wanted(since, n_done, work.left()) == 0 {
            if !work.piece(&mut worker) {
                return work.end(worker);
            }
            n_done += 1;
        }
        helpers.pool.in_place_scope(|scope| {
            loop {
                for _ in 0..self.helpers_wanted(since, n_done, work.left()) {
                    let Some(claim) = helpers.claim() else { break };
                    scope.spawn(move |_| {
                        work_to_the_end(work, work.begin());
                        drop(claim);
                    });
                }
                if !work.piece(&mut worker) {
                    return work.end(worker);
                }
                n_done += 1;
            }
        });
    }

    /// How many helpers pay for pieces that are left, of which the caller has done so many since that time.
    fn helpers_wanted(&self, since: u64, n_done: usize, n_left: usize) -> usize {
        if !self.has_patience() {
            return n_left;
        }
        let elapsed = self.time().saturating_sub(since);
        if n_done == 0 || elapsed < PATIENCE {
            return 0;
        }
        let left = (elapsed / n_done as u64).saturating_mul(n_left as u64);
        usize::try_from(left / WORTH).unwrap_or(usize::MAX).min(n_left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_wait_for_the_next_query_of_as_many() {
        let threads = Threads::default();
        assert!(threads.take(0).is_none());
        assert!(threads.take(1).is_none());
        let (first, second) = (threads.take(2).unwrap(), threads.take(2).unwrap());
        threads.give(first);
        threads.give(second);
        assert_eq!(lock(&threads.waiting).len(), 2);
        assert_eq!(threads.take(2).unwrap().count(), 1);
        assert_eq!(lock(&threads.waiting).len(), 1);
        assert_eq!(threads.take(3).unwrap().count(), 2);
        assert!(lock(&threads.waiting).is_empty());
    }

    #[test]
    fn a_helper_is_claimed_once() {
        let helpers = Threads::default().take(2).unwrap();
        let claim = helpers.claim().unwrap();
        assert!(helpers.are_busy());
        assert!(helpers.claim().is_none());
        let count = AtomicUsize::new(0);
        let piece = |index: usize| _ = count.fetch_add(index, Ordering::Relaxed);
        helpers.share(100, &piece);
        drop(claim);
        assert!(!helpers.are_busy());
        helpers.share(100, &piece);
        assert!(!helpers.are_busy());
        assert_eq!(count.into_inner(), 2 * (0..100).sum::<usize>());
    }
}
