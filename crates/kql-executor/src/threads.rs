//! Threads that wait from one query to the next.

use crate::execution::lock;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{fmt, sync::Mutex};

/// Threads of a pool need room for nested dynamics.
const STACK_BYTES: usize = 8 << 20;
/// Pools that wait at most: those of queries that ran at one time.
const WAITING_MAX: usize = 2;

/// Threads for the queries of a host: a query has some to itself while it runs, and leaves them to the next.
#[derive(Default)]
pub struct Threads {
    waiting: Mutex<Vec<ThreadPool>>,
}

impl fmt::Debug for Threads {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Threads").field("waiting", &lock(&self.waiting).len()).finish()
    }
}

impl Threads {
    /// So many threads; `None` where one is enough, and where the system gives none: the query then runs on the caller's.
    pub(crate) fn take(&self, threads: usize) -> Option<ThreadPool> {
        if threads <= 1 {
            return None;
        }
        let mut waiting = lock(&self.waiting);
        if let Some(at) = waiting.iter().position(|it| it.current_num_threads() == threads) {
            return Some(waiting.swap_remove(at));
        }
        // Another number is wanted from now on.
        waiting.clear();
        drop(waiting);
        ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build().ok()
    }

    /// Takes threads back.
    pub(crate) fn give(&self, pool: ThreadPool) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() < WAITING_MAX {
            waiting.push(pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_wait_for_the_next_query_of_as_many() {
        let threads = Threads::default();
        assert!(threads.take(1).is_none());
        let (first, second) = (threads.take(2).unwrap(), threads.take(2).unwrap());
        threads.give(first);
        threads.give(second);
        assert_eq!(lock(&threads.waiting).len(), 2);
        assert_eq!(threads.take(2).unwrap().current_num_threads(), 2);
        assert_eq!(lock(&threads.waiting).len(), 1);
        assert_eq!(threads.take(3).unwrap().current_num_threads(), 3);
        assert!(lock(&threads.waiting).is_empty());
    }
}
