//! One target under libFuzzer: the program is called like it.
#![no_main]

mod targets;

use std::{env, fs, panic, path::Path};

const NAME: &str = env!("CARGO_BIN_NAME");

libfuzzer_sys::fuzz_target!(init: begin(), |bytes: &[u8]| targets::run(NAME, bytes));

fn begin() {
    let_foreign_panics_pass();
    // The corpus, which is empty at first: no chance finds a file of Parquet.
    let Some(corpus) = env::args().skip(1).find(|it| Path::new(it).is_dir()) else { return };
    let seeds = targets::TARGETS.iter().filter(|it| it.name == NAME).flat_map(|it| it.seeds);
    for (number, seed) in seeds.enumerate() {
        // Without them it goes on, only slower.
        _ = fs::write(Path::new(&corpus).join(format!("seed{number}")), seed);
    }
}

/// libFuzzer ends the program at any panic. Those of the crates that decode pages are caught by the reader of Parquet, which calls
/// the file damaged: they are no finding.
fn let_foreign_panics_pass() {
    let ends = panic::take_hook();
    panic::set_hook(Box::new(move |it| {
        let file = it.location().map_or("", |it| it.file());
        if !["/parquet-", "/arrow-", "/bytes-"].iter().any(|crates| file.contains(crates)) {
            ends(it);
        }
    }));
}
