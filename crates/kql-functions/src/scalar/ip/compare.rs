//! Addresses compared under the shortest of their prefixes.

use super::address::{V4, V6};

crate::functions! {
    /// Compares two IPv4 addresses as far as the shortest of their prefixes and the one given reaches: -1, 0 or 1; null
    /// when one is none.
    ///
    ///     ipv4_compare("192.168.1.1/24", "192.168.1.255") => 0
    ///     ipv4_compare("192.168.1.1", "192.168.1.255", 24) => 0
    ///     ipv4_compare("10.0.0.1", "10.0.0.2") => -1
    fn ipv4_compare
        (ip1: string, ip2: string) -> long { compare4(ip1, ip2, 32) }
        (ip1: string, ip2: string, prefix: long) -> long { compare4(ip1, ip2, prefix) }

    /// Whether two IPv4 addresses are equal as far as the shortest of their prefixes and the one given reaches.
    ///
    ///     ipv4_is_match("192.168.1.1/24", "192.168.1.255") => true
    ///     ipv4_is_match("192.168.1.1", "192.168.1.0", 31) => true
    ///     ipv4_is_match("10.0.0.1", "x") => bool(null)
    fn ipv4_is_match
        (ip1: string, ip2: string) -> bool { compare4(ip1, ip2, 32).map(|it| it == 0) }
        (ip1: string, ip2: string, prefix: long) -> bool { compare4(ip1, ip2, prefix).map(|it| it == 0) }

    /// Compares two IPv6 or IPv4 addresses as far as the shortest of their prefixes and the one given reaches.
    ///
    ///     ipv6_compare("fe80::85d:e82c:9446:7994/120", "fe80::85d:e82c:9446:7998") => 0
    ///     ipv6_compare("192.168.1.1", "::ffff:c0a8:0101") => 0
    fn ipv6_compare
        (ip1: string, ip2: string) -> long { compare6(ip1, ip2, 128) }
        (ip1: string, ip2: string, prefix: long) -> long { compare6(ip1, ip2, prefix) }

    /// Whether two IPv6 or IPv4 addresses are equal as far as the shortest of their prefixes and the one given reaches.
    ///
    ///     ipv6_is_match("fe80::85d:e82c:9446:7994", "fe80::85d:e82c:9446:7995", 127) => true
    ///     ipv6_is_match("192.168.1.1", "192.168.1.2") => false
    fn ipv6_is_match
        (ip1: string, ip2: string) -> bool { compare6(ip1, ip2, 128).map(|it| it == 0) }
        (ip1: string, ip2: string, prefix: long) -> bool { compare6(ip1, ip2, prefix).map(|it| it == 0) }
}

fn compare4(a: &str, b: &str, prefix: i64) -> Option<i64> {
    let (a, b) = (V4::parse(a)?.limited(prefix)?, V4::parse(b)?.limited(prefix)?);
    let shortest = i64::from(a.prefix.min(b.prefix));
    Some(a.limited(shortest)?.network().cmp(&b.limited(shortest)?.network()) as i64)
}

/// Between two plain IPv4 addresses a prefix up to 32 counts as one of IPv4.
fn compare6(a: &str, b: &str, prefix: i64) -> Option<i64> {
    let (a, b) = (V6::parse_mapped(a)?, V6::parse_mapped(b)?);
    let prefix = if a.is_v4 && b.is_v4 && (0..=32).contains(&prefix) { prefix + 96 } else { prefix };
    let shortest = i64::from(a.limited(prefix)?.prefix.min(b.prefix));
    Some(a.limited(shortest)?.network().cmp(&b.limited(shortest)?.network()) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_prefix_decides() {
        assert_eq!(compare4("192.168.1.1/30", "192.168.1.255/24", 32), Some(0));
        assert_eq!(compare4("192.168.1.1", "192.168.2.1", 0), Some(0));
        assert_eq!(compare4("192.168.1.1", "192.168.2.1", 33), None);
        assert_eq!(compare4("1.1.1.1", "1.1.1.0", -1), None);
        assert_eq!(compare6("::192.168.1.1/30", "192.168.1.255/24", 127), Some(0));
        assert_eq!(compare6("192.168.1.1/24", "::ffff:c0a8:01ff", 127), Some(0));
        assert_eq!(compare6("192.168.1.1", "10.0.0.1", 24), Some(1));
        assert_eq!(compare6("x", "10.0.0.1", 24), None);
    }
}
