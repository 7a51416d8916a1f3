//! Reads an answer batch by batch as columns, which are Arrow arrays inside, and stops a query from another thread.
//!
//! `cargo run --release --example columns`
#![allow(clippy::print_stdout, reason = "a program for a terminal prints")]

use kql::{Column, Engine, Error, Limits, Stop};
use std::time::{Duration, Instant};

fn main() -> Result<(), Error> {
    let mut engine = Engine::new();
    engine.set_limits(Limits { memory: 1 << 30, ..Limits::default() });
    let outcome = engine.query("range n from 1 to 1000000 step 1 | where n % 3 == 0 | extend root = sqrt(n)")?;
    let (mut sum, mut roots) = (0i64, 0.0f64);
    for batch in outcome.table().into_iter().flat_map(|it| &it.batches) {
        match batch.columns.as_slice() {
            [Column::Long(n), Column::Real(root)] => {
                sum += n.values().iter().sum::<i64>();
                roots += root.values().iter().sum::<f64>();
            }
            other => println!("other encodings: {other:?}"),
        }
    }
    println!("sum {sum}, of roots {roots:.1}");

    let stop = Stop::default();
    engine.set_stop(stop.clone());
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        stop.cancel();
    });
    let start = Instant::now();
    let res = engine.query("range n from 1 to 1000000000 step 1 | summarize dcount(strcat(n))");
    println!("{:?} after {:?}", res.err(), start.elapsed());
    timer.join().map_err(|_| Error::Bug("the timer failed".to_owned()))
}
