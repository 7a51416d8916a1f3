//! IPv4 addresses written out, and ranges of them as networks.

use super::address::V4;
use kql_data::{Dynamic, Value};
use std::net::Ipv4Addr;

crate::functions! {
    /// An IPv4 address, given as text or number, masked by its own prefix and the one given; "" when it is none.
    ///
    ///     format_ipv4("192.168.1.1", 24) => "192.168.1.0"
    ///     format_ipv4(3232236034) => "192.168.2.2"
    ///     format_ipv4("192.168.1.1/24", -1) => ""
    fn format_ipv4
        (ip: any) -> string { network(&ip, 32).map(|it| text(it.network())) }
        (ip: any, prefix: long) -> string { network(&ip, prefix).map(|it| text(it.network())) }

    /// The same with the prefix that counted: `192.168.1.0/24`.
    ///
    ///     format_ipv4_mask("192.168.1.1", 24) => "192.168.1.0/24"
    ///     format_ipv4_mask("192.168.1.1/24", 32) => "192.168.1.0/24"
    fn format_ipv4_mask
        (ip: any) -> string { network(&ip, 32).map(with_prefix) }
        (ip: any, prefix: long) -> string { network(&ip, prefix).map(with_prefix) }

    /// The fewest networks that make up the range from one IPv4 address to another; null when one is none.
    ///
    ///     ipv4_range_to_cidr_list("1.1.128.0", "1.1.140.255") => dynamic(["1.1.128.0/21", "1.1.136.0/22", "1.1.140.0/24"])
    fn ipv4_range_to_cidr_list(start_ip: string, end_ip: string) -> dynamic { networks(start_ip, end_ip) }
}

fn text(address: u32) -> String {
    Ipv4Addr::from(address).to_string()
}

fn with_prefix(network: V4) -> String {
    format!("{}/{}", text(network.network()), network.prefix)
}

fn network(ip: &Value, prefix: i64) -> Option<V4> {
    let number = |it: i64| u32::try_from(it).ok().map(|address| V4 { address, prefix: 32 });
    let parsed = match ip {
        Value::Long(it) => number(*it),
        Value::Int(it) => number(i64::from(*it)),
        Value::Dynamic(Dynamic::Long(it)) => number(*it),
        other => V4::parse(&other.text()),
    };
    parsed?.limited(prefix)
}

fn networks(start: &str, end: &str) -> Option<Dynamic> {
    let (start, end) = (V4::parse(start)?.network(), V4::parse(end)?.network());
    let (mut start, end) = (u64::from(start), u64::from(end));
    let mut found = Vec::new();
    while start <= end {
        // The largest block that begins here and does not reach beyond the end.
        let aligned = start.trailing_zeros().min(32);
        let fitting = (end - start + 1).ilog2();
        let bits = aligned.min(fitting);
        found.push(Dynamic::string(format!("{}/{}", text(start as u32), 32 - bits)));
        start += 1 << bits;
    }
    Some(Dynamic::array(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_covered() {
        let list = |a: &str, b: &str| networks(a, b).map(|it| it.json());
        assert_eq!(list("0.0.0.0", "255.255.255.255").as_deref(), Some(r#"["0.0.0.0/0"]"#));
        assert_eq!(list("255.255.255.255", "255.255.255.255").as_deref(), Some(r#"["255.255.255.255/32"]"#));
        assert_eq!(list("10.0.0.1", "10.0.0.2").as_deref(), Some(r#"["10.0.0.1/32","10.0.0.2/32"]"#));
        assert_eq!(list("10.0.0.2", "10.0.0.1").as_deref(), Some("[]"));
    }

    #[test]
    fn numbers_are_addresses() {
        let text_of = |it: Value| network(&it, 32).map(|it| text(it.network()));
        assert_eq!(text_of(Value::Long(3_232_236_034)).as_deref(), Some("192.168.2.2"));
        assert_eq!(text_of(Value::Long(-1)), None);
        assert_eq!(text_of(Value::Long(1 << 32)), None);
    }
}
