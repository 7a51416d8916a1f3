//! Rows dealt out to threads: stretches of them folded into states, and items mapped.

use crate::{
    execution::{Run, lock},
    scan::Bounds,
    stream::{Flow, PARALLEL_ROWS, Stream, Task},
    threads::Shared,
};
use kql_data::{Batch, Fault};
use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// How rows are divided among states.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deal {
    /// A state for each batch.
    Each,
    /// So many states at most, of about as many batches each. It does not depend on threads, so neither does the answer.
    Stretches(usize),
    /// A state for each thread, or some more, as threads are free: for answers that do not depend on how rows are divided.
    AsThreadsCome,
}

impl Run<'_> {
    /// Folds all rows into states. Those come in order: the rows of each come after those of the one before.
    pub(crate) fn fold<S: Send>(
        &self,
        stream: &Stream,
        deal: Deal,
        make: impl Fn() -> Result<S, Fault> + Sync,
        add: impl Fn(&mut S, Batch) -> Flow + Sync,
    ) -> Result<Vec<S>, Fault> {
        self.fold_wanted(stream, None, deal, make, add)
    }

    /// The same, without chunks of tables that have no row within those bounds: the stream has one table and no steps then.
    pub(crate) fn fold_wanted<S: Send>(
        &self,
        stream: &Stream,
        wanted: Option<Bounds>,
        deal: Deal,
        make: impl Fn() -> Result<S, Fault> + Sync,
        add: impl Fn(&mut S, Batch) -> Flow + Sync,
    ) -> Result<Vec<S>, Fault> {
        let tasks: Vec<Task> = self.tasks(stream, wanted)?.collect();
        let n_rows: usize = tasks.iter().map(Task::n_rows).sum();
        let per_state = match deal {
            Deal::Each => 1,
            Deal::Stretches(most) => tasks.len().div_ceil(most.max(1)).max(1),
            Deal::AsThreadsCome => tasks.len().max(1),
        };
        let unbegun = (0..tasks.len()).step_by(per_state);
        let unbegun = unbegun.map(|from| from..(from + per_state).min(tasks.len())).rev().collect();
        let fold = Fold {
            run: self,
            stream,
            may_split: matches!(deal, Deal::AsThreadsCome),
            dealt: Mutex::new(Dealt { n_left: tasks.len(), unbegun, begun: Vec::new() }),
            tasks,
            make,
            add,
            results: Results::default(),
        };
        self.share(&fold, n_rows, stream.is_volatile());
        fold.results.in_order()
    }

    /// Maps items, in parallel where it pays, and gives the results in order.
    pub(crate) fn parallel<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        n_rows: usize,
        is_sequential: bool,
        work: impl Fn(T) -> Result<R, Fault> + Sync,
    ) -> Result<Vec<R>, Fault> {
        let map = Map { items: Mutex::new(items.into_iter().enumerate()), work, results: Results::default() };
        self.share(&map, n_rows, is_sequential);
        map.results.in_order()
    }

    /// Does some work over so many rows, with helpers where they pay.
    fn share<S: Shared>(&self, work: &S, n_rows: usize, is_sequential: bool) {
        let is_much = n_rows >= PARALLEL_ROWS || self.execution.batch_rows < PARALLEL_ROWS;
        if is_much && !is_sequential && work.left() > 1 {
            self.execution.share(work);
        } else {
            crate::threads::work_to_the_end(work, work.begin());
        }
    }
}

/// What threads give, by place.
struct Results<R> {
    done: Mutex<Vec<(usize, Result<R, Fault>)>>,
    /// Nothing more is begun then.
    has_failed: AtomicBool,
}

impl<R> Default for Results<R> {
    fn default() -> Results<R> {
        Results { done: Mutex::default(), has_failed: AtomicBool::new(false) }
    }
}

impl<R> Results<R> {
    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn put(&self, place: usize, res: Result<R, Fault>) {
        if res.is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        lock(&self.done).push((place, res));
    }

