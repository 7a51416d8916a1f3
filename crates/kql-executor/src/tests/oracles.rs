//! Random tables against answers found in the plainest way.

use super::builder::{Builder, Random, column, context, dictionary};
use kql_data::{Batch, Type, Value};
use kql_parser::plan::{Expr, JoinKind};
use std::collections::BTreeMap;

fn text(it: u64) -> Value {
    Value::String(["", "a", "b", "cc", "ddd"][it as usize % 5].into())
}

fn maybe(random: &mut Random, n: u64) -> Value {
    let value = random.below(n + 1);
    if value == n { Value::Null } else { Value::Long(value as i64) }
}

/// Rows of (long, string, datetime, bool, row number) with few distinct values.
fn random_rows(random: &mut Random, n: usize) -> Vec<Vec<Value>> {
    let row = |number| {
        let moment = match maybe(random, 3) {
            Value::Long(it) => Value::Datetime(it * 1_000_000_000),
            other => other,
        };
        let flag = if random.below(3) == 0 { Value::Null } else { Value::Bool(random.below(2) == 0) };
        vec![maybe(random, 4), text(random.below(5)), moment, flag, Value::Long(number as i64)]
    };
    (0..n).map(row).collect()
}

const TYPES: [Type; 5] = [Type::Long, Type::String, Type::Datetime, Type::Bool, Type::Long];

fn batch(rows: &[Vec<Value>], by_dictionary: bool) -> Batch {
    let columns = TYPES.iter().enumerate().map(|(index, ty)| {
        let values: Vec<Value> = rows.iter().map(|row| row[index].clone()).collect();
        if by_dictionary && *ty == Type::String { dictionary(&values) } else { column(*ty, &values) }
    });
    Batch::new(columns.collect(), rows.len())
}

/// A table of those rows, in chunks whose strings are now plain, now by one of several dictionaries.
fn table(it: &mut Builder, random: &mut Random, name: &str, rows: &[Vec<Value>]) -> kql_parser::plan::NodeId {
    let mixed = random.below(2) == 0;
    if !mixed {
        let by_dictionary = random.below(2) == 0;
        return it.table(name, batch(rows, by_dictionary), 1 + random.below(9) as usize);
    }
    let batches = rows.chunks(1 + random.below(9) as usize).map(|rows| batch(rows, random.below(3) > 0)).collect();
    let names = ["c0", "c1", "c2", "c3", "c4"];
    let schema: Vec<(&str, Type)> = names.into_iter().zip(TYPES).collect();
    it.batches(name, &schema, batches)
}

fn key(row: &[Value], columns: &[usize]) -> Vec<String> {
    columns.iter().map(|it| format!("{:?}", row[*it])).collect()
}

fn some_columns(random: &mut Random) -> Vec<usize> {
    (0..4).filter(|_| random.below(2) == 0).collect()
}

#[test]
fn groups_equal_a_map() {
    let mut random = Random(1);
    for round in 0..60 {
        let n_rows = random.below(80) as usize;
        let rows = random_rows(&mut random, n_rows);
        let mut it = Builder::default();
        let table = table(&mut it, &mut random, "T", &rows);
        let keys = some_columns(&mut random);
        let node = it.aggregate(table, &keys, &[4]);
        let mut expected: BTreeMap<Vec<String>, (usize, Vec<Value>, i64, i64)> = BTreeMap::new();
        for (number, row) in rows.iter().enumerate() {
            let start = || (number, keys.iter().map(|it| row[*it].clone()).collect(), 0, 0);
            let group = expected.entry(key(row, &keys)).or_insert_with(start);
            group.2 += 1;
            group.3 += number as i64;
        }
        let mut groups: Vec<_> = expected.into_values().collect();
        groups.sort_by_key(|it| it.0);
        if keys.is_empty() && groups.is_empty() {
            groups.push((0, vec![], 0, 0));
        }
        let expected: Vec<Vec<Value>> = groups
            .into_iter()
            .map(|(_, key, count, sum)| [key, vec![Value::Long(count), Value::Long(sum)]].concat())
            .collect();
        assert_eq!(it.run(node), expected, "round {round}, keys {keys:?}");
    }
}

