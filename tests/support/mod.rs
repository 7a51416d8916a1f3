//! What tests of whole queries share.
#![allow(dead_code, reason = "tests use parts of what they share")]

use kql::{Engine, GeoFile, Now};
use std::{fs, sync::Arc};

/// The end of the data in `examples/data`.
pub(crate) const NOW: &str = "2026-06-10T12:00:00Z";

fn path(relative: &str) -> String {
    format!("{}/{relative}", env!("CARGO_MANIFEST_DIR"))
}

/// The bytes of a file of this repository.
pub(crate) fn read(relative: &str) -> Vec<u8> {
    fs::read(path(relative)).unwrap_or_else(|why| panic!("{relative}: {why}"))
}

/// The query of a rule: the lines of its block, without the indentation that the block has.
pub(crate) fn rule(name: &str) -> String {
    let text = String::from_utf8(read(&format!("queries/{name}.yaml"))).unwrap();
    let (_, block) = text.split_once("\nquery: |\n").expect("the rule has a query");
    let lines = block.lines().take_while(|it| it.is_empty() || it.starts_with("  "));
    lines.map(|it| it.get(2..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// An engine at the end of the data, without rows.
pub(crate) fn engine() -> Engine {
    let mut engine = Engine::with_builtin_schemas();
    engine.set_now(Now::At(kql::parser::parse_datetime(NOW).unwrap()));
    engine.set_geo(Arc::new(GeoFile::new(read("examples/data/demo.mmdb")).unwrap()));
    engine
}

/// An engine with the data of `examples/data`.
pub(crate) fn lumen() -> Engine {
    let mut engine = engine();
    engine.load_bytes("OpenAIAuditLogs", read("examples/data/audit.ndjson")).unwrap();
    engine.load_bytes("OpenAIChatCompletions", read("examples/data/completions.ndjson")).unwrap();
    engine
}
