//! Strings: length, case, parts.

crate::functions! {
    /// Number of characters of `source`.
    ///
    ///     strlen("hello") => 5
    ///     strlen("žluťoučký") => 9
    #[naming(NameAndFirstArgument)]
    fn strlen(source: text) -> long { source.chars().count() as i64 }

    /// `value` in lower case.
    ///
    ///     tolower("ABC") => "abc"
    fn tolower(value: any_text) -> string { value.to_lowercase() }

    /// `value` in upper case.
    ///
    ///     toupper("abc") => "ABC"
    fn toupper(value: any_text) -> string { value.to_uppercase() }
}

#[cfg(test)]
mod tests {
    use crate::evaluate::fold;
    use kql_data::{Context, Type, Value};

    #[test]
    fn a_declared_function_runs() {
        let strlen = crate::function("strlen").unwrap();
        let arg = (Value::String("žluťoučký".into()), Type::String);
        assert_eq!(fold(&Context::default(), strlen, 0, &[arg]), Ok(Value::Long(9)));
        assert_eq!(strlen.examples().next(), Some(("strlen(\"hello\")", "5")));
    }
}