const KINDS: [JoinKind; 9] = [
    JoinKind::InnerUnique,
    JoinKind::Inner,
    JoinKind::LeftOuter,
    JoinKind::RightOuter,
    JoinKind::FullOuter,
    JoinKind::LeftSemi,
    JoinKind::LeftAnti,
    JoinKind::RightSemi,
    JoinKind::RightAnti,
];

fn nested_loops(
    left: &[Vec<Value>],
    right: &[Vec<Value>],
    kind: JoinKind,
    same: impl Fn(&[Value], &[Value]) -> bool,
    holds: impl Fn(&[Value], &[Value]) -> bool,
    keys: &[usize],
) -> Vec<Vec<Value>> {
    let nulls: Vec<Value> = TYPES.iter().map(|it| Value::null(*it)).collect();
    let mut right_matched = vec![false; right.len()];
    let (mut out, mut seen) = (Vec::new(), Vec::new());
    for row in left {
        if kind == JoinKind::InnerUnique {
            if seen.contains(&key(row, keys)) {
                continue;
            }
            seen.push(key(row, keys));
        }
        let mut matched = false;
        for (index, other) in right.iter().enumerate() {
            if same(row, other) && holds(row, other) {
                (matched, right_matched[index]) = (true, true);
                if !matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti | JoinKind::RightSemi | JoinKind::RightAnti)
                {
                    out.push([row.clone(), other.clone()].concat());
                }
            }
        }
        match kind {
            JoinKind::LeftSemi if matched => out.push(row.clone()),
            JoinKind::LeftAnti if !matched => out.push(row.clone()),
            JoinKind::LeftOuter | JoinKind::FullOuter if !matched => out.push([row.clone(), nulls.clone()].concat()),
            _ => {}
        }
    }
    for (other, matched) in right.iter().zip(right_matched) {
        match kind {
            JoinKind::RightSemi if matched => out.push(other.clone()),
            JoinKind::RightAnti if !matched => out.push(other.clone()),
            JoinKind::RightOuter | JoinKind::FullOuter if !matched => {
                out.push([nulls.clone(), other.clone()].concat());
            }
            _ => {}
        }
    }
    out
}

fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<String> {
    rows.sort_by_key(|it| format!("{it:?}"));
    rows.iter().map(|it| format!("{it:?}")).collect()
}

#[test]
fn joins_equal_nested_loops() {
    let mut random = Random(2);
    for round in 0..90 {
        let (n_left, n_right) = (random.below(40) as usize, random.below(40) as usize);
        let (left_rows, right_rows) = (random_rows(&mut random, n_left), random_rows(&mut random, n_right));
        let mut it = Builder::default();
        let left = table(&mut it, &mut random, "L", &left_rows);
        let right = table(&mut it, &mut random, "R", &right_rows);
        let (kind, keys) = (KINDS[round % 9], some_columns(&mut random));
        let pairs: Vec<(usize, usize)> = keys.iter().map(|it| (*it, *it)).collect();
        let node = it.join(left, right, kind, &pairs);
        let with_condition = random.below(2) == 0;
        if with_condition {
            // left.row < right.row
            let (a, b) = (it.column(left, 4), it.plan.add_expr(Expr::Column { index: 9, ty: Type::Long }));
            let less = it.call("less", &[a, b]);
            if let kql_parser::plan::Op::Join { condition, .. } = &mut it.plan.nodes[node.0 as usize].op {
                *condition = Some(less);
            }
        }
        let same = |a: &[Value], b: &[Value]| key(a, &keys) == key(b, &keys);
        let holds = |a: &[Value], b: &[Value]| match (&a[4], &b[4]) {
            (Value::Long(a), Value::Long(b)) => !with_condition || a < b,
            _ => false,
        };
        let expected = nested_loops(&left_rows, &right_rows, kind, same, holds, &keys);
        // With a condition an outer join gives rows without a match after those of their batch.
        let found = if with_condition {
            for (threads, batch_rows) in [(1, 1), (2, 7)] {
                let found = it.run_with(&context(threads), node, batch_rows).unwrap();
                assert_eq!(sorted(found), sorted(expected.clone()), "round {round} {kind:?} {keys:?}");
            }
            it.run_with(&context(2), node, 65_536).unwrap()
        } else {
            let found = it.run(node);
            assert_eq!(found, expected, "round {round} {kind:?} {keys:?}");
            found
        };
        assert_eq!(sorted(found), sorted(expected), "round {round} {kind:?} {keys:?}");
    }
}

