//! What queries build is counted before it grows over the limit: each of these would take gigabytes, and ends by the name of
//! the limit with about as much memory as it allows. A process of its own, so that its peak is the queries'.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

use kql::{Engine, Error, Limits};
use std::fs;

const LIMIT: usize = 64 << 20;
/// Over the limit: the program, threads, what the allocator keeps, and one value of the largest size.
const PEAK_MAX: usize = LIMIT + LIMIT / 4 + (64 << 20);

/// Built within one batch of rows, by one expression or by one aggregate.
const WITHIN_A_BATCH: &[&str] = &[
    "range x from 1 to 65536 step 1 | extend a = range(x, x + 10000) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = repeat(strcat('abc', x), 10000) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = array_concat(range(x, x + 1000), range(x, x + 1000)) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = zip(range(x, x + 500), range(x, x + 500)) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = set_union(range(x, x + 500), range(x, x + 900)) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = series_add(range(x, x + 1000), range(x, x + 1000)) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend b = bag_pack('k', range(x, x + 2000)) | where b.k[0] == 1 | count",
    "range x from 1 to 65536 step 1 | extend a = pack_array(strrep(tostring(x), 900), strrep(tostring(x), 900)) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = strcat_array(range(x, x + 1000), ',') | summarize sum(strlen(a))",
    "range x from 1 to 65536 step 1 | extend a = split(strrep(strcat(x, ','), 500), ',') | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = extract_all(@'(\\d)', strrep(tostring(x), 900)) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = todynamic(strcat('[', strrep(strcat(x, ','), 900), '1]')) | summarize sum(array_length(a))",
    "range x from 1 to 65536 step 1 | extend a = replace_string(strrep(tostring(x), 900), '1', strrep('b', 100)) | summarize sum(strlen(a))",
    "range x from 1 to 65536 step 1 | summarize make_list(strrep(tostring(x), 1000))",
    "range x from 1 to 65536 step 1 | summarize make_set(strrep(tostring(x), 1000))",
    "range x from 1 to 65536 step 1 | summarize make_list(bag_pack('k', strrep(tostring(x), 1000)))",
    "range x from 1 to 65536 step 1 | summarize make_bag(bag_pack(tostring(x), strrep(tostring(x), 1000)))",
    "print a = zip(range(1, 1000000), range(1, 1000000), range(1, 1000000))",
];

/// Built by several expressions, none of which is over the limit alone, or held for the whole query.
const TOGETHER: &[&str] = &[
    "range x from 1 to 65536 step 1 | extend s = strrep(tostring(x), 80) | extend a = strcat(s, 'a'), b = strcat(s, 'b'), c = strcat(s, 'c'), d = strcat(s, 'd') | summarize sum(strlen(strcat(a, b, c, d)))",
    "range x from 1 to 65536 step 1 | extend a = pack_array(strcat('x', x), strcat('y', x), strcat('z', x)) | extend b = pack_array(a, a, a), c = bag_pack('a', strcat(x, 'q'), 'b', strrep(tostring(x), 100)) | summarize make_list(c), make_list(b)",
    "range x from 1 to 65536 step 1 | extend k = x % 10 | partition by k (extend a = range(x, x + 5000) | summarize sum(array_length(a)))",
    "range x from 1 to 65536 step 1 | mv-apply a = range(x, x + 1000) on (summarize l = make_list(a))",
    "range x from 1 to 65536 step 1 | mv-expand a = range(x, x + 1000) | summarize make_list(a)",
    "range x from 1 to 2000000 step 1 | where x in (range y from 1 to 3000000 step 1)",
    "range x from 1 to 65536 step 1 | extend b = bag_pack(tostring(x % 300), strrep(tostring(x), 50)) | evaluate bag_unpack(b)",
    "range x from 1 to 65536 step 1 | parse strrep(strcat('k=', x, ';'), 900) with 'k=' a ';' b | summarize sum(strlen(b))",
    "let a = range(1, 1000000); let b = range(2, 1000000); let c = range(3, 1000000); print array_length(a), array_length(b), array_length(c)",
    "range x from 1 to 65536 step 1 | extend s = strrep(strcat('k=', x, ';'), 100) | parse s with 'k=' a ';' b | summarize sum(strlen(b))",
];

