//! `kql.toml` of the current directory: the long flags by name, and a table of files to load.
//!
//! ```toml
//! geoip = "geo/city.mmdb"
//! now = "max"
//! [load]
//! Logins = "logs/login-*.ndjson.gz"
//! ```
//! Only this much of the format is read: `key = value` a line, with strings, numbers and booleans.

use crate::options::Options;

const FILE: &str = "kql.toml";
const SETTINGS: &[&str] =
    &["now", "geoip", "schema", "format", "null-value", "max-rows", "limit-memory", "timeout", "keep-going"];

/// The options with the file's settings for what they do not set.
pub(crate) fn apply(options: Options) -> Result<Options, String> {
    match std::fs::read_to_string(FILE) {
        Ok(text) => merge(options, &text),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(options),
        Err(why) => Err(format!("{FILE}: {why}")),
    }
}

fn merge(mut options: Options, text: &str) -> Result<Options, String> {
    let mut found = Options::default();
    let mut in_load = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let bad = |why: &str| format!("{FILE}, line {}: {why}", number + 1);
        match line {
            "" => continue,
            it if it.starts_with('#') => continue,
            "[load]" => {
                in_load = true;
                continue;
            }
            it if it.starts_with('[') => return Err(bad("the only section is [load]")),
            _ => {}
        }
        let (key, rest) = line.split_once('=').ok_or_else(|| bad("expected `key = value`"))?;
        let (key, value) = (key.trim().trim_matches('"'), value(rest.trim()).ok_or_else(|| bad("bad value"))?);
        if in_load {
            found.loads.push((key.to_owned(), value));
        } else if SETTINGS.contains(&key) {
            if value != "false" {
                found.set(key, value).map_err(|it| bad(&it))?;
            }
        } else {
            return Err(bad(&format!("unknown setting `{key}`; one of {}", SETTINGS.join(", "))));
        }
    }
    if !options.loads.is_empty() {
        let named = |it: &(String, String)| !options.loads.iter().any(|own| own.0 == it.0);
        found.loads.retain(named);
    }
    found.loads.append(&mut options.loads);
    options.loads = found.loads;
    options.schemas.splice(0..0, found.schemas);
    options.now = options.now.or(found.now);
    options.geoip = options.geoip.or(found.geoip);
    options.format = options.format.or(found.format);
    options.rows_max = options.rows_max.or(found.rows_max);
    options.memory = options.memory.or(found.memory);
    options.timeout = options.timeout.or(found.timeout);
    options.keep_going |= found.keep_going;
    if options.null.is_empty() {
        options.null = found.null;
    }
    Ok(options)
}

/// A string in quotes, or a bare word; what follows it may only be a comment.
fn value(text: &str) -> Option<String> {
    let (value, rest) = match text.strip_prefix('"') {
        Some(text) => {
            let (mut out, mut escaped, mut end) = (String::new(), false, None);
            for (at, c) in text.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped => {
                        end = Some(at + 1);
                        break;
                    }
                    c => {
                        out.push(if escaped && c == 'n' { '\n' } else { c });
                        escaped = false;
                    }
                }
            }
            (out, text.get(end?..)?)
        }
        None => match text.strip_prefix('\'') {
            Some(text) => text.split_once('\'').map(|(value, rest)| (value.to_owned(), rest))?,
            None => {
                let word = text.split(['#', ' ', '\t']).next()?;
                (word.to_owned(), text.get(word.len()..)?)
            }
        },
    };
    let rest = rest.trim();
    (rest.is_empty() || rest.starts_with('#'))
        .then_some(value)
        .filter(|it| !it.is_empty() || text.starts_with(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins() {
        let text = "# settings\nnow = \"max\"  # newest\nmax-rows = 7\nkeep-going = false\n[load]\nA = 'a*.json'\nB = \"b\\\"\"\n";
        let own = Options { now: Some("2024-01-01".into()), ..Options::default() };
        let res = merge(own, text).unwrap();
        assert_eq!((res.now.as_deref(), res.rows_max, res.keep_going), (Some("2024-01-01"), Some(7), false));
        assert_eq!(res.loads, [("A".into(), "a*.json".into()), ("B".into(), "b\"".into())]);
        for bad in ["x", "colour = 1", "now = \"a", "[other]", "now ="] {
            assert!(merge(Options::default(), bad).is_err(), "{bad}");
        }
    }
}