    fn in_order(self) -> Result<Vec<R>, Fault> {
        let mut done = self.done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_unstable_by_key(|it| it.0);
        done.into_iter().map(|it| it.1).collect()
    }
}

/// Items, each of which is a piece of work.
struct Map<T, R, W> {
    items: Mutex<std::iter::Enumerate<std::vec::IntoIter<T>>>,
    work: W,
    results: Results<R>,
}

impl<T: Send, R: Send, W: Fn(T) -> Result<R, Fault> + Sync> Shared for Map<T, R, W> {
    type Worker = ();

    fn begin(&self) {}

    fn piece(&self, (): &mut ()) -> bool {
        let next = if self.results.has_failed() { None } else { lock(&self.items).next() };
        let Some((place, item)) = next else { return false };
        self.results.put(place, (self.work)(item));
        true
    }

    fn left(&self) -> usize {
        if self.results.has_failed() { 0 } else { lock(&self.items).len() }
    }

    fn end(&self, (): ()) {}
}

/// Stretches of batches, each of which goes into a state. A batch is a piece of work.
struct Fold<'f, S, M, A> {
    run: &'f Run<'f>,
    stream: &'f Stream,
    tasks: Vec<Task>,
    /// Whether a thread may take the second half of what another has before it.
    may_split: bool,
    dealt: Mutex<Dealt>,
    make: M,
    add: A,
    results: Results<S>,
}

struct Dealt {
    /// Batches that nobody has begun.
    n_left: usize,
    /// Stretches that nobody has begun, the first one last.
    unbegun: Vec<Range<usize>>,
    /// What is left of the others.
    begun: Vec<Range<usize>>,
}

impl Dealt {
    /// Begins a stretch: its place among the others, and where it begins.
    fn begin(&mut self, may_split: bool) -> Option<(usize, usize)> {
        let stretch = match self.unbegun.pop() {
            Some(it) => it,
            None => {
                // The last batch is left to whoever comes to it: a state costs something too.
                let most = self.begun.iter_mut().max_by_key(|it| it.len()).filter(|it| may_split && it.len() > 1)?;
                let middle = most.start + most.len() / 2;
                middle..std::mem::replace(&mut most.end, middle)
            }
        };
        self.begun.push(stretch.clone());
        Some((self.begun.len() - 1, stretch.start))
    }

    /// The next batch of a stretch.
    fn next(&mut self, place: usize) -> Option<usize> {
        let next = self.begun.get_mut(place)?.next()?;
        self.n_left -= 1;
        Some(next)
    }

    /// The rest of a stretch is not wanted.
    fn leave(&mut self, place: usize) {
        while self.next(place).is_some() {}
    }
}

/// The state that a thread is at.
struct State<S> {
    /// Of its stretch, among those that were begun.
    place: usize,
    /// Where that begins.
    first: usize,
    state: S,
}

impl<S, M, A> Fold<'_, S, M, A>
where
    S: Send,
    M: Fn() -> Result<S, Fault> + Sync,
    A: Fn(&mut S, Batch) -> Flow + Sync,
{
    /// The next batch, of this thread's stretch or of another that it begins.
    fn next(&self, worker: &mut Option<State<S>>) -> Option<usize> {
        if let Some(next) = worker.as_ref().and_then(|it| lock(&self.dealt).next(it.place)) {
            return Some(next);
        }
        self.put(worker);
        let (place, first) = lock(&self.dealt).begin(self.may_split)?;
        match (self.make)() {
            Ok(state) => *worker = Some(State { place, first, state }),
            Err(why) => {
                self.results.put(first, Err(why));
                return None;
            }
        }
        lock(&self.dealt).next(place)
    }

    /// Puts this thread's state to the results.
    fn put(&self, worker: &mut Option<State<S>>) {
        if let Some(it) = worker.take() {
            self.results.put(it.first, Ok(it.state));
        }
    }
}

