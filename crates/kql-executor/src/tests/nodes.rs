//! One node at a time, and how nodes are run.

use super::builder::{Builder, column, context, dictionary, rows};
use crate::{Execution, execute};
use kql_data::{Batch, Column, Context, Dynamic, Fault, Limits, Stop, Type, Value};
use kql_parser::plan::{ExpandOutput, ExpandValue, Expr, JoinKind, Op};

fn longs(values: &[i64]) -> Column {
    Column::longs(values.to_vec())
}

fn long_rows(values: &[&[i64]]) -> Vec<Vec<Value>> {
    values.iter().map(|row| row.iter().map(|it| Value::Long(*it)).collect()).collect()
}

fn numbers(n: i64) -> (Builder, kql_parser::plan::NodeId) {
    let mut it = Builder::default();
    let values: Vec<i64> = (0..n).collect();
    let squares: Vec<i64> = values.iter().map(|it| it * it).collect();
    let table = it.table("T", Batch::new(vec![longs(&values), longs(&squares)], n as usize), 10);
    (it, table)
}

#[test]
fn filter_project_and_limit() {
    let (mut it, table) = numbers(100);
    let (x, y, ten, fifty) = (it.column(table, 0), it.column(table, 1), it.long(10), it.long(50));
    let (low, high) = (it.call("less", &[ten, x]), it.call("less", &[x, fifty]));
    let both = it.call("and", &[low, high]);
    let filtered = it.filter(table, both);
    let sum = it.call("plus", &[x, y]);
    let projected = it.project(filtered, &[sum, x]);
    let first = it.limit(projected, 3);
    assert_eq!(it.run(first), long_rows(&[&[132, 11], &[156, 12], &[182, 13]]));
    assert_eq!(it.run(projected).len(), 39);
    let none = it.limit(projected, -1);
    assert!(it.run(none).is_empty());
}

#[test]
fn limit_stops_early() {
    let (mut it, table) = numbers(1_000);
    let first = it.limit(table, 15);
    let x = it.column(table, 0);
    let doubled = it.call("plus", &[x, x]);
    let projected = it.project(table, &[doubled]);
    let few = it.limit(projected, 15);
    let cx = context(1);
    let execution = Execution::new(&cx, &it.plan, &it.tables);
    assert_eq!(execution.run(few).unwrap().len(), 2);
    assert_eq!(execution.statistics()[projected.0 as usize].rows, 30);
    assert_eq!(rows(&execution.run(first).unwrap()).len(), 15);
}

#[test]
fn ranges() {
    let mut it = Builder::default();
    let mut range = |from, to, step| {
        let [from, to, step] = [from, to, step].map(|value| it.constant(value));
        let ty = it.plan.expr(from).ty();
        let node = it.node(Op::Range { from, to, step }, &[ty]);
        it.run(node).into_iter().flatten().collect::<Vec<Value>>()
    };
    let long = Value::Long;
    assert_eq!(range(long(1), long(7), long(3)), [long(1), long(4), long(7)]);
    assert_eq!(range(long(1), long(-3), long(-2)), [long(1), long(-1), long(-3)]);
    assert_eq!(range(long(1), long(3), long(0)), []);
    assert_eq!(range(long(1), long(3), long(-1)), []);
    assert_eq!(range(long(1), Value::Null, long(1)), []);
    assert_eq!(range(long(i64::MAX - 1), long(i64::MAX), long(1)).len(), 2);
    assert_eq!(range(Value::Real(0.5), Value::Real(1.5), Value::Real(0.5)).len(), 3);
    assert_eq!(range(Value::Real(1e300), Value::Real(2e300), Value::Real(1.0)).len(), 1);
    assert_eq!(range(Value::Datetime(5), Value::Datetime(7), Value::Timespan(1)).len(), 3);
}

