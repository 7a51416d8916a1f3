//! `reduce`: groups of similar texts, by the words that are frequent at their places (after Vaarandi's SLCT).

use super::{Answer, Call};
use indexmap::IndexMap;
use kql_data::{Batch, Column, Fault, Field, Map, Schema, Type, Value};

/// Fraction of the rows that makes a word frequent when none is given.
const THRESHOLD: f64 = 0.1;
/// The pattern of what is like nothing else.
const OTHERS: &str = "others";

/// A piece of a text: a word, or what stands between words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Piece<'t> {
    Word(&'t str),
    Between(&'t str),
}

/// What `with` and `kind` say.
struct Options {
    threshold: f64,
    characters: String,
    /// Whether every row gets its pattern; else every pattern is a row.
    of_rows: bool,
}

impl Options {
    fn of(call: &Call<'_>) -> Result<Options, Fault> {
        let threshold = match call.constant("threshold", 1)? {
            Some(Value::Real(it)) => it,
            Some(Value::Long(it)) => it as f64,
            Some(Value::Decimal(it)) => it.to_f64(),
            _ => THRESHOLD,
        };
        if !(0.0..=1.0).contains(&threshold) {
            return Err(call.wrong("the threshold must be between 0 and 1"));
        }
        let characters = call.constant("characters", 2)?.map(|it| it.text()).unwrap_or_default();
        Ok(Options { threshold, characters, of_rows: call.constant("of_rows", 3)?.is_some() })
    }
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let input = call.input()?;
    let values = call.values(call.required("value", 0)?)?;
    let options = Options::of(call)?;
    let reader = values.string_reader();
    let texts: Vec<&str> = (0..input.n_rows).map(|row| reader.get(row)).collect();
    let _held = call.execution.cx.budget.reserve((values.bytes() + texts.len() * 8).saturating_mul(2), call.name)?;
    let (mut groups, numbers) = groups(call, &texts, &options)?;
    if options.of_rows {
        let mut fields = call.schema(0)?.fields.clone();
        fields.push(Field::new("Pattern", Type::String));
        let mut columns = input.columns.clone();
        let of_group = |it: &usize| groups.get_index(*it).and_then(|it| it.0.as_deref()).unwrap_or(OTHERS);
        columns.push(Column::strings(numbers.iter().map(of_group)));
        return Ok((Schema::new(fields), vec![Batch::new(columns, input.n_rows)]));
    }
    // The largest groups first, what fits nowhere last.
    groups.sort_by_cached_key(|pattern, (count, first)| (pattern.is_none(), std::cmp::Reverse(*count), *first));
    let representative = |(pattern, (_, first)): (&Pattern, &(u64, usize))| {
        pattern.as_ref().and_then(|_| texts.get(*first).copied()).unwrap_or("")
    };
    let columns = vec![
        Column::strings(groups.keys().map(|it| it.as_deref().unwrap_or(OTHERS))),
        Column::longs(groups.values().map(|it| it.0 as i64).collect()),
        Column::strings(groups.iter().map(representative)),
    ];
    let schema = Schema::of(&[("Pattern", Type::String), ("Count", Type::Long), ("Representative", Type::String)]);
    Ok((schema, vec![Batch::new(columns, groups.len())]))
}

/// What texts have in common; `None` for those that are like no other.
type Pattern = Option<String>;

/// The patterns, each with the number of its texts and the first of them; and for each text the number of its pattern.
type Groups = (IndexMap<Pattern, (u64, usize)>, Vec<usize>);

fn groups(call: &Call<'_>, texts: &[&str], options: &Options) -> Result<Groups, Fault> {
    let mut frequencies: Map<(usize, &str), u64> = Map::default();
    for (row, text) in texts.iter().enumerate() {
        if row.is_multiple_of(4_096) {
            call.check()?;
        }
        for (at, word) in words(text, &options.characters) {
            *frequencies.entry((at, word)).or_default() += 1;
        }
    }
    // A word must be there more often than the threshold says, and at least twice.
    let wanted = options.threshold * texts.len() as f64;
    let is_frequent =
        |at: usize, word: &str| frequencies.get(&(at, word)).is_some_and(|count| *count >= 2 && *count as f64 > wanted);
    let (mut groups, mut numbers) = (IndexMap::new(), Vec::with_capacity(texts.len()));
    for (row, text) in texts.iter().enumerate() {
        if row.is_multiple_of(4_096) {
            call.check()?;
        }
        let group = groups.entry(pattern(text, &options.characters, is_frequent));
        numbers.push(group.index());
        group.or_insert((0, row)).0 += 1;
    }
    Ok((groups, numbers))
}

fn pieces<'t>(text: &'t str, characters: &str) -> Vec<Piece<'t>> {
    let mut out = Vec::new();
    let ends_word = |c: char| !c.is_alphanumeric() || characters.contains(c);
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ends_word).unwrap_or(rest.len());
        if end > 0 {
            out.push(Piece::Word(rest.get(..end).unwrap_or("")));
        }
        rest = rest.get(end..).unwrap_or("");
        let end = rest.find(|c| !ends_word(c)).unwrap_or(rest.len());
        if end > 0 {
            out.push(Piece::Between(rest.get(..end).unwrap_or("")));
        }
        rest = rest.get(end..).unwrap_or("");
    }
    out
}

/// Words with their numbers.
fn words<'t>(text: &'t str, characters: &str) -> Vec<(usize, &'t str)> {
    let words = pieces(text, characters).into_iter().filter_map(|it| match it {
        Piece::Word(word) => Some(word),
        Piece::Between(_) => None,
    });
    words.enumerate().collect()
}

/// The text with `*` for its rare words; `None` when all are rare.
fn pattern(text: &str, characters: &str, is_frequent: impl Fn(usize, &str) -> bool) -> Option<String> {
    let pieces = pieces(text, characters);
    let mut kept: Vec<Option<&str>> = Vec::with_capacity(pieces.len());
    let mut n = 0;
    let mut found = false;
    for piece in &pieces {
        match piece {
            Piece::Word(word) => {
                let is_frequent = is_frequent(n, word);
                found |= is_frequent;
                kept.push(is_frequent.then_some(word));
                n += 1;
            }
            Piece::Between(it) => kept.push(Some(it)),
        }
    }
    if !found {
        return None;
    }
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let is_star = |at: Option<usize>| at.is_some_and(|at| matches!(kept.get(at), Some(None)));
        match (piece, kept.get(index).copied().flatten()) {
            (Piece::Word(_), Some(word)) => out.push_str(word),
            (Piece::Word(_), None) => out.push('*'),
            // Separators that were named go with the rare word at their side.
            (Piece::Between(it), _) if it.chars().all(|c| characters.contains(c)) => {
                if !is_star(index.checked_sub(1)) && !is_star(Some(index + 1)) {
                    out.push_str(it);
                }
            }
            (Piece::Between(it), _) => out.push_str(it),
        }
    }
    while out.contains("**") {
        out = out.replace("**", "*");
    }
    Some(out)
}
