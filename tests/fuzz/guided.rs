//! One target under libFuzzer: the program is called like it.
#![no_main]

mod targets;

use std::panic;

libfuzzer_sys::fuzz_target!(init: let_foreign_panics_pass(), |bytes: &[u8]| {
    targets::run(env!("CARGO_BIN_NAME"), bytes);
});

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
