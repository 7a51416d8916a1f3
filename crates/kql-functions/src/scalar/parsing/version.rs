//! Version numbers as comparable decimals.

use kql_data::Decimal;

crate::functions! {
    /// A version of one to four numbers as a decimal with eight digits for each; null when it is none.
    ///
    ///     parse_version("0.0.0.5") => decimal(5)
    ///     parse_version("1.2.3.4") => decimal(1000000020000000300000004)
    ///     parse_version("1") > parse_version("0.9") => true
    fn parse_version(version: string) -> decimal { number(version) }
}

fn number(version: &str) -> Option<Decimal> {
    let mut parts = version.split('.');
    let mut digits = String::with_capacity(32);
    for index in 0..4 {
        let part = match parts.next() {
            Some(it) => it,
            None if index > 0 => "0",
            None => return None,
        };
        if part.is_empty() || part.len() > 8 || !part.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        digits.push_str(&format!("{part:0>8}"));
    }
    if parts.next().is_some() {
        return None;
    }
    Decimal::parse(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let text = |it: &str| number(it).map(|it| it.to_string());
        assert_eq!(text("1.2.3.4").as_deref(), Some("1000000020000000300000004"));
        assert_eq!(text("0.2").as_deref(), Some("20000000000000000"));
        for wrong in ["", "1.2.3.4.5", "1.a", "123456789", "1..2", "-1"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}