#[test]
fn unions_keep_order_and_are_shared() {
    let (mut it, table) = numbers(25);
    let (x, ten) = (it.column(table, 0), it.long(10));
    let small = it.call("less", &[x, ten]);
    let filtered = it.filter(table, small);
    let shared = it.node(Op::Shared { input: filtered }, &[Type::Long, Type::Long]);
    let union = it.union(&[shared, table, shared]);
    let found = it.run(union);
    assert_eq!(found.len(), 45);
    assert_eq!(found[10], found[0]);
    assert_eq!(found[35], found[0]);
    let cx = context(1);
    let execution = Execution::new(&cx, &it.plan, &it.tables);
    assert_eq!(rows(&execution.run(union).unwrap()).len(), 45);
    assert_eq!(rows(&execution.run(shared).unwrap()).len(), 10);
    assert_eq!(execution.statistics()[filtered.0 as usize].rows, 10);
}

#[test]
fn scalars_and_lists_are_computed_once() {
    let (mut it, table) = numbers(25);
    let sum = it.aggregate(table, &[], &[0]);
    let value = it.plan.add_expr(Expr::Scalar { node: sum, ty: Type::Long });
    let list = it.plan.add_expr(Expr::List { node: table });
    let x = it.column(table, 0);
    let plus = it.call("plus", &[x, value]);
    let projected = it.project(table, &[plus, list]);
    let first = it.limit(projected, 1);
    let found = it.run(first);
    assert_eq!(found[0][0], Value::Long(25));
    let Value::Dynamic(list) = &found[0][1] else { panic!("no list") };
    assert_eq!(list.as_array().map(<[Dynamic]>::len), Some(25));
}

#[test]
fn an_empty_input_has_one_group_without_keys_and_none_with() {
    let (mut it, table) = numbers(5);
    let (x, zero) = (it.column(table, 0), it.long(0));
    let never = it.call("less", &[x, zero]);
    let empty = it.filter(table, never);
    let all = it.aggregate(empty, &[], &[0]);
    let by = it.aggregate(empty, &[0], &[0]);
    assert_eq!(it.run(all), long_rows(&[&[0, 0]]));
    assert!(it.run(by).is_empty());
}

#[test]
fn texts_group_together_in_any_encoding() {
    let text = |it: &str| Value::String(it.into());
    let values = [text("b"), text("a"), text("b"), text("")];
    let mut it = Builder::default();
    let plain = column(Type::String, &values);
    let batches = [
        dictionary(&values),
        plain.clone(),
        dictionary(&values[1..]),
        Column::constant(text("a"), Type::String, 2),
        plain,
    ]
    .map(|column| {
        let n_rows = column.len();
        Batch::new(vec![column], n_rows)
    });
    let table = it.batches("T", &[("x", Type::String)], batches.to_vec());
    let by = it.aggregate(table, &[0], &[]);
    let found: Vec<(String, Value)> = it.run(by).into_iter().map(|row| (row[0].text(), row[1].clone())).collect();
    let count = Value::Long;
    assert_eq!(found, [("b".into(), count(7)), ("a".into(), count(6)), ("".into(), count(4))]);
    let joined = it.join(table, table, JoinKind::Inner, &[(0, 0)]);
    assert_eq!(it.run(joined).len(), 7 * 7 + 6 * 6 + 4 * 4);
}

#[test]
fn keys_are_normalised() {
    let reals = [0.0, -0.0, f64::NAN, -f64::NAN, 1.0].map(Value::Real);
    let mut it = Builder::default();
    let table = it.table("T", Batch::new(vec![column(Type::Real, &reals)], 5), 5);
    let by = it.aggregate(table, &[0], &[]);
    assert_eq!(it.run(by).iter().map(|row| row[1].clone()).collect::<Vec<_>>(), [2, 2, 1].map(Value::Long));
    let dynamics = vec![Some(Dynamic::Long(1)), Some(Dynamic::Real(1.0)), None, Some(Dynamic::array(vec![])), None];
    let table = it.table("D", Batch::new(vec![Column::dynamics(dynamics)], 5), 5);
    let by = it.aggregate(table, &[0], &[]);
    assert_eq!(it.run(by).iter().map(|row| row[1].clone()).collect::<Vec<_>>(), [2, 2, 1].map(Value::Long));
}