/// Many groups or many rows, held in tables that grow by doubling and in small pieces.
const MANY: &[&str] = &[
    "range x from 1 to 3000000 step 1 | summarize count() by x",
    "range x from 1 to 3000000 step 1 | summarize count() by s = tostring(x)",
    "range x from 1 to 3000000 step 1 | distinct x, y = x + 1, z = x % 7",
    "range x from 1 to 3000000 step 1 | summarize dcount(x), hll(x), tdigest(x), percentile(x, 50) by x",
    "range x from 1 to 3000000 step 1 | summarize arg_max(x, *), make_bag(bag_pack('a', x)) by y = x",
    "range x from 1 to 3000000 step 1 | summarize make_list(x), make_set(x) by x",
    "range x from 1 to 3000000 step 1 | summarize buildschema(bag_pack(tostring(x), x))",
    "range x from 1 to 3000000 step 1 | extend t = datetime(2020-01-01) + x * 1s | make-series count() on t step 1s by x",
    "range x from 1 to 3000000 step 1 | top-nested 3000000 of s = tostring(x) by count()",
    "range x from 1 to 3000000 step 1 | extend s = strcat(x, ' ', x % 7) | reduce by s",
    "range x from 1 to 3000000 step 1 | evaluate narrow()",
    "range x from 1 to 3000000 step 1 | evaluate pivot(x)",
    "range x from 1 to 3000000 step 1 | extend d = bag_pack(tostring(x % 90), x) | evaluate bag_unpack(d)",
    "range x from 1 to 3000000 step 1 | extend s = tostring(x) | evaluate autocluster()",
    "range x from 1 to 3000000 step 1 | extend s = tostring(x) | evaluate basket()",
    "range x from 1 to 3000000 step 1 | join kind=fullouter (range x from 1 to 3000000 step 1) on x",
    "range x from 1 to 3000000 step 1 | extend y = x + 1 | make-graph x --> y | graph-mark-components | graph-to-table nodes | count",
    "range x from 1 to 3000000 step 1 | sort by tostring(x)",
    "range x from 1 to 3000000 step 1 | scan declare (n: long = 0) with (step s: true => n = s.n + 1;) | count",
    "range x from 1 to 3000000 step 1 | partition hint.strategy=native by x (extend y = 1) | count",
];

/// A figure of the process in bytes: `VmRSS` now, `VmHWM` at its peak; `None` where the system does not tell.
fn memory(figure: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix(figure)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}

/// Forgets the peak; what the process has now, which the allocator may keep from the query before.
fn start() -> Option<usize> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    memory("VmRSS")
}

/// One after the other: the peak is the process's.
#[test]
fn memory_is_counted() {
    what_a_query_builds_is_counted_while_it_is_built();
    what_many_rows_share_counts_once();
}

fn what_a_query_builds_is_counted_while_it_is_built() {
    let mut engine = Engine::new();
    engine.set_limits(Limits { memory: LIMIT, ..Limits::default() });
    let mut wrong = Vec::new();
    for query in WITHIN_A_BATCH.iter().chain(TOGETHER).chain(MANY) {
        let before = start();
        match engine.query(*query) {
            Err(why) if why.to_string().contains("reached the limit `memory` of 67108864") => {}
            Err(Error::Query(diagnostics)) => wrong.push(format!("{query}\n  {diagnostics:?}")),
            other => wrong.push(format!("{query}\n  {:?}", other.map(|it| it.rows().len()))),
        }
        let took = memory("VmHWM").zip(before).map_or(0, |(peak, before)| peak.saturating_sub(before));
        let allowed = if MANY.contains(query) { LIMIT + LIMIT / 10 + (32 << 20) } else { PEAK_MAX };
        if took > allowed {
            wrong.push(format!("{query}\n  took {} MiB", took >> 20));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn what_many_rows_share_counts_once() {
    let mut engine = Engine::new();
    engine.set_limits(Limits { memory: 256 << 20, ..Limits::default() });
    for query in [
        "let big = range(1, 100000); range x from 1 to 200000 step 1 | extend a = iff(x > 0, big, dynamic([])) | summarize sum(array_length(a))",
        "range x from 1 to 100 step 1 | extend a = range(1, 10000) | extend b = a, c = a, d = a, e = a | extend f = b, g = c | summarize sum(array_length(g))",
        "range x from 1 to 200000 step 1 | extend s = strrep(tostring(x), 20) | project s = strcat(s, '1') | project s = strcat(s, '2') | project s = strcat(s, '3') | project s = strcat(s, '4') | project s = strcat(s, '5') | summarize sum(strlen(s))",
        "range x from 1 to 65536 step 1 | extend d = todynamic(strcat('{\"a\":', x, ',\"b\":\"', strrep('x', 500), '\"}')) | where d.a < 10 | project d.b",
    ] {
        let rows = engine.query(query).unwrap_or_else(|why| panic!("{query}\n{why}")).rows();
        assert!(!rows.is_empty(), "{query}");
    }
}
