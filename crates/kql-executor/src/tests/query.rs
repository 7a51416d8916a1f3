//! Queries as text through parser and binder, against a small catalogue.

use super::builder::Random;
use crate::{Execution, Tables, run_plugin};
use kql_data::{Batch, Context, Fault, Limits, Schema, Stop, Table};
use kql_parser::{
    Catalogue, Parameters, StoredFunction,
    plan::{NodeId, Op, Plan},
};
use std::sync::Arc;

/// No tables: the queries bring their own.
pub(crate) struct Nothing<'a>(pub(crate) &'a Context);

impl Tables for Nothing<'_> {
    fn table(&self, _: &str) -> Option<Arc<Table>> {
        None
    }
}

impl Catalogue for Nothing<'_> {
    fn plugin_columns(&self, _: &Plan, _: &Op) -> Option<Schema> {
        None
    }

    fn infer(&self, _: &str, _: &[(String, String)]) -> Result<Schema, String> {
        Err("no files".to_owned())
    }

    fn runs(&self) -> bool {
        true
    }

    fn plugin_refusal(&self, name: &str) -> Option<Fault> {
        crate::evaluate::refusal(name)
    }

    fn table(&self, _: &str) -> Option<Arc<Schema>> {
        None
    }
    fn tables(&self) -> Vec<String> {
        Vec::new()
    }
    fn function(&self, _: &str) -> Option<StoredFunction> {
        None
    }
    fn functions(&self) -> Vec<String> {
        Vec::new()
    }
    fn external(&self, uri: &str, _: &Schema, _: &[(String, String)]) -> Result<Vec<Batch>, String> {
        Err(uri.to_owned())
    }
    fn evaluate(&self, plan: &Plan, node: NodeId) -> Option<Result<Vec<Batch>, Fault>> {
        Some(crate::execute(self.0, plan, self, node))
    }
    fn plugin(&self, plan: &Plan, call: &Op) -> Option<Result<(Schema, Vec<Batch>), Fault>> {
        Some(run_plugin(self.0, plan, self, call))
    }
}

/// The first result: columns with a colon and a type, and the rows, cells with `|` between.
pub(crate) fn run_with(text: &str, threads: usize, batch_rows: usize) -> Result<(String, Vec<String>), String> {
    let cx = Context::new(0, 1, Stop::default(), Limits { threads, ..Limits::default() });
    let catalogue = Nothing(&cx);
    let (query, mut diagnostics) = kql_parser::parse(text, &kql_parser::ParseOptions::default());
    let (plan, more) = kql_parser::bind(&Arc::new(query), &catalogue, &cx, &Parameters::new());
    diagnostics.extend(more);
    if let Some(first) = diagnostics.iter().find(|it| it.severity == kql_parser::Severity::Error) {
        return Err(first.message.clone());
    }
    let node = plan.results.first().map(|it| it.node).ok_or("no result")?;
    let execution = Execution::new(&cx, &plan, &catalogue).batch_rows(batch_rows);
    let batches = execution.run(node).map_err(|it| it.to_string())?;
    let schema = plan.schema(node);
    let names: Vec<String> = schema.fields.iter().map(|it| format!("{}:{}", it.name, it.ty)).collect();
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.n_rows {
            let cells: Vec<String> = batch.columns.iter().map(|it| it.value(row).text()).collect();
            rows.push(cells.join("|"));
        }
    }
    Ok((names.join(" "), rows))
}

/// The rows of a query, the same whatever the size of batches and the number of threads.
pub(crate) fn rows(text: &str) -> Vec<String> {
    answer(text).1
}

/// Columns and rows.
pub(crate) fn answer(text: &str) -> (String, Vec<String>) {
    let expected = run_with(text, 1, 65_536).unwrap_or_else(|why| panic!("{why}\n{text}"));
    for (threads, batch_rows) in [(1, 1), (2, 7), (2, 65_536)] {
        assert_eq!(run_with(text, threads, batch_rows).unwrap(), expected, "{threads} {batch_rows} {text}");
    }
    expected
}

/// What is wrong with a query.
pub(crate) fn fault(text: &str) -> String {
    run_with(text, 1, 65_536).unwrap_err()
}

