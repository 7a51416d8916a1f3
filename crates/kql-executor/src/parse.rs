//! Columns out of a text by a pattern: `parse`, `parse-where`.

use crate::{
    execution::{Execution, Run, lock},
    program::Program,
    stream::{Needed, is_needed, needed},
};
use kql_data::{
    Batch, Column, ColumnBuilder, Context, DictionaryColumn, Fault, HeldColumn, NO_ROW, Reservation, StringReader,
    Type, Value,
};
use kql_functions::{declare::types::compile_regex, scalar::conversion::convert};
use kql_parser::plan::{ExprId, NodeId, Op, ParseKind, ParseOutput, ParsePart, ParsePattern};
use regex::Regex;
use std::sync::{Arc, Mutex};

const BY: &str = "`parse`";

/// Gets columns out of one text.
pub(crate) trait Extract: Send + Sync + std::fmt::Debug {
    /// Types of the columns.
    fn types(&self) -> &[Type];
    /// Appends one value to each column; whether the text fits.
    fn extract(&self, text: &str, out: &mut [ColumnBuilder]) -> Result<bool, Fault>;
}

/// Captured columns, and the rows that did not fit.
#[derive(Clone, Debug)]
struct Extracted {
    columns: Vec<Column>,
    fits: Vec<bool>,
}

/// The step of `Op::Parse` and `Op::ParseKv`.
#[derive(Debug)]
pub(crate) struct Parse {
    program: Program,
    extract: Box<dyn Extract>,
    drops: bool,
    outputs: Vec<(ParseOutput, Type, bool)>,
    /// What the entries of a dictionary gave, by its id, and the memory of that.
    remembered: Mutex<Option<(u64, Arc<Extracted>, Reservation)>>,
}

impl Parse {
    pub(crate) fn compile(run: &Run<'_>, op: &Op, wanted: &Needed) -> Result<(Parse, NodeId, Needed), Fault> {
        let (input, value, drops, outputs, extract): (NodeId, ExprId, bool, _, Box<dyn Extract>) = match op {
            Op::Parse { input, value, pattern, drops, outputs } => {
                (*input, *value, *drops, outputs, Box::new(Pattern::new(run.execution.cx, pattern)?))
            }
            Op::ParseKv { input, value, keys, options, outputs } => {
                let pairs = crate::parse_kv::Pairs::new(run.execution.cx, keys, options)?;
                (*input, *value, false, outputs, Box::new(pairs))
            }
            _ => return Err(Fault::new("not a parse")),
        };
        let program = Program::compile(run, &[value])?;
        let schema = run.execution.plan.schema(input);
        let output = |(index, it): (usize, &ParseOutput)| {
            let ty = match it {
                ParseOutput::Input(it) => schema.fields.get(*it).map(|it| it.ty),
                ParseOutput::Captured(it) => extract.types().get(*it).copied(),
            };
            (*it, ty.unwrap_or(Type::Dynamic), is_needed(wanted, index))
        };
        let outputs: Vec<(ParseOutput, Type, bool)> = outputs.iter().enumerate().map(output).collect();
        let kept = outputs.iter().filter_map(|it| match it {
            (ParseOutput::Input(index), _, true) => Some(*index),
            _ => None,
        });
        let below = needed(schema.len(), kept.chain(program.columns.iter().copied()));
        Ok((Parse { program, extract, drops, outputs, remembered: Mutex::default() }, input, below))
    }

    pub(crate) fn is_volatile(&self) -> bool {
        self.program.is_volatile
    }

    pub(crate) fn apply(&self, execution: &Execution<'_>, batch: Batch) -> Result<Batch, Fault> {
        Ok(self.apply_with_rows(execution, &batch)?.0)
    }

    /// The output, and the rows that were kept; `None` for all.
    pub(crate) fn apply_with_rows(
        &self,
        execution: &Execution<'_>,
        batch: &Batch,
    ) -> Result<(Batch, Option<Vec<u32>>), Fault> {
        let values = self.program.run(execution, batch)?;
        let texts = values.first().ok_or_else(|| Fault::new("a parse without a text"))?;
        let extracted = self.extracted(execution, texts)?;
        let kept: Option<Vec<u32>> = (self.drops && extracted.fits.contains(&false))
            .then(|| (0..).zip(&extracted.fits).filter(|(_, fits)| **fits).map(|(row, _)| row).collect());
        let n_rows = kept.as_ref().map_or(batch.n_rows, Vec::len);
        let column = |(output, ty, is_read): &(ParseOutput, Type, bool)| {
            let (from, held) = match output {
                _ if !is_read => return Some((Column::null(*ty, n_rows), None)),
                // A column of the input that is handed on is reserved already, or a table's.
                ParseOutput::Input(it) => (batch.columns.get(*it)?, batch.held_column(*it)),
                ParseOutput::Captured(it) => (extracted.columns.get(*it)?, None),
            };
            Some(kept.as_ref().map_or_else(|| (from.clone(), held), |rows| (from.take(rows), None)))
        };
        let columns: Option<Vec<(Column, HeldColumn)>> = self.outputs.iter().map(column).collect();
        let columns = columns.ok_or_else(|| Fault::new("a parse reads a column that is not there"))?;
        let (columns, held) = columns.into_iter().unzip();
        Ok((Batch::held(columns, n_rows, held).hold(&execution.cx.budget, BY)?, kept))
    }

