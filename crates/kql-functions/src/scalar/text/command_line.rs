//! Command lines taken apart the way Windows does.

use kql_data::{Dynamic, Fault};

crate::functions! {
    /// The arguments of a command line. The only parser is "windows", which follows CommandLineToArgvW.
    ///
    ///     parse_command_line("echo \"hello world!\"", "windows") => dynamic(["echo", "hello world!"])
    ///     parse_command_line(@"C:\a.exe /p:'x y' \\host", "windows") => dynamic(["C:\\a.exe", "/p:'x", "y'", "\\\\host"])
    fn parse_command_line(command: any_text, parser: string) -> dynamic {
        if parser.eq_ignore_ascii_case("windows") { Ok(arguments(command)) } else { Err(unknown(parser)) }
    }
}

fn unknown(parser: &str) -> Fault {
    Fault::new(format!("parse_command_line(): the only parser is \"windows\", not \"{parser}\""))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn arguments(line: &str) -> Option<Dynamic> {
    if line.trim().is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let rest = match line.strip_prefix('"') {
        // The program's own name is read without escapes.
        Some(quoted) => {
            let (name, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
            out.push(Dynamic::string(name));
            rest
        }
        None => {
            let end = line.find(|c: char| c <= ' ').unwrap_or(line.len());
            let (name, rest) = line.split_at_checked(end).unwrap_or((line, ""));
            out.push(Dynamic::string(name));
            rest
        }
    };
    let mut rest = rest.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let (argument, after) = next_argument(rest);
        out.push(Dynamic::string(argument));
        rest = after.trim_start_matches(is_blank);
    }
    Some(Dynamic::array(out))
}

/// One argument and what follows it. 2n backslashes before a quote are n, and the quote opens or closes; 2n+1 are n and
/// a literal quote. A quote doubled inside quotes is a literal one that also closes.
fn next_argument(line: &str) -> (String, &str) {
    let mut out = String::new();
    let (mut n_backslashes, mut is_quoted) = (0usize, false);
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                n_backslashes += 1;
                continue;
            }
            '"' => {
                out.extend(std::iter::repeat_n('\\', n_backslashes / 2));
                if n_backslashes % 2 == 1 {
                    out.push('"');
                } else if is_quoted && chars.peek().is_some_and(|(_, next)| *next == '"') {
                    _ = chars.next();
                    out.push('"');
                    is_quoted = false;
                } else {
                    is_quoted = !is_quoted;
                }
            }
            c => {
                out.extend(std::iter::repeat_n('\\', n_backslashes));
                if is_blank(c) && !is_quoted {
                    return (out, line.get(at..).unwrap_or(""));
                }
                out.push(c);
            }
        }
        n_backslashes = 0;
    }
    out.extend(std::iter::repeat_n('\\', n_backslashes));
    (out, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> String {
        arguments(line).map_or("null".to_owned(), |it| it.json())
    }

    #[test]
    fn quotes_and_backslashes() {
        assert_eq!(parsed(r#"a "b c" d"#), r#"["a","b c","d"]"#);
        assert_eq!(parsed(r#""C:\x y\p.exe" -f "q\"r" \\s\t"#), r#"["C:\\x y\\p.exe","-f","q\"r","\\\\s\\t"]"#);
        assert_eq!(parsed(r#"p "a\\" b"#), r#"["p","a\\","b"]"#);
        assert_eq!(parsed(r#"p a"b"c "" d"#), r#"["p","abc","","d"]"#);
        assert_eq!(parsed("  "), "null");
        assert_eq!(parsed(r#"p "open"#), r#"["p","open"]"#);
    }
}
