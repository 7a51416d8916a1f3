//! The reference page, made from the declarations. `UPDATE=1 cargo test --test reference` writes it anew.

use kql::{
    codes::CODES,
    coverage::{PARTIAL, UNSUPPORTED},
    functions::{Aggregate, Function, Overload, all_aggregates, all_functions},
    parser::{OperatorDeclaration, operators},
    plugins,
};
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/REFERENCE.md");

#[test]
fn the_reference_page_is_true() {
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == page, "crates/REFERENCE.md is out of date: run UPDATE=1 cargo test --test reference");
}

fn page() -> String {
    let functions: Vec<_> = all_functions().into_iter().filter(|it| is_word(it.name)).collect();
    let aggregates = all_aggregates();
    let runs = |overloads: &[Overload]| overloads.iter().any(|it| it.kernel.is_some());
    let (scalar, missing): (Vec<&Function>, Vec<&Function>) =
        functions.into_iter().partition(|it| runs(it.overloads) || kql::parser::BOUND.contains(&it.name));
    let (summary, absent): (Vec<&Aggregate>, Vec<&Aggregate>) =
        aggregates.into_iter().partition(|it| it.make.is_some());
    let mut out = String::from("# Reference\n\nMade from the declarations by `tests/reference.rs`.\n\n");
    _ = writeln!(out, "| | runs | signature only, fails by name |\n| --- | --- | --- |");
    _ = writeln!(out, "| operators | {} | 0 |", operators().len());
    _ = writeln!(out, "| functions | {} | {} |", scalar.len(), missing.len());
    _ = writeln!(out, "| aggregates | {} | {} |", summary.len(), absent.len());
    _ = writeln!(out, "| plugins | {} | {} |\n", plugin_names().count(), plugins::refused().len());
    coverage(&mut out);
    out.push_str("## Operators\n\n");
    for it in operators() {
        operator(&mut out, it);
    }
    out.push_str("## Functions\n\n");
    for it in scalar {
        entry(&mut out, it.name, it.aliases, it.overloads, it.doc);
    }
    out.push_str("## Aggregates\n\n");
    for it in summary {
        entry(&mut out, it.name, it.aliases, it.overloads, it.doc);
    }
    out.push_str("## Plugins\n\n");
    let mut names: Vec<_> = plugin_names().map(|it| format!("`{it}`")).collect();
    names.sort();
    _ = writeln!(out, "{}\n", names.join(", "));
    out.push_str("## Codes\n\n| code | what is wrong |\n| --- | --- |\n");
    for it in CODES {
        _ = writeln!(out, "| {} | {} |", it.code, it.cause);
    }
    out
}

fn plugin_names() -> impl Iterator<Item = &'static str> {
    plugins::names().chain(kql::parser::BOUND_PLUGINS.iter().copied())
}

/// The coverage table: what differs and what is refused, each with its reason. All else that Microsoft documents runs.
fn coverage(out: &mut String) {
    out.push_str(
        "## Coverage\n\nWhat Microsoft documents and is not named here runs, with the reference's answers.\n\n\
         | name | coverage | how, or why not |\n| --- | --- | --- |\n",
    );
    for it in PARTIAL {
        _ = writeln!(out, "| `{}` | partial | {} |", it.name, it.text);
    }
    for it in UNSUPPORTED {
        _ = writeln!(out, "| `{}` | unsupported | {} |", it.name, it.text);
    }
    out.push_str(
        "\nThe functions of Microsoft's library (`…_fl`) are texts to paste in front of a query: those written in KQL run, those \
         that call `python` do not.\n\n",
    );
}

fn is_word(name: &str) -> bool {
    name.starts_with(|it: char| it.is_alphabetic()) && !name.contains(' ')
}

/// An operator with its syntax, what it does, and its example.
fn operator(out: &mut String, it: &OperatorDeclaration) {
    let aliases = it.words.get(1..).unwrap_or_default();
    let also = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
    _ = writeln!(out, "**{}**{also}: {}\n\n    {}\n\n```kusto\n{}", it.name(), it.doc, it.syntax, it.query);
    for row in it.rows {
        _ = writeln!(out, "// => {row}");
    }
    out.push_str("```\n\n");
}

/// A name with its signatures and the first sentence of its documentation.
fn entry(out: &mut String, name: &str, aliases: &[&str], overloads: &[Overload], doc: &str) {
    let also = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
    let text: Vec<&str> = doc.lines().map(str::trim).take_while(|it| !it.is_empty()).collect();
    _ = writeln!(out, "**{name}**{also}: {}\n", text.join(" "));
    for it in overloads.iter().take(6) {
        _ = writeln!(out, "    {name}{}", it.signature());
    }
    out.push('\n');
}