    /// Once a distinct text where the texts are by dictionary.
    fn extracted(&self, execution: &Execution<'_>, texts: &Column) -> Result<Arc<Extracted>, Fault> {
        let (whole, codes): (Arc<Extracted>, Vec<u32>) = match texts {
            Column::Dictionary(it) => match self.by_dictionary(execution, it)? {
                Some(whole) => (whole, it.codes.to_vec()),
                None => return self.all(execution, texts.string_reader(), texts.len()).map(Arc::new),
            },
            Column::Constant { len, .. } => (Arc::new(self.all(execution, texts.string_reader(), 1)?), vec![0; *len]),
            _ => return self.all(execution, texts.string_reader(), texts.len()).map(Arc::new),
        };
        let columns = whole.columns.iter().map(|it| it.take(&codes)).collect();
        let fits = codes.iter().map(|it| whole.fits.get(*it as usize).copied().unwrap_or(false)).collect();
        Ok(Arc::new(Extracted { columns, fits }))
    }

    fn by_dictionary(
        &self,
        execution: &Execution<'_>,
        column: &DictionaryColumn,
    ) -> Result<Option<Arc<Extracted>>, Fault> {
        let id = column.dictionary.id();
        let known = lock(&self.remembered).as_ref().filter(|it| it.0 == id).map(|it| it.1.clone());
        if known.is_some() || column.dictionary.len() > column.codes.len() {
            return Ok(known);
        }
        let values = column.dictionary.values();
        let made = Arc::new(self.all(execution, StringReader::Plain(values), column.dictionary.len())?);
        let bytes = made.columns.iter().map(Column::bytes).sum::<usize>().saturating_add(made.fits.len());
        let held = execution.cx.budget.reserve(bytes, BY)?;
        *lock(&self.remembered) = Some((id, made.clone(), held));
        Ok(Some(made))
    }

    fn all(&self, execution: &Execution<'_>, texts: StringReader<'_>, n_rows: usize) -> Result<Extracted, Fault> {
        let mut out: Vec<ColumnBuilder> =
            self.extract.types().iter().map(|ty| ColumnBuilder::new(*ty, n_rows)).collect();
        let mut fits = Vec::with_capacity(n_rows);
        let mut held = execution.cx.budget.reserve(0, BY)?;
        for row in 0..n_rows {
            if row.is_multiple_of(4_096) {
                execution.cx.check()?;
            }
            fits.push(self.extract.extract(texts.get(row), &mut out)?);
            held.follow(out.iter().map(ColumnBuilder::text_bytes).sum(), BY)?;
        }
        Ok(Extracted { columns: out.into_iter().map(ColumnBuilder::finish).collect(), fits })
    }
}

/// A pattern of `parse` as a regular expression with a group for each column.
#[derive(Debug)]
struct Pattern {
    regex: Arc<Regex>,
    groups: Vec<usize>,
    types: Vec<Type>,
    is_relaxed: bool,
}

impl Pattern {
    fn new(cx: &Context, pattern: &ParsePattern) -> Result<Pattern, Fault> {
        let text = regex_of(pattern);
        let regex = compile_regex(cx, &text).map_err(|fault| match fault {
            Fault::Error { .. } => Fault::coded("SEM0476", "the pattern of `parse` is not a valid regular expression"),
            other => other,
        })?;
        let names: Vec<Option<&str>> = regex.capture_names().collect();
        let types: Vec<Type> = columns(pattern).collect();
        let group = |n: usize| names.iter().position(|it| *it == Some(&group_name(n)));
        let groups = (0..types.len()).map(|n| group(n).unwrap_or(NO_ROW as usize)).collect();
        Ok(Pattern { groups, regex, types, is_relaxed: pattern.kind == ParseKind::Relaxed })
    }
}

