//! The search for a pattern: depth first with a stack of its own, one edge at a time, each choice taken back before the
//! next.

use super::{BY, pattern::Pattern};
use crate::execution::Run;
use kql_data::{Fault, Reservation};
use kql_parser::plan::Cycles;

/// No node, no edge.
pub(crate) const NONE: u32 = u32::MAX;

/// The edges of a path in the order they were walked, and the node behind each.
#[derive(Default)]
pub(crate) struct Path {
    pub(crate) edges: Vec<u32>,
    pub(crate) nodes: Vec<u32>,
}

/// What a frame chose last.
#[derive(Clone, Copy)]
enum Choice {
    Nothing,
    /// The end of a walk: whether its slot was bound by that, and its node marked, and the edge of a single one.
    End {
        is_bound: bool,
        is_marked: bool,
        edge: u32,
    },
    /// One more edge of a path, and the node that was marked.
    Hop {
        edge: u32,
        marked: u32,
    },
}

/// A node at which choices are left.
struct Frame {
    walk: usize,
    node: u32,
    /// Edges of the path so far.
    depth: u64,
    cursor: usize,
    is_end_tried: bool,
    /// Whether the path may lead on from here.
    goes_on: bool,
    choice: Choice,
}

impl Frame {
    fn new(walk: usize, node: u32, depth: u64, goes_on: bool) -> Frame {
        Frame { walk, node, depth, cursor: 0, is_end_tried: false, goes_on, choice: Choice::Nothing }
    }
}

enum Advance {
    Matched,
    Deeper(Frame),
    Exhausted,
}

/// A search and the match at hand.
pub(crate) struct Search<'p> {
    run: &'p Run<'p>,
    pub(crate) pattern: &'p Pattern<'p>,
    /// The node of each slot.
    pub(crate) bound: Vec<u32>,
    /// The edge of each single step.
    pub(crate) edges: Vec<u32>,
    /// The path of each step.
    pub(crate) paths: Vec<Path>,
    /// Edges in use, where none may be used twice.
    used: Vec<bool>,
    /// Nodes in use, where none may be used twice.
    taken: Vec<bool>,
    frames: Vec<Frame>,
    /// Edges in use.
    pub(crate) length: u64,
    /// Matches have exactly so many edges.
    pub(crate) exact: Option<u64>,
    /// Whether a longer match may exist.
    pub(crate) is_cut: bool,
    ticks: usize,
    held: Reservation,
}

