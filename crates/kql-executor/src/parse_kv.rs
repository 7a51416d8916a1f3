//! Keys and values out of a text: `parse-kv`.

use crate::parse::Extract;
use kql_data::{ColumnBuilder, Context, Fault, Type, Value};
use kql_functions::{declare::types::compile_regex, scalar::conversion::convert};
use kql_parser::plan::ParseKvOptions;
use regex::Regex;
use std::sync::Arc;

/// How a text is cut into pairs.
#[derive(Debug)]
pub(crate) struct Pairs {
    keys: Vec<String>,
    types: Vec<Type>,
    options: ParseKvOptions,
    regex: Option<Arc<Regex>>,
}

impl Pairs {
    pub(crate) fn new(cx: &Context, keys: &[(String, Type)], options: &ParseKvOptions) -> Result<Pairs, Fault> {
        let regex = match &options.regex {
            Some(it) => Some(compile_regex(cx, it)?),
            None => None,
        };
        let (keys, types) = keys.iter().cloned().unzip();
        Ok(Pairs { keys, types, options: options.clone(), regex })
    }

    fn cut(&self, text: &str, put: &mut dyn FnMut(&str, String)) {
        if let Some(regex) = &self.regex {
            for captures in regex.captures_iter(text) {
                if let (Some(key), Some(value)) = (captures.get(1), captures.get(2)) {
                    put(key.as_str().trim(), value.as_str().trim().to_owned());
                }
            }
            return;
        }
        match (&self.options.pair_delimiter, &self.options.kv_delimiter) {
            (None, None) => self.cut_words(text, put),
            (pair, kv) => self.cut_pairs(text, pair.as_deref().unwrap_or(" "), kv.as_deref().unwrap_or("="), put),
        }
    }

    /// A quoted text at the beginning, without its quotes, and what follows it.
    fn quoted<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let mut chars = text.char_indices();
        let (_, first) = chars.next()?;
        let (_, close) = self.options.quotes.iter().find(|(open, _)| *open == first)?;
        let mut out = String::new();
        let mut is_escaped = false;
        for (at, c) in chars {
            if is_escaped {
                out.push(c);
                is_escaped = false;
            } else if self.options.escapes.contains(&c) {
                is_escaped = true;
            } else if c == *close {
                return Some((out, text.get(at + c.len_utf8()..).unwrap_or("")));
            } else {
                out.push(c);
            }
        }
        None
    }

    fn cut_pairs(&self, text: &str, pair: &str, kv: &str, put: &mut dyn FnMut(&str, String)) {
        if pair.is_empty() || kv.is_empty() {
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            rest = skip_space(rest, kv);
            if let Some(it) = rest.strip_prefix(pair) {
                rest = it;
                continue;
            }
            let (key, after) =
                match self.quoted(rest).and_then(|(key, after)| Some((key, skip_space(after, kv).strip_prefix(kv)?))) {
                    Some(it) => it,
                    None => {
                        let Some((key, after)) = rest.split_once(kv) else { return };
                        // What stands before a delimiter of pairs has no value.
                        let key = key.rsplit(pair).next().unwrap_or(key);
                        (key.trim().to_owned(), after)
                    }
                };
            let (value, after) = self.value(after, pair, kv);
            put(&key, value);
            rest = after;
        }
    }

    fn value<'t>(&self, text: &'t str, pair: &str, kv: &str) -> (String, &'t str) {
        if let Some((value, after)) = self.quoted(skip_space(text, pair)) {
            let rest = after.find(pair).and_then(|at| after.get(at..)).unwrap_or("");
            return (value, rest);
        }
        let end = if self.options.greedy {
            match text.find(kv) {
                // The last delimiter before the next key.
                Some(at) => text.get(..at).and_then(|it| it.trim_end().rfind(pair)).or_else(|| text.find(pair)),
                None => None,
            }
        } else {
            text.find(pair)
        };
        let end = end.unwrap_or(text.len());
        (text.get(..end).unwrap_or("").trim().to_owned(), text.get(end..).unwrap_or(""))
    }

    /// Without delimiters: a key is a listed word, its value the next word or quoted text.
    fn cut_words(&self, text: &str, put: &mut dyn FnMut(&str, String)) {
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
            if rest.is_empty() {
                return;
            }
            let ends_word = |key: &&String| {
                rest.strip_prefix(key.as_str()).is_some_and(|it| !it.chars().next().is_some_and(char::is_alphanumeric))
            };
            let Some(key) = self.keys.iter().filter(|it| !it.is_empty()).filter(ends_word).max_by_key(|it| it.len())
            else {
                rest = rest.trim_start_matches(char::is_alphanumeric);
                continue;
            };
            let mut after = rest.get(key.len()..).unwrap_or("");
            let value = loop {
                if let Some((value, behind)) = self.quoted(after) {
                    after = behind;
                    break value;
                }
                match after.chars().next() {
                    Some(c) if !c.is_alphanumeric() => after = after.get(c.len_utf8()..).unwrap_or(""),
                    _ => {
                        let end = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
                        let word = after.get(..end).unwrap_or("").to_owned();
                        after = after.get(end..).unwrap_or("");
                        break word;
                    }
                }
            };
            put(key, value);
            rest = after;
        }
    }
}

