//! Ctrl-C: the first stops the running query or load, a second within a second ends the process.

use kql::Stop;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

struct State {
    running: Option<Stop>,
    last: Option<Instant>,
}

static STATE: Mutex<State> = Mutex::new(State { running: None, last: None });

/// Takes Ctrl-C over. Where signals cannot be handled Ctrl-C simply ends the process.
pub(crate) fn install() {
    _ = ctrlc::set_handler(|| {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        let again = state.last.is_some_and(|it| it.elapsed() < Duration::from_secs(1));
        state.last = Some(Instant::now());
        match &state.running {
            Some(stop) if !again => stop.cancel(),
            _ => std::process::exit(130),
        }
    });
}

/// Runs work that Ctrl-C stops.
pub(crate) fn stoppable<T>(stop: &Stop, work: impl FnOnce() -> T) -> T {
    let set = |it| STATE.lock().unwrap_or_else(PoisonError::into_inner).running = it;
    set(Some(stop.clone()));
    let res = work();
    set(None);
    res
}