#[test]
fn series_fill_bins() {
    let data = "let d = datatable(t:datetime, k:string, v:long)[
        datetime(2024-01-01 01:00), 'a', 1, datetime(2024-01-01 02:00), 'a', 2, datetime(2024-01-03), 'a', 5,
        datetime(2024-01-02), 'b', 7, datetime(2024-01-04), 'b', 9]; ";
    let run = |query: &str| rows(&format!("{data} {query}"));
    let found = run("d | make-series s = sum(v) on t from datetime(2024-01-01) to datetime(2024-01-04) step 1d by k
        | project k, s, n = array_length(t)");
    assert_eq!(found, ["a|[3,0,5]|3", "b|[0,7,0]|3"]);
    let found = run("d | make-series c = count() default = -1 on t step 1d by k | project k, c, t0 = tostring(t[0])");
    assert_eq!(found, ["a|[2,-1,1]|2024-01-01T00:00:00.0000000Z", "b|[1,-1,1]|2024-01-02T00:00:00.0000000Z"]);
    let found = run("d | make-series a = avg(v) on t in range(datetime(2024-01-01), datetime(2024-01-03), 2d)");
    assert_eq!(found.len(), 1);
    assert!(
        run("d | take 0 | make-series a = avg(v) on t from datetime(2024-01-01) to datetime(2024-01-03) step 1d")
            .is_empty()
    );
    let found = run(
        "d | take 0 | make-series kind=nonempty a = avg(v) default=1.0 on t from datetime(2024-01-01) to datetime(2024-01-03) step 1d | project a",
    );
    assert_eq!(found, ["[1.0,1.0]"]);
    let found = rows("range x from 1 to 7 step 1 | make-series c = count() on x from 0 to 10 step 3");
    assert_eq!(found, ["[2,3,2,0]|[0,3,6,9]"]);
    let text = "range x from 1 to 7 step 1 | make-series c = count() on x from 0 to 10000000 step 1";
    assert!(fault(text).contains("array_elements"));
    assert!(fault("range x from 1 to 7 step 1 | make-series c = count() on x from 0 to 10 step -1").contains("step"));
}

#[test]
fn scan_follows_sequences() {
    let events = "let e = datatable(t:timespan, e:string)[0m, 'A', 1m, 'Start', 2m, 'B', 3m, 'D', 4m, 'Stop', 6m, 'C',
        8m, 'Start', 11m, 'E', 12m, 'Stop']; e | sort by t asc ";
    let run = |query: &str| rows(&format!("{events} | {query}"));
    let steps = "step s1: e == 'Start'; step s2 {}: e != 'Start' and e != 'Stop' and t - s1.t <= 5m;
        step s3: e == 'Stop' and t - s1.t <= 5m;";
    let all = run(&format!("scan with_match_id=m with ({})", steps.replace("{}", "")));
    let expected = ["1|Start|0", "2|B|0", "3|D|0", "4|Stop|0", "8|Start|1", "11|E|1", "12|Stop|1"];
    let expected =
        expected.map(|it| format!("00:{:0>2}:00|{}", it.split_once('|').unwrap().0, it.split_once('|').unwrap().1));
    assert_eq!(all, expected);
    let last =
        run(&format!("scan with_match_id=m with ({}) | summarize count() by e", steps.replace("{}", "output=last")));
    assert_eq!(last, ["Start|2", "D|1", "Stop|2", "E|1"]);
    let sums = rows("range x from 1 to 5 step 1 | scan declare (s:long=0) with (step a: true => s = x + a.s;)");
    assert_eq!(sums, ["1|1", "2|3", "3|6", "4|10", "5|15"]);
    let sessions = run("scan with_match_id=id declare (s:timespan) with (
        step i: true => s = iff(isnull(i.s), t, i.s); step end output=none: t - i.s > 5m;) | summarize count() by id");
    assert_eq!(sessions, ["0|5", "1|3", "2|1"]);
}