#[test]
fn nulls_and_nan_in_sorts() {
    let values = [Value::Real(1.0), Value::Null, Value::Real(f64::NAN), Value::Real(-1.0), Value::Real(f64::INFINITY)];
    let mut it = Builder::default();
    let table = it.table("T", Batch::new(vec![column(Type::Real, &values)], 5), 2);
    let mut order = |descends, nulls_first| -> Vec<String> {
        let sorted = it.sort(table, &[(0, descends, nulls_first)], None);
        let first = it.sort(table, &[(0, descends, nulls_first)], Some(2));
        // NaN does not equal itself: only the texts can be compared.
        let texts = |node| -> Vec<String> {
            it.run_with(&context(2), node, 2).unwrap().iter().map(|row| row[0].text()).collect()
        };
        let all = texts(sorted);
        assert_eq!(texts(first), all[..2]);
        all
    };
    assert_eq!(order(false, true), ["", "NaN", "-1.0", "1.0", "inf"]);
    assert_eq!(order(true, false), ["inf", "1.0", "-1.0", "NaN", ""]);
    assert_eq!(order(true, true), ["", "NaN", "inf", "1.0", "-1.0"]);
    assert_eq!(order(false, false), ["-1.0", "1.0", "inf", "NaN", ""]);
}

#[test]
fn first_rows_are_those_of_the_whole_whatever_chunks_are_left_out() {
    let shapes: [fn(i64) -> Option<i64>; 6] = [
        Some,
        |it| Some(-it),
        |it| Some(it * 7 % 13),
        |it| Some(it / 8),
        |it| (it % 5 > 0).then_some(it),
        |it| (it < 12).then_some(it % 3),
    ];
    for shape in shapes {
        let values: Vec<Value> = (0..24).map(|it| shape(it).map_or(Value::Null, Value::Long)).collect();
        let mut it = Builder::default();
        let columns = vec![column(Type::Long, &values), longs(&(0..24).collect::<Vec<i64>>())];
        let table = it.table("T", Batch::new(columns, 24), 4);
        for (descends, nulls_first) in [(false, false), (false, true), (true, false), (true, true)] {
            let sorted = it.sort(table, &[(0, descends, nulls_first)], None);
            let all = it.run(sorted);
            for limit in [1, 2, 3, 4, 5, 9, 23, 24, 30] {
                let first = it.sort(table, &[(0, descends, nulls_first)], Some(limit));
                let expected = all.get(..all.len().min(limit as usize)).unwrap_or(&[]);
                for batch_rows in [1, 3, 100] {
                    let found = it.run_with(&context(2), first, batch_rows).unwrap();
                    assert_eq!(found, expected, "{descends} {nulls_first} {limit} {batch_rows}");
                }
            }
        }
    }
}

