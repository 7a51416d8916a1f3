//! `ipv4_lookup`, `ipv6_lookup`: rows of a table by the network that an address lies in.

use super::{Answer, Call, names::Names};
use crate::keys::same_row;
use core::net::{Ipv4Addr, Ipv6Addr};
use kql_data::{Batch, Column, Fault, Field, Map, NO_ROW, Schema, Value};
use kql_parser::plan::EvaluateValue;

/// A network: the masked address as a number of 128 bits from the top, and how many bits count.
type Network = (u128, u8);

pub(super) fn ipv4(call: &Call<'_>) -> Answer {
    run(call, network_v4, "SourceIPv4Key", "IPv4LookupKey")
}

pub(super) fn ipv6(call: &Call<'_>) -> Answer {
    run(call, network_v6, "SourceIPv6Key", "IPv6LookupKey")
}

fn masked(address: u128, bits: u8) -> u128 {
    if bits == 0 { 0 } else { address & (u128::MAX << (128 - u32::from(bits.min(128)))) }
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    }
}

fn network_v4(text: &str) -> Option<Network> {
    let (address, bits) = split(text.trim_start());
    let address: Ipv4Addr = address.parse().ok()?;
    let bits = bits.map_or(Some(32), |it| it.parse::<u8>().ok().filter(|it| *it <= 32))?;
    Some((masked(u128::from(u32::from(address)) << 96, bits), bits))
}

fn network_v6(text: &str) -> Option<Network> {
    let (address, bits) = split(text.trim_start());
    let address = address.split('%').next().unwrap_or(address);
    if let Ok(v4) = address.parse::<Ipv4Addr>() {
        let bits = bits.map_or(Some(32), |it| it.parse::<u8>().ok().filter(|it| *it <= 32))? + 96;
        return Some((masked(u128::from(v4.to_ipv6_mapped()), bits), bits));
    }
    let address: Ipv6Addr = address.parse().ok()?;
    let bits = bits.map_or(Some(128), |it| it.parse::<u8>().ok().filter(|it| *it <= 128))?;
    Some((masked(u128::from(address), bits), bits))
}

fn run(call: &Call<'_>, read: fn(&str) -> Option<Network>, source_name: &str, lookup_name: &str) -> Answer {
    let (input, table) = (call.input()?, call.table(1)?);
    let sources = call.values(call.required(source_name, 1)?)?;
    let key = lookup_column(call, lookup_name, 2)?;
    let Some(networks) = table.columns.get(key) else { return Err(call.wrong("the key is not in the lookup table")) };
    let (extra, unmatched) = extra_keys(call)?;
    let pick = |batch: &Batch, left: bool| -> Vec<Column> {
        extra.iter().filter_map(|(a, b)| batch.columns.get(if left { *a } else { *b }).cloned()).collect()
    };
    let (left_keys, right_keys) = (pick(input, true), pick(table, false));

    let mut by_network: Map<Network, Vec<u32>> = Map::default();
    let mut lengths: Vec<u8> = Vec::new();
    let reader = networks.string_reader();
    for row in 0..table.n_rows {
        if let Some(network) = read(reader.get(row)) {
            by_network.entry(network).or_default().push(row as u32);
            if !lengths.contains(&network.1) {
                lengths.push(network.1);
            }
        }
    }
    // The narrowest network first.
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let reader = sources.string_reader();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut held = call.execution.cx.budget.reserve(0, call.name)?;
    for row in 0..input.n_rows {
        if row.is_multiple_of(4_096) {
            call.check()?;
            held.resize(left.len() * 8, call.name)?;
        }
        let n_before = left.len();
        if let Some((address, bits)) = read(reader.get(row)) {
            let mut put = |found: &[u32]| {
                for other in found {
                    if same_row(&left_keys, row, &right_keys, *other as usize) {
                        left.push(row as u32);
                        right.push(*other);
                    }
                }
            };
            for length in &lengths {
                if *length <= bits {
                    put(by_network.get(&(masked(address, *length), *length)).map_or(&[], Vec::as_slice));
                } else {
                    // A source that is a network itself holds all narrower ones.
                    let inside = |it: &&Network| it.1 == *length && masked(it.0, bits) == address;
                    let mut found: Vec<u32> = by_network
                        .keys()
                        .filter(inside)
                        .flat_map(|it| by_network.get(it).cloned().unwrap_or_default())
                        .collect();
                    found.sort_unstable();
                    put(&found);
                }
            }
        }
        if unmatched && left.len() == n_before {
            left.push(row as u32);
            right.push(NO_ROW);
        }
    }
    let dropped: Vec<usize> = extra.iter().map(|(_, it)| *it).collect();
    looked_up(call, &left, &right, &dropped)
}

