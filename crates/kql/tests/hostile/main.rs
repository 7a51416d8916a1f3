//! What a stranger may try: whatever the query and the data, the engine answers or says why not, in time, and lives.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panic")]
#![allow(clippy::indexing_slicing, clippy::print_stderr, reason = "helpers of tests fail by panic")]

mod bombs;
mod data;
mod extremes;
mod nesting;

use cpu_time::ProcessTime;
use kql::{Engine, Error, Limits, Outcome};
use std::time::{Duration, Instant};

/// Time that work took: the clock's, or this process' own where the machine was busy with others.
struct Watch {
    clock: Instant,
    own: ProcessTime,
}

impl Watch {
    fn start() -> Watch {
        Watch { clock: Instant::now(), own: ProcessTime::now() }
    }

    fn took(&self) -> Duration {
        self.clock.elapsed().min(self.own.elapsed())
    }
}

/// An engine with a small table, little memory and little time.
fn engine(memory: usize, timeout: Duration) -> Engine {
    let mut engine = Engine::new();
    let rows = "{\"n\":1,\"s\":\"a\",\"d\":{\"k\":[1,2,3]}}\n{\"n\":2,\"s\":\"b\",\"d\":{\"k\":[4]}}\n";
    engine.load_bytes("T", rows).unwrap();
    engine.set_limits(Limits { memory, ..Limits::default() });
    engine.set_timeout(Some(timeout));
    engine
}

/// Runs a query; dead, a bug, or late is a failure. What went wrong, if anything.
fn run(engine: &Engine, name: &str, query: &str, at_most: Duration) -> (Result<Outcome, Error>, Option<String>) {
    let watch = Watch::start();
    let res = engine.query(query);
    let took = watch.took();
    if std::env::var_os("KQL_HOSTILE_TIMES").is_some() {
        let told = match &res {
            Ok(_) => "answer".to_owned(),
            Err(why) => format!("{why}").chars().take(100).collect(),
        };
        eprintln!("{took:9.1?}  {name}: {told}");
    }
    let wrong = match &res {
        Err(Error::Bug(why)) => Some(format!("{name}: a bug: {why}")),
        _ if took > at_most => Some(format!("{name}: took {took:?}")),
        _ => None,
    };
    (res, wrong)
}
