//! Bare queries, one or several in a file, and the fences of Markdown around queries.

use super::Contents;
use crate::{Kind, Note, QueryText, Rule, Source, TextMap};
use kql::parser::{ParseOptions, parse};
use std::{ops::Range, sync::Arc};

/// Reads every block as a query.
pub(super) fn read_blocks(out: &mut Contents) {
    let source = out.source.clone();
    out.rules = blocks(&source.text).into_iter().map(|it| rule(&source, it)).collect();
}

fn rule(source: &Arc<Source>, range: Range<usize>) -> Rule {
    let text = source.text.get(range.clone()).unwrap_or("").to_owned();
    let query = QueryText { text, source: source.clone(), map: TextMap::straight(range.start) };
    Rule::of_query(Kind::Query, query, source.place(range))
}

/// Reads the queries of a file: several where blank lines part them and the whole is none.
pub(super) fn read(out: &mut Contents) {
    let source = out.source.clone();
    let mut add = |range: Range<usize>| out.rules.push(rule(&source, range));
    let text = source.text.as_str();
    if text.trim().is_empty() {
        return out.notes.push(Note::error("READ004", source.place(0..0), "the file is empty"));
    }
    let fenced = fences(text);
    if !fenced.is_empty() {
        fenced.into_iter().for_each(&mut add);
        return;
    }
    let whole = 0..text.len();
    if is_sound(text) {
        return add(whole);
    }
    let blocks = blocks(text);
    match blocks.len() > 1 && blocks.iter().all(|it| is_sound(text.get(it.clone()).unwrap_or(""))) {
        true => blocks.into_iter().for_each(add),
        false => add(whole),
    }
}

fn is_sound(text: &str) -> bool {
    !parse(text, &ParseOptions::default()).1.iter().any(kql::Diagnostic::is_error)
}

/// Pieces between blank lines, those of comments alone left out.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut offset) = (0, 0);
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let ends = line.trim().is_empty() || offset == text.len();
        if !ends {
            continue;
        }
        let is_code = |it: &str| !it.trim().is_empty() && !it.trim().starts_with("//");
        if text.get(start..offset).unwrap_or("").lines().any(is_code) {
            out.push(start..offset);
        }
        start = offset;
    }
    out
}

/// Languages that the fences of queries name.
const LANGUAGES: &[&str] = &["kusto", "kql", "csl"];

/// Insides of the fences of a page that name a language of queries.
fn fences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut offset, mut open) = (0, None);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        match open {
            None => {
                let language = trimmed.strip_prefix("```").map(|it| it.trim().to_ascii_lowercase());
                if language.is_some_and(|it| LANGUAGES.contains(&it.as_str())) {
                    open = Some(offset + line.len());
                }
            }
            Some(start) if trimmed == "```" => {
                out.push(start..offset);
                open = None;
            }
            Some(_) => {}
        }
        offset += line.len();
    }
    out
}

/// What of a query's text is the query: the inside of a fence around it, if there is one, and everything otherwise.
pub(super) fn unfenced(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    let rest = text.get(start..).unwrap_or("");
    if !rest.starts_with("```") {
        return 0..text.len();
    }
    let Some(first) = rest.find('\n') else { return 0..text.len() };
    let begin = start + first + 1;
    let end = text.get(begin..).and_then(|it| it.rfind("```")).map_or(text.len(), |it| begin + it);
    begin..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenced_queries() {
        let text = "```kusto\nT\n| take 1\n```\n";
        assert_eq!(text.get(unfenced(text)), Some("T\n| take 1\n"));
        assert_eq!(unfenced("T"), 0..1);
        let page = "# A hunt\n\n```KQL\nT\n```\nand\n```json\n{}\n```\n```kql\nU\n```\n";
        assert_eq!(fences(page).into_iter().filter_map(|it| page.get(it)).collect::<Vec<_>>(), ["T\n", "U\n"]);
    }
}