#[test]
fn mv_apply_and_partition() {
    let data = "let d = datatable(k:long, a:dynamic)[1, dynamic([3,1,2]), 2, dynamic([]), 3, dynamic([9,8]), 4, dynamic(null)]; d ";
    let run = |query: &str| rows(&format!("{data} | {query}"));
    assert_eq!(
        run("mv-apply x = a to typeof(long) on (top 2 by x | project x) | project k, x"),
        ["1|3", "1|2", "3|9", "3|8", "4|"]
    );
    assert_eq!(
        run("mv-apply x = a to typeof(long) on (where x > 2 | summarize s = sum(x)) | project k, s"),
        ["1|3", "3|17", "4|0"]
    );
    assert_eq!(
        run("mv-apply x = a to typeof(long) on (extend y = x * 2 | summarize c = count() by y) | project k, y, c"),
        ["1|6|1", "1|2|1", "1|4|1", "3|18|1", "3|16|1", "4||1"]
    );
    assert_eq!(
        run("mv-apply x = a to typeof(long) on (take 1 | mv-expand b = pack_array(x, 7) | project b) | project k, b"),
        ["1|3", "1|7", "3|9", "3|7", "4|", "4|7"]
    );
    // A join within is no chain: group by group.
    assert_eq!(
        run(
            "mv-apply x = a to typeof(long) on (join kind=inner (range x from 1 to 9 step 4) on x | project x) | project k, x"
        ),
        ["1|1", "3|9"]
    );
    let found = rows("range x from 1 to 10 step 1 | extend g = x % 3 | sort by x asc
        | partition hint.strategy=native by g (sort by x desc | extend n = row_number() | where n <= 2 | project g, x, n)");
    assert_eq!(found, ["1|10|1", "1|7|2", "2|8|1", "2|5|2", "0|9|1", "0|6|2"]);
    let found = rows(
        "range x from 1 to 6 step 1 | extend g = x % 2 | sort by x asc
        | partition hint.strategy=native by g (scan declare (s:long=0) with (step a: true => s = x + a.s;))",
    );
    assert_eq!(found, ["1|1|1", "3|1|4", "5|1|9", "2|0|2", "4|0|6", "6|0|12"]);
}

#[test]
fn samples() {
    let found = rows("range x from 1 to 100 step 1 | sample 3");
    assert_eq!(found.len(), 3);
    assert_eq!(rows("range x from 1 to 3 step 1 | sample 5").len(), 3);
    let mut random = Random(7);
    let picked = crate::sample::choose(10, 4, || random.below(1 << 20));
    assert!(picked.is_sorted() && picked.len() == 4);
}

#[test]
fn large_ranges_are_made_when_they_are_wanted() {
    assert_eq!(rows("range x from 1 to 60000000000 step 1 | where x > 3 | take 2"), ["4", "5"]);
    assert!(fault("range x from 1 to 9223372036854775807 step 1 | take 2").contains("range"));
    assert_eq!(
        rows("range x from 9223372036854775800 to 9223372036854775807 step 5 | summarize max(x)"),
        ["9223372036854775805"]
    );
    assert_eq!(
        rows("range t from datetime(2024-01-01) to datetime(2024-01-03) step 2d | project d = dayofmonth(t)"),
        ["1", "3"]
    );
}

#[test]
fn subqueries_see_no_more_columns_than_they_have() {
    let elements = "datatable(k:long, a:dynamic)[1, dynamic([1, 3, 2]), 2, dynamic([5])]";
    let run = |tail: &str| rows(&format!("{elements} | {tail}"));
    assert_eq!(run("mv-apply a to typeof(long) on (top 1 by a)"), ["1|3", "2|5"]);
    assert_eq!(run("mv-apply a to typeof(long) on (where a > 2)"), ["1|3", "2|5"]);
    assert_eq!(run("mv-apply with_itemindex=i x = a to typeof(long) on (where i == 2)"), ["1|[1,3,2]|2|2"]);
    assert_eq!(
        run("mv-apply x = a to typeof(long) on (where x > 2 | union (print x = 9)) | project k, x | count"),
        ["4"]
    );
}

#[test]
fn subqueries_over_rows_give_the_same_as_a_step_and_as_a_whole() {
    let data = r#"let d = datatable(k:long, a:dynamic, s:dynamic)[
        1, dynamic([3, 1, 2]), dynamic(["x", "Y"]), 2, dynamic([]), dynamic([]), 3, dynamic([5]), dynamic(["y", "y", ""]),
        4, dynamic(null), dynamic(null), 5, dynamic([1, 1, 7, 2]), dynamic(["X", "z"]), 6, dynamic({"p": 1}), dynamic([[1]])];
        union d, (d | where k > 4), (range k from 7 to 40 step 1 | extend a = range(1, k % 5), s = pack_array(tostring(k % 3)))"#;
    // What reads another table runs by itself, over all rows.
    let alone = "where 1 == toscalar(print 1)";
    let bodies = [
        ("a to typeof(long)", "top 2 by a"),
        ("a to typeof(long)", "summarize total = sum(a), most = max(a)"),
        ("a to typeof(long)", "where a > 1 | summarize n = count() by odd = a % 2"),
        ("a to typeof(long)", "where a > 100"),
        ("with_itemindex=i x = a to typeof(long)", "extend y = x * 10 + i | project y"),
        ("x = s to typeof(string)", "summarize set = make_set_if(tolower(x), tolower(x) in ('x', 'y', '1'))"),
        ("x = s to typeof(string), y = a to typeof(long)", "take 2 | project x, y, k"),
        ("s", "extend n = row_number() | where n != 2"),
        ("a", "mv-expand b = pack_array(a, k) | summarize list = make_list(b)"),
        ("a to typeof(long) limit 2", "sort by a asc | extend before = prev(a)"),
    ];
    for (columns, body) in bodies {
        let mut found = Vec::new();
        for body in [body.to_owned(), format!("{alone} | {body}")] {
            for rest in
                ["", "| where k % 3 > 0 | extend q = k + 1", "| where k > 2 | project k | summarize count(), max(k)"]
            {
                let text = format!("{data} | where k != 9 | mv-apply {columns} on ({body}) {rest}");
                // The union gives batches of several sizes.
                found.push(rows(&format!("{text} | sort by tostring(pack_all()) asc")));
            }
        }
        let (step, whole) = found.split_at(3);
        assert_eq!(step, whole, "{columns} {body}");
        assert!(body.contains("100") || !step[0].is_empty(), "{body}");
    }
}

