//! Addresses and networks read from text.

use std::net::{Ipv4Addr, Ipv6Addr};

crate::functions! {
    /// An IPv4 address as a number, masked by its prefix; null when it is none.
    ///
    ///     parse_ipv4("192.168.1.1") => 3232235777
    ///     parse_ipv4("192.168.1.1/24") => 3232235776
    ///     parse_ipv4("256.0.0.1") => long(null)
    fn parse_ipv4(ip: string) -> long { V4::parse(ip).map(|it| i64::from(it.network())) }

    /// An IPv4 address as a number, masked by its own prefix and the one given.
    ///
    ///     parse_ipv4_mask("127.0.0.1", 24) => 2130706432
    ///     parse_ipv4_mask("127.0.0.1", 33) => long(null)
    fn parse_ipv4_mask(ip: string, prefix: long) -> long {
        V4::parse(ip).and_then(|it| it.limited(prefix)).map(|it| i64::from(it.network()))
    }

    /// An IPv6 or IPv4 address in its full IPv6 form, masked by its prefix; "" when it is none.
    ///
    ///     parse_ipv6("::1") => "0000:0000:0000:0000:0000:0000:0000:0001"
    ///     parse_ipv6("192.168.255.255/24") => "0000:0000:0000:0000:0000:ffff:c0a8:ff00"
    ///     parse_ipv6("127.0.0.1.2") => ""
    fn parse_ipv6(ip: string) -> string { V6::parse(ip).map(|it| full_text(it.network())) }

    /// An IPv6 or IPv4 address in its full IPv6 form, masked by its own prefix and the one given.
    ///
    ///     parse_ipv6_mask("fe80::85d:e82c:9446:7994/120", 124) => "fe80:0000:0000:0000:085d:e82c:9446:7900"
    ///     parse_ipv6_mask("192.168.255.255", 120) => "0000:0000:0000:0000:0000:ffff:c0a8:ff00"
    fn parse_ipv6_mask(ip: string, prefix: long) -> string {
        V6::parse_mapped(ip).and_then(|it| it.limited(prefix)).map(|it| full_text(it.network()))
    }

    /// The prefix length of an IPv4 network; 32 when there is none.
    ///
    ///     ipv4_netmask_suffix("192.168.1.1/24") => 24
    ///     ipv4_netmask_suffix("10.1.2.3") => 32
    fn ipv4_netmask_suffix(ip: string) -> long { V4::parse(ip).map(|it| i64::from(it.prefix)) }

    /// Whether an IPv4 address belongs to a private network (RFC 1918); null when it is none.
    ///
    ///     ipv4_is_private("192.168.1.1/24") => true
    ///     ipv4_is_private("127.0.0.1") => false
    fn ipv4_is_private(ip: string) -> bool {
        V4::parse(ip).map(|it| Ipv4Addr::from(it.network()).is_private())
    }
}

/// An IPv4 address and the number of its leading bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V4 {
    /// The address as written.
    pub address: u32,
    /// 0 to 32.
    pub prefix: u8,
}

impl V4 {
    /// Reads `1.2.3.4` or `1.2.3.4/24`. Octets have no leading zeros.
    pub fn parse(text: &str) -> Option<V4> {
        let text = text.trim_start_matches(' ');
        let (address, prefix) = match text.split_once('/') {
            None => (text, 32),
            Some((address, prefix)) => (address, parse_prefix(prefix, 32)?),
        };
        let mut octets = address.split('.').map(octet);
        let mut bits = 0u32;
        for _ in 0..4 {
            bits = bits << 8 | u32::from(octets.next()??);
        }
        if octets.next().is_some() {
            return None;
        }
        Some(V4 { address: bits, prefix })
    }

    /// The address with the bits behind its prefix cleared.
    pub fn network(self) -> u32 {
        self.address & mask4(self.prefix)
    }

    /// The same with a prefix no longer than the one given; `None` when that is no prefix.
    pub fn limited(self, prefix: i64) -> Option<V4> {
        let prefix = u8::try_from(prefix).ok().filter(|it| *it <= 32)?;
        Some(V4 { prefix: self.prefix.min(prefix), ..self })
    }
}

fn mask4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

fn mask6(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}

