//! Queries out of files, for the commands that run them: what [`kql_rules`] reads, and how they got here.

use crate::{
    query::directives_told,
    report::{Place, Report},
};
use kql::{Engine, StoredFunction, parser::lexer};
use kql_rules::{Kind, Level, QueryText, read};
use std::{borrow::Cow, path::Path};

/// A query with where it is from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// The name of the rule, if it has one.
    pub(crate) name: Option<String>,
    /// The query.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) place: Place,
}

/// What a file gives to run.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    /// Its queries.
    pub(crate) queries: Vec<Script>,
    /// Its functions, which queries may call.
    pub(crate) functions: Vec<(String, StoredFunction)>,
}

const DAY: i64 = 864_000_000_000;

impl Script {
    /// A query that a person wrote where there is no file.
    pub(crate) fn of(text: impl Into<String>) -> Script {
        Script { text: text.into(), ..Script::default() }
    }

    fn new(name: Option<String>, query: QueryText) -> Script {
        let place = Place { file: Some(query.source.name.clone()), query: Some(query.clone()) };
        Script { name, text: query.text, place }
    }

    /// The query with the time placeholders of hunting queries filled in: the last 24 hours before `now`.
    pub(crate) fn at(&self, now: i64) -> Script {
        match &self.place.query {
            Some(query) => Script::new(self.name.clone(), query.with_window(now.saturating_sub(DAY), now)),
            None => Script { text: with_times(&self.text, now), ..self.clone() },
        }
    }
}

/// A query of a person, with the time placeholders filled in.
pub(crate) fn with_times(text: &str, now: i64) -> String {
    if !text.contains("{{") {
        return text.to_owned();
    }
    let source = std::sync::Arc::new(kql_rules::Source::new("", ""));
    let query = QueryText { text: text.to_owned(), source, map: kql_rules::TextMap::default() };
    query.with_window(now.saturating_sub(DAY), now).text
}

/// The queries and functions of a file, or its block of that number alone. The error says why there are none.
pub(crate) fn scripts(path: &Path, bytes: &[u8], block: Option<usize>, report: &Report) -> Result<Scripts, String> {
    let file = path.display().to_string();
    let text = String::from_utf8_lossy(bytes);
    let is_query = !matches!(path.extension().and_then(|it| it.to_str()), Some("yaml" | "yml" | "json"));
    let told = if is_query { directives_told(&text, report) } else { Cow::Borrowed(text.as_ref()) };
    let bytes = match &told {
        Cow::Owned(text) => text.as_bytes(),
        Cow::Borrowed(_) => bytes,
    };
    let contents = match block {
        Some(_) => read::blocks(&file, bytes),
        None => kql_rules::read(&file, bytes),
    };
    let functions = contents.functions();
    if let Some(bad) = contents.all_notes().into_iter().find(|it| it.level == Level::Error) {
        return Err(bad.line(&contents.source));
    }
    let is_query = |it: &&kql_rules::Rule| it.kind != Kind::Function;
    let script = |it: &kql_rules::Rule| Script::new(it.name.as_ref().map(|it| it.value.clone()), it.query.clone());
    let mut queries: Vec<Script> = contents.rules.iter().filter(is_query).map(script).collect();
    if let Some(number) = block {
        let n = queries.len();
        if number == 0 || number > n {
            let blocks = if n == 1 { "block" } else { "blocks" };
            return Err(format!("{file}: there is no block {number}; it has {n} {blocks}"));
        }
        queries = queries.split_off(number - 1);
        queries.truncate(1);
    }
    if queries.is_empty() && functions.is_empty() {
        return Err(format!("{file}: the file has no query"));
    }
    Ok(Scripts { queries, functions })
}

/// The text with its lines for other programs, such as `#connect …`, blank; and those lines.
pub(crate) fn without_directives(text: &str) -> (Cow<'_, str>, Vec<&str>) {
    let begins_line =
        |at: usize| text.get(..at).is_some_and(|it| it.rsplit('\n').next().unwrap_or("").trim().is_empty());
    let lexed = if text.contains('#') { lexer::lex(text).tokens } else { Vec::new() };
    let starts = lexed.iter().map(|it| it.span.start as usize);
    let starts: Vec<usize> = starts.filter(|it| text.get(*it..).is_some_and(|it| it.starts_with('#'))).collect();
    let (mut out, mut found, mut at) = (String::new(), Vec::new(), 0);
    for start in starts.into_iter().filter(|it| begins_line(*it)) {
        let Some(rest) = text.get(start..) else { continue };
        let line = rest.lines().next().unwrap_or("");
        out.push_str(text.get(at..start).unwrap_or(""));
        // Blanks, so that every byte behind them stays where it is.
        out.push_str(&" ".repeat(line.len()));
        found.push(line.trim_end());
        at = start + line.len();
    }
    if found.is_empty() {
        return (Cow::Borrowed(text), found);
    }
    out.push_str(text.get(at..).unwrap_or(""));
    (Cow::Owned(out), found)
}

/// Gives an engine functions.
pub(crate) fn add_functions(engine: &mut Engine, functions: Vec<(String, StoredFunction)>) {
    for (name, function) in functions {
        engine.add_function(name, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_hunting_queries() {
        let now = kql::parser::parse_datetime("2026-06-08T12:00:00Z").unwrap();
        let text = with_times("todatetime('{{StartTimeISO}}') .. '{{EndTimeISO}}'", now);
        assert_eq!(text, "todatetime('2026-06-07T12:00:00Z') .. '2026-06-08T12:00:00Z'");
        let file = read("a.yaml", "query: |\n  print '{{EndTimeISO}}', x\n", None).unwrap();
        let script = file.queries[0].at(now);
        let offset = script.text.find('x').unwrap() as u32;
        assert_eq!(script.place.line_column(&script.text, offset), (2, 27));
    }

    fn read(name: &str, text: &str, block: Option<usize>) -> Result<Scripts, String> {
        scripts(Path::new(name), text.as_bytes(), block, &Report::new(false, true))
    }

    #[test]
    fn functions_are_no_queries() {
        let file = read("f.yaml", "FunctionName: F\nFunctionQuery: print 1\n", None).unwrap();
        assert_eq!((file.queries.len(), file.functions[0].0.as_str()), (0, "F"));
        assert!(read("f.yaml", "AnalysisType: rule\n", None).is_err());
    }

    #[test]
    fn blocks_by_number() {
        let text = "// first\nprint 1\n\n\n// a comment\n\nlet a = 1;\nprint a\n";
        let it = &read("a.kql", text, Some(2)).unwrap().queries[0];
        assert_eq!((it.text.as_str(), it.place.line_column(&it.text, 0)), ("let a = 1;\nprint a\n", (7, 1)));
        let why = read("a.kql", text, Some(3)).unwrap_err();
        assert_eq!(why, "a.kql: there is no block 3; it has 2 blocks");
    }

    #[test]
    fn lines_for_other_programs() {
        let text = "#connect cluster('x').database('y')\nT // #1\n  #crp a\n| where a == '#b'\n";
        let (out, found) = without_directives(text);
        let blank = " ".repeat(35);
        assert_eq!(out, format!("{blank}\nT // #1\n        \n| where a == '#b'\n"));
        assert_eq!(found, ["#connect cluster('x').database('y')", "#crp a"]);
        assert_eq!(without_directives("print ```\n#a\n```").1, Vec::<&str>::new());
    }
}
