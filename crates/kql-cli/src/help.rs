//! `kql help NAME`: what the declarations of functions, aggregates, operators and codes say.

use kql::{
    codes::{CODES, meaning},
    formats::width,
    functions::{Function, Overload, aggregate, all_aggregates, all_functions, function},
    parser::{OPERATORS, OperatorDeclaration, diagnostic::closest, operators},
};
use std::{fmt::Write, io::IsTerminal};

/// Columns of a text where no terminal tells.
const COLUMNS: usize = 120;

/// The help for a name; the error suggests another one.
pub(crate) fn about(name: &str) -> Result<String, String> {
    let mut out = String::new();
    if let Some(it) = function(name) {
        write_entry(&mut out, it.name, it.aliases, it.doc, it.overloads, kind(it));
    }
    if let Some(it) = aggregate(name) {
        if !out.is_empty() {
            out.push('\n');
        }
        let kind = if it.make.is_some() { "aggregate" } else { "aggregate, not implemented yet" };
        write_entry(&mut out, it.name, it.aliases, it.doc, it.overloads, kind);
    }
    if let Some(it) = OperatorDeclaration::of(name) {
        if !out.is_empty() {
            out.push('\n');
        }
        write_operator(&mut out, it);
    }
    if let Some(it) = meaning(name) {
        _ = writeln!(out, "{}   code of an error or a warning\n\n{}", it.code, wrapped(it.cause, columns(), 0));
    }
    if !out.is_empty() {
        return Ok(out);
    }
    let known = names();
    Err(match closest(name, known.iter().copied()) {
        Some(near) => format!("nothing is called `{name}`; did you mean `{near}`?"),
        None => format!("nothing is called `{name}`; kql help lists all names"),
    })
}

/// Whether a function is an operator between two values that is spelt as a word.
pub(crate) fn is_infix(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "and",
        "or",
        "in",
        "has",
        "has_any",
        "has_all",
        "hasprefix",
        "hassuffix",
        "contains",
        "startswith",
        "endswith",
        "between",
        "like",
        "notlike",
        "likecs",
        "notlikecs",
        "matches regex",
    ];
    WORDS.contains(&name.trim_end_matches('~').trim_end_matches("_cs"))
}

/// A text in lines of so many columns, those after the first indented.
pub(crate) fn wrapped(text: &str, columns: usize, indent: usize) -> String {
    let room = columns.saturating_sub(indent).max(10);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join(&format!("\n{:indent$}", ""))
}

/// A name with what it means behind it, in lines that fit the terminal.
pub(crate) fn entry(name: &str, doc: &str, indent: usize) -> String {
    let columns = columns();
    if width(name) >= indent {
        return format!("{name}\n{}{}\n", " ".repeat(indent), wrapped(doc, columns, indent));
    }
    format!("{name}{}{}\n", " ".repeat(indent - width(name)), wrapped(doc, columns, indent))
}

/// Columns of a text for people.
pub(crate) fn columns() -> usize {
    let terminal = if std::io::stdout().is_terminal() { crate::output::terminal_size() } else { None };
    terminal.map_or(COLUMNS, |it| it.0.min(COLUMNS))
}

/// Every name, by kind.
pub(crate) fn index() -> String {
    let mut out = String::new();
    let is_word = |it: &&str| it.starts_with(|it: char| it.is_alphabetic());
    let functions: Vec<&str> = all_functions()
        .into_iter()
        .filter(|it| it.overloads.iter().any(|it| it.kernel.is_some()))
        .map(|it| it.name)
        .filter(|it| is_word(it) && !is_infix(it))
        .collect();
    let aggregates: Vec<&str> = all_aggregates().into_iter().filter(|it| it.make.is_some()).map(|it| it.name).collect();
    let lists = [
        ("operators", operators().iter().map(OperatorDeclaration::name).collect()),
        ("aggregates", aggregates),
        ("functions", functions),
    ];
    for (title, names) in lists {
        _ = writeln!(out, "{} {title}", names.len());
        let mut line = String::from(" ");
        for name in names {
            if line.len() + name.len() > 100 {
                _ = writeln!(out, "{line}");
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(name);
        }
        _ = writeln!(out, "{line}\n");
    }
    out.push_str("kql help NAME tells more.\n");
    out
}

/// Every name that help knows.
fn names() -> Vec<&'static str> {
    let functions = all_functions().into_iter().map(|it| it.name);
    let aggregates = all_aggregates().into_iter().map(|it| it.name);
    functions.chain(aggregates).chain(OPERATORS.iter().copied()).chain(CODES.iter().map(|it| it.code)).collect()
}

fn kind(function: &Function) -> &'static str {
    match () {
        () if function.overloads.iter().all(|it| it.kernel.is_none()) => "function, not implemented yet",
        () if function.window => "window function",
        () => "function",
    }
}

fn also(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!(", also {}", names.join(", ")) }
}

fn write_operator(out: &mut String, it: &OperatorDeclaration) {
    let (name, aliases) = it.words.split_first().unwrap_or((&"", &[]));
    _ = writeln!(out, "{name}   operator{}\n\n    {}\n\n{}\n", also(aliases), it.syntax, wrapped(it.doc, columns(), 0));
    _ = writeln!(out, "    {}", it.query);
    for row in it.rows {
        _ = writeln!(out, "    => {row}");
    }
    if it.rows.is_empty() {
        _ = writeln!(out, "    => no rows");
    }
}

fn write_entry(out: &mut String, name: &str, aliases: &[&str], doc: &str, overloads: &[Overload], kind: &str) {
    _ = writeln!(out, "{name}   {kind}{}\n", also(aliases));
    for it in overloads {
        _ = writeln!(out, "    {name}{}", it.signature());
    }
    let text = doc.lines().map(|it| it.strip_prefix(' ').unwrap_or(it)).collect::<Vec<_>>().join("\n");
    if !text.trim().is_empty() {
        _ = writeln!(out, "\n{}", text.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit() {
        assert_eq!(wrapped("one two three", 10, 0), "one two\nthree");
        assert_eq!(wrapped("one two three", 20, 10), "one two\n          three");
        assert_eq!(entry(".name", "What it means.", 12), ".name       What it means.\n");
        assert_eq!(entry(".a_longer_name", "What.", 12), ".a_longer_name\n            What.\n");
    }

    #[test]
    fn what_help_tells() {
        assert!(about("strlen").unwrap().contains("strlen(source: string|dynamic) -> long"));
        assert!(about("count").unwrap().contains("aggregate") && about("count").unwrap().contains("operator"));
        assert!(about("sumarize").unwrap_err().contains("did you mean `summarize`"));
        for it in OPERATORS {
            assert!(about(it).unwrap().contains("=> "), "{it} has no example");
        }
        assert!(about("order").unwrap().starts_with("sort   operator, also order\n"));
    }
}
