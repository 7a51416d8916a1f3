//! Ctrl-C: the first stops the running query or load, a second within a second ends the process.

use kql::Stop;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How soon a second Ctrl-C must come to end the process.
const AGAIN: Duration = Duration::from_secs(1);

struct State {
    running: Option<Stop>,
    last: Option<Instant>,
    /// Whether another program has the terminal, and Ctrl-C is for it.
    lent: bool,
}

static STATE: Mutex<State> = Mutex::new(State { running: None, last: None, lent: false });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Notes a Ctrl-C. Whether it is the second within a second.
    fn pressed(&mut self) -> bool {
        let again = self.last.is_some_and(|it| it.elapsed() < AGAIN);
        self.last = Some(Instant::now());
        again
    }
}

#[allow(clippy::exit, reason = "nobody is left to whom a status could be handed up")]
/// Takes Ctrl-C over. Where signals cannot be handled Ctrl-C simply ends the process.
pub(crate) fn install() {
    _ = ctrlc::set_handler(|| {
        let mut state = state();
        if state.lent {
            return;
        }
        let again = state.pressed();
        match &state.running {
            Some(stop) if !again => stop.cancel(),
            _ => std::process::exit(130),
        }
    });
}

/// Notes a Ctrl-C that came as a key. Whether it is the second within a second, by key or by signal.
pub(crate) fn pressed() -> bool {
    state().pressed()
}

/// Runs work that Ctrl-C stops.
pub(crate) fn stoppable<T>(stop: &Stop, work: impl FnOnce() -> T) -> T {
    state().running = Some(stop.clone());
    let res = work();
    state().running = None;
    res
}

/// Runs work while another program has the terminal.
pub(crate) fn lent<T>(work: impl FnOnce() -> T) -> T {
    state().lent = true;
    let res = work();
    state().lent = false;
    res
}