/// Texts as keys, some of them on one side only, most of them in one row or in a few; and the number of pairs alone.
#[test]
fn joins_on_a_text_equal_nested_loops() {
    let mut random = Random(8);
    let mut texts = |n: usize, n_texts: u64| {
        let mut rows = random_rows(&mut random, n);
        for row in &mut rows {
            let number = random.below(n_texts);
            row[1] = Value::String(if number == 0 { String::new() } else { format!("key number {number}") }.into());
        }
        rows
    };
    for round in 0..63 {
        let n_texts = [3, 30, 300][round / 9 % 3];
        let (left_rows, mut right_rows) = (texts(70, n_texts), texts([5, 60, 120][round % 3], n_texts * 2));
        if round % 2 == 0 {
            // Both sides in one order, but for a row now and then.
            for (row, left) in right_rows.iter_mut().zip(&left_rows).filter(|(row, _)| row[4] != Value::Long(33)) {
                row[1] = left[1].clone();
            }
        }
        let mut it = Builder::default();
        let mut which = Random(round as u64);
        let left = table(&mut it, &mut which, "L", &left_rows);
        let right = table(&mut it, &mut which, "R", &right_rows);
        let kind = KINDS[round % 9];
        let node = it.join(left, right, kind, &[(1, 1)]);
        let expected = nested_loops(&left_rows, &right_rows, kind, |a, b| a[1] == b[1], |_, _| true, &[1]);
        assert_eq!(it.run(node), expected, "round {round} {kind:?}");
        let counted = it.aggregate(node, &[], &[]);
        assert_eq!(it.run(counted), [[Value::Long(expected.len() as i64)]], "round {round} {kind:?}");
    }
}

#[test]
fn sorts_are_stable() {
    let mut random = Random(3);
    for round in 0..60 {
        let n_rows = random.below(80) as usize;
        let rows = random_rows(&mut random, n_rows);
        let mut it = Builder::default();
        let table = table(&mut it, &mut random, "T", &rows);
        let keys: Vec<(usize, bool, bool)> =
            some_columns(&mut random).into_iter().map(|it| (it, random.below(2) == 0, random.below(2) == 0)).collect();
        let limit = (random.below(2) == 0).then(|| random.below(20) as i64);
        let node = it.sort(table, &keys, limit);
        let mut expected = rows.clone();
        expected.sort_by(|a, b| {
            for (column, descends, nulls_first) in &keys {
                let (a, b) = (&a[*column], &b[*column]);
                let order = match (a.is_null(), b.is_null()) {
                    (true, true) => std::cmp::Ordering::Equal,
                    (true, false) if *nulls_first => std::cmp::Ordering::Less,
                    (true, false) => std::cmp::Ordering::Greater,
                    (false, true) if *nulls_first => std::cmp::Ordering::Greater,
                    (false, true) => std::cmp::Ordering::Less,
                    _ if *descends => crate::sort::compare_values(b, a),
                    _ => crate::sort::compare_values(a, b),
                };
                if order.is_ne() {
                    return order;
                }
            }
            std::cmp::Ordering::Equal
        });
        expected.truncate(limit.map_or(usize::MAX, |it| it as usize));
        assert_eq!(it.run(node), expected, "round {round} {keys:?} {limit:?}");
    }
}

#[test]
fn take_above_a_sort_is_top() {
    let mut random = Random(4);
    for _ in 0..20 {
        let rows = random_rows(&mut random, 60);
        let mut it = Builder::default();
        let table = table(&mut it, &mut random, "T", &rows);
        let sorted = it.sort(table, &[(2, true, false), (0, false, true), (1, true, false)], None);
        let first = it.limit(sorted, 7);
        let all = it.run(sorted);
        assert_eq!(all.len(), 60);
        assert_eq!(it.run(first), all[..7]);
    }
}
