//! Whether an address lies in a network, or in any of many.

use super::address::{V4, V6};
use crate::declare::{Accepts, Overload, Param, Returns, types::Output};
use kql_data::{Column, Context, Dynamic, Fault, Type};

const IP: Param = Param::new("ip", Accepts::StringOrDynamic).cast(Type::String);
const RANGE: Param = Param::new("ranges", Accepts::Type(Type::String)).cast(Type::String);

const WITH_ARRAY: &[Param] = &[IP, Param::new("ranges", Accepts::Array)];

const fn any_range(kernel: crate::Kernel) -> [Overload; 2] {
    let returns = Returns::Type(Type::Bool);
    [
        Overload { params: &[IP], rest: Some((RANGE, 1, 32_767)), returns, kernel: Some(kernel) },
        Overload { params: WITH_ARRAY, rest: None, returns, kernel: Some(kernel) },
    ]
}
const IPV4_ANY: &[Overload] = &any_range(|cx, args, n_rows| in_any_range(cx, args, n_rows, address4, range4));
const IPV6_ANY: &[Overload] = &any_range(|cx, args, n_rows| in_any_range(cx, args, n_rows, address6, range6));

crate::functions! {
    /// Whether an IPv4 address lies in a network; null when one of them is none.
    ///
    ///     ipv4_is_in_range("192.168.1.6", "192.168.1.1/24") => true
    ///     ipv4_is_in_range("192.168.2.6", "192.168.1.1/24") => false
    fn ipv4_is_in_range(ip: string, ip_range: string) -> bool { is_in_range(address4(ip), range4(ip_range)) }

    /// Whether an IPv6 or IPv4 address lies in a network; null when one of them is none.
    ///
    ///     ipv6_is_in_range("a5e:f127::abcd", "a5e:f127::0/112") => true
    fn ipv6_is_in_range(ip: string, ip_range: string) -> bool { is_in_range(address6(ip), range6(ip_range)) }

    /// Whether an IPv4 address lies in one of the networks, given one by one or in an array; in none of an empty one. Null
    /// when it is no address, or when networks are given and none of them is one.
    ///
    ///     ipv4_is_in_any_range("192.168.1.6", "192.168.1.1/24", "10.0.0.1/8") => true
    ///     ipv4_is_in_any_range("123.1.11.21", dynamic(["127.0.0.1", "192.168.1.1/16"])) => false
    ///     ipv4_is_in_any_range("123.1.11.21", dynamic([])) => false
    ///     ipv4_is_in_any_range("123.1.11.21", "here") => bool(null)
    fn ipv4_is_in_any_range = IPV4_ANY;

    /// Whether an IPv6 or IPv4 address lies in one of the networks, given one by one or in an array.
    ///
    ///     ipv6_is_in_any_range("a5e:f127::abcd", "::1", "a5e:f127::0/112") => true
    fn ipv6_is_in_any_range = IPV6_ANY;
}

/// First and last address of a network.
type Range = (u128, u128);

fn address4(text: &str) -> Option<u128> {
    V4::parse(text).map(|it| u128::from(it.network()))
}

fn range4(text: &str) -> Option<Range> {
    let it = V4::parse(text)?;
    let first = u128::from(it.network());
    Some((first, first + (1u128 << (32 - u32::from(it.prefix))) - 1))
}

fn address6(text: &str) -> Option<u128> {
    V6::parse_mapped(text).map(V6::network)
}

fn range6(text: &str) -> Option<Range> {
    let it = V6::parse_mapped(text)?;
    let hosts = u128::MAX.checked_shr(u32::from(it.prefix)).unwrap_or(0);
    Some((it.network(), it.network() | hosts))
}

fn is_in_range(address: Option<u128>, range: Option<Range>) -> Option<bool> {
    let (first, last) = range?;
    Some((first..=last).contains(&address?))
}

/// Networks in order, those that touch made one.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Vec<Range>);

impl Ranges {
    /// Of any networks.
    pub(crate) fn new(mut ranges: Vec<Range>) -> Ranges {
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Ranges(merged)
    }

    /// Whether an address lies in one.
    pub(crate) fn has(&self, address: u128) -> bool {
        let at = self.0.partition_point(|(first, _)| *first <= address);
        at.checked_sub(1).and_then(|it| self.0.get(it)).is_some_and(|(_, last)| address <= *last)
    }
}

fn in_any_range(
    cx: &Context,
    args: &[Column],
    n_rows: usize,
    address: fn(&str) -> Option<u128>,
    range: fn(&str) -> Option<Range>,
) -> Result<Column, Fault> {
    let Some((ip, ranges)) = args.split_first() else { return Ok(Column::null(Type::Bool, n_rows)) };
    let of_row = |row: usize| {
        let (mut found, mut n_given) = (Vec::new(), 0);
        for column in ranges {
            let item = column.dynamic(row);
            if let Dynamic::Array(items) = &item {
                n_given += items.len();
                found.extend(items.iter().filter_map(|it| range(it.as_str()?)));
            } else {
                n_given += 1;
                found.extend(item.as_str().and_then(range));
            }
        }
        (n_given == 0 || !found.is_empty()).then(|| Ranges::new(found))
    };
    let is_constant = ranges.iter().all(|it| matches!(it, Column::Constant { .. }));
    let mut known = None;
    let ip = ip.string_reader();
    let mut out = <bool as Output>::builder(n_rows);
    for row in 0..n_rows {
        if row % 4_096 == 0 {
            cx.check()?;
        }
        if row == 0 || !is_constant {
            known = of_row(row);
        }
        out.append_option(address(ip.get(row)).zip(known.as_ref()).map(|(it, known)| known.has(it)));
    }
    Ok(<bool as Output>::finish(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_are_searched() {
        let ranges = Ranges::new(
            ["10.0.0.0/8", "192.168.1.1/32", "10.1.0.0/16", "11.0.0.0/8"].map(|it| range4(it).unwrap()).to_vec(),
        );
        assert_eq!(ranges.0.len(), 2);
        let has = |it: &str| ranges.has(address4(it).unwrap());
        assert!(has("11.255.255.255"));
        assert!(!has("12.0.0.0"));
        assert!(!has("9.255.255.255"));
        assert!(has("192.168.1.1"));
        assert!(!Ranges::default().has(1));
    }

    #[test]
    fn whole_spaces() {
        assert_eq!(range4("1.2.3.4/0"), Some((0, u128::from(u32::MAX))));
        assert_eq!(range6("::/0"), Some((0, u128::MAX)));
        assert_eq!(range6("::1"), Some((1, 1)));
    }
}
