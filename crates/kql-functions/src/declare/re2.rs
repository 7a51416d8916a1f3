//! Regular expressions as RE2 reads them where the `regex` crate is stricter: `[` inside a class is itself, `{` that opens no
//! repetition is itself, and `\0` begins an octal code.

/// The pattern in the words of the `regex` crate; `None` when nothing in it reads otherwise.
pub fn rewritten(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut in_class = false;
    let mut changed = false;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or("");
        match c {
            '\\' => {
                let length = escape(behind, &mut out, &mut changed);
                rest = behind.get(length..).unwrap_or("");
                continue;
            }
            '[' if !in_class => {
                in_class = true;
                // A `]` that comes first is itself.
                let first = behind.strip_prefix('^').unwrap_or(behind);
                out.push('[');
                out.push_str(behind.get(..behind.len() - first.len()).unwrap_or(""));
                rest = first;
                if let Some(closed) = first.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = closed;
                }
                continue;
            }
            '[' if !behind.starts_with(':') => {
                out.push_str("\\[");
                changed = true;
            }
            '[' => {
                let end = behind.find(":]").map_or(0, |it| it + 2);
                out.push('[');
                out.push_str(behind.get(..end).unwrap_or(""));
                rest = behind.get(end..).unwrap_or("");
                continue;
            }
            ']' => {
                in_class = false;
                out.push(c);
            }
            '{' if !in_class && !is_repetition(behind) => {
                out.push_str("\\{");
                changed = true;
            }
            _ => out.push(c),
        }
        rest = behind;
    }
    changed.then_some(out)
}

/// Writes one escape, whose text behind the backslash is given; the number of its bytes.
fn escape(behind: &str, out: &mut String, changed: &mut bool) -> usize {
    out.push('\\');
    let digits = behind.bytes().take(3).take_while(|it| (b'0'..b'8').contains(it)).count();
    if behind.starts_with('0')
        && let Some(code) = behind.get(..digits).and_then(|it| u32::from_str_radix(it, 8).ok())
    {
        *changed = true;
        out.push_str(&format!("x{{{code:X}}}"));
        return digits;
    }
    let c = behind.chars().next();
    out.extend(c);
    // `\p{L}`, `\x{41}`: the braces belong to the escape.
    let length = c.map_or(0, char::len_utf8);
    let braces =
        behind.get(length..).filter(|it| it.starts_with('{') && matches!(c, Some('p' | 'P' | 'x' | 'u' | 'U' | 'b')));
    let end = braces.and_then(|it| it.find('}')).map_or(0, |it| it + 1);
    out.push_str(braces.and_then(|it| it.get(..end)).unwrap_or(""));
    length + end
}

/// Whether the text behind a `{` makes it a repetition: `2}`, `2,}`, `2,3}`.
fn is_repetition(behind: &str) -> bool {
    let Some((inside, _)) = behind.split_once('}') else { return false };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    !low.is_empty() && is_number(low) && is_number(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_re2_takes_is_rewritten() {
        for (pattern, expected) in [
            ("^([[])", Some("^([\\[])")),
            (r#"[[",\]]"#, Some(r#"[\[",\]]"#)),
            (r"a\0b", Some(r"a\x{0}b")),
            (r"\012", Some(r"\x{A}")),
            (r"s\s{\d+}:", Some(r"s\s\{\d+}:")),
            (r"[^]a[]", Some(r"[^\]a\[]")),
            (r"\p{L}a{2,3}[[:alpha:]]", None),
            ("a(", None),
        ] {
            assert_eq!(rewritten(pattern).as_deref(), expected, "{pattern}");
            if let Some(it) = expected {
                assert!(regex::Regex::new(it).is_ok(), "{it}");
            }
        }
    }
}