fn group_name(n: usize) -> String {
    format!("parse_column_{n}")
}

fn columns(pattern: &ParsePattern) -> impl Iterator<Item = Type> {
    pattern.parts.iter().filter_map(|it| if let ParsePart::Column(ty) = it { Some(*ty) } else { None })
}

impl Extract for Pattern {
    fn types(&self) -> &[Type] {
        &self.types
    }

    fn extract(&self, text: &str, out: &mut [ColumnBuilder]) -> Result<bool, Fault> {
        let found = self.regex.captures(text);
        let mut values = Vec::with_capacity(self.types.len());
        let mut fits = found.is_some();
        if let Some(captures) = &found {
            for (group, ty) in self.groups.iter().zip(&self.types) {
                let value = captured_value(captures.get(*group).map_or("", |it| it.as_str()), *ty);
                fits &= self.is_relaxed || !value.is_null();
                values.push(value);
            }
        }
        for (index, out) in out.iter_mut().enumerate() {
            match values.get(index) {
                Some(value) if fits => out.push(value),
                _ => out.push_null(),
            }
        }
        Ok(fits)
    }
}

/// A captured text as a value; null when it does not read as the type.
fn captured_value(text: &str, ty: Type) -> Value {
    match ty {
        Type::String => Value::String(text.into()),
        Type::Int | Type::Long => {
            let digits = text.trim();
            let is_whole = digits.strip_prefix(['-', '+']).unwrap_or(digits).bytes().all(|it| it.is_ascii_digit());
            if !is_whole {
                return Value::Null;
            }
            if ty == Type::Long {
                digits.parse().map_or(Value::Null, Value::Long)
            } else {
                digits.parse().map_or(Value::Null, Value::Int)
            }
        }
        // As `parse_json` reads a text, so that paths lead into what was captured.
        Type::Dynamic => Value::Dynamic(kql_data::json::read(text).unwrap_or_else(|| kql_data::Dynamic::string(text))),
        _ => convert(&Value::String(text.into()), ty),
    }
}

/// The pattern as one regular expression.
fn regex_of(pattern: &ParsePattern) -> String {
    let is_regex = pattern.kind == ParseKind::Regex;
    let mut out = String::new();
    if is_regex {
        if !pattern.flags.is_empty() {
            out.push_str(&format!("(?{})", pattern.flags));
        }
    } else {
        out.push_str("(?s)");
    }
    let mut n = 0;
    for (index, part) in pattern.parts.iter().enumerate() {
        let next = pattern.parts.get(index + 1);
        match part {
            ParsePart::Star => out.push_str(".*?"),
            ParsePart::Text(text) if is_regex => out.push_str(&balanced(text)),
            ParsePart::Text(text) => out.push_str(&regex::escape(text)),
            ParsePart::Column(ty) => {
                let before_star = matches!(next, Some(ParsePart::Star));
                let is_optional = before_star && index + 2 == pattern.parts.len() && !is_regex;
                let shape = if is_regex { regex_shape(*ty) } else { simple_shape(*ty, before_star) };
                let relaxed = if pattern.kind == ParseKind::Relaxed && before_star { "|.*?" } else { "" };
                out.push_str(&format!("(?P<{}>{shape}{relaxed})", group_name(n)));
                if is_regex && next.is_none() && matches!(ty, Type::Datetime | Type::Timespan) {
                    // Measured: the reference wants something else behind a time at the end of a pattern.
                    out.push_str(r"[^\dTZ:./+\-]");
                }
                if is_optional {
                    out.push('?');
                }
                n += 1;
            }
        }
    }
    if !is_regex && !matches!(pattern.parts.last(), Some(ParsePart::Star)) {
        out.push_str(r"\z");
    }
    out
}

const GUID: &str = r"\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?";

/// What a column of the simple kind matches: anything, up to the text behind it; before `*` what its type looks like.
fn simple_shape(ty: Type, before_star: bool) -> &'static str {
    if !before_star {
        return ".*?";
    }
    match ty {
        Type::Int | Type::Long => r"\s*[-+]?\d+",
        Type::Real | Type::Decimal => r"\s*[-+]?\d*\.?\d+",
        Type::Bool => r"\s*(?:(?i:true|false)|[-+]?\d+)",
        Type::Guid => GUID,
        Type::Datetime => r"\s*\d[\dTZ/:.+\- ]*",
        Type::Timespan => r"\s*[-+]?\d[\d:.]*",
        Type::String | Type::Dynamic => ".*?",
    }
}

