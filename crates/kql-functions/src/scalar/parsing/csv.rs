//! One record of comma-separated values.

use crate::scalar::bounds;
use kql_data::{Context, Dynamic, Fault};

crate::functions! {
    /// The fields of the first record of a CSV text. A quoted field may hold commas, line ends and doubled quotes.
    ///
    ///     parse_csv("aa,\"b,b\",cc") => dynamic(["aa", "b,b", "cc"])
    ///     parse_csv("record1,a\nrecord2,x") => dynamic(["record1", "a"])
    #[naming(FirstArgument)]
    fn parse_csv(csv_text: text) -> dynamic |cx| { fields(cx, csv_text) }
}

fn fields(cx: &Context, text: &str) -> Result<Dynamic, Fault> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted),
            None => {
                let end = rest.find([',', '\n', '\r']).unwrap_or(rest.len());
                let (field, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (field.to_owned(), after)
            }
        };
        found.push(Dynamic::string(field));
        bounds::array(cx, found.len(), "parse_csv")?;
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(Dynamic::array(found)),
        }
    }
}

/// The field after its opening quote, and what follows it. Text between the closing quote and the comma belongs to it.
fn quoted_field(text: &str) -> (String, &str) {
    let mut field = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => {
                let end = after.find([',', '\n', '\r']).unwrap_or(after.len());
                let (tail, after) = after.split_at_checked(end).unwrap_or((after, ""));
                field.push_str(tail);
                return (field, after);
            }
        }
    }
    field.push_str(rest);
    (field, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let fields = |text: &str| fields(&Context::default(), text).unwrap().json();
        assert_eq!(
            fields("aa,\"b,b,b\",cc,\"Escaping quotes: \"\"Title\"\"\",\"line1\nline2\""),
            r#"["aa","b,b,b","cc","Escaping quotes: \"Title\"","line1\nline2"]"#
        );
        assert_eq!(fields(""), r#"[""]"#);
        assert_eq!(fields("a,"), r#"["a",""]"#);
        assert_eq!(fields("\"open"), r#"["open"]"#);
        assert_eq!(fields("a\r\nb"), r#"["a"]"#);
    }
}
