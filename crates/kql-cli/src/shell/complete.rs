//! Completion: the text before the cursor is bound, so that columns are those of that stage of the pipe.

use super::command::COMMANDS;
use crate::help;
use kql::{
    Column, Engine, Schema, Type,
    formats::{Format, paint},
    functions::{all_aggregates, all_functions},
    parser::{OPERATORS, lexer, token::Token, token::TokenKind},
};
use rustyline::completion::Pair;
use std::{collections::BTreeSet, path::Path};

/// Where the word at the cursor begins, and what it could become.
pub(super) fn complete(engine: &Engine, line: &str, at: usize) -> (usize, Vec<Pair>) {
    let text = line.get(..at).unwrap_or(line);
    if text.trim_start().starts_with('.') {
        return command(engine, text);
    }
    let tokens = lexer::lex(text).tokens;
    let in_string = tokens.iter().any(|it| it.kind == TokenKind::UnclosedString);
    if in_string {
        return (at, Vec::new());
    }
    let start = word_start(text, |it| it.is_alphanumeric() || it == '_');
    if text.get(..start).is_some_and(|it| it.ends_with('.')) {
        return path(engine, text, start);
    }
    // Operators have hyphens.
    let operator_start = word_start(text, |it| it.is_alphanumeric() || it == '_' || it == '-');
    let before = text.get(..operator_start).unwrap_or("").trim_end();
    let word = |from: usize| text.get(from..).unwrap_or("");
    if before.ends_with('|') {
        let names = OPERATORS.iter().filter(|it| !it.starts_with('_')).map(|it| (*it).to_owned());
        return (operator_start, matching(word(operator_start), names));
    }
    let stage = stage(text, &tokens, start);
    let mut names: BTreeSet<String> = BTreeSet::new();
    match stage {
        Some(pipeline) => {
            let columns = columns(engine, &pipeline);
            names.extend(columns.fields.iter().map(|it| quoted(&it.name)));
            let functions = all_functions().into_iter().filter(|it| it.overloads.iter().any(|it| it.kernel.is_some()));
            let functions = functions.map(|it| it.name).filter(|it| it.starts_with(char::is_alphabetic));
            names.extend(functions.map(|it| if help::is_infix(it) { it.to_owned() } else { format!("{it}(") }));
            names.extend(all_aggregates().into_iter().filter(|it| it.make.is_some()).map(|it| format!("{}(", it.name)));
            names.extend(["by", "and", "or", "asc", "desc", "on", "kind="].map(str::to_owned));
        }
        None => {
            names.extend(["let", "set", "print", "range", "union", "search", "find", "datatable"].map(str::to_owned));
        }
    }
    let stored = engine.functions().map(|it| it.0).filter(|it| engine.table(it).is_none());
    let tables = engine.tables().chain(engine.known_tables()).map(|it| it.0);
    names.extend(tables.chain(stored).map(quoted));
    (start, matching(word(start), names))
}

fn word_start(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.char_indices().rev().take_while(|it| is_part(it.1)).last().map_or(text.len(), |it| it.0)
}

/// Those that begin with the word; without regard to case when none does.
fn matching(word: &str, names: impl IntoIterator<Item = String>) -> Vec<Pair> {
    let names: Vec<String> = names.into_iter().filter(|it| paint(it) == it.as_str()).collect();
    let exact: Vec<&String> = names.iter().filter(|it| it.starts_with(word)).collect();
    let lower = word.to_lowercase();
    let found = match exact.is_empty() {
        false => exact,
        true => names.iter().filter(|it| it.to_lowercase().starts_with(&lower)).collect(),
    };
    found.into_iter().map(|it| Pair { display: it.clone(), replacement: it.clone() }).collect()
}

/// A name as it is written in a query.
fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|it| it.is_alphanumeric() || it == '_')
        && !name.starts_with(|it: char| it.is_ascii_digit())
        && !name.is_empty();
    if is_plain { name.to_owned() } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

/// The query up to the pipe that the cursor stands behind, with the definitions before it. `None` before any pipe.
fn stage(text: &str, tokens: &[Token], at: usize) -> Option<String> {
    let before: Vec<&Token> = tokens.iter().filter(|it| (it.span.end as usize) <= at && !it.span.is_empty()).collect();
    let mut depth = 0i64;
    let mut pipe = None;
    let mut begin = 0;
    for token in before.iter().rev() {
        match token.kind {
            it if it.closes() => depth += 1,
            it if it.opens() => {
                depth -= 1;
                if depth < 0 {
                    // Out of a bracket: a pipeline of its own if a pipe was met inside, else go on outside.
                    if pipe.is_some() {
                        begin = token.span.end as usize;
                        break;
                    }
                    depth = 0;
                }
            }
            TokenKind::Pipe if depth == 0 && pipe.is_none() => pipe = Some(token.span.start as usize),
            TokenKind::Semicolon if depth == 0 => {
                begin = token.span.end as usize;
                break;
            }
            _ => {}
        }
    }
    let pipeline = text.get(begin..pipe?)?;
    // Definitions end at the last semicolon outside brackets.
    let mut depth = 0i64;
    let mut definitions = 0;
    for token in before {
        match token.kind {
            it if it.opens() => depth += 1,
            it if it.closes() => depth -= 1,
            TokenKind::Semicolon if depth == 0 => definitions = token.span.end as usize,
            _ => {}
        }
    }
    Some(format!("{}\n{pipeline}", text.get(..definitions.min(begin)).unwrap_or("")))
}