/// White space is skipped, unless it is a delimiter.
fn skip_space<'t>(text: &'t str, delimiter: &str) -> &'t str {
    if delimiter.trim().is_empty() { text } else { text.trim_start() }
}

impl Extract for Pairs {
    fn types(&self) -> &[Type] {
        &self.types
    }

    fn extract(&self, text: &str, out: &mut [ColumnBuilder]) -> Result<bool, Fault> {
        let mut found: Vec<Option<String>> = vec![None; self.keys.len()];
        self.cut(text, &mut |key, value| {
            let at = self.keys.iter().position(|it| it == key);
            if let Some(slot) = at.and_then(|it| found.get_mut(it))
                && slot.is_none()
            {
                *slot = Some(value);
            }
        });
        for ((out, value), ty) in out.iter_mut().zip(found).zip(&self.types) {
            match value {
                Some(value) if *ty == Type::String => out.push_str(&value),
                Some(value) if *ty == Type::Dynamic => {
                    let parsed = kql_data::json::read(&value);
                    out.push(&Value::Dynamic(parsed.unwrap_or_else(|| kql_data::Dynamic::string(value))));
                }
                Some(value) => out.push(&convert(&Value::String(value.into()), *ty)),
                None => out.push_null(),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(keys: &str, options: ParseKvOptions, text: &str) -> Vec<String> {
        let keys: Vec<(String, Type)> = keys.split(',').map(|it| (it.to_owned(), Type::String)).collect();
        let pairs = Pairs::new(&Context::default(), &keys, &options).unwrap();
        let mut out: Vec<ColumnBuilder> = keys.iter().map(|_| ColumnBuilder::new(Type::String, 1)).collect();
        assert!(pairs.extract(text, &mut out).unwrap());
        out.into_iter().map(|it| it.finish().value(0).text()).collect()
    }

    fn options(pair: &str, kv: &str) -> ParseKvOptions {
        ParseKvOptions { pair_delimiter: Some(pair.into()), kv_delimiter: Some(kv.into()), ..Default::default() }
    }

    #[test]
    fn delimiters_and_quotes() {
        let text = "Id:45, Machine:Node1, Text: it is up, Level: Info";
        assert_eq!(cut("Text,Id,Level,None", options(",", ":"), text), ["it is up", "45", "Info", ""]);
        let quoted = ParseKvOptions { quotes: vec![('"', '"'), ('(', ')')], escapes: vec!['\\'], ..options(" ", "=") };
        let text = r#"a=1 b="x y" "c d"=2 e=(f g) h="say \"i\"" b=z"#;
        assert_eq!(cut("a,b,c d,e,h", quoted, text), ["1", "x y", "2", "f g", r#"say "i""#]);
        let text = "name=John Doe phone=555 5555 city=New York";
        assert_eq!(cut("name,phone,city", options(" ", "="), text), ["John", "555", "New"]);
        let greedy = ParseKvOptions { greedy: true, ..options(" ", "=") };
        assert_eq!(cut("name,phone,city", greedy, text), ["John Doe", "555 5555", "New York"]);
    }

    #[test]
    fn words_and_regular_expressions() {
        let text = "2021 [INFO] ThreadId:458, Machine:Node001, Text: 'it\\'s up'";
        let quoted = ParseKvOptions { quotes: vec![('\'', '\'')], escapes: vec!['\\'], ..Default::default() };
        assert_eq!(cut("Text,ThreadId,Machine", quoted, text), ["it's up", "458", "Node001"]);
        let regex = ParseKvOptions { regex: Some(r#""([\w ]+)\s*:\s*([^"]*)""#.into()), ..Default::default() };
        assert_eq!(cut("a b,c", regex, r#"["a b: 1:2", "c: 3"]"#), ["1:2", "3"]);
    }
}
