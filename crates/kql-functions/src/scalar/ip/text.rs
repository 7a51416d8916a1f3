//! IPv4 addresses inside text, set off by anything but letters and digits.

use super::address::octet;
use crate::declare::{Accepts, Overload, Param, Returns, types::Output};
use kql_data::{Column, Context, Dynamic, Fault, Type};

const SOURCE: Param = Param::new("source", Accepts::StringOrDynamic).cast(Type::String);
const ONE: Param = Param::new("ips", Accepts::Type(Type::String)).cast(Type::String);

const WITH_ARRAY: &[Param] = &[SOURCE, Param::new("ips", Accepts::Array)];

const fn any_of(kernel: crate::Kernel) -> [Overload; 2] {
    let returns = Returns::Type(Type::Bool);
    [
        Overload { params: &[SOURCE], rest: Some((ONE, 1, 32_767)), returns, kernel: Some(kernel) },
        Overload { params: WITH_ARRAY, rest: None, returns, kernel: Some(kernel) },
    ]
}
const HAS_ANY: &[Overload] = &any_of(|cx, args, n_rows| has_any(cx, args, n_rows, has_address));
const HAS_ANY_PREFIX: &[Overload] = &any_of(|cx, args, n_rows| has_any(cx, args, n_rows, has_prefix));

crate::functions! {
    /// Whether a text holds an IPv4 address.
    ///
    ///     has_ipv4("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0.0.1") => true
    ///     has_ipv4("05:04:54127.0.0.1 GET /favicon.ico 404", "127.0.0.1") => false
    ///     has_ipv4("05:04:54 127.0.0.256 GET", "127.0.0.256") => false
    fn has_ipv4(source: text, ip: string) -> bool { has_address(source, ip) }

    /// Whether a text holds an IPv4 address that begins so. The prefix is a whole address or ends in a dot.
    ///
    ///     has_ipv4_prefix("05:04:54 127.0.0.1 GET", "127.0.") => true
    ///     has_ipv4_prefix("05:04:54 127.0.0.1 GET", "127.0") => false
    fn has_ipv4_prefix(source: text, ip_prefix: string) -> bool { has_prefix(source, ip_prefix) }

    /// Whether a text holds one of the IPv4 addresses, given one by one or in an array.
    ///
    ///     has_any_ipv4("05:04:54 127.0.0.1 GET", "127.0.0.1", "127.0.0.2") => true
    ///     has_any_ipv4("05:04:54 127.0.0.256 GET", dynamic(["127.0.0.256", "192.168.1.1"])) => false
    fn has_any_ipv4 = HAS_ANY;

    /// Whether a text holds an IPv4 address that begins like one of the prefixes, given one by one or in an array.
    ///
    ///     has_any_ipv4_prefix("05:04:54 127.0.0.1 GET", dynamic(["127.0.", "192.168."])) => true
    ///     has_any_ipv4_prefix("05:04:54 127.0.0.1 GET", "127.0", "192.") => false
    fn has_any_ipv4_prefix = HAS_ANY_PREFIX;
}

fn is_address(text: &str) -> bool {
    let mut octets = text.split('.');
    octets.by_ref().take(4).filter(|it| octet(it).is_some()).count() == 4 && octets.next().is_none()
}

fn is_prefix(text: &str) -> bool {
    let Some(octets) = text.strip_suffix('.') else { return is_address(text) };
    let mut n_octets = 0;
    octets.split('.').all(|it| {
        n_octets += 1;
        octet(it).is_some()
    }) && n_octets <= 3
}

/// Whether a needle stands in a text with neither letter nor digit before it; `fits` judges the text from there on.
fn found(source: &str, needle: &str, fits: impl Fn(&str) -> bool) -> bool {
    let is_free =
        |at: usize| !source.get(..at).and_then(|it| it.chars().next_back()).is_some_and(char::is_alphanumeric);
    source.match_indices(needle).any(|(at, _)| is_free(at) && source.get(at..).is_some_and(&fits))
}

fn has_address(source: &str, ip: &str) -> bool {
    let ends = |rest: &str| !rest.get(ip.len()..).and_then(|it| it.chars().next()).is_some_and(char::is_alphanumeric);
    is_address(ip) && found(source, ip, ends)
}

fn has_prefix(source: &str, prefix: &str) -> bool {
    if !prefix.ends_with('.') {
        return has_address(source, prefix);
    }
    is_prefix(prefix) && found(source, prefix, begins_with_address)
}

/// Whether four octets stand here, with neither letter nor digit after them.
fn begins_with_address(text: &str) -> bool {
    let mut rest = text;
    for index in 0..4 {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some((digits, after)) = rest.split_at_checked(n_digits) else { return false };
        if octet(digits).is_none() {
            return false;
        }
        rest = if index == 3 { after } else { after.strip_prefix('.').unwrap_or("") };
    }
    !rest.chars().next().is_some_and(char::is_alphanumeric)
}

fn has_any(cx: &Context, args: &[Column], n_rows: usize, has: fn(&str, &str) -> bool) -> Result<Column, Fault> {
    let Some((source, needles)) = args.split_first() else { return Ok(Column::null(Type::Bool, n_rows)) };
    let source = source.string_reader();
    let mut out = <bool as Output>::builder(n_rows);
    for row in 0..n_rows {
        if row % 1_024 == 0 {
            cx.check()?;
        }
        let text = source.get(row);
        let is_found = needles.iter().any(|column| match column.dynamic(row) {
            Dynamic::Array(items) => items.iter().filter_map(Dynamic::as_str).any(|it| has(text, it)),
            Dynamic::String(it) => has(text, &it),
            _ => false,
        });
        out.append_value(is_found);
    }
    Ok(<bool as Output>::finish(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_set_off() {
        assert!(has_address("a=10.0.0.1:80", "10.0.0.1"));
        assert!(!has_address("10.0.0.11", "10.0.0.1"));
        assert!(has_address("10.0.0.11,10.0.0.1", "10.0.0.1"));
        assert!(!has_address("é10.0.0.1", "10.0.0.1"));
        assert!(!has_address("x", ""));
    }

    #[test]
    fn prefixes_need_a_whole_address() {
        assert!(has_prefix("from 192.168.1.1, ok", "192."));
        assert!(!has_prefix("127.0.0.256", "127.0."));
        assert!(!has_prefix("127.0.1", "127.0."));
        assert!(!has_prefix("127.0.0.1x", "127.0."));
        assert!(has_prefix("127.0.0.1", "127.0.0.1"));
        assert!(!is_prefix("1.2.3.4."));
        assert!(!is_prefix("."));
    }
}