/// One octet: one to three digits, no leading zero, at most 255.
pub fn octet(text: &str) -> Option<u8> {
    let is_plain = !text.is_empty() && text.len() <= 3 && text.bytes().all(|it| it.is_ascii_digit());
    if !is_plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

fn parse_prefix(text: &str, most: u8) -> Option<u8> {
    let is_plain = !text.is_empty() && text.len() <= 3 && text.bytes().all(|it| it.is_ascii_digit());
    if !is_plain {
        return None;
    }
    text.parse().ok().filter(|it| *it <= most)
}

/// An IPv6 address, or an IPv4 address mapped to one, and the number of its leading bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct V6 {
    /// The address as written.
    pub address: u128,
    /// 0 to 128.
    pub prefix: u8,
    /// Whether it was written as a plain IPv4 address.
    pub is_v4: bool,
}

/// `::ffff:0:0`, where IPv4 addresses are mapped to.
const MAPPED: u128 = 0xffff << 32;

impl V6 {
    /// Reads an IPv6 or IPv4 address with or without a prefix. A zone is dropped. The prefix of an address with a
    /// dotted tail counts within the tail.
    pub fn parse(text: &str) -> Option<V6> {
        let text = text.trim_start_matches(' ');
        if !text.contains(':') {
            let V4 { address, prefix } = V4::parse(text)?;
            return Some(V6 { address: MAPPED | u128::from(address), prefix: 96 + prefix, is_v4: true });
        }
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = address.split_once('%').map_or(address, |(address, _)| address);
        let prefix = match prefix {
            None => 128,
            Some(prefix) if address.contains('.') => 96 + parse_prefix(prefix, 32)?,
            Some(prefix) => parse_prefix(prefix, 128)?,
        };
        let address: Ipv6Addr = address.parse().ok()?;
        Some(V6 { address: address.into(), prefix, is_v4: false })
    }

    /// The same, but `::1.2.3.4` is the IPv4 address too: so do the functions that compare.
    pub fn parse_mapped(text: &str) -> Option<V6> {
        let mut parsed = V6::parse(text)?;
        if text.contains('.') && parsed.address >> 32 == 0 {
            parsed.address |= MAPPED;
        }
        Some(parsed)
    }

    /// The address with the bits behind its prefix cleared.
    pub fn network(self) -> u128 {
        self.address & mask6(self.prefix)
    }

    /// The same with a prefix no longer than the one given; `None` when that is no prefix.
    pub fn limited(self, prefix: i64) -> Option<V6> {
        let prefix = u8::try_from(prefix).ok().filter(|it| *it <= 128)?;
        Some(V6 { prefix: self.prefix.min(prefix), ..self })
    }
}

fn full_text(address: u128) -> String {
    let groups: Vec<String> = Ipv6Addr::from(address).segments().iter().map(|it| format!("{it:04x}")).collect();
    groups.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_is_read_strictly() {
        let number = |text: &str| V4::parse(text).map(V4::network);
        assert_eq!(number("203.0.113.10"), Some(3_405_803_786));
        assert_eq!(number(" 203.0.113.10/24"), Some(3_405_803_776));
        assert_eq!(number("203.0.113.10/0"), Some(0));
        assert_eq!(number("255.255.255.255/32"), Some(u32::MAX));
        for wrong in
            ["01.02.03.04", "256.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.4/33", "1.2.3.4/x", "", "1.2.3.+4", "1.2.3.4/"]
        {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ipv6_is_read_in_all_its_forms() {
        let text = |it: &str| V6::parse(it).map(|it| full_text(it.network())).unwrap_or_default();
        assert_eq!(text("fe80::1%eth0"), "fe80:0000:0000:0000:0000:0000:0000:0001");
        assert_eq!(text("::1.2.3.4"), "0000:0000:0000:0000:0000:0000:0102:0304");
        assert_eq!(text("2001:db8::10/17"), "2001:0000:0000:0000:0000:0000:0000:0000");
        assert_eq!(text("2001:db8::10/0"), "0000:0000:0000:0000:0000:0000:0000:0000");
        assert_eq!(text("::ffff:1.2.3.4/24"), "0000:0000:0000:0000:0000:ffff:0102:0300");
        assert_eq!(text("1.2.3.4/33"), "");
        assert_eq!(text("g::1"), "");
        let mapped = V6::parse_mapped("::192.168.255.255/24").map(|it| full_text(it.network()));
        assert_eq!(mapped.as_deref(), Some("0000:0000:0000:0000:0000:ffff:c0a8:ff00"));
    }
}