impl<'p> Search<'p> {
    pub(crate) fn new(run: &'p Run<'p>, pattern: &'p Pattern<'p>) -> Result<Search<'p>, Fault> {
        let (n_nodes, n_edges) = (pattern.graph.nodes.n_rows, pattern.graph.edges.n_rows);
        let flags = |is_wanted: bool, count: usize| vec![false; if is_wanted { count } else { 0 }];
        let used = flags(pattern.cycles != Cycles::All, n_edges);
        let taken = flags(pattern.cycles == Cycles::None, n_nodes);
        let held = run.execution.cx.budget.reserve(used.len() + taken.len(), BY)?;
        Ok(Search {
            run,
            pattern,
            bound: vec![NONE; pattern.slots.len()],
            edges: vec![NONE; pattern.n_steps],
            paths: (0..pattern.n_steps).map(|_| Path::default()).collect(),
            used,
            taken,
            frames: Vec::new(),
            length: 0,
            exact: None,
            is_cut: false,
            ticks: 0,
            held,
        })
    }

    /// All matches that begin at a node; each is handed to `found` while it stands.
    pub(crate) fn from(
        &mut self,
        start: u32,
        found: &mut dyn FnMut(&Search<'p>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let pattern = self.pattern;
        put(&mut self.bound, pattern.first, start);
        mark(&mut self.taken, start, true);
        match pattern.walks.first() {
            None if self.exact.is_none_or(|it| it == 0) => found(self)?,
            None => {}
            Some(_) => self.frames.push(Frame::new(0, start, 0, true)),
        }
        while let Some(choice) = self.frames.last_mut().map(|it| std::mem::replace(&mut it.choice, Choice::Nothing)) {
            self.take_back(choice);
            self.tick()?;
            match self.advance() {
                Advance::Matched if self.exact.is_none_or(|it| it == self.length) => found(self)?,
                Advance::Matched => {}
                Advance::Deeper(frame) => self.frames.push(frame),
                Advance::Exhausted => _ = self.frames.pop(),
            }
        }
        put(&mut self.bound, pattern.first, NONE);
        mark(&mut self.taken, start, false);
        Ok(())
    }

    fn tick(&mut self) -> Result<(), Fault> {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(4_096) {
            self.run.execution.cx.check()?;
            let bytes = self.used.len() + self.taken.len() + self.frames.capacity() * (size_of::<Frame>() + 16);
            self.held.resize(bytes, BY)?;
        }
        Ok(())
    }

    fn take_back(&mut self, choice: Choice) {
        let Some(frame) = self.frames.last() else { return };
        let Some(walk) = self.pattern.walks.get(frame.walk) else { return };
        match choice {
            Choice::Nothing => {}
            Choice::End { is_bound, is_marked, edge } => {
                let node = self.bound.get(walk.to).copied().unwrap_or(NONE);
                if is_marked {
                    mark(&mut self.taken, node, false);
                }
                if is_bound {
                    put(&mut self.bound, walk.to, NONE);
                }
                if edge != NONE {
                    mark(&mut self.used, edge, false);
                    self.length -= 1;
                }
            }
            Choice::Hop { edge, marked } => {
                mark(&mut self.used, edge, false);
                mark(&mut self.taken, marked, false);
                self.length -= 1;
                if let Some(path) = self.paths.get_mut(walk.step) {
                    _ = path.edges.pop();
                    _ = path.nodes.pop();
                }
            }
        }
    }

    /// The next choice of the last frame.
    fn advance(&mut self) -> Advance {
        let Some(mut frame) = self.frames.pop() else { return Advance::Exhausted };
        let is_path = self.pattern.walks.get(frame.walk).is_some_and(|it| it.range.is_some());
        let res = if is_path { self.along_path(&mut frame) } else { self.along_edge(&mut frame) };
        self.frames.push(frame);
        res
    }

    fn may_grow(&mut self) -> bool {
        let grows = self.exact.is_none_or(|it| self.length < it);
        self.is_cut |= !grows;
        grows
    }

    fn along_edge(&mut self, frame: &mut Frame) -> Advance {
        let pattern = self.pattern;
        let Some(walk) = pattern.walks.get(frame.walk) else { return Advance::Exhausted };
        if !self.may_grow() {
            return Advance::Exhausted;
        }
        while let Some((edge, node)) = walk.neighbours.of(frame.node).get(frame.cursor) {
            frame.cursor += 1;
            if !walk.edges.holds(*edge) || is_marked(&self.used, *edge) {
                continue;
            }
            let Some((is_bound, is_marked)) = self.bind(walk.to, *node, false) else { continue };
            mark(&mut self.used, *edge, true);
            put(&mut self.edges, walk.step, *edge);
            self.length += 1;
            frame.choice = Choice::End { is_bound, is_marked, edge: *edge };
            return self.go_on(frame.walk);
        }
        Advance::Exhausted
    }

    fn along_path(&mut self, frame: &mut Frame) -> Advance {
        let pattern = self.pattern;
        let Some(walk) = pattern.walks.get(frame.walk) else { return Advance::Exhausted };
        let (least, most) = walk.range.unwrap_or((1, 1));
        if !frame.is_end_tried {
            frame.is_end_tried = true;
            // The node of the end is marked by the path that leads to it.
            if frame.depth >= least
                && let Some((is_bound, is_marked)) = self.bind(walk.to, frame.node, true)
            {
                frame.choice = Choice::End { is_bound, is_marked, edge: NONE };
                return self.go_on(frame.walk);
            }
        }
        let is_inner = frame.depth > 0;
        if frame.depth >= most || !frame.goes_on || (is_inner && !walk.inner.holds(frame.node)) || !self.may_grow() {
            return Advance::Exhausted;
        }
        let depth = frame.depth + 1;
        while let Some((edge, node)) = walk.neighbours.of(frame.node).get(frame.cursor) {
            frame.cursor += 1;
            let is_usable = walk.edges.holds(*edge) && !is_marked(&self.used, *edge);
            if !is_usable || !walk.can_end(*node, most - depth) {
                continue;
            }
            let mut goes_on = true;
            if is_marked(&self.taken, *node) {
                // Only the end of the path may be in use already, if it is not its beginning too.
                let slot = |it: usize| self.bound.get(it).copied().unwrap_or(NONE);
                if slot(walk.to) != *node || slot(walk.from) == *node {
                    continue;
                }
                goes_on = false;
            }
            mark(&mut self.used, *edge, true);
            let marked = if goes_on { *node } else { NONE };
            mark(&mut self.taken, marked, true);
            self.length += 1;
            if let Some(path) = self.paths.get_mut(walk.step) {
                path.edges.push(*edge);
                path.nodes.push(*node);
            }
            frame.choice = Choice::Hop { edge: *edge, marked };
            return Advance::Deeper(Frame::new(frame.walk, *node, depth, goes_on));
        }
        Advance::Exhausted
    }

    /// Puts a node into a slot: whether that was empty, and whether the node is marked by that. `None` when it may not
    /// stand there.
    fn bind(&mut self, slot: usize, node: u32, is_own: bool) -> Option<(bool, bool)> {
        match self.bound.get(slot) {
            Some(known) if *known != NONE => (*known == node).then_some((false, false)),
            _ if !self.pattern.may_stand(slot, node) => None,
            _ if is_own => {
                put(&mut self.bound, slot, node);
                Some((true, false))
            }
            _ if is_marked(&self.taken, node) => None,
            _ => {
                put(&mut self.bound, slot, node);
                mark(&mut self.taken, node, true);
                Some((true, true))
            }
        }
    }

    /// What comes behind a walk that has its end.
    fn go_on(&self, walk: usize) -> Advance {
        match self.pattern.walks.get(walk + 1) {
            None => Advance::Matched,
            Some(next) => {
                let node = self.bound.get(next.from).copied().unwrap_or(NONE);
                Advance::Deeper(Frame::new(walk + 1, node, 0, true))
            }
        }
    }
}

fn put(values: &mut [u32], at: usize, value: u32) {
    if let Some(it) = values.get_mut(at) {
        *it = value;
    }
}

fn mark(flags: &mut [bool], at: u32, value: bool) {
    if let Some(it) = flags.get_mut(at as usize) {
        *it = value;
    }
}

fn is_marked(flags: &[bool], at: u32) -> bool {
    flags.get(at as usize).copied().unwrap_or(false)
}