/// What a column of the regex kind matches, greedily.
fn regex_shape(ty: Type) -> &'static str {
    match ty {
        Type::Int | Type::Long => r"\s*[-+]?\d+",
        Type::Real | Type::Decimal => r"\s*[-+]?\d+(?:\.\d+)?",
        Type::Bool => "(?i:true|false)",
        Type::Guid => GUID,
        _ => ".*",
    }
}

/// A part of a regular expression in which parentheses without a partner stand for themselves.
fn balanced(text: &str) -> String {
    let mut opened: Vec<usize> = Vec::new();
    let mut alone: Vec<usize> = Vec::new();
    let (mut is_escaped, mut in_class) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => opened.push(at),
            ')' if !in_class && opened.pop().is_none() => alone.push(at),
            _ => {}
        }
    }
    alone.extend(opened);
    let mut out = String::with_capacity(text.len() + alone.len());
    for (at, c) in text.char_indices() {
        if alone.contains(&at) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: ParseKind, flags: &str, parts: &[ParsePart], text: &str) -> (bool, Vec<String>) {
        let pattern = ParsePattern { kind, flags: flags.to_owned(), parts: parts.to_vec() };
        let pattern = Pattern::new(&Context::default(), &pattern).unwrap();
        let mut out: Vec<ColumnBuilder> = pattern.types().iter().map(|ty| ColumnBuilder::new(*ty, 1)).collect();
        let fits = pattern.extract(text, &mut out).unwrap();
        (fits, out.into_iter().map(|it| it.finish().value(0).text()).collect())
    }

    fn text(it: &str) -> ParsePart {
        ParsePart::Text(it.to_owned())
    }

    #[test]
    fn simple_patterns_fit_as_a_whole() {
        use ParsePart::{Column, Star};
        let simple = |parts: &[ParsePart], text| parse(ParseKind::Simple, "", parts, text).1;
        let string = || Column(Type::String);
        assert_eq!(simple(&[text("a"), string(), text("c")], "aXcYc"), ["XcY"]);
        assert_eq!(simple(&[text("a"), string(), text("c"), Star], "aXcYc"), ["X"]);
        assert_eq!(simple(&[text("a"), string(), text("b")], "abcbd"), [""]);
        assert_eq!(simple(&[text("a"), string(), text("c")], "aXc\n"), [""]);
        assert_eq!(simple(&[text("a.b"), string()], "axbZ"), [""]);
        let numbers = [text("n="), Column(Type::Long), Star, text("m="), Column(Type::Long)];
        assert_eq!(simple(&numbers, "n=27 junk m=23"), ["27", "23"]);
        assert_eq!(simple(&[text("n="), Column(Type::Long)], "n=27 junk"), [""]);
        assert_eq!(simple(&[text("a="), Column(Type::Long), text(",b="), string()], "a=,b=2"), ["", ""]);
        assert_eq!(simple(&[text("b="), Column(Type::Bool), text("|")], "b=-1|"), ["True"]);
        assert_eq!(simple(&[text("b="), Column(Type::Bool), text("|")], "b=0.0|"), [""]);
        let relaxed = parse(
            ParseKind::Relaxed,
            "",
            &[text("n="), Column(Type::Long), text(",m="), Column(Type::Long)],
            "n=xx,m=23",
        );
        assert_eq!(relaxed, (true, vec!["".to_owned(), "23".to_owned()]));
    }

    #[test]
    fn regex_patterns_are_greedy() {
        use ParsePart::{Column, Star};
        let regex = |flags, parts: &[ParsePart], text| parse(ParseKind::Regex, flags, parts, text).1;
        let string = || Column(Type::String);
        assert_eq!(regex("", &[text("a"), string(), text("c"), Star], "aXcYc"), ["XcY"]);
        assert_eq!(regex("U", &[text("a"), string(), text("c"), Star], "aXcYc"), ["X"]);
        assert_eq!(regex("", &[text("a"), string(), text("b")], "abcbd"), ["bc"]);
        assert_eq!(regex("", &[text("n="), Column(Type::Long)], "n=27 junk"), ["27"]);
        assert_eq!(regex("U", &[text("n="), Column(Type::Long)], "n=27 junk"), ["2"]);
        assert_eq!(regex("", &[text(")"), string()], "a)b"), ["b"]);
        assert_eq!(
            regex("", &[text("(foo)="), string(), text(","), text("(bar)="), string()], "foo=9,bar=8"),
            ["9", "8"]
        );
        assert_eq!(regex("", &[text("v="), Column(Type::Real), text(r"\|Q")], "v=1.|Q"), [""]);
        assert_eq!(regex("m", &[text("^a="), string()], "x\na=1"), ["1"]);
    }
}