/// Columns that a pipeline gives; those of all tables when it is not sound.
fn columns(engine: &Engine, pipeline: &str) -> Schema {
    let check = engine.check(pipeline);
    match check.results.last() {
        Some((_, schema)) => (**schema).clone(),
        None => Schema::new(engine.tables().flat_map(|it| it.1.schema.fields.clone()).collect()),
    }
}

/// Slots of a dynamic column, as far as loaded rows have them: `ActorSession.user.`
fn path(engine: &Engine, text: &str, start: usize) -> (usize, Vec<Pair>) {
    let path_start = word_start(text, |it| it.is_alphanumeric() || it == '_' || it == '.');
    let steps: Vec<&str> = text.get(path_start..start.saturating_sub(1)).unwrap_or("").split('.').collect();
    let Some((root, rest)) = steps.split_first() else { return (start, Vec::new()) };
    let mut names = BTreeSet::new();
    for (_, table) in engine.tables() {
        let Some(index) = table.schema.index_of(root) else { continue };
        if table.schema.fields.get(index).is_none_or(|it| it.ty != Type::Dynamic) {
            continue;
        }
        for chunk in table.chunks.iter().take(8) {
            let Some(Column::Shredded(column)) = chunk.batch.columns.get(index) else { continue };
            let node = rest.iter().try_fold(&column.node, |node, key| node.children.get(*key).map(|it| &it.node));
            names.extend(node.into_iter().flat_map(|it| it.children.keys().map(ToString::to_string)));
        }
    }
    let is_name = |it: &String| quoted(it) == *it;
    (start, matching(text.get(start..).unwrap_or(""), names.into_iter().filter(is_name)))
}

/// Dot-commands and what follows them.
fn command(engine: &Engine, text: &str) -> (usize, Vec<Pair>) {
    let start = word_start(text, |it| !it.is_whitespace());
    let word = text.get(start..).unwrap_or("");
    let Some((name, _)) = text.trim_start().split_once(char::is_whitespace) else {
        return (start, matching(word, COMMANDS.iter().map(|it| it.name.to_owned())));
    };
    let names: Vec<String> = match name {
        ".schema" => engine.tables().map(|it| it.0.to_owned()).collect(),
        ".mode" => Format::ALL.map(|it| it.name().to_owned()).to_vec(),
        ".help" => OPERATORS
            .iter()
            .map(|it| (*it).to_owned())
            .chain(all_functions().into_iter().map(|it| it.name.to_owned()))
            .chain(all_aggregates().into_iter().map(|it| it.name.to_owned()))
            .collect(),
        ".now" => vec!["max".to_owned(), "clock".to_owned()],
        ".timer" => vec!["on".to_owned(), "off".to_owned()],
        ".opt" => vec!["memory".to_owned(), "timeout".to_owned()],
        ".load" | ".read" | ".save" | ".output" | ".once" | ".test" | ".rule" => return files(word, start),
        _ => Vec::new(),
    };
    (start, matching(word, names))
}

fn files(word: &str, start: usize) -> (usize, Vec<Pair>) {
    let (directory, begun) = word.rsplit_once('/').map_or(("", word), |it| (it.0, it.1));
    let shown = if word.starts_with('/') && directory.is_empty() { "/" } else { directory };
    let listed = std::fs::read_dir(if shown.is_empty() { Path::new(".") } else { Path::new(shown) });
    let names = listed.into_iter().flatten().filter_map(|it| {
        let it = it.ok()?;
        let slash = if it.path().is_dir() { "/" } else { "" };
        Some(format!("{}{slash}", it.file_name().to_str()?))
    });
    let mut names: Vec<String> = names.filter(|it| !it.starts_with('.') || begun.starts_with('.')).collect();
    names.sort();
    (start + word.len() - begun.len(), matching(begun, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        let mut engine = Engine::new();
        _ = engine
            .load_bytes("Logins", *br#"{"User":"ann","Odd name":1,"Session":{"user":{"email":"a","id":1}}}"#)
            .unwrap();
        engine
    }

    fn offered(text: &str) -> Vec<String> {
        complete(&engine(), text, text.len()).1.into_iter().map(|it| it.replacement).collect()
    }

    #[test]
    fn what_is_offered_where() {
        assert_eq!(offered("Lo"), ["Logins"]);
        assert_eq!(offered("Logins | summ"), ["summarize"]);
        assert_eq!(offered("Logins | project-a"), ["project-away"]);
        assert_eq!(offered("Logins | where Us"), ["User"]);
        assert_eq!(offered("Logins | where User has 'x' and Session.user.e"), ["email"]);
        assert_eq!(offered("Logins | where Session."), ["user"]);
        assert_eq!(offered("Logins | where User startswith_"), ["startswith_cs"]);
        assert_eq!(offered("Logins | extend Usage = 1 | where Us"), ["Usage", "User"]);
        assert_eq!(offered("Logins | project Q = User | where Us"), Vec::<String>::new());
        assert_eq!(offered("let T = Logins | extend Zz = 1; T | where Z"), ["Zz"]);
        assert_eq!(offered("Logins | join (Logins | project Yy = 1 | where Y"), ["Yy"]);
        assert!(offered("Logins | where strle").contains(&"strlen(".to_owned()));
        assert_eq!(offered(".sch"), [".schema"]);
        assert_eq!(offered(".schema L"), ["Logins"]);
        assert_eq!(offered("print 'Lo"), Vec::<String>::new());
    }
}