/// A column of the lookup table: the binder gives its name, or its index where the input has a column of that name too.
pub(super) fn lookup_column(call: &Call<'_>, name: &str, index: usize) -> Result<usize, Fault> {
    let column = match call.required(name, index)? {
        EvaluateValue::Column(it) => call.schema(0)?.fields.get(*it).map(|it| it.name.to_string()).unwrap_or_default(),
        other => call.constant_of(other)?.text(),
    };
    let found = call.schema(1)?.index_of(&column);
    found.ok_or_else(|| call.wrong(&format!("the lookup table has no column `{column}`")))
}

/// Further columns of both sides that must be equal, and whether rows without a match are wanted.
fn extra_keys(call: &Call<'_>) -> Result<(Vec<(usize, usize)>, bool), Fault> {
    let mut unmatched = flag(call, "return_unmatched", usize::MAX)?;
    let mut extra = Vec::new();
    let mut at = 3;
    while let Some(value) = call.positional(at) {
        match value {
            EvaluateValue::Column(index) => {
                let name = call.schema(0)?.fields.get(*index).map(|it| it.name.to_string()).unwrap_or_default();
                let other = call.schema(1)?.index_of(&name);
                extra.push((
                    *index,
                    other.ok_or_else(|| call.wrong(&format!("the lookup table has no column `{name}`")))?,
                ));
            }
            other => unmatched = call.constant_of(other)? == Value::Bool(true),
        }
        at += 1;
    }
    Ok((extra, unmatched))
}

pub(super) fn flag(call: &Call<'_>, name: &str, index: usize) -> Result<bool, Fault> {
    Ok(call.constant(name, index)? == Some(Value::Bool(true)))
}

/// All columns of the input, and those of the lookup table that are not dropped.
pub(super) fn looked_up(call: &Call<'_>, left: &[u32], right: &[u32], dropped: &[usize]) -> Answer {
    let (input, table) = (call.input()?, call.table(1)?);
    let mut fields = call.schema(0)?.fields.clone();
    let mut names = Names::new(fields.iter().map(|it| &*it.name).collect::<Vec<_>>());
    let mut columns: Vec<Column> = input.columns.iter().map(|it| it.take(left)).collect();
    for (index, (field, column)) in call.schema(1)?.fields.iter().zip(&table.columns).enumerate() {
        if !dropped.contains(&index) {
            fields.push(Field::new(names.take(&field.name), field.ty));
            columns.push(column.take(right));
        }
    }
    Ok((Schema::new(fields), vec![Batch::new(columns, left.len())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        assert_eq!(network_v4("10.1.2.3/8"), Some((10 << 120, 8)));
        assert_eq!(network_v4("10.1.2.3/0"), Some((0, 0)));
        assert_eq!(network_v4("01.2.3.4"), None);
        assert_eq!(network_v4("1.2.3.4/33"), None);
        assert_eq!(network_v6("::1"), Some((1, 128)));
        assert_eq!(network_v6("1.2.3.4/24").unwrap().1, 120);
    }
}