impl<S, M, A> Shared for Fold<'_, S, M, A>
where
    S: Send,
    M: Fn() -> Result<S, Fault> + Sync,
    A: Fn(&mut S, Batch) -> Flow + Sync,
{
    type Worker = Option<State<S>>;

    fn begin(&self) -> Option<State<S>> {
        None
    }

    fn piece(&self, worker: &mut Option<State<S>>) -> bool {
        let next = if self.results.has_failed() { None } else { self.next(worker) };
        let (Some(at), Some(it)) = (next, worker.as_mut()) else { return false };
        let Some(task) = self.tasks.get(at) else { return false };
        match self.run.feed(self.stream, task.clone(), &mut |batch| (self.add)(&mut it.state, batch)) {
            Ok(flow) if flow.is_continue() => {}
            Ok(_) => lock(&self.dealt).leave(it.place),
            Err(why) => {
                self.results.put(it.first, Err(why));
                *worker = None;
            }
        }
        true
    }

    fn left(&self) -> usize {
        if self.results.has_failed() { 0 } else { lock(&self.dealt).n_left }
    }

    fn end(&self, mut worker: Option<State<S>>) {
        self.put(&mut worker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Execution,
        execution::Frame,
        tests::{builder::context, query::Nothing},
    };
    use kql_parser::plan::Plan;

    #[test]
    fn who_has_nothing_left_takes_half_of_what_another_has() {
        let whole = || Dealt { n_left: 10, unbegun: std::iter::once(0..10).collect(), begun: Vec::new() };
        let mut dealt = whole();
        assert_eq!(dealt.begin(true), Some((0, 0)));
        assert_eq!((dealt.next(0), dealt.next(0), dealt.n_left), (Some(0), Some(1), 8));
        assert_eq!(dealt.begin(true), Some((1, 6)));
        assert_eq!(dealt.begun, [2..6, 6..10]);
        assert_eq!(dealt.begin(true), Some((2, 8)));
        assert_eq!(dealt.begin(true), Some((3, 4)));
        for place in 0..4 {
            _ = dealt.next(place);
        }
        assert_eq!(dealt.begin(true), None, "the last of a stretch stays where it is");
        (0..4).for_each(|place| dealt.leave(place));
        assert_eq!(dealt.n_left, 0);
        let mut dealt = whole();
        assert!(dealt.begin(false).is_some());
        assert_eq!(dealt.begin(false), None);
    }

    fn on_threads(threads: usize, body: impl Fn(&Run<'_>)) {
        let (cx, plan) = (context(threads), Plan::default());
        let tables = Nothing(&cx);
        let execution = Execution::new(&cx, &plan, &tables).batch_rows(1);
        body(&Run { execution: &execution, frame: &Frame::default() });
    }

    #[test]
    fn each_item_is_mapped_once_and_comes_in_order() {
        for threads in [1, 2, 4] {
            on_threads(threads, |run| {
                let doubled = run.parallel((0..1_000).collect(), 1_000, false, |it: usize| Ok(it * 2));
                assert_eq!(doubled.unwrap(), (0..1_000).map(|it| it * 2).collect::<Vec<usize>>());
                let inner = |it: usize| run.parallel((0..it).collect(), it, false, Ok).map(|it| it.len());
                assert_eq!(run.parallel(vec![3, 0, 9], 3, false, inner).unwrap(), [3, 0, 9], "work within work");
            });
        }
    }

    #[test]
    fn what_fails_first_is_told() {
        for threads in [1, 2, 4] {
            on_threads(threads, |run| {
                let work = |it: usize| if it < 500 { Ok(it) } else { Err(Fault::new(it.to_string())) };
                let res = run.parallel((0..1_000).collect(), 1_000, false, work);
                assert_eq!(res, Err(Fault::new("500")));
            });
        }
    }
}