/// Right rows in order, nearly, and not at all: a window finds what testing each pair finds, and as many.
#[test]
fn windows_of_a_join_equal_tests_of_pairs() {
    for (left, right) in [("i", "i"), ("i - i % 7 * 3", "i"), ("i * 7919 % 200", "i"), ("i", "i * 7919 % 200")] {
        let side = |name: &str, time: &str| {
            format!(
                "range i from 1 to 200 step 1 | project k = tostring(i % 5), n = i, \
                 {name} = iff(i % 41 == 0, datetime(null), datetime(2026-01-01) + 1m * ({time}))"
            )
        };
        for window in ["b between (a .. a + 9m)", "b > a - 5m and b < a", "b >= a", "b - a < 3m", "a + 2m < b"] {
            for kind in ["inner", "innerunique"] {
                let query = |window: &str, tail: &str| {
                    let (left, right) = (side("a", left), side("b", right));
                    let query = format!("{left} | join kind={kind} ({right}) on k | where {window} {tail}");
                    rows(&query)
                };
                let expected = query(&format!("iff({window}, true, false)"), "");
                assert_eq!(query(window, ""), expected, "{kind} {left} {right} {window}");
                assert_eq!(query(window, "| count"), [expected.len().to_string()], "{kind} {left} {right} {window}");
            }
        }
    }
}

#[test]
fn an_aggregation_computes_what_a_projection_gives_once() {
    let text = "print t = '{}' | where t != 'x' | extend p = parse_json(t), q = tolower(t)
        | summarize sum(toint(p.a)), dcount(q), take_any(q) by tostring(p.b)";
    let (cx, options) = (Context::default(), kql_parser::ParseOptions::default());
    let (query, _) = kql_parser::parse(text, &options);
    let (plan, _) = kql_parser::bind(&Arc::new(query), &Nothing(&cx), &cx, &Parameters::new());
    let plan = kql_parser::optimise::optimise(&cx, plan).unwrap();
    let result = plan.node(plan.results[0].node).map(|it| it.op.clone());
    let Some(Op::Project { input, .. } | Op::Aggregate { input, .. }) = result else { panic!("{result:?}") };
    let below = plan.node(input).map(|it| it.op.clone());
    assert!(matches!(below, Some(Op::Aggregate { .. } | Op::Filter { .. } | Op::Values { .. })), "{below:?}");
    for name in ["todynamic", "tolower"] {
        let is_it = |it: &&kql_parser::plan::Expr| matches!(it, kql_parser::plan::Expr::Call { function, .. } if function.name == name);
        assert_eq!(plan.exprs.iter().filter(is_it).count(), 1, "{name}");
    }
}