#[test]
fn expansion_pads_and_counts() {
    let json = |text: &str| kql_data::json::read(text);
    let arrays = vec![json("[1,2,3]"), json("[]"), None, json(r#"{"k":1,"l":2}"#), json("7")];
    let others = vec![json(r#"["a"]"#), json("[]"), json("[1,2]"), json("[]"), None];
    let mut it = Builder::default();
    let columns = vec![longs(&[0, 1, 2, 3, 4]), Column::dynamics(arrays), Column::dynamics(others)];
    let table = it.table("T", Batch::new(columns, 5), 2);
    let (a, b) = (it.column(table, 1), it.column(table, 2));
    let values = vec![ExpandValue { value: a, ty: Type::Dynamic }, ExpandValue { value: b, ty: Type::String }];
    let mut expand = |numbered: bool, limit: Option<i64>| {
        let limit = limit.map(|count| it.long(count));
        let last = if numbered { ExpandOutput::Row } else { ExpandOutput::Input(0) };
        let outputs = vec![ExpandOutput::Element(0), ExpandOutput::Element(1), ExpandOutput::Index, last];
        let op = Op::Expand { input: table, values: values.clone(), bags_as_arrays: false, limit, outputs };
        let node = it.node(op, &[Type::Dynamic, Type::String, Type::Long, Type::Long]);
        let texts = |row: &Vec<Value>| row.iter().map(Value::text).collect::<Vec<_>>().join(" ");
        it.run(node).iter().map(texts).collect::<Vec<_>>()
    };
    let all = ["1 a 0 0", "2  1 0", "3  2 0", " 1 0 2", " 2 1 2", r#"{"k":1}  0 3"#, r#"{"l":2}  1 3"#, "7  0 4"];
    assert_eq!(expand(false, None), all);
    assert_eq!(expand(true, None), all);
    assert_eq!(expand(false, Some(1)), ["1 a 0 0", " 1 0 2", r#"{"k":1}  0 3"#, "7  0 4"]);
}

#[test]
fn long_chains_do_not_overflow() {
    let run = || {
        let (mut it, table) = numbers(3);
        let (mut at, one) = (table, it.long(1));
        for step in 0..10_000 {
            let x = it.column(at, 0);
            let more = it.call("plus", &[x, one]);
            at = it.project(at, &[more]);
            at = match step % 4 {
                0 => it.sort(at, &[(0, false, true)], None),
                1 => it.union(&[at]),
                2 => it.limit(at, 5),
                _ => at,
            };
        }
        assert_eq!(it.run_with(&context(2), at, 65_536).unwrap(), long_rows(&[&[10_000], &[10_001], &[10_002]]));
        let mut value = it.long(0);
        for _ in 0..5_000 {
            let x = it.call("plus", &[value, one]);
            let node = it.project(table, &[x]);
            value = it.plan.add_expr(Expr::Scalar { node, ty: Type::Long });
        }
        let last = it.project(table, &[value]);
        assert_eq!(it.run_with(&context(1), last, 65_536).unwrap()[0], [Value::Long(5_000)]);
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn nested_unions_do_not_explode() {
    let (mut it, table) = numbers(3);
    let mut at = table;
    for _ in 0..15 {
        at = it.union(&[at, at]);
    }
    assert_eq!(it.run_with(&context(2), at, 65_536).unwrap().len(), 3 << 15);
}

#[test]
fn stopping_and_limits() {
    let (mut it, table) = numbers(3_000);
    let joined = it.join(table, table, JoinKind::Inner, &[]);
    let count = it.aggregate(joined, &[], &[]);
    let cx = Context::new(0, 1, Stop::default(), Limits { memory: 1 << 20, ..Limits::default() });
    let fault = execute(&cx, &it.plan, &it.tables, joined).unwrap_err();
    assert!(matches!(fault, Fault::Limit { name: "memory", .. }), "{fault}");
    assert_eq!(cx.budget.used(), 0);
    // Pairs that are only counted need no room.
    assert_eq!(execute(&cx, &it.plan, &it.tables, count).unwrap()[0].columns[0].value(0), Value::Long(9_000_000));
    let stop = Stop::default();
    stop.cancel();
    let cx = Context::new(0, 1, stop, Limits::default());
    assert_eq!(execute(&cx, &it.plan, &it.tables, count).unwrap_err(), Fault::Cancelled);
    let stop = Stop::default();
    stop.time_out();
    let cx = Context::new(0, 1, stop, Limits::default());
    assert_eq!(execute(&cx, &it.plan, &it.tables, count).unwrap_err(), Fault::Timeout);
}

#[test]
fn a_missing_table_is_named() {
    let mut it = Builder::default();
    let op = Op::Scan { table: "Nowhere".to_owned(), columns: vec![], bounds: vec![] };
    let node = it.node(op, &[]);
    let fault = it.run_with(&context(1), node, 7).unwrap_err();
    assert!(fault.to_string().contains("Nowhere"));
}

#[test]
fn scalars_of_a_group_are_its_own() {
    let (mut it, table) = numbers(30);
    let types = [Type::Long, Type::Long];
    let group = it.node(Op::Group, &types);
    let first = it.limit(group, 1);
    let value = it.plan.add_expr(Expr::Scalar { node: first, ty: Type::Long });
    let other = it.column(table, 0);
    let sum = it.call("plus", &[other, value]);
    // For each group the rows of another table, with the group's own first value.
    let few = it.limit(table, 2);
    let body = it.project(few, &[sum]);
    let ten = it.long(27);
    let x = it.column(table, 0);
    let predicate = it.call("less", &[ten, x]);
    let filtered = it.filter(table, predicate);
    let by = vec![it.column(filtered, 0)];
    let apply = it.node(Op::Apply { input: filtered, by, body, carried: vec![0], groups_max: None }, &types);
    assert_eq!(it.run(apply), long_rows(&[&[28, 28], &[28, 29], &[29, 29], &[29, 30]]));
}

#[test]
fn states_come_in_the_order_of_their_rows() {
    let text = "range x from 1 to 5000 step 1 | extend k = x % 7 \
                | summarize make_list(x), make_set(x / 100), arg_max(x % 11, x), dcount(x), sum(x) by k";
    let expected = super::query::run_with(text, 1, 65_536).unwrap();
    for threads in [2, 3, 8] {
        for batch_rows in [1, 7, 64] {
            assert_eq!(super::query::run_with(text, threads, batch_rows).unwrap(), expected, "{threads} {batch_rows}");
        }
    }
}

#[test]
fn columns_that_a_chain_hands_on_are_those_of_its_rows() {
    let json = |it: i64| kql_data::json::read(["[1,2,3]", "[]", "[7]", "5"][it as usize % 4]);
    let mut it = Builder::default();
    let texts: Vec<Value> = (0..40).map(|it| Value::String(format!("t{}", it * 7 % 11).into())).collect();
    let columns = vec![
        longs(&(0..40).collect::<Vec<i64>>()),
        Column::dynamics((0..40).map(json).collect()),
        column(Type::String, &texts),
        longs(&(0..40).map(|it| it * 3 % 17).collect::<Vec<i64>>()),
    ];
    let table = it.table("T", Batch::new(columns, 40), 9);
    let (number, four) = (it.column(table, 0), it.long(4));
    let predicate = it.call("less", &[four, number]);
    let first = it.filter(table, predicate);
    let outputs = vec![
        ExpandOutput::Input(2),
        ExpandOutput::Element(0),
        ExpandOutput::Input(3),
        ExpandOutput::Index,
        ExpandOutput::Input(0),
    ];
    let values = vec![ExpandValue { value: it.column(first, 1), ty: Type::Long }];
    let op = Op::Expand { input: first, values, bags_as_arrays: false, limit: None, outputs };
    let expanded = it.node(op, &[Type::String, Type::Long, Type::Long, Type::Long, Type::Long]);
    let (element, of_row) = (it.column(expanded, 1), it.column(expanded, 2));
    let predicate = it.call("less", &[element, of_row]);
    let second = it.filter(expanded, predicate);
    let picked = [2, 0, 4, 1, 0].map(|index| it.column(second, index));
    let last = it.project(second, &picked);
    let elements = |row: i64| [vec![1, 2, 3], vec![], vec![7], vec![5]][row as usize % 4].clone();
    let mut expected = Vec::new();
    for row in 5..40_i64 {
        for element in elements(row).into_iter().filter(|it| *it < row * 3 % 17) {
            let text = texts[row as usize].clone();
            let of_row = Value::Long(row * 3 % 17);
            expected.push(vec![of_row, text.clone(), Value::Long(row), Value::Long(element), text]);
        }
    }
    for batch_rows in [1, 2, 5, 100] {
        assert_eq!(it.run_with(&context(2), last, batch_rows).unwrap(), expected, "{batch_rows}");
        let few = it.limit(last, 7);
        assert_eq!(it.run_with(&context(2), few, batch_rows).unwrap(), expected[..7], "{batch_rows}");
    }
}
